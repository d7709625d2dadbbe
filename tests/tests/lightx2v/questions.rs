//! Queries, lists and cancels.

use std::time::Duration;

use vbatch_server::domain::ids::TaskId;
use vbatch_server::engine::{CancelAnswer, Engine, FetchError, QueryAnswer, ReadError, TaskState};
use vbatch_tests::upstream::config::{
    CancelVerb, Estimates, ListStatus, ListTimes, UpstreamConfig,
};
use vbatch_tests::upstream::faults::{Call, Fault};
use vbatch_tests::upstream::material::MemorySink;
use vbatch_tests::upstream::simulated::credentials;
use vbatch_tests::upstream::tasks::Status;

use crate::setup::*;

#[tokio::test]
async fn one_unknown_id_spoils_a_bulk_query_but_none_of_the_others() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let mut tasks = Vec::new();
    for _ in 0..3 {
        tasks.push(task_in(&fake, &engine, &credentials, Status::Running).await);
    }
    let all_known = engine.query(&credentials, &tasks).await.unwrap();
    assert_eq!(all_known.len(), 3);
    assert_eq!(
        (
            fake.book().count(Call::BulkQuery),
            fake.book().count(Call::Query)
        ),
        (1, 0)
    );

    let stranger = TaskId("00000000-0000-0000-0000-000000000000".to_owned());
    tasks.insert(1, stranger.clone());
    for (bulk_queries, single_queries) in [(2, 4), (3, 5)] {
        let answers = engine.query(&credentials, &tasks).await.unwrap();
        assert_eq!(answers.len(), 4);
        for (task, answer) in answers {
            assert_eq!(answer == QueryAnswer::Unknown, task == stranger, "{task}");
        }
        let book = fake.book();
        assert_eq!(
            (book.count(Call::BulkQuery), book.count(Call::Query)),
            (bulk_queries, single_queries)
        );
    }
}

