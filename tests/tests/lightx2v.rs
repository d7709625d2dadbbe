//! The `lightx2v` engine against the fake upstream, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use vbatch_server::domain::ids::TaskId;
use vbatch_server::engine::lightx2v::LightX2v;
use vbatch_server::engine::lightx2v::config::{LightX2vConfig, Timeouts};
use vbatch_server::engine::{
    CancelAnswer, Credentials, Engine, FetchError, QueryAnswer, ReadError, Refusal, SubmitError,
    TaskState,
};
use vbatch_tests::upstream::book::{Host, RefusedSubmit};
use vbatch_tests::upstream::config::{
    CancelVerb, Estimates, Limits, ListStatus, ListTimes, ResultAddress, UpstreamConfig,
};
use vbatch_tests::upstream::fake::FakeUpstream;
use vbatch_tests::upstream::faults::{Call, Fault, Target};
use vbatch_tests::upstream::material::{Counting, MemorySink, Missing, PICTURE, SOUND, new_task};
use vbatch_tests::upstream::simulated::credentials;
use vbatch_tests::upstream::tasks::{Script, Status};

const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(30),
    idle: Duration::from_secs(30),
};

const IMPATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    answer: Duration::from_millis(300),
    idle: Duration::from_millis(300),
};

fn no_limits() -> UpstreamConfig {
    UpstreamConfig {
        limits: Limits::none(),
        ..UpstreamConfig::default()
    }
}

async fn fake(config: UpstreamConfig) -> (FakeUpstream, LightX2v, Credentials) {
    let fake = FakeUpstream::start(config).await.unwrap();
    let engine = engine(&fake.base_url(), PATIENT);
    let credentials = credentials(fake.token());
    (fake, engine, credentials)
}

fn engine(base_url: &str, timeouts: Timeouts) -> LightX2v {
    let config = LightX2vConfig {
        timeouts,
        ..LightX2vConfig::at(base_url)
    };
    LightX2v::new(config).unwrap()
}

/// Submits a task and puts it into a state.
async fn task_in(
    fake: &FakeUpstream,
    engine: &LightX2v,
    credentials: &Credentials,
    status: Status,
) -> TaskId {
    let task = engine
        .submit(credentials, new_task("ref", 1))
        .await
        .unwrap()
        .task;
    fake.set_state(&task.0, status, None);
    task
}

async fn state_of(engine: &LightX2v, credentials: &Credentials, task: &TaskId) -> TaskState {
    let answers = engine
        .query(credentials, std::slice::from_ref(task))
        .await
        .unwrap();
    match answers.as_slice() {
        [(answered, QueryAnswer::Task(report))] if answered == task => report.state.clone(),
        other => panic!("one task was asked about: {other:?}"),
    }
}

fn on_submit(error: &SubmitError) -> &'static str {
    match error {
        SubmitError::Refused(Refusal::Token { .. }) => "token",
        SubmitError::Refused(Refusal::Unavailable { .. }) => "unavailable",
        SubmitError::Refused(Refusal::Pace { .. }) => "pace",
        SubmitError::Refused(Refusal::Slots { .. }) => "slots",
        SubmitError::Refused(Refusal::Daily { .. }) => "daily",
        SubmitError::Refused(Refusal::Busy { .. }) => "busy",
        SubmitError::Refused(Refusal::BadInput { .. }) => "bad input",
        SubmitError::NotSent { .. } => "not sent",
        SubmitError::SourceLost { .. } => "source lost",
        SubmitError::Unresolved { .. } => "unresolved",
    }
}

fn on_read(error: &ReadError) -> &'static str {
    match error {
        ReadError::Token { .. } => "token",
        ReadError::Unavailable { .. } => "unavailable",
        ReadError::Unknown { .. } => "unknown",
        ReadError::Busy { .. } => "busy",
        ReadError::Weather { reached: true, .. } => "weather",
        ReadError::Weather { reached: false, .. } => "not reached",
    }
}

