//! Batches that are deleted: what goes, what stays, and who is told.

use crate::domain::batch::EngineKind;
use crate::domain::ids::{BatchId, ItemId, RequestId, TaskId};
use crate::domain::ledger::Actor;
use crate::domain::media::BlobKind;
use crate::domain::transition::AttemptEvent;
use crate::feed::list_topic::ListChanges;
use crate::store::query::{BatchFilter, BatchOrder, BatchQuery, Totals};
use crate::store::{
    ChangeItemsError, CreateBatchError, DeleteBatch, DeleteBatchError, Deleted, FoundTask, Made,
    Request, RequestKey, Settled,
};

use super::world::{World, blob, submitted};

async fn delete(world: &World, batch: BatchId) -> Result<Deleted, DeleteBatchError> {
    let delete = DeleteBatch {
        batch,
        actor: Actor::System,
        now: world.clock.now(),
    };
    world.store.delete_batch(delete).await
}

/// A batch can be deleted once its items have ended. Books and requests stay, and a tombstone; all else is gone.
pub async fn a_deleted_batch_is_gone_and_its_books_stay(world: World) {
    let user = world.user("wang", 10).await;
    let request = Request {
        key: RequestKey {
            user: user.id,
            method: "CreateBatch",
            id: RequestId(world.clock.uuid()),
        },
        digest: [1; 32],
    };
    let made = world.try_batch(&user, 2, 1, Some(request.clone())).await;
    let batch = made.unwrap().batch;
    let claimed = world.claim(3).await.unwrap();
    assert!(matches!(
        delete(&world, batch.id).await,
        Err(DeleteBatchError::NotFinished)
    ));
    world.complete(&claimed).await;
    world.cancel(batch.id, &[]).await.unwrap();
    let retry = world.new_retry(batch.id, &[]);
    let items: Vec<ItemId> = world.items(batch.id).await.iter().map(|i| i.id).collect();
    let entries = world.store.entries(user.id, None, 100).await.unwrap();

    let credits = world.store.totals().await.unwrap().credits;
    delete(&world, batch.id).await.unwrap();
    assert_eq!(world.store.batch(batch.id).await.unwrap(), None);
    assert!(world.items(batch.id).await.is_empty());
    for item in items {
        assert_eq!(world.store.item(item).await.unwrap(), None);
    }
    assert_eq!(world.store.counts(None).await.unwrap().total(), 0);
    assert_eq!(world.store.counts(Some(user.id)).await.unwrap().total(), 0);
    let totals = world.store.totals().await.unwrap();
    let gone = Totals {
        revision: totals.revision,
        users: 1,
        database_bytes: totals.database_bytes,
        // What was granted and spent stays told.
        credits,
        ..Totals::default()
    };
    assert_eq!(totals, gone);

    let after = world.store.entries(user.id, None, 100).await.unwrap();
    assert_eq!(after.entries, entries.entries);
    world.check_books(&user).await;
    assert_eq!(world.stored(&user).await.completed_video_count, 1);
    let left = world.store.tombstone(batch.id).await.unwrap().unwrap();
    assert_eq!((left.owner, left.name), (user.id, batch.name));
    let newest = world.store.audit(None, 1).await.unwrap().remove(0);
    assert_eq!(newest.action, "batch.delete");

    // The request has made its batch: it makes no other.
    let recorded = world.store.request(request.key.clone()).await.unwrap();
    assert_eq!(recorded.unwrap().made, Made::Batch(batch.id));
    assert!(matches!(
        world.try_batch(&user, 2, 1, Some(request)).await,
        Err(CreateBatchError::Deleted(id)) if id == batch.id
    ));
    assert!(matches!(
        world.store.retry_items(retry).await,
        Err(ChangeItemsError::BatchNotFound)
    ));
    assert!(matches!(
        delete(&world, batch.id).await,
        Err(DeleteBatchError::NotFound)
    ));
    assert_eq!(world.stored(&user).await.credit_balance, 9);
}

/// A blob is doomed with its last reference, and not any more when something refers to it again.
pub async fn blobs_are_doomed_with_their_last_reference(world: World) {
    let user = world.user("wang", 10).await;
    // The first picture is in both, the second in one of them alone.
    let (one, two) = (
        world.batch(&user, 1, 1).await,
        world.batch(&user, 2, 1).await,
    );
    for batch in [&one, &two] {
        world.cancel(batch.id, &[]).await.unwrap();
    }
    let deleted = delete(&world, two.id).await.unwrap();
    let alone = blob(BlobKind::Image, 2);
    assert_eq!(deleted.doomed, [alone]);
    assert_eq!(world.store.doomed_blobs(9).await.unwrap(), [alone]);
    assert!(!world.store.is_referenced(alone).await.unwrap());
    assert!(world.store.is_referenced(one.audio.blob).await.unwrap());
    let totals = world.store.totals().await.unwrap();
    assert_eq!((totals.image_bytes, totals.audio_bytes), (1_001, 1_001));

    let three = world.batch(&user, 2, 1).await;
    assert_eq!(world.store.doomed_blobs(9).await.unwrap(), []);
    assert!(world.store.is_referenced(alone).await.unwrap());
    world.cancel(three.id, &[]).await.unwrap();
    for batch in [&one, &three] {
        delete(&world, batch.id).await.unwrap();
    }
    let mut doomed = world.store.doomed_blobs(9).await.unwrap();
    doomed.sort();
    let all = [blob(BlobKind::Image, 1), alone, blob(BlobKind::Audio, 1)];
    assert_eq!(doomed, all);
    assert_eq!(world.store.doomed_blobs(2).await.unwrap().len(), 2);
    world.store.forget_doomed(doomed).await.unwrap();
    assert_eq!(world.store.doomed_blobs(9).await.unwrap(), []);
    let totals = world.store.totals().await.unwrap();
    assert_eq!((totals.image_bytes, totals.audio_bytes), (0, 0));
}

