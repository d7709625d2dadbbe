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
    let preview_item = world.claim_for(EngineKind::Preview, 9).await.unwrap();
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

mod ledger {
    use super::*;
    use record::{EntryRecord, UserRecord};

    finds! {
        a_balance_that_is_not_the_sum: Ledger, "the balance is 95, the ledger says 81", |world, tables| {
            edit(&mut tables.users, &world.wang.0.as_u128(), |user: &mut UserRecord| {
                user.credit_balance = 95;
            });
        }
        a_balance_after_an_entry_that_does_not_follow: Ledger, "entries so far sum up to", |world, tables| {
            let key = (world.wang.0.as_u128(), 3);
            edit(&mut tables.entries, &key, |entry: &mut EntryRecord| entry.balance_after += 1);
        }
        an_entry_that_is_missing: Ledger, "its sequence should be 4", |world, tables| {
            tables.entries.remove((world.wang.0.as_u128(), 4)).unwrap();
        }
        the_newest_entry_that_is_missing: Ledger, "the newest entry is said to be", |world, tables| {
            edit(&mut tables.users, &world.wang.0.as_u128(), |user: &mut UserRecord| {
                user.ledger_sequence += 1;
            });
        }
        a_charge_that_gives: Ledger, "a Charge entry of +3", |world, tables| {
            let key = (world.wang.0.as_u128(), 2);
            edit(&mut tables.entries, &key, |entry: &mut EntryRecord| entry.delta = 3);
        }
        a_grant_about_a_round: Ledger, "a Grant entry of a round", |world, tables| {
            let key = (world.wang.0.as_u128(), 2);
            edit(&mut tables.entries, &key, |entry: &mut EntryRecord| entry.kind = 1);
        }
        an_entry_of_nobody: Reference, "of a user who does not exist", |world, tables| {
            let key = (world.wang.0.as_u128(), 1);
            let bytes = tables.entries.get(key).unwrap().unwrap().value().to_vec();
            tables.entries.insert((77, 1), bytes.as_slice()).unwrap();
        }
        an_entry_about_no_item: Reference, "which does not exist", |world, tables| {
            let key = (world.wang.0.as_u128(), 2);
            edit(&mut tables.entries, &key, |entry: &mut EntryRecord| {
                entry.item = Some(vec![9; 16]);
            });
        }
        a_record_that_does_not_read: Record, "entries", |world, tables| {
            let key = (world.wang.0.as_u128(), 2);
            tables.entries.insert(key, &b"\xff\xff"[..]).unwrap();
        }
    }
}

mod rounds {
    use super::*;
    use record::{BatchRecord, EntryRecord, ItemRecord};

    /// Puts another entry behind the newest, with the books of its owner as they should be.
    fn append(
        world: &Lively,
        tables: &mut Tables<'_>,
        change: impl FnOnce(&mut EntryRecord),
    ) -> u64 {
        let owner = world.wang.0.as_u128();
        let bytes = tables.users.get(owner).unwrap().unwrap().value().to_vec();
        let mut user = record::UserRecord::decode(bytes.as_slice()).unwrap();
        let newest = (owner, user.ledger_sequence);
        let bytes = tables
            .entries
            .get(newest)
            .unwrap()
            .unwrap()
            .value()
            .to_vec();
        let mut entry = EntryRecord::decode(bytes.as_slice()).unwrap();
        entry.batch = Some(world.paid.bytes().to_vec());
        change(&mut entry);
        user.ledger_sequence += 1;
        user.credit_balance += entry.delta;
        entry.balance_after = user.credit_balance;
        let bytes = user.encode_to_vec();
        tables.users.insert(owner, bytes.as_slice()).unwrap();
        let bytes = entry.encode_to_vec();
        tables
            .entries
            .insert((owner, user.ledger_sequence), bytes.as_slice())
            .unwrap();
        user.ledger_sequence
    }