#[tokio::test]
async fn a_task_goes_from_submit_to_video() {
    let (fake, engine, credentials) = fake(UpstreamConfig::default()).await;
    engine.check(&credentials).await.unwrap();
    let submitted = engine
        .submit(&credentials, new_task("item/1", 77))
        .await
        .unwrap();
    assert_eq!(submitted.expected_wait, Some(Duration::ZERO));

    let page = engine.list(&credentials, 1).await.unwrap();
    assert_eq!(page.tasks[0].client_ref.as_deref(), Some("item/1"));
    assert_eq!(page.tasks[0].seed, Some(77));
    assert!(page.tasks[0].created.is_some() && !page.has_more);
    let params = &fake.tasks()[0].params;
    assert_eq!(params["prompt"], new_task("", 0).prompt);
    assert_eq!(params["input_image"]["size"], PICTURE.len());
    assert_eq!(params["input_audio"]["size"], SOUND.len());

    fake.set_state(&submitted.task.0, Status::Succeed, None);
    assert_eq!(
        state_of(&engine, &credentials, &submitted.task).await,
        TaskState::Succeeded
    );
    let mut sink = MemorySink::default();
    engine
        .fetch(&credentials, &submitted.task, &mut sink)
        .await
        .unwrap();
    assert_eq!(sink.bytes, fake.config().video);
    assert_eq!(sink.starts, [Some(fake.config().video.len() as u64)]);
    assert!(fake.calls_of(Call::Result)[0].authorization);
    assert!(fake.calls().iter().all(|call| call.status == Some(200)));
}

#[tokio::test]
async fn every_row_of_the_error_table_is_told_apart_on_submit_and_on_query() {
    let message =
        |words: &str| serde_json::json!({"message": format!("error: {words}!")}).to_string();
    let expired = r#"{"message":"Token has expired"}"#.to_owned();
    let invalid = r#"{"message":"Could not validate credentials"}"#.to_owned();
    let rows = [
        (401, invalid, "token", "token"),
        (401, expired, "token", "token"),
        (
            401,
            r#"{"message":"Invalid user"}"#.to_owned(),
            "token",
            "token",
        ),
        (
            401,
            r#"{"detail":"Not authenticated"}"#.to_owned(),
            "token",
            "token",
        ),
        (
            403,
            r#"{"detail":"Forbidden"}"#.to_owned(),
            "unavailable",
            "unavailable",
        ),
        (
            404,
            r#"{"detail":"Not Found"}"#.to_owned(),
            "unavailable",
            "unavailable",
        ),
        (
            405,
            r#"{"detail":"Method Not Allowed"}"#.to_owned(),
            "unavailable",
            "unavailable",
        ),
        (
            400,
            message("User a visit too frequently, 0.01 s vs 0.05 s"),
            "pace",
            "busy",
        ),
        (
            400,
            message("User a has too many active tasks, 3 vs 3"),
            "slots",
            "busy",
        ),
        (
            400,
            message("User a has too many daily tasks, 100 vs 100"),
            "daily",
            "busy",
        ),
        (429, "slow down".to_owned(), "busy", "busy"),
        (
            500,
            message("Queue busy, please try again later"),
            "busy",
            "busy",
        ),
        (
            500,
            message("Failed to read input_image, type=base64"),
            "bad input",
            "unavailable",
        ),
        (
            500,
            message("cannot identify image file <_io.BytesIO>"),
            "bad input",
            "unavailable",
        ),
        (
            500,
            message("media to wav failed"),
            "bad input",
            "unavailable",
        ),
        (
            500,
            message("Audio file too short"),
            "bad input",
            "unavailable",
        ),
        (
            500,
            message("valid prompt is required"),
            "bad input",
            "unavailable",
        ),
        (
            500,
            message("x are not in /a/model_pipeline.json"),
            "bad input",
            "unavailable",
        ),
        (
            500,
            message("Input input_audio not found in params"),
            "bad input",
            "unavailable",
        ),
        (413, "too large".to_owned(), "bad input", "unavailable"),
        (
            422,
            r#"{"detail":[{"loc":["body"],"msg":"bad"}]}"#.to_owned(),
            "bad input",
            "unavailable",
        ),
        (
            500,
            message("list index out of range"),
            "unresolved",
            "weather",
        ),
        (502, "Bad Gateway".to_owned(), "unresolved", "weather"),
        (503, String::new(), "unresolved", "weather"),
        (200, "{\"task_id\":".to_owned(), "unresolved", "weather"),
        (200, "{}".to_owned(), "unresolved", "weather"),
        (
            500,
            message("cannot unpack non-iterable NoneType object"),
            "unresolved",
            "unknown",
        ),
        (500, message("Task x not found"), "unresolved", "unknown"),
    ];
    let (fake, engine, credentials) = fake(no_limits()).await;
    let task = task_in(&fake, &engine, &credentials, Status::Pending).await;
    for (status, body, submit, query) in rows {
        fake.fault(Fault::on(Call::Submit).answer(status, &body));
        let error = engine
            .submit(&credentials, new_task("ref", 1))
            .await
            .unwrap_err();
        assert_eq!(on_submit(&error), submit, "submit: {status} {body}");

        fake.fault(Fault::on(Call::Query).answer(status, &body));
        let answer = engine
            .query(&credentials, std::slice::from_ref(&task))
            .await;
        let said = match &answer {
            Ok(answers) if matches!(answers.as_slice(), [(_, QueryAnswer::Unknown)]) => "unknown",
            Ok(other) => panic!("query: {status} {body}: {other:?}"),
            Err(error) => on_read(error),
        };
        assert_eq!(said, query, "query: {status} {body}");
    }
    fake.fault(Fault::on(Call::Submit).html(200));
    let error = engine
        .submit(&credentials, new_task("ref", 1))
        .await
        .unwrap_err();
    assert_eq!(on_submit(&error), "unresolved");
    fake.fault(Fault::on(Call::List).html(200));
    assert_eq!(
        on_read(&engine.list(&credentials, 1).await.unwrap_err()),
        "weather"
    );
}

