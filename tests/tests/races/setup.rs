//! A world with one user, and the words in which the tests say what came out.

use std::time::Duration;

use vbatch_server::domain::dispatching::{DispatchSettings, DispatchState};
use vbatch_server::domain::ids::{BatchId, UserId};
use vbatch_server::domain::item::{ItemState, Stage, VideoItem};
use vbatch_server::domain::ledger::{Actor, EntryKind};
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::upstream::tasks::{Script, Status};
use vbatch_tests::world::{World, epoch};

pub(crate) fn upstream() -> UpstreamConfig {
    UpstreamConfig {
        run: Duration::from_secs(20),
        latency: Duration::from_millis(500),
        epoch: epoch(),
        ..UpstreamConfig::default()
    }
}

pub(crate) fn running_for(seconds: u64) -> Script {
    Script {
        run: Some(Duration::from_secs(seconds)),
        ..Script::default()
    }
}

fn stage(items: &[VideoItem]) -> Option<&Stage> {
    items[0].processing().map(|running| &running.stage)
}

pub(crate) fn is_submitting(items: &[VideoItem]) -> bool {
    stage(items) == Some(&Stage::Submitting)
}

pub(crate) fn is_unresolved(items: &[VideoItem]) -> bool {
    matches!(stage(items), Some(Stage::Unresolved { .. }))
}

pub(crate) fn is_fetching(items: &[VideoItem]) -> bool {
    matches!(stage(items), Some(Stage::Fetching { .. }))
}

pub(crate) fn is_generating(items: &[VideoItem]) -> bool {
    matches!(stage(items), Some(Stage::Generating { .. }))
}

pub(crate) fn is_waiting(items: &[VideoItem]) -> bool {
    matches!(items[0].state, ItemState::Pending(_))
}

pub(crate) fn is_cancelled(item: &VideoItem) -> bool {
    matches!(item.state, ItemState::Cancelled { .. })
}

pub(crate) fn is_completed(item: &VideoItem) -> bool {
    matches!(item.state, ItemState::Completed { .. })
}

/// A world with a user of one credit and a batch of one item.
pub(crate) async fn one_item(scripted: impl FnOnce(&World)) -> (World, UserId, BatchId) {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 1).await;
    scripted(&world);
    let batch = world.batch(user, 1).await;
    (world, user, batch)
}

/// The same, when its item is so far.
pub(crate) async fn one_item_that(
    is_so_far: fn(&[VideoItem]) -> bool,
    scripted: impl FnOnce(&World),
) -> (World, UserId, BatchId) {
    let (world, user, batch) = one_item(scripted).await;
    world.until(batch, "it is so far", is_so_far).await;
    (world, user, batch)
}

/// Waits for the end of a batch's first item, which is to be that.
pub(crate) async fn ends(
    world: &World,
    batch: BatchId,
    is_that: fn(&VideoItem) -> bool,
) -> VideoItem {
    let item = world.finished(batch).await.swap_remove(0);
    assert!(is_that(&item), "{item:#?}");
    item
}

pub(crate) async fn cancel(world: &World, batch: BatchId) {
    let id = world.item(batch, 1).await.id;
    world.cancel(batch, vec![id]).await;
}

pub(crate) async fn dispatch(world: &World, state: DispatchState) {
    let settings = DispatchSettings {
        state,
        concurrency: 3,
        changed_by: Actor::System,
        change_time: world.clock.now(),
    };
    world
        .store
        .set_dispatch_settings(settings)
        .await
        .expect("the store works");
}

/// A user's ledger after the grant, oldest first: kind, delta and round.
pub(crate) async fn rounds(world: &World, user: UserId) -> Vec<(EntryKind, i32, u32)> {
    let ledger = world.ledger(user).await;
    ledger
        .iter()
        .filter_map(|entry| Some((entry.kind, entry.delta, entry.subject?.round)))
        .collect()
}

/// One round that was charged and given back.
pub(crate) const GIVEN_BACK: [(EntryKind, i32, u32); 2] =
    [(EntryKind::Charge, -1, 1), (EntryKind::Refund, 1, 1)];

/// One round that was charged and kept.
pub(crate) const PAID: [(EntryKind, i32, u32); 1] = [(EntryKind::Charge, -1, 1)];

/// The states of the upstream's tasks, oldest first.
pub(crate) fn tasks(world: &World) -> Vec<Status> {
    let tasks = world.upstream.tasks();
    tasks.iter().map(|task| task.status).collect()
}
