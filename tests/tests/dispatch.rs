//! The dispatcher against a simulated upstream, in virtual time: its rules, each broken on purpose.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use vbatch_server::domain::batch::EngineKind;
use vbatch_server::domain::dispatching::{DispatchSettings, DispatchState};
use vbatch_server::domain::failure::{FailureReason, WaitReason};
use vbatch_server::domain::item::{ItemState, Stage, VideoItem};
use vbatch_server::domain::ledger::Actor;
use vbatch_server::feed::engine_status::EngineStatuses;
use vbatch_tests::upstream::config::{Echo, Limits, UpstreamConfig};
use vbatch_tests::upstream::faults::{Call, Fault};
use vbatch_tests::upstream::tasks::{Script, Status};
use vbatch_tests::world::{World, epoch};

fn upstream() -> UpstreamConfig {
    UpstreamConfig {
        run: Duration::from_secs(20),
        latency: Duration::from_millis(20),
        epoch: epoch(),
        ..UpstreamConfig::default()
    }
}

fn completed(items: &[VideoItem]) -> usize {
    items
        .iter()
        .filter(|item| matches!(item.state, ItemState::Completed { .. }))
        .count()
}

fn failure(item: &VideoItem) -> FailureReason {
    match &item.state {
        ItemState::Failed { failure, .. } => failure.reason,
        other => panic!("not failed: {other:?}"),
    }
}

fn stage(item: &VideoItem) -> Option<&Stage> {
    item.processing().map(|running| &running.stage)
}

fn is_generating(items: &[VideoItem]) -> bool {
    items
        .iter()
        .all(|item| matches!(stage(item), Some(Stage::Generating { .. })))
}

#[tokio::test(start_paused = true)]
async fn twenty_items_under_the_real_limits_all_complete_with_few_calls() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 20).await;
    let batch = world.batch(user, 20).await;
    let items = world.finished(batch).await;

    assert_eq!(completed(&items), 20);
    assert_eq!(world.upstream.max_active(), 3);
    assert!(items.iter().all(|item| item.failures_in_round == 0));
    assert_eq!(world.upstream.tasks().len(), 20);
    let calls = world.upstream.calls().len();
    assert!(calls <= 5 * 20, "{calls} calls for 20 items");
    // Seven turns of three slots, 20 s each, and little between them.
    let spent = world.upstream.now();
    assert!(spent < Duration::from_secs(150), "{spent:?}");
    assert_eq!(world.balance(user).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_worker_is_tried_again_and_three_times_at_most() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 2).await;
    world
        .upstream
        .script_next(Script::failing("PING timeout: 51.87 s"));
    let batch = world.batch(user, 1).await;
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 1);
    assert_eq!(items[0].failures_in_round, 1);
    assert_eq!(world.balance(user).await, 1);

    for _ in 0..3 {
        world.upstream.script_next(Script::failing("worker failed"));
    }
    let batch = world.batch(user, 1).await;
    let items = world.finished(batch).await;
    assert_eq!(failure(&items[0]), FailureReason::WorkerLost);
    assert_eq!(items[0].ended_attempts.len(), 3);
    assert_eq!(
        world.balance(user).await,
        1,
        "the failed round was given back"
    );
}