#[tokio::test]
async fn a_time_to_wait_is_taken_from_the_header() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    fake.fault(Fault::on(Call::Submit).answer_with_retry_after(429, "{}", "17"));
    let error = engine
        .submit(&credentials, new_task("ref", 1))
        .await
        .unwrap_err();
    let expected = Some(Duration::from_secs(17));
    assert!(
        matches!(&error, SubmitError::Refused(Refusal::Busy { retry_after, .. }) if *retry_after == expected),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_limits_of_the_upstream_are_refusals_and_make_no_task() {
    let config = UpstreamConfig {
        limits: Limits {
            active: 2,
            daily: 3,
            pace: Duration::ZERO,
        },
        ..UpstreamConfig::default()
    };
    let (fake, engine, credentials) = fake(config).await;
    let mut tasks = Vec::new();
    for seed in 1..=2 {
        tasks.push(
            engine
                .submit(&credentials, new_task("ref", seed))
                .await
                .unwrap()
                .task,
        );
        fake.set_workers(0);
    }
    let slots = engine
        .submit(&credentials, new_task("ref", 3))
        .await
        .unwrap_err();
    assert!(
        matches!(
            &slots,
            SubmitError::Refused(Refusal::Slots {
                counts: Some((2, 2)),
                ..
            })
        ),
        "{slots:?}"
    );
    for task in &tasks {
        assert_eq!(
            engine.cancel(&credentials, task).await.unwrap(),
            CancelAnswer::Accepted
        );
    }
    engine
        .submit(&credentials, new_task("ref", 4))
        .await
        .unwrap();
    let daily = engine
        .submit(&credentials, new_task("ref", 5))
        .await
        .unwrap_err();
    assert!(
        matches!(
            &daily,
            SubmitError::Refused(Refusal::Daily {
                counts: Some((3, 3)),
                ..
            })
        ),
        "{daily:?}"
    );
    fake.set_limits(Limits {
        pace: Duration::from_secs(3600),
        ..Limits::none()
    });
    let pace = engine
        .submit(&credentials, new_task("ref", 6))
        .await
        .unwrap_err();
    assert_eq!(on_submit(&pace), "pace");
    let book = fake.book();
    assert_eq!((book.accepted, book.count(Call::Submit)), (3, 6));
    for reason in [
        RefusedSubmit::Active,
        RefusedSubmit::Daily,
        RefusedSubmit::Pace,
    ] {
        assert_eq!(book.refused(reason), 1, "{reason:?}");
    }
    assert_eq!(fake.max_active(), 2);
}

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
async fn a_presigned_address_never_sees_the_token() {
    let config = UpstreamConfig {
        result_address: ResultAddress::Absolute,
        ..no_limits()
    };
    let (fake, engine, credentials) = fake(config).await;
    let task = task_in(&fake, &engine, &credentials, Status::Succeed).await;
    let mut sink = MemorySink::default();
    engine.fetch(&credentials, &task, &mut sink).await.unwrap();
    assert_eq!(sink.bytes, fake.config().video);
    let seen = fake.calls_of(Call::Presigned);
    assert_eq!(seen.len(), 1);
    assert!(
        !seen[0]
            .header_names
            .iter()
            .any(|name| name == "authorization" || name == "cookie")
    );

    // The bucket's own refusal says nothing about our token, and its words may hold the signature.
    fake.fault(Fault::on(Call::Presigned).answer(403, "https://b/?X-Signature=secret"));
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    assert!(
        matches!(
            &error,
            FetchError::Read(ReadError::Weather { reached: true, .. })
        ),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("Signature"));
}

#[tokio::test]
async fn a_redirect_takes_the_token_no_further_than_the_upstream_itself() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let task = task_in(&fake, &engine, &credentials, Status::Succeed).await;
    fake.fault(Fault::on(Call::Result).redirect(Target::Here));
    fake.fault(Fault::on(Call::Result).nth(2).redirect(Target::Bucket));
    let mut sink = MemorySink::default();
    engine.fetch(&credentials, &task, &mut sink).await.unwrap();
    assert_eq!(sink.bytes, fake.config().video);
    assert_eq!(sink.starts.len(), 1);
    let way: Vec<(Host, bool)> = fake
        .calls()
        .iter()
        .filter(|record| matches!(record.call, Call::Result | Call::Presigned))
        .map(|record| (record.host, record.authorization))
        .collect();
    assert_eq!(
        way,
        [(Host::Api, true), (Host::Api, true), (Host::Bucket, false)]
    );

    fake.fault(Fault::on(Call::Result).always().redirect(Target::Here));
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::Read(ReadError::Weather { .. })),
        "{error}"
    );
    assert_eq!(fake.book().count(Call::Result), 2 + 6);
}

