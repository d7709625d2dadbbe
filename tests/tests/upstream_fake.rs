//! The upstream of the tests itself: it keeps the real one's rules, in virtual time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{advance, sleep};
use vbatch_server::domain::ids::TaskId;
use vbatch_server::engine::{Engine, FetchError, QueryAnswer, ReadError, SubmitError, TaskState};
use vbatch_tests::upstream::book::{Host, RefusedSubmit};
use vbatch_tests::upstream::config::{Echo, Limits, UpstreamConfig};
use vbatch_tests::upstream::faults::{Call, Fault, Target};
use vbatch_tests::upstream::material::{MemorySink, new_task};
use vbatch_tests::upstream::message::{Head, Reply};
use vbatch_tests::upstream::service::{Outcome, Upstream};
use vbatch_tests::upstream::simulated::{SimulatedUpstream, credentials};
use vbatch_tests::upstream::tasks::{Script, Status};

const SECOND: Duration = Duration::from_secs(1);

fn slow() -> UpstreamConfig {
    UpstreamConfig {
        queue: 5 * SECOND,
        run: 20 * SECOND,
        ..UpstreamConfig::default()
    }
}

/// Asks without an engine.
async fn ask(upstream: &Upstream, verb: &str, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
    let head = Head {
        verb: verb.to_owned(),
        host: Host::Api,
        path: path.to_owned(),
        query: query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        authorization: Some(format!("Bearer {}", upstream.token())),
        header_names: Vec::new(),
        content_length: None,
        connection: 0,
    };
    let arrival = upstream.arrive(head);
    match upstream.serve(arrival, b"").await {
        Outcome::Reply(Reply { status, body, .. }) => {
            (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
        }
        other => panic!("{other:?}"),
    }
}

async fn status_of(upstream: &Upstream, id: &str) -> Value {
    ask(upstream, "GET", "/api/v1/task/query", &[("task_id", id)])
        .await
        .1["status"]
        .clone()
}

#[tokio::test(start_paused = true)]
async fn a_task_passes_its_states_in_time() {
    let upstream = Upstream::new(slow(), String::new());
    let id = upstream.foreign_task("operator");
    for (after, status) in [
        (0, "CREATED"),
        (4, "PENDING"),
        (1, "PENDING"),
        (1, "RUNNING"),
        (18, "RUNNING"),
        (2, "SUCCEED"),
    ] {
        advance(after * SECOND).await;
        assert_eq!(
            status_of(&upstream, &id).await,
            status,
            "at {:?}",
            upstream.now()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_hastened_upstream_is_done_sooner_and_names_its_tasks_in_their_videos() {
    let upstream = Upstream::new(
        UpstreamConfig {
            speed: 100,
            signature_bytes: 1_000,
            ..slow()
        },
        String::new(),
    );
    let id = upstream.foreign_task("operator");
    advance(SECOND / 5).await;
    assert_eq!(status_of(&upstream, &id).await, "RUNNING");
    advance(SECOND / 10).await;
    assert_eq!(status_of(&upstream, &id).await, "SUCCEED");
    let video = upstream.config().video_of(&id);
    assert!(video.starts_with(&upstream.config().video));
    assert!(video.ends_with(format!("{id}\n").as_bytes()));
    assert_ne!(video, upstream.config().video_of("another"));
}

#[tokio::test(start_paused = true)]
async fn no_more_tasks_run_than_there_are_workers() {
    let upstream = Upstream::new(
        UpstreamConfig {
            workers: 2,
            ..slow()
        },
        String::new(),
    );
    let ids: Vec<String> = (0..3).map(|_| upstream.foreign_task("operator")).collect();
    advance(6 * SECOND).await;
    let statuses: Vec<Status> = upstream.tasks().iter().map(|task| task.status).collect();
    assert_eq!(
        statuses,
        [Status::Running, Status::Running, Status::Pending]
    );
    let (_, waiting) = ask(
        &upstream,
        "GET",
        "/api/v1/task/query",
        &[("task_id", &ids[2])],
    )
    .await;
    assert_eq!(waiting["subtasks"][0]["estimated_pending_order"], 0);
    // Looked at late, everything has happened at its own time.
    advance(60 * SECOND).await;
    let last = &upstream.tasks()[2];
    assert_eq!(last.status, Status::Succeed);
    let expected = 2 * 20 * SECOND + 5 * SECOND + Duration::from_millis(2);
    assert_eq!(last.updated, expected);
}

#[tokio::test(start_paused = true)]
async fn a_run_may_be_given_up_and_a_failed_one_resumed() {
    let upstream = Upstream::new(slow(), String::new());
    upstream.script_next(Script {
        bounce_after: Some(3 * SECOND),
        ..Script::default()
    });
    upstream.script_next(Script::failing("PING timeout: 51.87 s"));
    let bounced = upstream.foreign_task("operator");
    let failed = upstream.foreign_task("operator");
    advance(10 * SECOND).await;
    let (_, task) = ask(
        &upstream,
        "GET",
        "/api/v1/task/query",
        &[("task_id", &bounced)],
    )
    .await;
    assert_eq!(task["status"], "PENDING");
    assert_eq!(task["subtasks"][0]["elapses"]["RUNNING-PENDING"], 3.0);
    advance(25 * SECOND).await;
    assert_eq!(status_of(&upstream, &bounced).await, "SUCCEED");
    let (_, task) = ask(
        &upstream,
        "GET",
        "/api/v1/task/query",
        &[("task_id", &failed)],
    )
    .await;
    assert_eq!(task["status"], "FAILED");
    assert_eq!(task["subtasks"][0]["fail_msg"], "PING timeout: 51.87 s");
    let (code, _) = ask(
        &upstream,
        "GET",
        "/api/v1/task/resume",
        &[("task_id", &failed)],
    )
    .await;
    assert_eq!(code, 200);
    advance(60 * SECOND).await;
    assert_eq!(status_of(&upstream, &failed).await, "SUCCEED");
    let (code, _) = ask(
        &upstream,
        "GET",
        "/api/v1/task/resume",
        &[("task_id", &failed)],
    )
    .await;
    assert_eq!(code, 400);
    let (code, _) = ask(
        &upstream,
        "DELETE",
        "/api/v1/task/delete",
        &[("task_id", &failed)],
    )
    .await;
    assert_eq!(code, 200);
    let (code, _) = ask(
        &upstream,
        "GET",
        "/api/v1/task/query",
        &[("task_id", &failed)],
    )
    .await;
    assert_eq!(code, 500);
}

#[tokio::test(start_paused = true)]
async fn the_three_limits_refuse_in_the_words_of_the_real_one() {
    let simulated = SimulatedUpstream::new(UpstreamConfig {
        limits: Limits {
            daily: 4,
            ..Limits::default()
        },
        ..slow()
    });
    let ours = simulated.credentials();
    let refused = async |words: &str| {
        let error = simulated
            .submit(&ours, new_task("ref", 1))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    };
    for _ in 0..3 {
        simulated.submit(&ours, new_task("ref", 1)).await.unwrap();
        refused("User operator visit too frequently, 0.00 s vs 0.05 s").await;
        advance(Duration::from_millis(50)).await;
    }
    refused("User operator has too many active tasks, 3 vs 3").await;
    advance(60 * SECOND).await;
    simulated.submit(&ours, new_task("ref", 1)).await.unwrap();
    advance(60 * SECOND).await;
    refused("User operator has too many daily tasks, 4 vs 4").await;
    advance(24 * 3600 * SECOND).await;
    simulated.submit(&ours, new_task("ref", 1)).await.unwrap();
    let book = simulated.book();
    assert_eq!(book.accepted, 5);
    assert_eq!(
        book.refused,
        BTreeMap::from([
            (RefusedSubmit::Pace, 3),
            (RefusedSubmit::Active, 1),
            (RefusedSubmit::Daily, 1)
        ])
    );
    assert_eq!(simulated.max_active(), 3);
}

#[tokio::test(start_paused = true)]
async fn limits_are_counted_for_each_account() {
    let simulated = SimulatedUpstream::new(UpstreamConfig {
        accounts: vec!["a".to_owned(), "b".to_owned()],
        ..slow()
    });
    let (a, b) = (
        simulated.credentials(),
        credentials(simulated.give_token("b")),
    );
    for _ in 0..3 {
        simulated.submit(&a, new_task("ref", 1)).await.unwrap();
        simulated.submit(&b, new_task("ref", 1)).await.unwrap();
        advance(SECOND).await;
    }
    assert_eq!(
        (simulated.max_active_of("a"), simulated.max_active_of("b")),
        (3, 3)
    );
    assert_eq!(simulated.max_active(), 3);
}

#[tokio::test(start_paused = true)]
async fn lists_are_paged_newest_first_and_filtered() {
    let upstream = Upstream::new(
        UpstreamConfig {
            echo: Echo::Nothing,
            ..slow()
        },
        String::new(),
    );
    let ids: Vec<String> = (0..12).map(|_| upstream.foreign_task("operator")).collect();
    upstream.set_state(&ids[3], Status::Failed, Some("worker failed"));
    let page = async |query: &[(&str, &str)]| {
        let (_, listed) = ask(&upstream, "GET", "/api/v1/task/list", query).await;
        let tasks = listed["tasks"].as_array().unwrap().clone();
        let ids: Vec<Value> = tasks.iter().map(|task| task["task_id"].clone()).collect();
        (ids, listed["pagination"].clone())
    };
    let (first, pagination) = page(&[]).await;
    assert_eq!((first.len(), &first[0]), (10, &json!(ids[11])));
    assert_eq!(
        pagination,
        json!({"page": 1, "page_size": 10, "total": 12, "total_pages": 2})
    );
    let (second, _) = page(&[("page", "2")]).await;
    assert_eq!(second, [json!(ids[1]), json!(ids[0])]);
    let (failed, _) = page(&[("status", "FAILED")]).await;
    assert_eq!(failed, [json!(ids[3])]);
}

#[tokio::test(start_paused = true)]
async fn one_unknown_id_fails_a_bulk_query() {
    let upstream = Upstream::new(slow(), String::new());
    let id = upstream.foreign_task("operator");
    let foreign = upstream.foreign_task("somebody else");
    let bulk =
        async |ids: &str| ask(&upstream, "GET", "/api/v1/task/query", &[("task_ids", ids)]).await;
    assert_eq!(bulk(&id).await.0, 200);
    let (code, said) = bulk(&format!("{id},{foreign}")).await;
    assert_eq!(code, 500);
    assert_eq!(
        said["message"],
        "error: cannot unpack non-iterable NoneType object!"
    );
}

#[tokio::test(start_paused = true)]
async fn faults_happen_when_they_are_meant_to() {
    let upstream = Upstream::new(slow(), String::new());
    upstream.fault(Fault::on(Call::Models).nth(2).times(2).answer(418, "null"));
    upstream.fault(Fault::on(Call::List).answer(419, "null"));
    let models = async || ask(&upstream, "GET", "/api/v1/model/list", &[]).await.0;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(models().await);
    }
    assert_eq!(codes, [200, 418, 418, 200]);
    upstream.clear_faults();
    assert_eq!(ask(&upstream, "GET", "/api/v1/task/list", &[]).await.0, 200);
    upstream.fault(Fault::on_any().after(7 * SECOND).pass());
    let before = upstream.now();
    assert_eq!(models().await, 200);
    assert_eq!(upstream.now() - before, 7 * SECOND);
    upstream.fault(Fault::on_any().of_account("somebody else").hang());
    assert_eq!(models().await, 200);
    let seen: Vec<Option<u16>> = upstream
        .calls()
        .iter()
        .map(|record| record.status)
        .collect();
    assert_eq!(seen, [200, 418, 418, 200, 200, 200, 200].map(Some));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_call_ends_when_it_comes() {
    let simulated = SimulatedUpstream::new(slow());
    let ours = simulated.credentials();
    let calls = async {
        for _ in 0..3 {
            sleep(SECOND).await;
            simulated.check(&ours).await.unwrap();
        }
    };
    tokio::join!(simulated.until_called(Call::Models, 3), calls);
    assert!(simulated.now() < 4 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_simulated_task_costs_the_calls_that_a_real_one_would() {
    let simulated = SimulatedUpstream::new(slow());
    let ours = simulated.credentials();
    let one = simulated
        .submit(&ours, new_task("item/1", 1))
        .await
        .unwrap()
        .task;
    advance(SECOND).await;
    let other = simulated
        .submit(&ours, new_task("item/2", 2))
        .await
        .unwrap()
        .task;
    advance(40 * SECOND).await;
    let tasks = [one.clone(), other];
    let answers = simulated.query(&ours, &tasks).await.unwrap();
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|(_, answer)| matches!(
        answer,
        QueryAnswer::Task(report) if report.state == TaskState::Succeeded
    )));
    simulated.list(&ours, 1).await.unwrap();
    simulated.cancel(&ours, &one).await.unwrap();
    let mut sink = MemorySink::default();
    simulated.fetch(&ours, &one, &mut sink).await.unwrap();
    assert_eq!(sink.bytes, simulated.config().video);
    let made: Vec<Call> = simulated.calls().iter().map(|record| record.call).collect();
    assert_eq!(
        made,
        [
            Call::Submit,
            Call::Submit,
            Call::BulkQuery,
            Call::List,
            Call::Cancel,
            Call::ResultUrl,
            Call::Result
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn simulated_faults_mean_what_they_mean_over_sockets() {
    let simulated = SimulatedUpstream::new(UpstreamConfig {
        limits: Limits::none(),
        ..slow()
    });
    let ours = simulated.credentials();
    let submit = async || simulated.submit(&ours, new_task("item/1", 1)).await;
    for (fault, made) in [
        (Fault::on(Call::Submit).lose_answer(), 1),
        (Fault::on(Call::Submit).drop_connection(), 1),
        (Fault::on(Call::Submit).half_answer(), 2),
        (Fault::on(Call::Submit).without_task_id(), 3),
        (Fault::on(Call::Submit).hang(), 3),
        (Fault::on(Call::Submit).done_but_hang(), 4),
        (Fault::on(Call::Submit).html(200), 4),
    ] {
        simulated.fault(fault.clone());
        let error = submit().await.unwrap_err();
        assert!(
            matches!(error, SubmitError::Unresolved { .. }),
            "{fault:?}: {error}"
        );
        assert_eq!(simulated.book().accepted, made, "{fault:?}");
    }
    simulated.set_down(true);
    assert!(matches!(
        submit().await.unwrap_err(),
        SubmitError::NotSent { .. }
    ));
    let error = simulated.list(&ours, 1).await.unwrap_err();
    assert!(
        matches!(error, ReadError::Weather { reached: false, .. }),
        "{error}"
    );
    simulated.set_down(false);

    let task = submit().await.unwrap().task;
    simulated.set_state(&task.0, Status::Succeed, None);
    let mut sink = MemorySink::default();
    simulated.fault(Fault::on(Call::Result).cut_after(100));
    let error = simulated.fetch(&ours, &task, &mut sink).await.unwrap_err();
    assert!(
        matches!(error, FetchError::CutOff { received: 100, .. }),
        "{error}"
    );
    simulated.fault(Fault::on(Call::Result).redirect(Target::Bucket));
    simulated.fetch(&ours, &task, &mut sink).await.unwrap();
    let bucket = simulated.calls_of(Call::Presigned);
    assert_eq!((bucket.len(), bucket[0].authorization), (1, false));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_appears_late_appears_at_its_time() {
    let simulated = SimulatedUpstream::new(UpstreamConfig {
        limits: Limits::none(),
        ..slow()
    });
    let ours = simulated.credentials();
    simulated.fault(Fault::on(Call::Submit).lose_answer_and_list_after(90 * SECOND));
    simulated
        .submit(&ours, new_task("item/1", 1))
        .await
        .unwrap_err();
    simulated
        .submit(&ours, new_task("item/2", 2))
        .await
        .unwrap();
    assert_eq!(simulated.list(&ours, 1).await.unwrap().tasks.len(), 1);
    advance(90 * SECOND).await;
    let refs: Vec<Option<String>> = simulated
        .list(&ours, 1)
        .await
        .unwrap()
        .tasks
        .into_iter()
        .map(|task| task.client_ref)
        .collect();
    assert_eq!(refs, [Some("item/2".to_owned()), Some("item/1".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_outlives_the_engine_that_met_it() {
    let simulated = SimulatedUpstream::new(slow());
    let ours = simulated.credentials();
    let task = simulated
        .submit(&ours, new_task("item/1", 1))
        .await
        .unwrap()
        .task;
    let upstream = simulated.upstream();
    drop(simulated);
    let again = SimulatedUpstream::again(&upstream);
    assert_eq!(
        again
            .query(&ours, std::slice::from_ref(&task))
            .await
            .unwrap()
            .len(),
        1
    );
    again.vanish(&task.0);
    let answer = again
        .query(&ours, std::slice::from_ref(&task))
        .await
        .unwrap();
    assert_eq!(answer, [(TaskId(task.0), QueryAnswer::Unknown)]);
}
