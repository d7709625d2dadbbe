//! Deleted batches and API keys: what is left agrees with itself, and what does not is found, by name.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use jiff::Timestamp;

use super::super::RedbStore;
use super::super::tables::Tables;
use crate::clock::Clock;
use crate::domain::books::Check;
use crate::domain::ids::{BatchId, ItemId, RequestId};
use crate::domain::ledger::Actor;
use crate::domain::transition::AttemptEvent;
use crate::media::Media;
use crate::store::conformance::accounts::key;
use crate::store::conformance::world::{World, submitted};
use crate::store::{DeleteBatch, NewApiKey, Request, RequestKey, RetryItems, Store};
use crate::verify;

struct Left {
    store: Arc<RedbStore>,
    batch: BatchId,
    item: ItemId,
}

/// A batch that had a video, a refund, a second round, a request and a task that should end is deleted.
async fn left() -> Left {
    let clock = Clock::simulated(Timestamp::from_second(1_790_000_000).unwrap(), 1);
    let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
    let world = World::new(store.clone(), store.feed().clone(), clock);
    let wang = world.user("wang", 100).await;
    let request = |method| {
        Some(Request {
            key: RequestKey {
                user: wang.id,
                method,
                id: RequestId(world.clock.uuid()),
            },
            digest: [7; 32],
        })
    };
    let created = world.try_batch(&wang, 3, 2, request("CreateBatch")).await;
    let batch = created.unwrap().batch.id;
    let first = world.claim(9).await.unwrap();
    world.complete(&first).await;
    let second = world.claim(9).await.unwrap();
    world.fail(&second).await;
    let retry = RetryItems {
        request: request("RetryItems"),
        ..world.new_retry(batch, &[second.id])
    };
    store.retry_items(retry).await.unwrap();
    let third = world.claim(9).await.unwrap();
    world
        .event(third.id, third.last_attempt, submitted("t"))
        .await;
    world.cancel(batch, &[]).await.unwrap();
    let expired = AttemptEvent::CancelExpired;
    world
        .event(third.id, third.last_attempt, expired)
        .await
        .unwrap();
    let new = NewApiKey {
        key: key(&world, &wang, 5),
        actor: Actor::System,
    };
    store.create_api_key(new).await.unwrap();
    world.batch(&wang, 1, 1).await;
    let delete = DeleteBatch {
        batch,
        actor: Actor::System,
        now: world.clock.now(),
    };
    store.delete_batch(delete).await.unwrap();
    Left {
        store,
        batch,
        item: first.id,
    }
}

impl Left {
    async fn look(&self) -> verify::Report {
        let nowhere = Media::untouched("/nonexistent".as_ref());
        let mut report = verify::look(self.store.as_ref(), &nowhere).await.unwrap();
        report.differences.retain(|one| one.check != Check::File);
        report
    }
}

#[tokio::test]
async fn what_is_left_of_a_deleted_batch_agrees_with_itself() {
    let left = left().await;
    let report = left.look().await;
    assert_eq!(report.differences, []);
    assert_eq!((report.batches, report.items), (1, 1));
    for (kind, count) in [
        ("deleted batches", 1),
        ("API keys", 1),
        ("requests", 2),
        ("cleanups", 1),
    ] {
        assert!(report.others.contains(&(kind, count)), "{kind}: {report}");
    }
}

#[tokio::test]
async fn what_is_left_wrongly_is_found() {
    type Fault = fn(&Left, &mut Tables<'_>);
    let faults: [(&str, Fault); 6] = [
        ("it made batch", |left, tables| {
            tables.tombstones.remove(left.batch.0.as_u128()).unwrap();
        }),
        ("was never deleted", |left, tables| {
            tables.tombstones.remove(left.batch.0.as_u128()).unwrap();
        }),
        ("the number of completed videos", |left, tables| {
            let key = left.item.0.as_u128();
            tables
                .deleted_items
                .insert(key, (left.batch.0.as_u128(), 1, false))
                .unwrap();
        }),
        ("which does not exist", |left, tables| {
            tables.deleted_items.remove(left.item.0.as_u128()).unwrap();
        }),
        ("something refers to the blob", |_, tables| {
            tables.doomed.insert((1, &[1; 32]), 1_001).unwrap();
        }),
        ("missing in the index `api_key_digests`", |_, tables| {
            tables.api_key_digests.remove(&[5; 32]).unwrap();
        }),
    ];
    for (words, fault) in faults {
        let left = left().await;
        let database = left.store.shared.database().unwrap();
        let transaction = database.begin_write().unwrap();
        {
            let mut tables = Tables::open(&transaction).unwrap();
            fault(&left, &mut tables);
        }
        transaction.commit().unwrap();
        let report = left.look().await;
        let mut differences = report.differences.iter();
        let is_named = differences.any(|one| one.to_string().contains(words));
        assert!(is_named, "{words}: {}", report.in_words(100));
    }
}