#[tokio::test]
async fn calls_of_the_api_follow_no_redirect() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    for call in [Call::Submit, Call::List, Call::Models] {
        fake.fault(Fault::on(call).redirect(Target::Bucket));
    }
    let error = engine
        .submit(&credentials, new_task("ref", 1))
        .await
        .unwrap_err();
    assert_eq!(on_submit(&error), "unresolved");
    assert_eq!(
        on_read(&engine.list(&credentials, 1).await.unwrap_err()),
        "weather"
    );
    assert_eq!(
        on_read(&engine.check(&credentials).await.unwrap_err()),
        "weather"
    );
    assert_eq!(fake.book().count(Call::Presigned), 0);
    assert_eq!(fake.book().calls.len(), 3);
}

#[tokio::test]
async fn a_video_that_is_cut_is_no_video_and_can_be_fetched_again() {
    let video = Bytes::from(vec![7; 3_000_000]);
    let config = UpstreamConfig {
        video: video.clone(),
        ..no_limits()
    };
    let (fake, _, credentials) = fake(config).await;
    let engine = engine(
        &fake.base_url(),
        Timeouts {
            idle: Duration::from_secs(5),
            ..PATIENT
        },
    );
    let task = task_in(&fake, &engine, &credentials, Status::Succeed).await;
    let mut sink = MemorySink::default();
    fake.fault(Fault::on(Call::Result).cut_after(1_000_000));
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    match error {
        FetchError::CutOff { received, .. } => assert_eq!(received, sink.bytes.len() as u64),
        other => panic!("{other}"),
    }
    engine.fetch(&credentials, &task, &mut sink).await.unwrap();
    assert_eq!(sink.bytes, video);
    assert_eq!(sink.starts, [Some(3_000_000), Some(3_000_000)]);
    assert!(sink.largest_piece < 1_000_000, "the video came in pieces");

    fake.fault(Fault::on(Call::Result).answer(200, ""));
    fake.fault(Fault::on(Call::Result).html(200));
    for _ in 0..2 {
        let error = engine
            .fetch(&credentials, &task, &mut sink)
            .await
            .unwrap_err();
        assert!(
            matches!(error, FetchError::Read(ReadError::Weather { .. })),
            "{error}"
        );
    }
    fake.fault(Fault::on(Call::Result).answer(401, r#"{"message":"Token has expired"}"#));
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::Read(ReadError::Token { .. })),
        "{error}"
    );

    let mut sink = MemorySink {
        room: Some(1000),
        ..MemorySink::default()
    };
    let error = engine
        .fetch(&credentials, &task, &mut sink)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Sink(_)), "{error}");
}