#[tokio::test(start_paused = true)]
async fn bad_input_fails_at_once_and_is_given_back() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 3).await;
    world.upstream.fault(
        Fault::on(Call::Submit)
            .nth(2)
            .error(500, "cannot identify image file"),
    );
    let batch = world.batch(user, 3).await;
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 2);
    let failed: Vec<_> = items
        .iter()
        .filter(|item| !matches!(item.state, ItemState::Completed { .. }))
        .collect();
    assert_eq!(failure(failed[0]), FailureReason::UpstreamBadInput);
    assert_eq!(world.balance(user).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_in_the_list_and_never_paid_twice() {
    for echo in [Echo::All, Echo::KnownKeys] {
        let world = World::new(UpstreamConfig { echo, ..upstream() }).await;
        let user = world.user("wang", 1).await;
        world.upstream.fault(Fault::on(Call::Submit).lose_answer());
        let batch = world.batch(user, 1).await;
        let items = world.finished(batch).await;
        assert_eq!(completed(&items), 1, "{echo:?}");
        assert_eq!(world.upstream.tasks().len(), 1, "{echo:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_submit_that_made_nothing_is_sent_again_after_the_list_was_read_late_enough() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    world
        .upstream
        .fault(Fault::on(Call::Submit).drop_connection());
    let batch = world.batch(user, 1).await;
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 1);
    let submits = world.upstream.calls_of(Call::Submit);
    assert_eq!(submits.len(), 2);
    let lists = world.upstream.calls_of(Call::List);
    assert!(
        lists[0].at >= submits[0].at + Duration::from_secs(60),
        "{lists:?} {submits:?}"
    );
    assert!(submits[1].at >= lists[0].at);
    assert_eq!(items[0].last_attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_appears_late_is_ended_when_its_item_went_on_without_it() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    world.upstream.script_next(Script {
        run: Some(Duration::from_secs(3000)),
        ..Script::default()
    });
    world
        .upstream
        .fault(Fault::on(Call::Submit).lose_answer_and_list_after(Duration::from_secs(300)));
    let batch = world.batch(user, 1).await;
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 1);
    assert_eq!(world.upstream.tasks().len(), 2);
    world.until_all_ended().await;
    let late = &world.upstream.tasks()[0];
    assert_eq!(late.status, Status::Cancel);
    assert_eq!(world.balance(user).await, 0);
}

#[tokio::test(start_paused = true)]
async fn items_wait_for_a_new_token_and_none_fails_by_the_old_one() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 5).await;
    let batch = world.batch(user, 5).await;
    world
        .until(batch, "three run", |items| {
            items
                .iter()
                .filter(|item| item.processing().is_some())
                .count()
                == 3
        })
        .await;
    world.upstream.expire_token(&world.upstream.token());
    world.until_wait(WaitReason::UpstreamToken).await;

    tokio::time::sleep(Duration::from_secs(1800)).await;
    let items = world.items(batch).await;
    assert!(
        items
            .iter()
            .all(|item| item.failures_in_round == 0
                && !matches!(item.state, ItemState::Failed { .. }))
    );

    world
        .set_token(&world.upstream.give_token("operator"))
        .await;
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 5);
    assert_eq!(world.upstream.tasks().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_account_takes_over_while_the_old_tasks_are_followed_to_their_end() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 6).await;
    let batch = world.batch(user, 6).await;
    world
        .until(batch, "three run", |items| {
            items
                .iter()
                .filter(|item| item.processing().is_some())
                .count()
                == 3
        })
        .await;
    world.set_token(&world.upstream.give_token("second")).await;
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 6);
    let tasks = world.upstream.tasks();
    assert_eq!(tasks.len(), 6);
    assert_eq!(
        tasks.iter().filter(|task| task.account == "second").count(),
        3
    );
    world.until_tokens(1).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_without_a_token_for_two_hours_gives_its_items_back() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    world.upstream.script_next(Script {
        run: Some(Duration::from_secs(36_000)),
        ..Script::default()
    });
    let batch = world.batch(user, 1).await;
    world.until(batch, "it runs", is_generating).await;
    world.upstream.expire_token(&world.upstream.token());
    let items = world.finished(batch).await;
    assert_eq!(failure(&items[0]), FailureReason::UpstreamAccountLost);
    assert_eq!(world.balance(user).await, 1);

    let cleanups = world.store.cleanups().await.unwrap();
    assert_eq!(cleanups.len(), 1);
    assert!(cleanups[0].lost);
    // It holds no slot and blocks no retry: a token of another account is all that is needed.
    world.retry(batch, vec![items[0].id]).await;
    world.set_token(&world.upstream.give_token("second")).await;
    assert_eq!(completed(&world.finished(batch).await), 1);
}