#[tokio::test]
async fn a_single_query_that_fails_says_nothing_about_its_task_and_keeps_the_others() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let mut tasks = Vec::new();
    for _ in 0..2 {
        tasks.push(task_in(&fake, &engine, &credentials, Status::Running).await);
    }
    fake.fault(Fault::on(Call::BulkQuery).error(500, "'NoneType' object is not subscriptable"));
    fake.fault(Fault::on(Call::Query).answer(503, ""));
    assert_eq!(engine.query(&credentials, &tasks).await.unwrap().len(), 1);

    fake.fault(Fault::on(Call::BulkQuery).answer(503, ""));
    let error = engine.query(&credentials, &tasks).await.unwrap_err();
    assert_eq!(on_read(&error), "weather");
    assert_eq!(fake.book().count(Call::Query), 2);

    fake.fault(Fault::on(Call::BulkQuery).answer(401, r#"{"message":"Token has expired"}"#));
    let error = engine.query(&credentials, &tasks).await.unwrap_err();
    assert_eq!(on_read(&error), "token");
}

#[tokio::test]
async fn the_task_of_another_account_is_unknown() {
    let config = UpstreamConfig {
        accounts: vec!["operator".to_owned(), "other".to_owned()],
        ..no_limits()
    };
    let (fake, engine, ours) = fake(config).await;
    let theirs = credentials(fake.give_token("other"));
    assert_eq!(
        (ours.account.0.as_str(), theirs.account.0.as_str()),
        ("operator", "other")
    );
    let task = task_in(&fake, &engine, &ours, Status::Running).await;
    let answer = engine
        .query(&theirs, std::slice::from_ref(&task))
        .await
        .unwrap();
    assert_eq!(answer, [(task.clone(), QueryAnswer::Unknown)]);
    assert!(state_of(&engine, &ours, &task).await.is_active());
    assert!(engine.list(&theirs, 1).await.unwrap().tasks.is_empty());
    assert_eq!(
        engine.cancel(&theirs, &task).await.unwrap(),
        CancelAnswer::Unclear
    );
    let mut sink = MemorySink::default();
    let error = engine.fetch(&theirs, &task, &mut sink).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Read(ReadError::Unknown { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn the_verb_of_a_cancel_is_found_and_remembered() {
    for (cancel_verb, first, second) in [
        (CancelVerb::Get, vec!["GET"], vec!["GET"]),
        (CancelVerb::Post, vec!["GET", "POST"], vec!["POST"]),
    ] {
        let config = UpstreamConfig {
            cancel_verb,
            ..no_limits()
        };
        let (fake, engine, credentials) = fake(config).await;
        let task = task_in(&fake, &engine, &credentials, Status::Running).await;
        assert_eq!(
            engine.cancel(&credentials, &task).await.unwrap(),
            CancelAnswer::Accepted
        );
        assert_eq!(
            state_of(&engine, &credentials, &task).await,
            TaskState::Cancelled
        );
        assert_eq!(
            engine.cancel(&credentials, &task).await.unwrap(),
            CancelAnswer::NotActive
        );
        let verbs: Vec<String> = fake
            .calls_of(Call::Cancel)
            .into_iter()
            .map(|record| record.verb)
            .collect();
        assert_eq!(verbs, [first, second].concat(), "{cancel_verb:?}");
    }
}

#[tokio::test]
async fn a_cancel_that_is_not_clear_is_told_from_weather() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let unknown = TaskId("nobody".to_owned());
    assert_eq!(
        engine.cancel(&credentials, &unknown).await.unwrap(),
        CancelAnswer::Unclear
    );
    fake.fault(Fault::on(Call::Cancel).error(400, "unknown cancel error"));
    assert_eq!(
        engine.cancel(&credentials, &unknown).await.unwrap(),
        CancelAnswer::Unclear
    );
    fake.fault(Fault::on(Call::Cancel).answer(500, "{}"));
    let error = engine.cancel(&credentials, &unknown).await.unwrap_err();
    assert_eq!(on_read(&error), "weather");
    fake.fault(Fault::on(Call::Cancel).times(2).answer(405, "{}"));
    let error = engine.cancel(&credentials, &unknown).await.unwrap_err();
    assert_eq!(on_read(&error), "unavailable");
}

#[tokio::test]
async fn estimates_are_believed_only_when_they_make_sense() {
    for (estimates, sane) in [
        (Estimates::Sane, true),
        (Estimates::Null, false),
        (Estimates::Unknown, false),
        (Estimates::Absurd, false),
    ] {
        let config = UpstreamConfig {
            estimates,
            run: Duration::from_secs(20),
            queue: Duration::from_secs(5),
            stages: vec!["text", "video"],
            ..no_limits()
        };
        let (fake, engine, credentials) = fake(config).await;
        let running = task_in(&fake, &engine, &credentials, Status::Running).await;
        let waiting = task_in(&fake, &engine, &credentials, Status::Pending).await;
        match state_of(&engine, &credentials, &waiting).await {
            TaskState::Queued {
                position,
                expected_wait,
            } => {
                assert_eq!(position, Some(0));
                assert_eq!(expected_wait, sane.then_some(Duration::from_secs(5)));
            }
            other => panic!("{other:?}"),
        }
        match state_of(&engine, &credentials, &running).await {
            TaskState::Running {
                elapsed,
                expected_run,
                ..
            } => {
                assert!(elapsed.is_some());
                assert_eq!(
                    expected_run,
                    sane.then_some(Duration::from_secs(20)),
                    "{estimates:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn failures_are_told_apart_by_their_words() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    for (words, lost) in [
        ("PING timeout: 51.87 s", true),
        ("worker failed", true),
        ("CUDA error", false),
    ] {
        let task = task_in(&fake, &engine, &credentials, Status::Running).await;
        fake.set_state(&task.0, Status::Failed, Some(words));
        let expected = TaskState::Failed {
            message: words.to_owned(),
            worker_lost: lost,
        };
        assert_eq!(state_of(&engine, &credentials, &task).await, expected);
    }
}

#[tokio::test]
async fn lists_are_read_page_by_page_in_every_dialect() {
    for (list_status, list_times) in [
        (ListStatus::Words, ListTimes::Epoch),
        (ListStatus::Numbers, ListTimes::LocalText),
    ] {
        let config = UpstreamConfig {
            list_status,
            list_times,
            ..no_limits()
        };
        let (fake, engine, credentials) = fake(config).await;
        let ids: Vec<String> = (0..60).map(|_| fake.foreign_task("operator")).collect();
        fake.set_state(&ids[59], Status::Succeed, None);
        fake.set_state(&ids[58], Status::Reject, None);
        fake.set_state(&ids[57], Status::Cancel, None);
        let first = engine.list(&credentials, 1).await.unwrap();
        let second = engine.list(&credentials, 2).await.unwrap();
        assert!(first.has_more && !second.has_more);
        let listed: Vec<&String> = first
            .tasks
            .iter()
            .chain(&second.tasks)
            .map(|report| &report.task.0)
            .collect();
        assert_eq!(listed, ids.iter().rev().collect::<Vec<_>>());
        let [newest, rejected, cancelled] = &first.tasks[..3] else {
            panic!("a page of 50")
        };
        assert_eq!(newest.state, TaskState::Succeeded);
        assert!(matches!(rejected.state, TaskState::Failed { .. }));
        assert_eq!(cancelled.state, TaskState::Cancelled);
        assert!(newest.created.is_some(), "{list_times:?}");
        assert_eq!(newest.client_ref, None);
    }
}
