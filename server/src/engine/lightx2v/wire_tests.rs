//! The shapes in which the upstream has been seen to answer, and some that it might.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

fn state_of(value: Value) -> TaskState {
    task(&value).unwrap().state
}

#[test]
fn every_status_is_read_as_word_and_as_number() {
    for (word, number, active) in [
        ("CREATED", 1, true),
        ("PENDING", 2, true),
        ("RUNNING", 3, true),
        ("SUCCEED", 4, false),
        ("FAILED", 5, false),
        ("CANCEL", 6, false),
        ("CANCELLED", 6, false),
        ("REJECT", 7, false),
    ] {
        let by_word = state_of(json!({"task_id": "a", "status": word}));
        let by_number = state_of(json!({"task_id": "a", "status": number}));
        assert_eq!(by_word, by_number, "{word}");
        assert_eq!(by_word.is_active(), active, "{word}");
    }
    assert_eq!(
        state_of(json!({"task_id": "a", "status": 6})),
        TaskState::Cancelled
    );
    assert_eq!(
        state_of(json!({"task_id": "a", "status": 4})),
        TaskState::Succeeded
    );
}

#[test]
fn nothing_ends_by_a_status_that_is_not_known() {
    for status in [json!("PAUSED"), json!(99), json!(null), json!({})] {
        assert!(state_of(json!({"task_id": "a", "status": status})).is_active());
    }
    assert!(state_of(json!({"task_id": "a"})).is_active());
}

#[test]
fn estimates_that_are_null_unknown_or_absurd_are_absent() {
    for (secs, expected) in [
        (json!(null), None),
        (json!(3600), None),
        (json!(3.6e10), None),
        (json!(-1), None),
        (json!("soon"), None),
        (json!(0), Some(Duration::ZERO)),
        (json!(12.5), Some(Duration::from_millis(12_500))),
        (json!(3599), Some(Duration::from_secs(3599))),
    ] {
        let waiting = json!({"status": "PENDING", "worker_name": "w", "estimated_pending_order": 2,
            "estimated_pending_secs": secs, "estimated_running_secs": secs});
        assert_eq!(
            state_of(json!({"task_id": "a", "status": "PENDING", "subtasks": [waiting]})),
            TaskState::Queued {
                position: Some(2),
                expected_wait: expected
            },
            "{secs}"
        );
        let running = json!({"status": "RUNNING", "worker_name": "w", "elapses": {"RUNNING-": 1.5},
            "estimated_running_secs": secs});
        assert_eq!(
            state_of(json!({"task_id": "a", "status": "RUNNING", "subtasks": [running]})),
            TaskState::Running {
                elapsed: Some(Duration::from_millis(1500)),
                expected_run: expected.filter(|run| !run.is_zero()),
                progress: None,
            },
            "{secs}"
        );
        let submit = submitted(&json!({"task_id": "a", "wait_time": secs})).unwrap();
        assert_eq!(submit.expected_wait, expected, "{secs}");
    }
}

#[test]
fn absurd_queue_positions_are_absent() {
    for (order, expected) in [
        (json!(-1), None),
        (json!(1e300), None),
        (json!(null), None),
        (json!(3.0), Some(3)),
    ] {
        let subtask =
            json!({"status": "PENDING", "worker_name": "w", "estimated_pending_order": order});
        let state = state_of(json!({"task_id": "a", "status": "PENDING", "subtasks": [subtask]}));
        assert_eq!(
            state,
            TaskState::Queued {
                position: expected,
                expected_wait: None
            }
        );
    }
}

#[test]
fn the_order_of_subtasks_changes_nothing() {
    let text = json!({"status": "SUCCEED", "worker_name": "text", "elapses": {"PENDING-RUNNING": 40.8,
        "RUNNING-SUCCEED": 2.0}, "estimated_running_secs": 3.0});
    let video = json!({"status": "RUNNING", "worker_name": "video", "elapses": {"RUNNING-PENDING": 9.0,
        "RUNNING-": 4.0}, "estimated_running_secs": 20.0});
    let one = json!({"task_id": "a", "status": "RUNNING", "subtasks": [text, video]});
    let other = json!({"task_id": "a", "status": "RUNNING", "subtasks": [video, text]});
    let expected = TaskState::Running {
        elapsed: Some(Duration::from_secs(6)),
        expected_run: Some(Duration::from_secs(22)),
        progress: None,
    };
    assert_eq!(state_of(one), expected);
    assert_eq!(state_of(other), expected);
}

