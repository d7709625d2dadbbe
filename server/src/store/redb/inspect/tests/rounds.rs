//! Charges and refunds that do not fit the rounds of their items.

use super::*;
use record::{BatchRecord, EntryRecord, ItemRecord};

/// Puts another entry behind the newest, with the books of its owner as they should be.
fn append(world: &Lively, tables: &mut Tables<'_>, change: impl FnOnce(&mut EntryRecord)) -> u64 {
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
fn post(world: &Lively, tables: &mut Tables<'_>, item: ItemId, round: u32, kind: u32, delta: i32) {
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
