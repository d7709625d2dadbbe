//! What the upstream answers to a submit: taken, or refused in one of its many ways.

use std::time::Duration;

use vbatch_server::engine::{CancelAnswer, Engine, QueryAnswer, Refusal, SubmitError, TaskState};
use vbatch_tests::upstream::book::RefusedSubmit;
use vbatch_tests::upstream::config::{Limits, UpstreamConfig};
use vbatch_tests::upstream::faults::{Call, Fault};
use vbatch_tests::upstream::material::{MemorySink, PICTURE, SOUND, new_task};
use vbatch_tests::upstream::simulated::credentials;
use vbatch_tests::upstream::tasks::Status;

use crate::setup::*;

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