#[test]
fn a_task_that_waits_again_after_it_ran_waits() {
    let subtask = json!({"status": "PENDING", "worker_name": "w", "estimated_pending_order": 0,
        "elapses": {"PENDING-RUNNING": 1.0, "RUNNING-PENDING": 7.0, "PENDING-": 0.5}});
    assert_eq!(
        state_of(json!({"task_id": "a", "status": "PENDING", "subtasks": [subtask]})),
        TaskState::Queued {
            position: Some(0),
            expected_wait: None
        }
    );
}

#[test]
fn a_failure_is_explained_by_its_subtasks() {
    for (message, lost) in [
        ("PING timeout: 51.87 s", true),
        ("worker failed", true),
        ("CUDA out of memory", false),
    ] {
        let subtasks = json!([
            {"status": "SUCCEED", "worker_name": "a", "fail_msg": null},
            {"status": "FAILED", "worker_name": "b", "fail_msg": message},
            {"status": "FAILED", "worker_name": "c", "fail_msg": message},
        ]);
        assert_eq!(
            state_of(json!({"task_id": "a", "status": "FAILED", "subtasks": subtasks})),
            TaskState::Failed {
                message: message.to_owned(),
                worker_lost: lost
            }
        );
    }
}

#[test]
fn our_key_and_seed_are_found_in_what_was_sent() {
    let params = json!({"client_ref": "x/1", "seed": 2_147_483_647, "prompt": "p"});
    for params in [params.clone(), Value::String(params.to_string())] {
        let report = task(&json!({"task_id": "a", "status": 2, "params": params})).unwrap();
        assert_eq!(report.client_ref.as_deref(), Some("x/1"));
        assert_eq!(report.seed, Some(2_147_483_647));
    }
    let stripped = task(&json!({"task_id": "a", "status": 2, "params": null})).unwrap();
    assert_eq!((stripped.client_ref, stripped.seed), (None, None));
}

#[test]
fn times_are_read_where_they_can_be_trusted() {
    let created = |value: Value| {
        task(&json!({"task_id": "a", "create_t": value}))
            .unwrap()
            .created
    };
    let expected = Timestamp::from_microsecond(1_780_000_000_250_000).unwrap();
    assert_eq!(created(json!(1_780_000_000.25)), Some(expected));
    assert_eq!(created(json!("1780000000.25")), Some(expected));
    assert_eq!(created(json!("2026-05-28T20:26:40.25Z")), Some(expected));
    // Without a zone it may be any time of a day; the latest of them keeps a list from ending too early.
    let latest = "2026-05-29T16:26:40Z".parse().ok();
    assert_eq!(created(json!("2026-05-29 04:26:40")), latest);
    for untrusted in [json!("yesterday"), json!(null), json!(-5), json!(1e300)] {
        assert_eq!(created(untrusted.clone()), None, "{untrusted}");
    }
}

#[test]
fn pages_know_whether_older_ones_follow() {
    let tasks =
        json!([{"task_id": "b", "status": 2}, {"no": "id"}, {"task_id": "a", "status": "SUCCEED"}]);
    for (pagination, asked, has_more) in [
        (
            json!({"page": 1, "page_size": 2, "total": 3, "total_pages": 2}),
            1,
            true,
        ),
        (
            json!({"page": 2, "page_size": 2, "total": 3, "total_pages": 2}),
            2,
            false,
        ),
        (json!({"page_size": 2, "total": 5}), 2, true),
        (json!({"page_size": 2, "total": 4}), 2, false),
        (json!(null), 1, true),
    ] {
        let page = page(&json!({"tasks": tasks, "pagination": pagination}), asked).unwrap();
        assert_eq!(page.has_more, has_more, "{pagination}");
        let ids: Vec<&str> = page.tasks.iter().map(|task| task.task.0.as_str()).collect();
        assert_eq!(ids, ["b", "a"]);
    }
    assert!(
        !page(&json!({"tasks": [], "pagination": {"total_pages": 9}}), 1)
            .unwrap()
            .has_more
    );
    assert!(page(&json!({"items": []}), 1).is_none());
}

#[test]
fn ids_that_cannot_be_kept_are_none() {
    for id in [
        json!(""),
        json!(null),
        json!("x".repeat(257)),
        json!("a\nb"),
    ] {
        assert!(submitted(&json!({"task_id": id})).is_err(), "{id}");
    }
    assert_eq!(submitted(&json!({"task_id": 7})).unwrap().task.0, "7");
}

#[test]
fn counts_are_read_from_the_words() {
    for (words, expected) in [
        ("User a has too many active tasks, 3 vs 3", Some((3, 3))),
        ("User a vs b has 3", None),
        ("User a visit too frequently, 0.01 s vs 0.05 s", None),
        ("100 vs 90!", Some((100, 90))),
        ("", None),
    ] {
        assert_eq!(counts(words), expected, "{words}");
    }
}