/// What a deleted batch left upstream is still ended and matched.
pub async fn what_a_deleted_batch_left_upstream_stays(world: World) {
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 2, 1).await;
    let first = world.claim(9).await.unwrap();
    let second = world.claim(9).await.unwrap();
    world.event(first.id, 1, submitted("t1")).await.unwrap();
    world.cancel(batch.id, &[]).await.unwrap();
    world
        .event(first.id, 1, AttemptEvent::CancelExpired)
        .await
        .unwrap();
    // Its submit was never answered.
    world
        .event(second.id, 1, AttemptEvent::CancelExpired)
        .await
        .unwrap();
    let (cleanups, watches) = (
        world.store.cleanups().await.unwrap(),
        world.store.watches().await.unwrap(),
    );
    assert_eq!((cleanups.len(), watches.len()), (1, 1));
    delete(&world, batch.id).await.unwrap();
    assert_eq!(world.store.cleanups().await.unwrap(), cleanups);
    assert_eq!(world.store.watches().await.unwrap(), watches);

    // Both hold their slots still.
    world.batch(&user, 1, 1).await;
    assert_eq!(world.claim(2).await, None);
    let now = world.clock.now();
    let found = FoundTask {
        key: watches[0].client_ref,
        task: TaskId("t2".to_owned()),
        ended: false,
        instance: world.instance,
        now,
    };
    let settled = world.store.settle_watch(found).await.unwrap();
    assert!(matches!(settled, Some(Settled::Cleanup(_))));
    assert_eq!(world.claim(2).await, None);
    for cleanup in world.store.cleanups().await.unwrap() {
        let end = world
            .store
            .end_cleanup(cleanup.client_ref, cleanup.task, now);
        end.await.unwrap();
    }
    assert!(world.claim(2).await.is_some());
    let backlog = world.store.backlog(EngineKind::LightX2v, now).await;
    assert_eq!(backlog.unwrap().total(), 0);
}

/// Watchers of the batch and of the lists are told, after whatever came before.
pub async fn watchers_are_told_of_a_deletion(world: World) {
    let user = world.user("wang", 10).await;
    let (kept, batch) = (
        world.batch(&user, 1, 1).await,
        world.batch(&user, 1, 1).await,
    );
    let mut watcher = world.feed.watch_batch(batch.id);
    let mut own = world.feed.watch_list(Some(user.id));
    let mut everyones = world.feed.watch_list(None);
    let seen = world.store.totals().await.unwrap().revision;
    world.cancel(batch.id, &[]).await.unwrap();
    assert!(!watcher.newer_than(seen).deleted);
    delete(&world, batch.id).await.unwrap();

    watcher.changed().await;
    assert!(watcher.newer_than(seen).deleted);
    for list in [&mut own, &mut everyones] {
        list.changed().await;
        let ListChanges::Newer {
            batches, deleted, ..
        } = list.newer_than(seen)
        else {
            panic!("too far behind");
        };
        assert_eq!(batches, []);
        assert_eq!(deleted, [batch.id]);
        let newest = world.store.totals().await.unwrap().revision;
        let ListChanges::Newer { deleted, .. } = list.newer_than(newest) else {
            panic!("too far behind");
        };
        assert_eq!(deleted, []);
    }
    // Deleted in the transaction that ended it, or later: the list has what is left.
    world.cancel(kept.id, &[]).await.unwrap();
    let (_, gone) = tokio::join!(world.store.look_at(kept.id), delete(&world, kept.id));
    gone.unwrap();
    assert_eq!(world.store.counts(None).await.unwrap().total(), 0);
}

/// Pages go on behind a batch that was deleted meanwhile, even where it was the last of the page before.
pub async fn pages_go_on_behind_a_deleted_batch(world: World) {
    let user = world.user("wang", 10).await;
    let mut batches = Vec::new();
    for _ in 0..5 {
        let batch = world.batch(&user, 1, 1).await;
        world.cancel(batch.id, &[]).await.unwrap();
        batches.insert(0, batch.id);
    }
    for order in [BatchOrder::Newest, BatchOrder::Attention] {
        let mut query = BatchQuery {
            owner: Some(user.id),
            order,
            halted: Vec::new(),
            filter: BatchFilter::default(),
            limit: 2,
            after: None,
        };
        let page = world.store.batches(&query).await.unwrap();
        let ids: Vec<BatchId> = page.batches.iter().map(|batch| batch.id).collect();
        assert_eq!(ids, batches[..2]);
        // The last of the page goes.
        delete(&world, batches.remove(1)).await.unwrap();
        query.after = page.next;
        let page = world.store.batches(&query).await.unwrap();
        let ids: Vec<BatchId> = page.batches.iter().map(|batch| batch.id).collect();
        assert_eq!(ids, batches[1..batches.len().min(3)]);
    }
}
