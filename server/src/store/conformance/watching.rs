//! The feed: told after each commit, in order, of what changed.

use crate::domain::batch::EngineKind;
use crate::domain::ids::ItemId;
use crate::domain::transition::AttemptEvent;
use crate::feed::list_topic::ListChanges;

use super::world::{World, failed, submitted};

/// Who subscribes, reads a snapshot and then follows has at the end what the store has, and is never ahead of it.
pub async fn a_watcher_misses_nothing(world: World) {
    let user = world.user("wang", 100).await;
    let batch = world.batch(&user, 6, 1).await;
    let mut watcher = world.feed.watch_batch(batch.id);
    let mut list = world.feed.watch_list(Some(user.id));
    let snapshot = world
        .store
        .items(batch.id, 0, &Default::default(), 100)
        .await
        .unwrap();
    let mut seen = snapshot.revision;
    let mut known = snapshot.items;
    assert_eq!(seen, *world.feed.revision().borrow());

    let follow = async {
        let mut newest = batch.clone();
        while newest.counts.open() > 0 {
            watcher.changed().await;
            let changes = watcher.newer_than(seen);
            let committed = world.store.totals().await.unwrap().revision;
            for item in changes.items {
                assert!(item.revision > seen && item.revision <= committed);
                known[item.position as usize - 1] = (*item).clone();
            }
            newest = (*changes.batch.unwrap()).clone();
            seen = newest.revision;
        }
        newest
    };
    let work = async {
        while let Some(item) = world.claim(100).await {
            world.event(item.id, 1, submitted("t")).await.unwrap();
            let event = if item.position % 2 == 0 {
                failed()
            } else {
                AttemptEvent::Cancelled
            };
            world.event(item.id, 1, event).await.unwrap();
        }
    };
    let (last, ()) = tokio::join!(follow, work);
    assert_eq!(known, world.items(batch.id).await);
    assert_eq!(Some(last), world.store.batch(batch.id).await.unwrap());
    let ListChanges::Newer { batches, user, .. } = list.newer_than(snapshot.revision) else {
        panic!("too far behind");
    };
    assert_eq!(batches.len(), 1);
    assert_eq!(user.unwrap().credit_balance, 100);
}

/// What finds nothing to do neither raises the revision nor wakes anyone; what gives work to the dispatcher does.
pub async fn what_changes_nothing_is_not_told(world: World) {
    let user = world.user("wang", 100).await;
    let mut work = world.feed.work();
    let mut revision = world.feed.revision();
    work.mark_unchanged();
    revision.mark_unchanged();
    assert_eq!(world.claim(9).await, None);
    assert_eq!(world.claim_for(EngineKind::Preview, Some(9)).await, None);
    let nobody = ItemId(world.clock.uuid());
    assert_eq!(world.event(nobody, 1, submitted("t")).await, None);
    let unknown = world.new_batch(user.id, 1, 1).batch.id;
    world.store.look_at(unknown).await.unwrap();
    assert!(!revision.has_changed().unwrap());

    let batch = world.batch(&user, 2, 1).await;
    assert!(revision.has_changed().unwrap());
    assert!(work.has_changed().unwrap(), "items are ready");
    let item = world.claim(9).await.unwrap();
    work.mark_unchanged();
    world.event(item.id, 1, submitted("t")).await.unwrap();
    assert!(!work.has_changed().unwrap());
    world.cancel(batch.id, &[item.id]).await.unwrap();
    assert!(work.has_changed().unwrap(), "a wish to cancel");
    work.mark_unchanged();
    world
        .event(item.id, 1, AttemptEvent::Succeeded)
        .await
        .unwrap();
    assert!(work.has_changed().unwrap(), "a slot came free");
    let failed_item = world.claim(9).await.unwrap();
    world.fail(&failed_item).await;
    let before = world.store.batch(batch.id).await.unwrap().unwrap();
    world.store.look_at(batch.id).await.unwrap();
    let after = world.store.batch(batch.id).await.unwrap().unwrap();
    assert!(after.revision > before.revision);
    assert_eq!(after.failures_seen, 1);
}
