//! A copy restored from a backup, in virtual time: what its other life submitted after the backup is never paid twice.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use vbatch_server::domain::failure::{FailureReason, WaitReason};
use vbatch_server::domain::ids::{BatchId, UserId};
use vbatch_server::domain::item::{ItemState, Stage, VideoItem};
use vbatch_tests::upstream::config::{Echo, UpstreamConfig};
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

fn running(items: &[VideoItem]) -> usize {
    items
        .iter()
        .filter(|item| item.processing().is_some())
        .count()
}

/// Tasks that were accepted, by the item that they are for.
fn tasks_by_item(world: &World) -> BTreeMap<String, usize> {
    let mut tasks = BTreeMap::new();
    for task in world.upstream.tasks() {
        let item = task.client_ref().unwrap().split('/').next().unwrap();
        *tasks.entry(item.to_owned()).or_default() += 1;
    }
    tasks
}

fn assert_each_was_paid_once(world: &World, items: &[VideoItem]) {
    let tasks = tasks_by_item(world);
    for item in items {
        assert_eq!(tasks.get(&item.id.to_string()), Some(&1), "{item:?}");
    }
}

fn submits(world: &World) -> usize {
    world.upstream.calls_of(Call::Submit).len()
}

/// A server, and a copy of it with the time of its backup, before anything was submitted: a user of so many credits, and a
/// batch of so many items.
async fn parted(
    config: UpstreamConfig,
    credits: i32,
    items: u32,
) -> (World, World, Timestamp, UserId, BatchId) {
    let world = World::asleep(config).await;
    world.set_token(&world.upstream.token()).await;
    let user = world.user("wang", credits).await;
    let batch = world.batch(user, items).await;
    let (copy, backup_time) = (world.copy(), world.clock.now());
    (world, copy, backup_time, user, batch)
}