/// A submit without an answer, and then no token for good: it is remembered for its day, and not for ever.
#[tokio::test(start_paused = true)]
async fn a_watch_of_a_lost_account_ends_with_its_day() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    world.upstream.fault(Fault::on(Call::Submit).lose_answer());
    let batch = world.batch(user, 1).await;
    world.upstream.until_called(Call::Submit, 1).await;
    world.upstream.expire_token(&world.upstream.token());
    let items = world.finished(batch).await;
    assert_eq!(failure(&items[0]), FailureReason::UpstreamAccountLost);
    let watches = world.store.watches().await.unwrap();
    assert!(watches.len() == 1 && watches[0].matched, "{watches:?}");
    tokio::time::sleep(Duration::from_secs(20 * 3_600)).await;
    assert_eq!(world.store.watches().await.unwrap().len(), 1);
    tokio::time::sleep(Duration::from_secs(4 * 3_600)).await;
    assert_eq!(world.store.watches().await.unwrap(), []);
}

/// A token that was refused before a stop is tried for two hours of the new run: it may be good again.
#[tokio::test(start_paused = true)]
async fn the_two_hours_of_a_refused_token_begin_again_with_each_run() {
    let mut world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    world.upstream.script_next(Script {
        run: Some(Duration::from_secs(36_000)),
        ..Script::default()
    });
    let batch = world.batch(user, 1).await;
    world.until(batch, "it runs", is_generating).await;
    world.upstream.expire_token(&world.upstream.token());
    tokio::time::sleep(Duration::from_secs(6_000)).await;
    world.crash().await;
    tokio::time::sleep(Duration::from_secs(6_000)).await;
    world.start();
    let begun = world.upstream.now();
    tokio::time::sleep(Duration::from_secs(6_000)).await;
    assert!(world.item(batch, 1).await.processing().is_some());
    let items = world.finished(batch).await;
    assert_eq!(failure(&items[0]), FailureReason::UpstreamAccountLost);
    let after = world.upstream.now() - begun;
    assert!((7_200..7_300).contains(&after.as_secs()), "{after:?}");
}

/// A wish of before a stop is not granted for want of a word before the upstream was asked.
#[tokio::test(start_paused = true)]
async fn the_two_minutes_of_a_wish_begin_again_with_each_run() {
    let mut world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    let batch = world.batch(user, 1).await;
    let items = world.until(batch, "it runs", is_generating).await;
    world.crash().await;
    world.cancel(batch, vec![items[0].id]).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    world.start();
    // It was made meanwhile, and is paid for: a video is better than a wish.
    assert_eq!(completed(&world.finished(batch).await), 1);
    assert_eq!(world.balance(user).await, 0);
}

