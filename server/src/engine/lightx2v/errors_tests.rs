//! The error table, row by row.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use super::*;

fn error(status: u16, words: &str) -> Answer {
    Answer::new(
        status,
        serde_json::json!({"message": format!("error: {words}!")}).to_string(),
    )
}

fn raw(status: u16, body: &'static str) -> Answer {
    Answer::new(status, body)
}

/// What a submit comes to, in one word.
fn on_submit(answer: &Answer) -> &'static str {
    match submit(answer) {
        Ok(_) => "task",
        Err(SubmitError::Refused(refusal)) => match refusal {
            Refusal::Token { .. } => "token",
            Refusal::Unavailable { .. } => "unavailable",
            Refusal::Pace { .. } => "pace",
            Refusal::Slots { .. } => "slots",
            Refusal::Daily { .. } => "daily",
            Refusal::Busy { .. } => "busy",
            Refusal::BadInput { .. } => "bad input",
        },
        Err(SubmitError::NotSent { .. }) => "not sent",
        Err(SubmitError::SourceLost { .. }) => "source lost",
        Err(SubmitError::SourceUnreadable { .. }) => "source unreadable",
        Err(SubmitError::Unresolved { .. }) => "unresolved",
    }
}

/// What a query or any other read comes to, in one word.
fn on_read(answer: &Answer) -> &'static str {
    match read(answer) {
        Ok(_) => "fine",
        Err(ReadError::Token { .. }) => "token",
        Err(ReadError::Unavailable { .. }) => "unavailable",
        Err(ReadError::Unknown { .. }) => "unknown",
        Err(ReadError::Busy { .. }) => "busy",
        Err(ReadError::Weather { .. }) => "weather",
    }
}

