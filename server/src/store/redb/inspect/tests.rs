//! A lively world agrees with itself; and each difference that the look should find is planted into the raw tables and
//! found, by name.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use jiff::Timestamp;
use prost::Message;
use redb::{ReadableTable, Table, WriteTransaction};

use super::super::tables::{Bytes, Tables};
use super::super::{RedbStore, record};
use crate::clock::Clock;
use crate::domain::batch::EngineKind;
use crate::domain::books::Check;
use crate::domain::dispatching::UpstreamToken;
use crate::domain::failure::WaitReason;
use crate::domain::ids::{Account, BatchId, ItemId, RequestId, UserId};
use crate::domain::item::VideoItem;
use crate::domain::ledger::Actor;
use crate::domain::transition::AttemptEvent;
use crate::media::Media;
use crate::store::conformance::world::{World, account, failed, failure, submitted};
use crate::store::{CreditChange, Request, RequestKey, RetryItems, Store};
use crate::verify;

/// A store in which everything has happened that leaves a record of its own.
struct Lively {
    store: Arc<RedbStore>,
    wang: UserId,
    paid: BatchId,
    preview: BatchId,
    completed: VideoItem,
    failed: VideoItem,
    /// Runs, and holds a slot.
    queued: VideoItem,
    delayed: VideoItem,
    /// In its second round, behind a cleanup.
    blocked: VideoItem,
    /// Left a watch.
    watched: VideoItem,
    ready: VideoItem,
}

fn request(world: &World, user: UserId, method: &'static str) -> Option<Request> {
    Some(Request {
        key: RequestKey {
            user,
            method,
            id: RequestId(world.clock.uuid()),
        },
        digest: [7; 32],
    })
}

async fn lively() -> Lively {
    let clock = Clock::simulated(Timestamp::from_second(1_790_000_000).unwrap(), 1);
    let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
    let world = World::new(store.clone(), store.feed().clone(), clock);
    let wang = world.user("wang", 100).await;
    let li = world.user("li", 5).await;
    world.user("poor", 0).await;
    let created = world.try_batch(&wang, 8, 3, request(&world, wang.id, "CreateBatch"));
    let paid = created.await.unwrap().batch.id;
    let preview = world.batch(&li, 2, 0).await.id;

    // Turns go round: what follows is of one batch.
    let claim = async || world.claim(99).await.unwrap();
    let completed = world.complete(&claim().await).await;
    let failed_one = world.fail(&claim().await).await;
    let queued = claim().await;
    let event = async |item: &VideoItem, event| {
        let number = item.last_attempt;
        world.event(item.id, number, event).await.unwrap()
    };
    let queued = event(&queued, submitted("q")).await;
    let delayed = claim().await;
    let released = AttemptEvent::Released {
        reason: WaitReason::UpstreamBusy,
        not_before: Some(Timestamp::from_second(1_800_000_000).unwrap()),
    };
    let delayed = event(&delayed, released).await;
    let gave_up = || AttemptEvent::GaveUp { failure: failure() };
    let blocked = claim().await;
    event(&blocked, submitted("old")).await;
    event(&blocked, gave_up()).await;
    let watched = claim().await;
    event(&watched, AttemptEvent::Unanswered).await;
    let watched = event(&watched, gave_up()).await;
    let fetching = claim().await;
    event(&fetching, submitted("f")).await;
    event(&fetching, AttemptEvent::Succeeded).await;
    let retry = RetryItems {
        request: request(&world, wang.id, "RetryItems"),
        ..world.new_retry(paid, &[blocked.id])
    };
    store.retry_items(retry).await.unwrap();
    let change = CreditChange {
        user: wang.id,
        delta: -1,
        note: String::new(),
        actor: Actor::System,
        request: request(&world, wang.id, "AdjustCredits"),
        now: world.clock.now(),
    };
    store.adjust_credits(change).await.unwrap();
    for name in ["a", "b"] {
        let token = UpstreamToken {
            account: Account(name.to_owned()),
            token: name.to_owned(),
            set_time: world.clock.now(),
            current: true,
            refused_since: None,
        };
        store
            .set_upstream_token(token, Actor::System)
            .await
            .unwrap();
    }
    let preview_item = world.claim_for(EngineKind::Preview, Some(9)).await.unwrap();
    event(&preview_item, failed()).await;
    world.cancel(preview, &[]).await.unwrap();
    let ready = world.items(paid).await.remove(7);
    Lively {
        wang: wang.id,
        paid,
        preview,
        completed,
        failed: failed_one,
        queued,
        delayed,
        blocked: world.item(blocked.id).await,
        watched,
        ready,
        store,
    }
}

impl Lively {
    async fn look(&self) -> verify::Report {
        // No file was stored, and nothing is said of files here.
        let nowhere = Media::untouched("/nonexistent".as_ref());
        let mut report = verify::look(self.store.as_ref(), &nowhere).await.unwrap();
        report.differences.retain(|one| one.check != Check::File);
        report
    }

    fn plant(&self, fault: impl FnOnce(&mut Tables<'_>)) {
        let database = self.store.shared.database().unwrap();
        let transaction: WriteTransaction = database.begin_write().unwrap();
        {
            let mut tables = Tables::open(&transaction).unwrap();
            fault(&mut tables);
        }
        transaction.commit().unwrap();
    }
}

#[tokio::test]
async fn a_lively_world_agrees_with_itself() {
    let world = lively().await;
    let report = world.look().await;
    assert_eq!(report.differences, []);
    let looked_at = (report.users, report.batches, report.items, report.entries);
    // Two grants, eight charges, three refunds (failed, given up twice), a second charge, an adjustment.
    assert_eq!(looked_at, (3, 2, 10, 15));
    for (kind, count) in [("cleanups", 1), ("watches", 1), ("requests", 3)] {
        assert!(report.others.contains(&(kind, count)), "{kind}: {report}");
    }
}

/// Changes one record in place.
fn edit<R: Message + Default, K: redb::Key + 'static>(
    table: &mut Table<'_, K, Bytes>,
    key: &K::SelfType<'_>,
    change: impl FnOnce(&mut R),
) {
    let found = table.get(key).unwrap().unwrap().value().to_vec();
    let mut record = R::decode(found.as_slice()).unwrap();
    change(&mut record);
    let bytes = record.encode_to_vec();
    table.insert(key, bytes.as_slice()).unwrap();
}

fn id(item: ItemId) -> u128 {
    item.0.as_u128()
}

/// Plants each fault into a world of its own and wants a difference with these words.
macro_rules! finds {
    ($($name:ident: $check:ident, $words:literal, |$world:ident, $tables:ident| $fault:block)*) => {
        $(#[tokio::test]
        async fn $name() {
            let $world = lively().await;
            $world.plant(|$tables| $fault);
            let report = $world.look().await;
            let named = report.differences.iter().any(|difference| {
                difference.check == Check::$check && difference.to_string().contains($words)
            });
            assert!(named, "{}", report.in_words(100));
        })*
    };
}

mod counts;
mod indexes;
mod ledger;
mod rounds;