    /// Gives an item another charge (kind 2) or refund (kind 3) of a round.
    fn post(
        world: &Lively,
        tables: &mut Tables<'_>,
        item: ItemId,
        round: u32,
        kind: u32,
        delta: i32,
    ) {
        let sequence = append(world, tables, |entry| {
            entry.item = Some(item.bytes().to_vec());
            (entry.round, entry.kind, entry.delta) = (round, kind, delta);
        });
        let key = (id(item), round, kind as u8);
        if tables.rounds.get(key).unwrap().is_none() {
            tables.rounds.insert(key, sequence).unwrap();
        }
    }

    finds! {
        a_refund_of_what_was_completed: Rounds, "round 1 has a Refund, and should have none (COMPLETED)", |world, tables| {
            post(&world, tables, world.completed.id, 1, 3, 3);
        }
        a_refund_of_what_runs: Rounds, "should have none (PROCESSING)", |world, tables| {
            post(&world, tables, world.queued.id, 1, 3, 3);
        }
        a_second_refund: Rounds, "a second Refund of round 1", |world, tables| {
            post(&world, tables, world.failed.id, 1, 3, 3);
        }
        a_second_charge: Rounds, "a second Charge of round 1", |world, tables| {
            post(&world, tables, world.failed.id, 1, 2, -3);
        }
        a_charge_of_a_round_that_never_was: Rounds, "is about round 4, the item is in round 1", |world, tables| {
            post(&world, tables, world.completed.id, 4, 2, -3);
        }
        a_refund_of_another_amount: Rounds, "has a Refund of +2, it should be +3", |world, tables| {
            let key = (id(world.failed.id), 1, 3);
            let sequence = tables.rounds.get(key).unwrap().unwrap().value();
            let key = (world.wang.0.as_u128(), sequence);
            edit(&mut tables.entries, &key, |entry: &mut EntryRecord| entry.delta = 2);
        }
        a_failed_round_without_its_refund: Rounds, "round 1 has no Refund of +3", |world, tables| {
            let key = (id(world.failed.id), 1, 3);
            let sequence = tables.rounds.remove(key).unwrap().unwrap().value();
            let key = (world.wang.0.as_u128(), sequence);
            edit(&mut tables.entries, &key, |entry: &mut EntryRecord| {
                (entry.kind, entry.batch, entry.item) = (4, None, None);
            });
        }
        a_retried_round_without_its_refund: Rounds, "round 1 has no Refund of +3", |world, tables| {
            tables.rounds.remove((id(world.blocked.id), 1, 3)).unwrap();
        }
        a_round_without_its_charge: Rounds, "round 2 has no Charge of -3", |world, tables| {
            tables.rounds.remove((id(world.blocked.id), 2, 2)).unwrap();
        }
        an_item_that_cost_another_price: Rounds, "its round cost 4, its batch says 3", |world, tables| {
            let key = (world.paid.0.as_u128(), world.ready.position);
            edit(&mut tables.items, &key, |item: &mut ItemRecord| item.charge = 4);
        }
        a_batch_with_another_price: Rounds, "has a Charge of -3, it should be -5", |world, tables| {
            edit(&mut tables.batches, &world.paid.0.as_u128(), |batch: &mut BatchRecord| {
                batch.credits_per_item = 5;
            });
        }
        a_free_item_that_was_charged: Rounds, "round 1 has a Charge, and should have none", |world, tables| {
            edit(&mut tables.batches, &world.paid.0.as_u128(), |batch: &mut BatchRecord| {
                batch.credits_per_item = 0;
            });
        }
        an_entry_that_the_index_does_not_know: Index, "is missing in the index `rounds`", |world, tables| {
            tables.rounds.remove((id(world.completed.id), 1, 2)).unwrap();
        }
        an_index_that_points_at_another_entry: Index, "is not about it", |world, tables| {
            tables.rounds.insert((id(world.completed.id), 1, 2), 1).unwrap();
        }
        an_index_about_no_item: Index, "there is no such item", |world, tables| {
            tables.rounds.insert((1, 1, 2), world.paid.0.as_u128() as u64).unwrap();
        }
    }
}

mod counts {
    use super::*;
    use record::{CountsRecord, ItemRecord, ProgressRecord, TotalsRecord, UserRecord};