/// Restores a backup of that time, and lets it run; nothing was submitted before.
async fn run_restored(copy: &mut World, backup_time: Timestamp) {
    copy.mark_restored(backup_time).await;
    copy.start();
    let before = submits(copy);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(submits(copy), before, "a restored copy is paused");
    copy.resume().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_submitted_after_the_backup_is_adopted_and_nothing_is_paid_twice() {
    let (mut world, mut copy, backup_time, user, batch) = parted(upstream(), 8, 8).await;
    // The first is done when the server dies, the second was cancelled by somebody else, the third runs on for long.
    for run in [20, 30, 3_000] {
        world.upstream.script_next(Script {
            run: Some(Duration::from_secs(run)),
            ..Script::default()
        });
    }
    world.start();
    world
        .until(batch, "the first is done", |items| completed(items) == 1)
        .await;
    let second = world.upstream.tasks()[1].id.clone();
    world.upstream.set_state(&second, Status::Cancel, None);
    world
        .until(batch, "five were started", |items| {
            running(items) == 3 && items[4].processing().is_some()
        })
        .await;
    world.crash().await;
    let accepted = world.upstream.tasks().len();

    run_restored(&mut copy, backup_time).await;
    let wait = copy.until_wait(WaitReason::Cleanup).await;
    assert!(wait.until.is_some());
    let items = copy.finished(batch).await;
    assert!(accepted >= 4);
    assert_eq!(copy.upstream.tasks().len(), 8);
    assert_each_was_paid_once(&copy, &items);
    assert_eq!(completed(&items), 7);
    // Somebody cancelled it: the user is asked, and has the credit back.
    assert!(matches!(
        &items[1].state,
        ItemState::Failed { failure, .. } if failure.reason == FailureReason::UpstreamCancelled
    ));
    assert_eq!(copy.balance(user).await, 1);
    assert_eq!(copy.upstream.max_active(), 3);
    copy.assert_no_task_is_unowned(&[batch]).await;
}

#[tokio::test(start_paused = true)]
async fn the_other_life_may_go_on_until_this_one_is_let_run() {
    let (mut world, mut copy, backup_time, user, batch) = parted(upstream(), 12, 12).await;
    world.start();
    // Both live: the copy is paused, the original submits.
    copy.mark_restored(backup_time).await;
    copy.start();
    world
        .until(batch, "some are done", |items| completed(items) >= 4)
        .await;
    // A submit whose answer was lost, and which the list does not show at once, is the last thing that it does.
    world
        .upstream
        .fault(Fault::on(Call::Submit).lose_answer_and_list_after(Duration::from_secs(40)));
    let accepted = world.upstream.tasks().len();
    world
        .upstream
        .until("the last submit", |_, tasks| tasks.len() > accepted)
        .await;
    world.crash().await;
    copy.resume().await;
    let items = copy.finished(batch).await;
    assert_eq!(completed(&items), 12);
    assert_each_was_paid_once(&copy, &items);
    assert_eq!(copy.balance(user).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_ran_at_the_backup_goes_on_with_the_newest_attempt() {
    let mut world = World::new(upstream()).await;
    let user = world.user("wang", 2).await;
    world
        .upstream
        .script_next(Script::failing("PING timeout: 51.87 s"));
    let batch = world.batch(user, 1).await;
    world
        .until(batch, "it runs", |items| {
            items[0]
                .processing()
                .is_some_and(|running| matches!(running.stage, Stage::Generating { .. }))
        })
        .await;
    let (mut copy, backup_time) = (world.copy(), world.clock.now());
    world.upstream.script_next(Script {
        run: Some(Duration::from_secs(2_000)),
        ..Script::default()
    });
    world
        .until(batch, "the second attempt runs", |items| {
            items[0].last_attempt == 2
                && items[0]
                    .processing()
                    .is_some_and(|it| it.attempt.task.is_some())
        })
        .await;
    world.crash().await;
    run_restored(&mut copy, backup_time).await;
    let items = copy.finished(batch).await;
    assert_eq!(completed(&items), 1);
    assert_eq!(copy.upstream.tasks().len(), 2, "the lost one, and its heir");
    assert_eq!(items[0].last_attempt, 2);
    assert_eq!(copy.balance(user).await, 1);
}

#[tokio::test(start_paused = true)]
async fn later_attempts_use_no_number_of_the_other_life_again() {
    let (mut world, mut copy, backup_time, _, batch) = parted(upstream(), 1, 1).await;
    world.upstream.script_next(Script::failing("worker failed"));
    world.upstream.script_next(Script {
        run: Some(Duration::from_secs(900)),
        fail: Some("worker failed".to_owned()),
        ..Script::default()
    });
    world.start();
    world
        .until(batch, "the second attempt runs", |items| {
            items[0].last_attempt == 2 && items[0].processing().is_some()
        })
        .await;
    world
        .upstream
        .until("two tasks", |_, tasks| tasks.len() == 2)
        .await;
    world.crash().await;
    run_restored(&mut copy, backup_time).await;
    let items = copy.finished(batch).await;
    assert_eq!(completed(&items), 1);
    let mut keys: Vec<String> = copy
        .upstream
        .tasks()
        .iter()
        .map(|task| task.client_ref().unwrap().to_owned())
        .collect();
    let seeds: Vec<_> = copy.upstream.tasks().iter().map(|it| it.seed()).collect();
    keys.dedup();
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys[2].ends_with("/3"));
    assert!(seeds[0] != seeds[1] && seeds[1] != seeds[2]);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_an_item_that_was_cancelled_here_is_ended() {
    let (mut world, mut copy, backup_time, user, batch) = parted(upstream(), 2, 2).await;
    for _ in 0..2 {
        world.upstream.script_next(Script {
            run: Some(Duration::from_secs(3_000)),
            ..Script::default()
        });
    }
    world.start();
    world
        .upstream
        .until("both run", |_, tasks| tasks.len() == 2)
        .await;
    world.crash().await;
    copy.mark_restored(backup_time).await;
    let first = copy.item(batch, 1).await.id;
    copy.cancel(batch, vec![first]).await;
    copy.start();
    copy.resume().await;
    let items = copy.finished(batch).await;
    assert!(matches!(items[0].state, ItemState::Cancelled { .. }));
    assert!(matches!(items[1].state, ItemState::Completed { .. }));
    copy.until_all_ended().await;
    let status = |item: &VideoItem| {
        let id = item.id.to_string();
        let tasks = copy.upstream.tasks();
        let task = tasks
            .iter()
            .find(|task| task.client_ref().unwrap().starts_with(&id));
        task.unwrap().status
    };
    assert_eq!(status(&items[0]), Status::Cancel);
    assert_eq!(status(&items[1]), Status::Succeed);
    assert_eq!(copy.upstream.tasks().len(), 2);
    assert_eq!(copy.balance(user).await, 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_of_the_old_account_only_what_is_new_runs() {
    let (mut world, mut copy, backup_time, user, batch) = parted(upstream(), 9, 3).await;
    let old_token = world.upstream.token();
    world.start();
    world
        .until(batch, "three were made", |items| completed(items) == 3)
        .await;
    world.crash().await;
    world.upstream.expire_token(&old_token);

    copy.mark_restored(backup_time).await;
    copy.start();
    copy.resume().await;
    copy.until_wait(WaitReason::UpstreamToken).await;
    // A token of another account: its list is matched, and says nothing of what the first was paid for.
    copy.set_token(&copy.upstream.give_token("second")).await;
    let new = copy.batch(user, 2).await;
    let items = copy.finished(new).await;
    assert_eq!(completed(&items), 2);
    copy.until_wait(WaitReason::UpstreamToken).await;
    assert_eq!(running(&copy.items(batch).await), 0);
    let paid = |account: &str| {
        let tasks = copy.upstream.tasks();
        tasks.iter().filter(|task| task.account == account).count()
    };
    assert_eq!((paid("operator"), paid("second")), (3, 2));

    // A new token of the first account is all that is needed.
    copy.set_token(&copy.upstream.give_token("operator")).await;
    let items = copy.finished(batch).await;
    assert_eq!(completed(&items), 3);
    assert_eq!((paid("operator"), paid("second")), (3, 2));
    assert_each_was_paid_once(&copy, &items);
    assert_eq!(copy.balance(user).await, 4);
}

/// The first life submitted on an account of which its copy has no token; the copy of that copy does not know better.
#[tokio::test(start_paused = true)]
async fn a_copy_of_a_copy_waits_for_the_account_of_the_first_life_too() {
    let (mut world, mut copy, backup_time, user, batch) = parted(upstream(), 9, 3).await;
    let old_token = world.upstream.token();
    world.start();
    world
        .until(batch, "three were made", |items| completed(items) == 3)
        .await;
    world.crash().await;
    world.upstream.expire_token(&old_token);

    copy.mark_restored(backup_time).await;
    copy.start();
    copy.resume().await;
    copy.set_token(&copy.upstream.give_token("second")).await;
    let new = copy.batch(user, 2).await;
    copy.finished(new).await;
    copy.crash().await;

    let (mut third, backup_time) = (copy.copy(), copy.clock.now());
    third.mark_restored(backup_time).await;
    third.start();
    third.resume().await;
    let newest = third.batch(user, 1).await;
    assert_eq!(completed(&third.finished(newest).await), 1);
    third.until_wait(WaitReason::UpstreamToken).await;
    assert_eq!(running(&third.items(batch).await), 0);
    assert_eq!(third.upstream.tasks().len(), 6);

    third
        .set_token(&third.upstream.give_token("operator"))
        .await;
    let items = third.finished(batch).await;
    assert_eq!(completed(&items), 3);
    assert_each_was_paid_once(&third, &items);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_keeps_everything_waiting() {
    let (mut world, mut copy, backup_time, _, batch) = parted(upstream(), 3, 3).await;
    world.start();
    world
        .upstream
        .until("three run", |_, tasks| tasks.len() == 3)
        .await;
    world.crash().await;
    copy.mark_restored(backup_time).await;
    let broken = Fault::on(Call::List).always();
    copy.upstream.fault(broken.error(500, "database is down"));
    copy.start();
    copy.resume().await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(copy.upstream.calls_of(Call::List).len() > 5);
    assert_eq!(submits(&copy), 3);
    assert_eq!(running(&copy.items(batch).await), 0);
    copy.upstream.clear_faults();
    let items = copy.finished(batch).await;
    assert_eq!(completed(&items), 3);
    assert_each_was_paid_once(&copy, &items);
}

#[tokio::test(start_paused = true)]
async fn a_mark_outlives_crashes_and_a_second_start_asks_no_list_again() {
    let (mut world, mut copy, backup_time, _, batch) = parted(upstream(), 6, 6).await;
    world.start();
    world
        .until(batch, "two are done", |items| completed(items) >= 2)
        .await;
    world.crash().await;
    copy.mark_restored(backup_time).await;
    copy.resume().await;
    copy.start();
    tokio::time::sleep(Duration::from_secs(30)).await;
    copy.crash().await;
    copy.start();
    copy.until(batch, "something was taken over", |items| {
        running(items) > 0
    })
    .await;
    let lists = copy.upstream.calls_of(Call::List).len();
    copy.crash().await;
    copy.start();
    let items = copy.finished(batch).await;
    assert_eq!(completed(&items), 6);
    assert_each_was_paid_once(&copy, &items);
    assert_eq!(copy.upstream.calls_of(Call::List).len(), lists);
}

#[tokio::test(start_paused = true)]
async fn where_our_key_is_stripped_seeds_tell_the_tasks() {
    let config = UpstreamConfig {
        echo: Echo::KnownKeys,
        ..upstream()
    };
    let (mut world, mut copy, backup_time, _, batch) = parted(config, 6, 6).await;
    world.start();
    world
        .until(batch, "three are done", |items| completed(items) >= 3)
        .await;
    world.crash().await;
    run_restored(&mut copy, backup_time).await;
    let items = copy.finished(batch).await;
    assert_eq!(completed(&items), 6);
    assert_eq!(copy.upstream.tasks().len(), 6);
}