/// What our own disk does not give just now is the machine's trouble: no item fails by it, and nothing is submitted.
#[tokio::test(start_paused = true)]
async fn sources_that_cannot_be_read_now_are_waited_for() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 2).await;
    world.set_unreadable(true);
    let batch = world.batch(user, 2).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let items = world.items(batch).await;
    assert!(items.iter().all(|item| !item.is_terminal()));
    assert_eq!(world.upstream.calls_of(Call::Submit).len(), 0);
    world.set_unreadable(false);
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 2);
    assert!(items.iter().all(|item| item.failures_in_round == 0));
    assert_eq!(world.upstream.tasks().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_address_where_nothing_is_known_is_told_of_and_no_item_fails_by_it() {
    for status in [403, 404, 405] {
        let world = World::new(upstream()).await;
        let user = world.user("wang", 1).await;
        let nothing = r#"{"detail":"Not Found"}"#;
        world
            .upstream
            .fault(Fault::on(Call::Submit).always().answer(status, nothing));
        let since = || {
            let statuses = world.feed().engines();
            let statuses = statuses.borrow();
            let paid = statuses.engines.get(&EngineKind::LightX2v);
            paid.and_then(|status| status.unavailable_since)
        };
        assert_eq!(since(), None);
        let batch = world.batch(user, 1).await;
        world.until_wait(WaitReason::UpstreamBusy).await;
        let first = since();
        assert!(first.is_some(), "{status}");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(since(), first);
        assert_eq!(world.items(batch).await[0].failures_in_round, 0);

        world.upstream.clear_faults();
        assert_eq!(completed(&world.finished(batch).await), 1);
        assert_eq!(since(), None);
        assert_eq!(world.upstream.tasks().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn slots_taken_by_others_are_waited_for() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 4).await;
    for _ in 0..3 {
        world.upstream.script_next(Script {
            run: Some(Duration::from_secs(60)),
            ..Script::default()
        });
        world.upstream.foreign_task("operator");
    }
    let batch = world.batch(user, 4).await;
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 4);
    assert!(items.iter().all(|item| item.failures_in_round == 0));
    assert_eq!(world.upstream.max_active(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_daily_limit_is_waited_for_and_says_until_when() {
    let config = UpstreamConfig {
        limits: Limits {
            daily: 5,
            ..Limits::default()
        },
        ..upstream()
    };
    let world = World::new(config).await;
    let user = world.user("wang", 7).await;
    let batch = world.batch(user, 7).await;
    let wait = world.until_wait(WaitReason::UpstreamDailyLimit).await;
    let until = wait.until.expect("our own tasks say when");
    let day = until.duration_since(epoch());
    assert!(day.as_hours() == 24, "{day:?}");
    assert_eq!(completed(&world.finished(batch).await), 7);
    assert!(world.upstream.now() > Duration::from_secs(24 * 3600));
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_stage_loses_nothing_and_pays_nothing_twice() {
    for pause in [
        0, 10, 30, 50, 90, 300, 5_000, 19_000, 20_200, 20_300, 21_000, 45_000,
    ] {
        let mut world = World::new(upstream()).await;
        let user = world.user("wang", 5).await;
        let batch = world.batch(user, 5).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        world.crash().await;
        tokio::time::sleep(Duration::from_secs(7)).await;
        world.start();
        let items = world.finished(batch).await;
        assert_eq!(completed(&items), 5, "crash after {pause} ms");
        assert_eq!(world.upstream.tasks().len(), 5, "crash after {pause} ms");
        assert!(world.upstream.max_active() <= 3);
        assert_eq!(world.balance(user).await, 0);
        world.assert_no_task_is_unowned(&[batch]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_item_ends_upstream_and_is_given_back() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 4).await;
    let batch = world.batch(user, 4).await;
    let items = world
        .until(batch, "three generate", |items| is_generating(&items[..3]))
        .await;
    world.cancel(batch, vec![items[0].id, items[3].id]).await;
    let items = world.finished(batch).await;
    assert!(matches!(items[0].state, ItemState::Cancelled { .. }));
    assert!(matches!(items[3].state, ItemState::Cancelled { .. }));
    assert_eq!(completed(&items), 2);
    assert_eq!(world.upstream.tasks()[0].status, Status::Cancel);
    assert_eq!(
        world.upstream.tasks().len(),
        3,
        "a pending item never reaches the upstream"
    );
    assert_eq!(world.balance(user).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_wish_without_a_word_is_granted_after_two_minutes_and_a_retry_waits_for_the_old_task() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 2).await;
    world.upstream.script_next(Script {
        run: Some(Duration::from_secs(1000)),
        ..Script::default()
    });
    let batch = world.batch(user, 1).await;
    let items = world.until(batch, "it generates", is_generating).await;
    let id = items[0].id;
    for call in [Call::Cancel, Call::Query] {
        world
            .upstream
            .fault(Fault::on(call).always().error(500, "unknown"));
    }
    world.cancel(batch, vec![id]).await;
    let items = world.finished(batch).await;
    assert!(matches!(items[0].state, ItemState::Cancelled { .. }));
    assert_eq!(world.balance(user).await, 2);
    assert_eq!(world.store.cleanups().await.unwrap().len(), 1);

    world.retry(batch, vec![id]).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    match world.item(batch, 1).await.state {
        ItemState::Pending(pending) => assert_eq!(pending.reason, Some(WaitReason::Cleanup)),
        other => panic!("{other:?}"),
    }
    world.upstream.clear_faults();
    assert_eq!(completed(&world.finished(batch).await), 1);
    assert_eq!(world.store.cleanups().await.unwrap(), []);
    assert_eq!(world.upstream.tasks()[0].status, Status::Cancel);
    assert_eq!(world.balance(user).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_too_late_keeps_the_video() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    world
        .upstream
        .fault(Fault::on(Call::ResultUrl).times(5).error(500, "weather"));
    let batch = world.batch(user, 1).await;
    let fetching = |items: &[VideoItem]| matches!(stage(&items[0]), Some(Stage::Fetching { .. }));
    let items = world.until(batch, "it is fetched", fetching).await;
    world.cancel(batch, vec![items[0].id]).await;
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 1);
    assert_eq!(world.balance(user).await, 0);
    assert_eq!(
        world.upstream.tasks().len(),
        1,
        "a fetch never submits again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_beyond_its_deadline_is_given_up_and_ended() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    world.upstream.script_next(Script {
        run: Some(Duration::from_secs(100_000)),
        ..Script::default()
    });
    let batch = world.batch(user, 1).await;
    let items = world.finished(batch).await;
    assert_eq!(failure(&items[0]), FailureReason::ItemDeadline);
    let spent = world.upstream.now();
    assert!((7200..7400).contains(&spent.as_secs()), "{spent:?}");
    world.until_all_ended().await;
    assert_eq!(world.balance(user).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_upstream_does_not_use_up_the_deadline() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    let batch = world.batch(user, 1).await;
    world.until(batch, "it generates", is_generating).await;
    world.upstream.set_down(true);
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    assert!(world.item(batch, 1).await.processing().is_some());
    world.upstream.set_down(false);
    assert_eq!(completed(&world.finished(batch).await), 1);
}

/// The upstream answers about others and never about one: that one's deadline goes on, and so does the slot it held.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_never_answered_about_gives_its_slot_back_after_the_deadline() {
    let world = World::new(UpstreamConfig {
        run: Duration::from_secs(3_000),
        ..upstream()
    })
    .await;
    let user = world.user("wang", 9).await;
    world.upstream.script_next(Script {
        run: Some(Duration::from_secs(20)),
        ..Script::default()
    });
    let mute = world.batch(user, 1).await;
    world.until(mute, "it generates", is_generating).await;
    world.upstream.mute(&world.upstream.tasks()[0].id);
    let others = world.batch(user, 8).await;
    let items = world.finished(mute).await;
    assert_eq!(failure(&items[0]), FailureReason::ItemDeadline);
    let spent = world.upstream.now();
    assert!((7_200..7_500).contains(&spent.as_secs()), "{spent:?}");
    assert_eq!(world.balance(user).await, 1);
    // The slot is another's before any of those that run has ended.
    let done = completed(&world.items(others).await);
    let items = world
        .until(others, "three run at once", |items| {
            items
                .iter()
                .filter(|item| item.processing().is_some())
                .count()
                == 3
        })
        .await;
    assert_eq!(completed(&items), done);
    world.until_all_ended().await;
    assert_eq!(completed(&world.finished(others).await), 8);
}

#[tokio::test(start_paused = true)]
async fn a_vanished_task_is_believed_after_ten_minutes() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    let batch = world.batch(user, 1).await;
    world.until(batch, "it generates", is_generating).await;
    let gone = world.upstream.now();
    world.upstream.vanish(&world.upstream.tasks()[0].id);
    let items = world.finished(batch).await;
    assert_eq!(failure(&items[0]), FailureReason::TaskVanished);
    let after = world.upstream.now() - gone;
    assert!((600..660).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_by_somebody_else_fails_the_item() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    let batch = world.batch(user, 1).await;
    world.until(batch, "it generates", is_generating).await;
    world
        .upstream
        .set_state(&world.upstream.tasks()[0].id, Status::Cancel, None);
    let items = world.finished(batch).await;
    assert_eq!(failure(&items[0]), FailureReason::UpstreamCancelled);
    assert_eq!(world.balance(user).await, 1);
}

#[tokio::test(start_paused = true)]
async fn refused_connections_and_a_busy_queue_are_only_waited_for() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 4).await;
    world.upstream.fault(
        Fault::on(Call::Submit)
            .times(6)
            .error(500, "Queue busy, please try again later"),
    );
    world.upstream.set_down(true);
    let batch = world.batch(user, 4).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    world.upstream.set_down(false);
    let items = world.finished(batch).await;
    assert_eq!(completed(&items), 4);
    assert!(items.iter().all(|item| item.failures_in_round == 0));
    assert_eq!(world.upstream.tasks().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn turns_go_round_the_users_and_within_a_user_round_the_batches() {
    let world = World::new(UpstreamConfig {
        limits: Limits {
            daily: 1000,
            ..Limits::default()
        },
        ..upstream()
    })
    .await;
    pause_dispatch(&world, DispatchState::Paused).await;
    let many = world.user("many", 40).await;
    let few = world.user("few", 4).await;
    let first = world.batch(many, 20).await;
    let second = world.batch(many, 20).await;
    let small = world.batch(few, 4).await;
    pause_dispatch(&world, DispatchState::Running).await;
    world.finished(small).await;

    // Looked at when the last of the few was begun, perhaps at once with one more: what followed had nobody to share with.
    let last = world
        .items(small)
        .await
        .iter()
        .filter_map(|item| item.start_time)
        .max();
    let starts = |items: Vec<VideoItem>| {
        items
            .iter()
            .filter(|item| item.start_time.is_some_and(|time| Some(time) <= last))
            .count()
    };
    let first = starts(world.items(first).await);
    let second = starts(world.items(second).await);
    assert!(
        (3..=5).contains(&(first + second)),
        "{first} and {second} of the other user's were begun before the fourth of this one's"
    );
    let difference = first.abs_diff(second);
    assert!(difference <= 1, "{difference}");
}

/// While all slots are taken the dispatcher says whose turn is next; the others wait for theirs.
#[tokio::test(start_paused = true)]
async fn who_is_next_waits_for_a_slot_and_everyone_else_for_a_turn() {
    let world = World::new(UpstreamConfig {
        run: Duration::from_secs(600),
        ..upstream()
    })
    .await;
    let (wang, li) = (world.user("wang", 9).await, world.user("li", 9).await);
    let running = world.batch(wang, 3).await;
    world.until(running, "all run", is_generating).await;
    let (second, third) = (world.batch(wang, 2).await, world.batch(li, 2).await);
    let wait = |batch| {
        let statuses = world.feed().engines();
        let wait = statuses.borrow().wait_of(EngineKind::LightX2v, batch);
        wait.reason
    };
    let mut engines = world.feed().engines();
    let says = |next| {
        move |statuses: &std::sync::Arc<EngineStatuses>| {
            statuses.engines[&EngineKind::LightX2v].next_batch == Some(next)
        }
    };
    // wang had the last turn.
    engines.wait_for(says(third)).await.unwrap();
    assert_eq!(
        (wait(third), wait(second)),
        (WaitReason::Slot, WaitReason::Turn)
    );
    let backlog = world
        .store
        .backlog(EngineKind::LightX2v, world.clock.now())
        .await
        .unwrap();
    assert_eq!((backlog.ready, backlog.next.unwrap().ready), (4, 2));
    world.finished(running).await;
    world.finished(third).await;
    world.finished(second).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_claims_nothing_and_lets_run_what_runs() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 5).await;
    let batch = world.batch(user, 5).await;
    world
        .until(batch, "three generate", |items| is_generating(&items[..3]))
        .await;
    pause_dispatch(&world, DispatchState::Draining).await;
    world
        .until(batch, "three are done", |items| completed(items) == 3)
        .await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.upstream.tasks().len(), 3);
    pause_dispatch(&world, DispatchState::Running).await;
    assert_eq!(completed(&world.finished(batch).await), 5);
}

#[tokio::test(start_paused = true)]
async fn a_graceful_end_records_the_answers_of_running_submits() {
    let mut world = World::new(UpstreamConfig {
        latency: Duration::from_secs(2),
        ..upstream()
    })
    .await;
    let user = world.user("wang", 3).await;
    let batch = world.batch(user, 3).await;
    world
        .until(batch, "three are submitted", |items| {
            items.iter().all(|item| item.processing().is_some())
        })
        .await;
    world.stop().await;
    let items = world.items(batch).await;
    assert!(
        items
            .iter()
            .all(|item| matches!(stage(item), Some(Stage::Queued { .. }))),
        "{items:#?}"
    );
}

async fn pause_dispatch(world: &World, state: DispatchState) {
    let settings = DispatchSettings {
        state,
        concurrency: 3,
        changed_by: Actor::System,
        change_time: world.clock.now(),
    };
    world.store.set_dispatch_settings(settings).await.unwrap();
}
