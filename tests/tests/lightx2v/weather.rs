//! No definite answer: lost, silent, cut, endless.

use std::time::Duration;

use vbatch_server::domain::ids::TaskId;
use vbatch_server::engine::{Engine, QueryAnswer, TaskState};
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::upstream::faults::{Call, Fault};
use vbatch_tests::upstream::material::new_task;
use vbatch_tests::upstream::tasks::{Script, Status};

use crate::setup::*;

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_got_no_answer() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let task = task_in(&fake, &engine, &credentials, Status::Pending).await;
    fake.stop().await;
    let refused = engine
        .submit(&credentials, new_task("ref", 2))
        .await
        .unwrap_err();
    assert_eq!(on_submit(&refused), "not sent", "{refused}");
    let refused = engine
        .query(&credentials, std::slice::from_ref(&task))
        .await
        .unwrap_err();
    assert_eq!(on_read(&refused), "not reached", "{refused}");
    fake.listen_again().await.unwrap();
    engine
        .submit(&credentials, new_task("ref", 3))
        .await
        .unwrap();

    let no_tls = self::engine(&fake.base_url().replace("http:", "https:"), PATIENT);
    let refused = no_tls
        .submit(&credentials, new_task("ref", 4))
        .await
        .unwrap_err();
    assert_eq!(on_submit(&refused), "not sent", "{refused}");
    let no_name = self::engine("http://no-such-name.invalid", PATIENT);
    let refused = no_name
        .submit(&credentials, new_task("ref", 5))
        .await
        .unwrap_err();
    assert_eq!(on_submit(&refused), "not sent", "{refused}");

    for fault in [
        Fault::on(Call::Submit).lose_answer(),
        Fault::on(Call::Submit).drop_connection(),
        Fault::on(Call::Submit).half_answer(),
        Fault::on(Call::Submit).without_task_id(),
        Fault::on(Call::Submit).done_but(500, "{}"),
    ] {
        fake.fault(fault.clone());
        let lost = engine
            .submit(&credentials, new_task("ref", 6))
            .await
            .unwrap_err();
        assert_eq!(on_submit(&lost), "unresolved", "{fault:?}: {lost}");
    }
    assert_eq!(fake.book().accepted, 1 + 1 + 4);
}

#[tokio::test]
async fn silence_ends_after_its_time_and_is_no_answer() {
    let (fake, patient, credentials) = fake(no_limits()).await;
    let engine = engine(&fake.base_url(), IMPATIENT);
    for fault in [
        Fault::on_any().hang(),
        Fault::on_any().done_but_hang(),
        Fault::on_any().early().hang(),
    ] {
        fake.fault(fault);
        let lost = engine
            .submit(&credentials, new_task("ref", 1))
            .await
            .unwrap_err();
        assert_eq!(on_submit(&lost), "unresolved", "{lost}");
    }
    fake.until("the one that was done", |book, _| book.accepted == 1)
        .await;
    fake.fault(Fault::on(Call::List).hang());
    assert_eq!(
        on_read(&engine.list(&credentials, 1).await.unwrap_err()),
        "weather"
    );
    fake.fault(Fault::on(Call::List).half_answer());
    assert_eq!(
        on_read(&engine.list(&credentials, 1).await.unwrap_err()),
        "weather"
    );
    fake.fault(
        Fault::on(Call::List)
            .after(Duration::from_millis(20))
            .pass(),
    );
    patient.list(&credentials, 1).await.unwrap();
}

#[tokio::test]
async fn a_task_whose_answer_was_lost_is_found_in_a_list_sooner_or_later() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    fake.fault(Fault::on(Call::Submit).lose_answer());
    engine
        .submit(&credentials, new_task("item/1", 1))
        .await
        .unwrap_err();
    let page = engine.list(&credentials, 1).await.unwrap();
    assert_eq!(page.tasks[0].client_ref.as_deref(), Some("item/1"));

    let late = Duration::from_secs(3600);
    fake.fault(Fault::on(Call::Submit).lose_answer_and_list_after(late));
    engine
        .submit(&credentials, new_task("item/2", 2))
        .await
        .unwrap_err();
    let page = engine.list(&credentials, 1).await.unwrap();
    assert_eq!(page.tasks.len(), 1);
    let hidden = TaskId(fake.tasks()[1].id.clone());
    let answer = engine
        .query(&credentials, std::slice::from_ref(&hidden))
        .await
        .unwrap();
    assert_eq!(answer, [(hidden, QueryAnswer::Unknown)]);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let task = task_in(&fake, &engine, &credentials, Status::Running).await;
    let padding = " ".repeat(3 * MIB as usize);
    fake.fault(Fault::on(Call::Query).answer(200, &format!("{{\"task_id\":\"{task}\"{padding}}}")));
    let error = engine
        .query(&credentials, std::slice::from_ref(&task))
        .await
        .unwrap_err();
    assert_eq!(on_read(&error), "weather");
}

#[tokio::test]
async fn a_script_of_the_upstream_plays_over_sockets_too() {
    let config = UpstreamConfig {
        queue: Duration::ZERO,
        run: Duration::ZERO,
        ..no_limits()
    };
    let (fake, engine, credentials) = fake(config).await;
    fake.script_next(Script::failing("PING timeout: 51.87 s"));
    let task = engine
        .submit(&credentials, new_task("ref", 1))
        .await
        .unwrap()
        .task;
    let ended = async {
        loop {
            let state = state_of(&engine, &credentials, &task).await;
            if !state.is_active() {
                return state;
            }
        }
    };
    let state = tokio::time::timeout(Duration::from_secs(30), ended)
        .await
        .unwrap();
    assert!(
        matches!(
            state,
            TaskState::Failed {
                worker_lost: true,
                ..
            }
        ),
        "{state:?}"
    );
}

#[tokio::test]
async fn connections_are_used_again() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let task = task_in(&fake, &engine, &credentials, Status::Running).await;
    for _ in 0..20 {
        state_of(&engine, &credentials, &task).await;
    }
    assert_eq!(fake.connection_count(), 1);
}
