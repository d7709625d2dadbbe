//! Cleanups and watches: what they block, who frees it.

use crate::domain::failure::WaitReason;
use crate::domain::ids::TaskId;
use crate::domain::item::{ItemState, Pending, VideoItem};
use crate::domain::transition::AttemptEvent;
use crate::store::{FoundTask, Settled};

use super::world::{World, account, failure, submitted};

/// An item whose task was given up: it has a cleanup.
async fn left_running(world: &World, task: &str) -> VideoItem {
    let item = world.claim(9).await.unwrap();
    let attempt = item.last_attempt;
    world
        .event(item.id, attempt, submitted(task))
        .await
        .unwrap();
    let gave_up = AttemptEvent::GaveUp { failure: failure() };
    world.event(item.id, attempt, gave_up).await.unwrap()
}

/// An item whose submit was never answered and is given up: it has a watch.
async fn left_unresolved(world: &World) -> VideoItem {
    let item = world.claim(9).await.unwrap();
    let attempt = item.last_attempt;
    world
        .event(item.id, attempt, AttemptEvent::Unanswered)
        .await
        .unwrap();
    let gave_up = AttemptEvent::GaveUp { failure: failure() };
    world.event(item.id, attempt, gave_up).await.unwrap()
}

fn waits_for_cleanup(item: &VideoItem) -> bool {
    let reason = Some(WaitReason::Cleanup);
    item.state
        == ItemState::Pending(Pending {
            not_before: None,
            reason,
        })
}

/// A new round is charged at once and claimed when the old task has ended.
pub async fn a_retry_waits_behind_a_cleanup(world: World) {
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 1, 1).await;
    let item = left_running(&world, "old").await;
    world.retry(batch.id, &[item.id]).await.unwrap();
    assert!(waits_for_cleanup(&world.item(item.id).await));
    assert_eq!(world.claim(9).await, None);
    let now = world.clock.now();
    let backlog = world.store.backlog(batch.engine, now).await.unwrap();
    assert_eq!(backlog.held, [(WaitReason::Cleanup, 1)].into());
    assert_eq!(backlog.ready, 0);

    // A second task of the same attempt blocks as well, until both have ended.
    let first = world.store.cleanups().await.unwrap().remove(0);
    let mut second = first.clone();
    second.task = TaskId("twin".to_owned());
    world.store.add_cleanup(second.clone()).await.unwrap();
    for cleanup in [first, second] {
        assert_eq!(world.claim(9).await, None);
        world
            .store
            .end_cleanup(cleanup.client_ref, cleanup.task, now)
            .await
            .unwrap();
    }
    let claimed = world.claim(9).await.unwrap();
    assert_eq!((claimed.id, claimed.round), (item.id, 2));
    world.complete(&claimed).await;
    assert_eq!(world.stored(&user).await.credit_balance, 9);
    world.check_books(&user).await;
}

/// Cleanups and watches of an account without a token stay on record, but hold and block nothing.
pub async fn a_lost_account_blocks_nothing(world: World) {
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 2, 1).await;
    let a = left_running(&world, "old").await;
    let b = left_unresolved(&world).await;
    world.retry(batch.id, &[]).await.unwrap();
    assert_eq!(world.claim(9).await, None);
    let now = world.clock.now();
    world.store.lose_account(account(), now).await.unwrap();
    let cleanups = world.store.cleanups().await.unwrap();
    assert!(cleanups.len() == 1 && cleanups[0].lost);
    let watches = world.store.watches().await.unwrap();
    assert!(watches.len() == 1 && watches[0].matched);
    let claimed = [
        world.claim(2).await.unwrap().id,
        world.claim(2).await.unwrap().id,
    ];
    assert_eq!(claimed, [a.id, b.id]);
    let revision = world.store.totals().await.unwrap().revision;
    world.store.lose_account(account(), now).await.unwrap();
    assert_eq!(world.store.totals().await.unwrap().revision, revision);
    world.check_books(&user).await;
}

/// A late task is adopted by an item that waits, else it becomes a cleanup; one that has ended is forgotten.
pub async fn a_watch_is_settled_once(world: World) {
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 3, 1).await;
    let items = [
        left_unresolved(&world).await,
        left_unresolved(&world).await,
        left_unresolved(&world).await,
    ];
    let found = |item: &VideoItem, ended| FoundTask {
        key: item.client_ref(1),
        task: TaskId("late".to_owned()),
        ended,
        instance: world.instance,
        now: world.clock.now(),
    };
    // It waits in a new round, behind its own watch.
    world.retry(batch.id, &[items[0].id]).await.unwrap();
    let settled = world.store.settle_watch(found(&items[0], false)).await;
    let Some(Settled::Adopted(adopted)) = settled.unwrap() else {
        panic!("it was not adopted");
    };
    let running = adopted.processing().unwrap();
    assert_eq!(running.attempt.number, 1);
    assert_eq!(running.attempt.task, Some(TaskId("late".to_owned())));
    // It has ended.
    let settled = world.store.settle_watch(found(&items[1], false)).await;
    assert!(matches!(settled.unwrap(), Some(Settled::Cleanup(_))));
    assert_eq!(world.store.cleanups().await.unwrap().len(), 1);
    // Its task has ended, and what waited behind the watch is ready.
    world.retry(batch.id, &[items[2].id]).await.unwrap();
    assert!(waits_for_cleanup(&world.item(items[2].id).await));
    let settled = world.store.settle_watch(found(&items[2], true)).await;
    assert!(matches!(settled.unwrap(), Some(Settled::Forgotten)));
    assert_eq!(world.claim(9).await.unwrap().id, items[2].id);

    assert!(world.store.watches().await.unwrap().is_empty());
    let again = world.store.settle_watch(found(&items[0], false)).await;
    assert!(again.unwrap().is_none());
    world.complete(&world.item(items[2].id).await).await;
    world.check_books(&user).await;
}

/// A watch that no list knew keeps no slot and blocks nothing, is still matched, and is forgotten when it expires.
pub async fn a_watch_that_was_matched_holds_nothing(world: World) {
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 1, 1).await;
    let item = left_unresolved(&world).await;
    world.retry(batch.id, &[item.id]).await.unwrap();
    assert_eq!(world.claim(9).await, None);
    let watch = world.store.watches().await.unwrap().remove(0);
    let keys = vec![watch.client_ref];
    let mark = async |now| {
        let store = &world.store;
        store.mark_watches_matched(keys.clone(), now).await.unwrap();
        store.watches().await.unwrap().len()
    };
    assert_eq!(mark(world.clock.now()).await, 1);
    assert_eq!(world.claim(1).await.unwrap().id, item.id);
    assert_eq!(mark(watch.expire_time).await, 0);
    world.check_books(&user).await;
}
