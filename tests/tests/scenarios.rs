//! What the upstream may do to us, one file of `scenarios/` each, and what must come out.

use vbatch_tests::scenario::{names, play, play_file};

/// One test of its own name for each file.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                if let Err(complaint) = play_file(stringify!($name)).await {
                    panic!("{}.toml came out otherwise:\n{complaint}", stringify!($name));
                }
            }
        )*

        const LISTED: &[&str] = &[$(stringify!($name)),*];
    };
}

scenarios! {
    absurd_estimates,
    account_lost,
    bad_input,
    cancel_answered_400,
    cancel_answered_400_unknown,
    cancel_answered_405,
    cancel_answered_500,
    daily_limit,
    ended_by_somebody_else,
    half_a_body,
    hang_and_nothing_was_made,
    hang_without_a_byte,
    html_with_200,
    pending_again_after_running,
    ping_timeout_then_success,
    queue_busy,
    redirect_to_another_host,
    refused_connection,
    result_cut_in_the_middle,
    result_url_absolute,
    result_url_relative,
    task_vanished,
    token_expires_and_a_new_one_comes,
    token_of_another_account_while_tasks_run,
    too_many_active_for_a_minute,
    unknown_id_in_a_bulk_query,
    worker_lost_three_times,
}

#[test]
fn every_file_is_a_test() {
    assert_eq!(names(), LISTED, "list each file of scenarios/, in order");
}

/// What is wrong in it on purpose is marked; the runner has to find each.
const WRONG: &str = r#"
title = "A bad picture, of which the file expects the opposite in everything."

[upstream]
faults = [
  { on = "submit", does = { answer = { status = 500, error = "cannot identify image file" } } },
]

[story]
credits = 2
steps = [
  { user_submits = 2 },
  { wait_until = { items = [1], are = "failed" } },
  { screen = { item = 1, english = ["all is well"], chinese = ["一切正常"], never = ["bad input"] } },
  { calls_so_far = { submit = 7 } },
]

[expect]
items = ["COMPLETED", "COMPLETED"]
attempts = [["1 COMPLETED"], ["2 COMPLETED"]]
credits = ["GRANT +2", "CHARGE -1 item 1", "CHARGE -1 item 2"]
balance = 0
tasks = ["operator SUCCEED", "operator SUCCEED"]
calls = { submit = 3, query = "50..60", cancel = 1 }
ends_within = "5s"
"#;

#[tokio::test(start_paused = true)]
async fn what_differs_is_found_and_named() {
    let complaint = play(WRONG).await.expect_err("everything is wrong in it");
    let said = complaint.to_string();
    for part in [
        "step 3: the screen of item 1 does not say \"all is well\"",
        "step 3: the screen of item 1 does not say \"一切正常\"",
        "step 3: the screen of item 1 says \"bad input\"",
        "step 4: the calls: Submit was called",
        "the items: expected [\"COMPLETED\", \"COMPLETED\"], found [\"FAILED UPSTREAM_BAD_INPUT\", \"COMPLETED\"]",
        "the attempts: expected",
        "the ledger: expected",
        "the balance: expected 0, found 1",
        "the upstream's tasks: expected",
        "the calls: Submit was called 2 times, expected 3",
        "the calls: Query was called",
        "the calls: ResultUrl was called 1 times, expected 0",
        "the calls: Cancel was called 0 times, expected 1",
        "the last item ended after",
    ] {
        assert!(said.contains(part), "not found: {part}; but:\n{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_leaves_something_open_is_refused() {
    for (from, to, words) in [
        ("title =", "titel =", "unknown field `titel`"),
        ("on = \"submit\"", "onn = \"submit\"", "unknown field `onn`"),
        ("user_submits", "user_sends", "unknown variant `user_sends`"),
        ("balance = 0\n", "", "missing field `balance`"),
        ("\"5s\"", "\"5 seconds\"", "is not like \"20s\""),
        ("submit = 3,", "", "must say how often `submit`"),
        (
            "chinese = [\"一切正常\"]",
            "chinese = []",
            "words must be given in both languages",
        ),
        (
            "  { screen =",
            "  # { screen =",
            "must say what the operator reads",
        ),
        ("\"failed\" }", "\"gone\" }", "an item is never `gone`"),
        (
            "calls = { submit = 3",
            "calls = { submits = 3",
            "unknown variant `submits`",
        ),
    ] {
        assert!(WRONG.contains(from), "{from}");
        let complaint = play(&WRONG.replace(from, to)).await.expect_err(words);
        let said = complaint.to_string();
        assert!(said.contains(words), "{from}: {said}");
    }
}