#[test]
fn every_row_of_the_table_is_told_apart() {
    let html = raw(200, "<html><body>Sign in</body></html>");
    let half = Answer {
        whole: false,
        ..raw(200, r#"{"task_id":"8f"#)
    };
    for (answer, submit, read) in [
        (
            raw(200, r#"{"task_id":"8f","wait_time":0.0}"#),
            "task",
            "fine",
        ),
        (
            raw(401, r#"{"message":"Could not validate credentials"}"#),
            "token",
            "token",
        ),
        (
            raw(401, r#"{"message":"Token has expired"}"#),
            "token",
            "token",
        ),
        (raw(401, r#"{"message":"Invalid user"}"#), "token", "token"),
        (
            raw(401, r#"{"detail":"Not authenticated"}"#),
            "token",
            "token",
        ),
        (raw(401, ""), "token", "token"),
        (
            raw(403, r#"{"detail":"Not authenticated"}"#),
            "token",
            "token",
        ),
        (
            raw(403, r#"{"detail":"Forbidden"}"#),
            "unavailable",
            "unavailable",
        ),
        (
            raw(404, r#"{"detail":"Not Found"}"#),
            "unavailable",
            "unavailable",
        ),
        (raw(404, "<html>nginx</html>"), "unavailable", "unavailable"),
        (
            raw(405, r#"{"detail":"Method Not Allowed"}"#),
            "unavailable",
            "unavailable",
        ),
        (raw(308, ""), "unavailable", "unavailable"),
        (raw(302, ""), "unresolved", "weather"),
        (
            error(400, "User a visit too frequently, 0.01 s vs 0.05 s"),
            "pace",
            "busy",
        ),
        (
            error(400, "User a has too many active tasks, 3 vs 3"),
            "slots",
            "busy",
        ),
        (
            error(400, "User a has too many daily tasks, 100 vs 100"),
            "daily",
            "busy",
        ),
        (
            error(429, "User a has too many daily tasks, 100 vs 100"),
            "daily",
            "busy",
        ),
        (raw(429, "slow down"), "busy", "busy"),
        (
            error(500, "Queue busy, please try again later"),
            "busy",
            "busy",
        ),
        (
            error(500, "Failed to read input_image, type=base64"),
            "bad input",
            "unavailable",
        ),
        (
            error(
                500,
                "cannot identify image file <_io.BytesIO object at 0x7f>",
            ),
            "bad input",
            "unavailable",
        ),
        (
            error(500, "media to wav failed"),
            "bad input",
            "unavailable",
        ),
        (
            error(500, "Audio file too short"),
            "bad input",
            "unavailable",
        ),
        (
            error(500, "valid prompt is required"),
            "bad input",
            "unavailable",
        ),
        (
            error(500, "('s2v', 'X') are not in /opt/model_pipeline.json"),
            "bad input",
            "unavailable",
        ),
        (
            error(500, "Input input_audio not found in params"),
            "bad input",
            "unavailable",
        ),
        (
            raw(413, "<html>too large</html>"),
            "bad input",
            "unavailable",
        ),
        (
            raw(422, r#"{"detail":[{"loc":["body"],"msg":"bad"}]}"#),
            "bad input",
            "unavailable",
        ),
        (error(500, "something else"), "unresolved", "weather"),
        (
            raw(502, "<html>Bad Gateway</html>"),
            "unresolved",
            "weather",
        ),
        (raw(503, ""), "unresolved", "weather"),
        (raw(504, "upstream timed out"), "unresolved", "weather"),
        (raw(408, ""), "unresolved", "weather"),
        (html, "unresolved", "weather"),
        (half, "unresolved", "weather"),
        (raw(200, r#"{"workers":{}}"#), "unresolved", "fine"),
        (raw(200, r#"{"task_id":""}"#), "unresolved", "fine"),
        (raw(200, "not json"), "unresolved", "weather"),
        (raw(200, ""), "unresolved", "weather"),
        (raw(204, ""), "unresolved", "weather"),
        (
            error(500, "cannot unpack non-iterable NoneType object"),
            "unresolved",
            "unknown",
        ),
        (error(500, "Task 8f not found"), "unresolved", "unknown"),
        (error(404, "Task 8f not found"), "unavailable", "unknown"),
        (error(400, "some new rule"), "unavailable", "unavailable"),
        (
            raw(400, "<html>Bad Request</html>"),
            "unresolved",
            "weather",
        ),
    ] {
        assert_eq!(on_submit(&answer), submit, "submit: {answer:?}");
        assert_eq!(on_read(&answer), read, "read: {answer:?}");
    }
}

#[test]
fn only_definite_codes_are_believed_of_half_an_answer() {
    for (status, submit) in [
        (200, "unresolved"),
        (400, "unresolved"),
        (401, "token"),
        (403, "unavailable"),
        (413, "bad input"),
        (429, "busy"),
        (500, "unresolved"),
    ] {
        let whole = error(status, "User a has too many active tasks, 3 vs 3");
        let half = Answer {
            whole: false,
            ..whole
        };
        assert_eq!(on_submit(&half), submit, "{status}");
    }
}

#[test]
fn limits_name_their_counts() {
    let slots = submit(&error(400, "User a has too many active tasks, 3 vs 3")).unwrap_err();
    assert_eq!(
        slots,
        SubmitError::Refused(Refusal::Slots {
            message: "User a has too many active tasks, 3 vs 3".to_owned(),
            counts: Some((3, 3)),
        })
    );
    let daily = submit(&error(400, "User a has too many daily tasks, 100 vs 90")).unwrap_err();
    assert!(matches!(
        daily,
        SubmitError::Refused(Refusal::Daily {
            counts: Some((100, 90)),
            ..
        })
    ));
}

#[test]
fn a_time_to_wait_is_honoured() {
    let answer = Answer {
        retry_after: Some(Duration::from_secs(7)),
        ..error(429, "User a visit too frequently, 0.01 s vs 0.05 s")
    };
    let expected = Some(Duration::from_secs(7));
    assert!(matches!(
        submit(&answer),
        Err(SubmitError::Refused(Refusal::Busy { retry_after, .. })) if retry_after == expected
    ));
    assert!(
        matches!(read(&answer), Err(ReadError::Busy { retry_after, .. }) if retry_after == expected)
    );
}

#[test]
fn no_answer_is_definite_only_where_nothing_was_sent() {
    let broken = Failure::Broken("reset".to_owned());
    let refused = Failure::NotSent("refused".to_owned());
    assert!(matches!(
        submit_failure(broken.clone(), None),
        SubmitError::Unresolved { .. }
    ));
    assert!(matches!(
        submit_failure(refused.clone(), None),
        SubmitError::NotSent { .. }
    ));
    assert!(matches!(
        submit_failure(
            broken.clone(),
            Some((std::io::ErrorKind::NotFound, "audio: gone".to_owned()))
        ),
        SubmitError::SourceLost { .. }
    ));
    assert!(matches!(
        submit_failure(Failure::TokenUnusable, None),
        SubmitError::Refused(Refusal::Token { .. })
    ));
    assert!(matches!(
        read_failure(refused),
        ReadError::Weather { reached: false, .. }
    ));
    assert!(matches!(
        read_failure(broken),
        ReadError::Weather { reached: true, .. }
    ));
}

#[test]
fn cancels_are_told_apart() {
    use CancelAnswer::{Accepted, NotActive, Unclear};
    for (answer, expected) in [
        (
            raw(200, r#"{"msg":"Task cancelled successfully"}"#),
            Ok(Accepted),
        ),
        (
            error(400, "Task 8f is not in active status (SUCCEED)"),
            Ok(NotActive),
        ),
        (error(400, "cancel failed: None"), Ok(Unclear)),
        (error(400, "unknown cancel error"), Ok(Unclear)),
        (error(400, "whatever else"), Ok(Unclear)),
        (error(500, "Task 8f not found"), Ok(Unclear)),
        (raw(200, "<html>"), Err("weather")),
        (raw(500, "x"), Err("weather")),
        (raw(401, ""), Err("token")),
        (raw(405, ""), Err("unavailable")),
    ] {
        let got = cancel(&answer).map_err(|_| on_read(&answer));
        assert_eq!(got, expected, "{answer:?}");
    }
}

#[test]
fn a_bulk_query_is_split_by_a_bad_id_and_not_by_weather() {
    assert!(may_be_one_bad_id(&error(
        500,
        "cannot unpack non-iterable NoneType object"
    )));
    assert!(may_be_one_bad_id(&error(
        500,
        "'NoneType' object is not subscriptable"
    )));
    for answer in [
        error(503, "x"),
        raw(500, "<html>"),
        raw(502, ""),
        raw(401, ""),
        error(500, "Queue busy"),
    ] {
        assert!(!may_be_one_bad_id(&answer), "{answer:?}");
    }
}

#[test]
fn words_are_bounded() {
    let long = error(500, &"x".repeat(100_000));
    let SubmitError::Unresolved { message } = submit(&long).unwrap_err() else {
        panic!("a strange 500 is no refusal");
    };
    assert!(message.len() <= words::MAX_WORDS_BYTES);
}