#[tokio::test]
async fn a_result_that_falls_silent_ends() {
    let (fake, patient, credentials) = fake(no_limits()).await;
    let engine = engine(&fake.base_url(), IMPATIENT);
    let task = task_in(&fake, &patient, &credentials, Status::Succeed).await;
    for call in [Call::ResultUrl, Call::Result] {
        fake.fault(Fault::on(call).hang());
        let mut sink = MemorySink::default();
        let error = engine
            .fetch(&credentials, &task, &mut sink)
            .await
            .unwrap_err();
        assert!(
            matches!(error, FetchError::Read(ReadError::Weather { .. })),
            "{error}"
        );
    }
}

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn forty_mebibytes_go_up_in_pieces_with_their_exact_length() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let (image, audio) = (
        Counting::new(PICTURE, 20 * MIB),
        Counting::new(SOUND, 20 * MIB),
    );
    let mut task = new_task("ref", 1);
    task.image = image.source();
    task.audio = audio.source();
    engine.submit(&credentials, task).await.unwrap();
    assert_eq!((image.taken(), audio.taken()), (20 * MIB, 20 * MIB));
    let submit = &fake.calls_of(Call::Submit)[0];
    assert!(submit.content_length.unwrap() > 2 * (20 * MIB).div_ceil(3) * 4);
    assert!(
        !submit
            .header_names
            .iter()
            .any(|name| name == "transfer-encoding")
    );
    let params = &fake.tasks()[0].params;
    assert_eq!(params["input_image"]["size"], 20 * MIB);
    assert_eq!(params["input_audio"]["size"], 20 * MIB);
}

#[tokio::test]
async fn a_stalled_upload_holds_no_more_of_its_sources_than_the_sockets_do() {
    let (fake, _, credentials) = fake(no_limits()).await;
    let engine = engine(&fake.base_url(), IMPATIENT);
    let (image, audio) = (
        Counting::new(PICTURE, 20 * MIB),
        Counting::new(SOUND, 20 * MIB),
    );
    let mut task = new_task("ref", 1);
    task.image = image.source();
    task.audio = audio.source();
    fake.fault(Fault::on(Call::Submit).early().hang());
    let error = engine.submit(&credentials, task).await.unwrap_err();
    assert_eq!(on_submit(&error), "unresolved");
    // What the kernel takes for both directions is at most some 10 MB on Linux; the rest would be ours.
    let taken = image.taken() + audio.taken();
    assert!(taken < 12 * MIB, "{taken} bytes were read ahead");
    assert!(taken > 0);
}

#[tokio::test]
async fn a_refusal_that_comes_before_the_body_was_read_is_heard() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let expired = r#"{"message":"Token has expired"}"#;
    fake.fault(Fault::on(Call::Submit).early().answer(401, expired));
    let mut task = new_task("ref", 1);
    task.image = Counting::new(PICTURE, 20 * MIB).source();
    let error = engine.submit(&credentials, task).await.unwrap_err();
    assert_eq!(on_submit(&error), "token", "{error}");
}