    finds! {
        credits_held: Counts, "credits held is 13, a recount gives 15", |world, tables| {
            edit(&mut tables.users, &world.wang.0.as_u128(), |user: &mut UserRecord| {
                user.credits_held -= 2;
            });
        }
        active_items: Counts, "the number of active items is 6, a recount gives 5", |world, tables| {
            edit(&mut tables.users, &world.wang.0.as_u128(), |user: &mut UserRecord| {
                user.active_item_count += 1;
            });
        }
        completed_videos: Counts, "the number of completed videos is 0, a recount gives 1", |world, tables| {
            edit(&mut tables.users, &world.wang.0.as_u128(), |user: &mut UserRecord| {
                user.completed_video_count = 0;
            });
        }
        items_of_a_batch: Counts, "the number of COMPLETED items is 2, a recount gives 1", |world, tables| {
            edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
                batch.completed += 1;
            });
        }
        credits_of_a_batch: Counts, "credits refunded is 8, a recount gives 9", |world, tables| {
            edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
                batch.credits_refunded -= 1;
            });
        }
        progress_of_a_batch: Counts, "the sum of progress", |world, tables| {
            edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
                batch.progress_permille_sum += 1;
            });
        }
        an_end_that_is_none: Counts, "whether it has ended is true, a recount gives false", |world, tables| {
            edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
                batch.finish_time = Some(0);
            });
        }
        a_start_that_is_none: Counts, "whether it has started is false", |world, tables| {
            edit(&mut tables.progress, &world.paid.0.as_u128(), |batch: &mut ProgressRecord| {
                batch.start_time = None;
            });
        }
        failures_that_were_looked_at: Counts, "failures were looked at", |world, tables| {
            edit(&mut tables.progress, &world.preview.0.as_u128(), |batch: &mut ProgressRecord| {
                batch.failures_seen = 9;
            });
        }
        a_position_that_is_missing: Counts, "its position is 8, the one before has 6", |world, tables| {
            tables.items.remove((world.paid.0.as_u128(), 7)).unwrap();
        }
        an_item_in_another_state: Counts, "the number of FAILED items", |world, tables| {
            let key = (world.paid.0.as_u128(), world.failed.position);
            edit(&mut tables.items, &key, |item: &mut ItemRecord| item.state = 5);
        }
        batches_of_a_user_by_state: Counts, "counts of the batches of user", |world, tables| {
            edit(&mut tables.counts, &world.wang.0.as_u128(), |counts: &mut CountsRecord| {
                counts.processing += 1;
            });
        }
        batches_of_everyone_by_state: Counts, "counts of everyone's batches", |world, tables| {
            edit(&mut tables.counts, &0, |counts: &mut CountsRecord| counts.with_failures = 0);
        }
        items_in_all: Counts, "totals, items: it says 11, a recount gives 10", |world, tables| {
            edit(&mut tables.singles, &"totals", |totals: &mut TotalsRecord| totals.items += 1);
        }
        items_by_state_in_all: Counts, "totals, items by state", |world, tables| {
            edit(&mut tables.singles, &"totals", |totals: &mut TotalsRecord| totals.items_failed += 1);
        }
        credits_in_all: Counts, "totals, credits", |world, tables| {
            edit(&mut tables.singles, &"totals", |totals: &mut TotalsRecord| totals.credits_refunded -= 1);
        }
        bytes_in_all: Counts, "totals, bytes of videos", |world, tables| {
            edit(&mut tables.singles, &"totals", |totals: &mut TotalsRecord| totals.video_bytes += 1);
        }
        references_to_a_blob: Counts, "2 times less than the index `blobs` says", |world, tables| {
            let sha256 = world.completed.source_image.blob.sha256.0;
            let row = tables.blobs.get((1, &sha256)).unwrap().unwrap().value();
            tables.blobs.insert((1, &sha256), (row.0 + 2, row.1)).unwrap();
        }
        those_that_wait_by_reason: Counts, "held, engine 2, wait 0", |world, tables| {
            tables.held.insert((2, 0), 5).unwrap();
        }
        an_audit_event_that_is_missing: Index, "audit 3: the one before is 1", |world, tables| {
            tables.audit.remove(2).unwrap();
        }
        the_newest_audit_event: Counts, "totals, the newest audit event", |world, tables| {
            let last = tables.audit.last().unwrap().unwrap().0.value();
            tables.audit.remove(last).unwrap();
        }
    }
}

