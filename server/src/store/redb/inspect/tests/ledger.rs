//! What cannot be so in a ledger.

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