#[tokio::test]
async fn a_source_that_breaks_makes_no_task_and_is_definite() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let mut missing = new_task("ref", 1);
    missing.audio.opener = std::sync::Arc::new(Missing);
    let error = engine.submit(&credentials, missing).await.unwrap_err();
    assert_eq!(on_submit(&error), "source lost");
    assert_eq!(fake.book().count(Call::Submit), 0);

    for breaks_at in [0, 5 * MIB, 6 * MIB - 1] {
        let mut broken = new_task("ref", 1);
        broken.audio = Counting::new(SOUND, 6 * MIB)
            .breaking_at(breaks_at)
            .source();
        let error = engine.submit(&credentials, broken).await.unwrap_err();
        match &error {
            SubmitError::SourceLost { message } => {
                assert!(
                    message.contains("audio") && message.contains("disk"),
                    "{message}"
                );
            }
            other => panic!("{other}"),
        }
    }
    engine
        .submit(&credentials, new_task("ref", 2))
        .await
        .unwrap();
    assert_eq!(fake.book().accepted, 1);
}

#[tokio::test]
async fn bad_media_is_refused_in_the_words_of_the_upstream() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let mut bad_image = new_task("ref", 1);
    bad_image.image = vbatch_tests::upstream::material::source(b"not a picture");
    let mut bad_audio = new_task("ref", 1);
    bad_audio.audio = vbatch_tests::upstream::material::source(b"plain text, long enough");
    let mut no_prompt = new_task("ref", 1);
    no_prompt.prompt = String::new();
    for (task, words) in [
        (bad_image, "cannot identify image file"),
        (bad_audio, "media to wav failed"),
        (no_prompt, "valid prompt is required"),
    ] {
        match engine.submit(&credentials, task).await.unwrap_err() {
            SubmitError::Refused(Refusal::BadInput { message }) => {
                assert!(message.contains(words), "{message}");
            }
            other => panic!("{words}: {other}"),
        }
    }
    assert_eq!(fake.book().refused(RefusedSubmit::BadInput), 3);
}

#[tokio::test]
async fn neither_tokens_nor_addresses_are_in_any_error() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let token = fake.token();
    let words = format!("bad token {token} at https://bucket.example/v.mp4?X-Signature=secret");
    fake.fault(Fault::on(Call::Submit).error(401, &words));
    let mut said = format!(
        "{:?}",
        engine
            .submit(&credentials, new_task("r", 1))
            .await
            .unwrap_err()
    );
    fake.fault(Fault::on(Call::List).error(500, &words));
    said += &format!("{:?}", engine.list(&credentials, 1).await.unwrap_err());
    fake.fault(Fault::on(Call::List).drop_connection());
    said += &format!("{:?}", engine.list(&credentials, 1).await.unwrap_err());
    fake.stop().await;
    said += &format!("{:?}", engine.list(&credentials, 1).await.unwrap_err());
    said += &format!("{engine:?} {credentials:?}");
    for secret in [token.as_str(), "X-Signature", "page_size"] {
        assert!(!said.contains(secret), "{said}");
    }
    assert!(
        said.contains("bad token [token] at https://bucket.example/v.mp4?…"),
        "{said}"
    );
}

#[tokio::test]
async fn a_token_is_refused_in_every_way_the_upstream_knows() {
    let (fake, engine, good) = fake(no_limits()).await;
    let unusable = credentials("two\nlines".to_owned());
    let unknown = credentials("unknown".to_owned());
    let none = credentials(String::new());
    let expired = credentials(fake.give_token("operator"));
    fake.expire_token(secrecy::ExposeSecret::expose_secret(&expired.token));
    for refused in [unusable, unknown, none, expired] {
        let error = engine.check(&refused).await.unwrap_err();
        assert_eq!(on_read(&error), "token", "{error}");
        let error = engine
            .submit(&refused, new_task("ref", 1))
            .await
            .unwrap_err();
        assert_eq!(on_submit(&error), "token", "{error}");
    }
    engine.check(&good).await.unwrap();
    assert_eq!(fake.book().accepted, 0);
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
        assert_eq!(newest.created.is_some(), list_times == ListTimes::Epoch);
        assert_eq!(newest.client_ref, None);
    }
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
async fn connections_are_used_again() {
    let (fake, engine, credentials) = fake(no_limits()).await;
    let task = task_in(&fake, &engine, &credentials, Status::Running).await;
    for _ in 0..20 {
        state_of(&engine, &credentials, &task).await;
    }
    assert_eq!(fake.connection_count(), 1);
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