mod indexes {
    use super::*;

    finds! {
        a_user_without_a_name: Index, "missing in the index `user_names`", |world, tables| {
            tables.user_names.remove("wang").unwrap();
        }
        a_batch_that_has_not_ended_and_expires: Index, "expiring, batch", |world, tables| {
            tables.expiring.insert((2, 5, world.paid.0.as_u128()), 0).unwrap();
        }
        a_name_of_nobody: Index, "user_names ghost: user", |world, tables| {
            tables.user_names.insert("ghost", 5).unwrap();
        }
        a_batch_that_is_not_listed: Index, "missing in the index `lists`", |world, tables| {
            let key = tables.lists.first().unwrap().unwrap().0.value();
            tables.lists.remove(key).unwrap();
        }
        a_batch_that_is_listed_twice: Index, "belongs elsewhere in the lists", |world, tables| {
            let key = tables.lists.first().unwrap().unwrap().0.value();
            tables.lists.insert((key.0, key.1, key.2, !key.3, key.4), ()).unwrap();
        }
        a_batch_without_an_owner: Reference, "its owner", |world, tables| {
            tables.users.remove(world.wang.0.as_u128()).unwrap();
        }
        a_batch_without_progress: Record, "its progress is missing", |world, tables| {
            tables.progress.remove(world.paid.0.as_u128()).unwrap();
        }
        progress_without_a_batch: Index, "there is no such batch", |world, tables| {
            let key = world.paid.0.as_u128();
            let bytes = tables.progress.get(key).unwrap().unwrap().value().to_vec();
            tables.progress.insert(3, bytes.as_slice()).unwrap();
        }
        items_without_a_batch: Reference, "of a batch that does not exist", |world, tables| {
            let key = (world.paid.0.as_u128(), 1);
            let bytes = tables.items.get(key).unwrap().unwrap().value().to_vec();
            tables.items.insert((3, 1), bytes.as_slice()).unwrap();
        }
        an_item_without_its_place: Index, "missing in the index `places`", |world, tables| {
            tables.places.remove(id(world.ready.id)).unwrap();
        }
        a_place_of_no_item: Index, "is not at position 1", |world, tables| {
            tables.places.insert(4, (world.paid.0.as_u128(), 1)).unwrap();
        }
        an_item_that_would_never_be_claimed: Index, "nowhere in the queue", |world, tables| {
            let key = (2, world.wang.0.as_u128(), world.paid.0.as_u128(), world.ready.position);
            tables.ready.remove(key).unwrap().unwrap();
        }
        an_item_that_is_not_waiting: Index, "missing in the index `waiting`", |world, tables| {
            tables.waiting.remove((2, id(world.ready.id))).unwrap();
        }
        a_waiting_item_that_runs: Index, "waiting, item", |world, tables| {
            tables.waiting.insert((2, id(world.queued.id)), ()).unwrap();
        }
        a_ready_item_that_has_ended: Index, "ready, item", |world, tables| {
            let key = (2, world.wang.0.as_u128(), world.paid.0.as_u128(), world.failed.position);
            tables.ready.insert(key, id(world.failed.id)).unwrap();
        }
        an_item_that_is_ready_and_delayed: Index, "more than once", |world, tables| {
            let key = (2, world.wang.0.as_u128(), world.paid.0.as_u128(), world.delayed.position);
            tables.ready.insert(key, id(world.delayed.id)).unwrap();
        }
        a_delayed_item_that_waits_for_another_time: Index, "delayed, item", |world, tables| {
            let row = (world.wang.0.as_u128(), world.paid.0.as_u128(), world.delayed.position, 7);
            tables.delayed.insert((2, 5, id(world.delayed.id)), row).unwrap();
        }
        a_running_item_that_is_not_active: Index, "missing in the index `active`", |world, tables| {
            tables.active.remove((2, id(world.queued.id))).unwrap();
        }
        an_active_item_that_has_ended: Index, "no attempt of that engine owns it", |world, tables| {
            tables.active.insert((2, id(world.failed.id)), ()).unwrap();
        }
        a_task_without_a_slot: Index, "missing in the index `slots`", |world, tables| {
            let key = (account().0, 1, id(world.queued.id), 1, "");
            tables.slots.remove((key.0.as_str(), key.1, key.2, key.3, key.4)).unwrap().unwrap();
        }
        a_slot_without_a_task: Index, "has no task to hold a slot for", |world, tables| {
            tables.slots.insert(("factory", 1, id(world.failed.id), 1, ""), ()).unwrap();
        }
        a_cleanup_without_a_slot: Index, "cleanup", |world, tables| {
            let key = ("factory", 2, id(world.blocked.id), 1, "old");
            tables.slots.remove(key).unwrap().unwrap();
        }
        a_cleanup_of_no_item: Reference, "its item does not exist", |world, tables| {
            let key = (id(world.blocked.id), 1, "old");
            let bytes = tables.cleanups.get(key).unwrap().unwrap().value().to_vec();
            tables.cleanups.insert((6, 1, "old"), bytes.as_slice()).unwrap();
        }
        a_cleanup_that_nobody_left: Reference, "its item has made 1 attempts", |world, tables| {
            let key = (id(world.blocked.id), 1, "old");
            let bytes = tables.cleanups.get(key).unwrap().unwrap().value().to_vec();
            tables.cleanups.insert((id(world.blocked.id), 2, "old"), bytes.as_slice()).unwrap();
        }
        a_watch_of_no_item: Reference, "its item does not exist", |world, tables| {
            let key = (id(world.watched.id), 1);
            let bytes = tables.watches.get(key).unwrap().unwrap().value().to_vec();
            tables.watches.insert((6, 1), bytes.as_slice()).unwrap();
        }
        an_item_behind_nothing: Reference, "none of its old tasks is on record", |world, tables| {
            tables.cleanups.remove((id(world.blocked.id), 1, "old")).unwrap();
        }
        a_submit_without_its_time: Index, "missing in the index `submit_times`", |world, tables| {
            tables.submit_times.remove((id(world.queued.id), 1)).unwrap();
        }
        a_submit_time_without_its_submit: Index, "does not have the same ones", |world, tables| {
            tables.submit_times.insert((id(world.ready.id), 1), 5).unwrap();
        }
        a_blob_that_is_not_known: Index, "is missing in the index `blobs`", |world, tables| {
            let sha256 = world.completed.source_image.blob.sha256.0;
            tables.blobs.remove((1, &sha256)).unwrap();
        }
        a_blob_of_another_size: Index, "the index `blobs` says 1", |world, tables| {
            let sha256 = world.completed.source_image.blob.sha256.0;
            tables.blobs.insert((1, &sha256), (2, 1)).unwrap();
        }
        a_blob_of_nothing: Index, "nothing refers to it", |world, tables| {
            tables.blobs.insert((1, &[0xab; 32]), (0, 10)).unwrap();
        }
        a_request_that_made_no_batch: Reference, "which does not exist", |world, tables| {
            tables.batches.remove(world.paid.0.as_u128()).unwrap();
        }
        a_request_of_nobody: Reference, "its user does not exist", |world, tables| {
            let (key, bytes) = {
                let row = tables.requests.first().unwrap().unwrap();
                (row.0.value().2, row.1.value().to_vec())
            };
            tables.requests.insert((8, "CreateBatch", key), bytes.as_slice()).unwrap();
        }
        two_tokens_that_are_current: Index, "2 tokens are said to be the current one", |world, tables| {
            edit(&mut tables.tokens, &"a", |token: &mut record::TokenRecord| token.current = true);
        }
        settings_that_are_missing: Record, "dispatch", |world, tables| {
            tables.singles.remove("dispatch").unwrap();
        }
    }
}
