//! One item's rounds: what its ledger entries must be, given its round and state.
//!
//! Each round is charged once, at its batch's price. A round that ended FAILED or CANCELLED is given back once; every
//! round before the current one did, for only such an item can be retried. A price of zero makes no entries.

use super::super::batch::Batch;
use super::super::ids::RoundNumber;
use super::super::item::{ItemState, VideoItem};
use super::super::ledger::{Entry, EntryKind};
use super::super::user::Credits;
use super::{Check, Difference};

/// What a round must have been charged or given back.
fn delta(batch: &Batch, item: &VideoItem, round: RoundNumber, kind: EntryKind) -> Option<Credits> {
    let price = batch.credits_per_item;
    let given_back = round < item.round
        || matches!(
            item.state,
            ItemState::Failed { .. } | ItemState::Cancelled { .. }
        );
    match kind {
        _ if price == 0 || round == 0 || round > item.round => None,
        EntryKind::Charge => Some(-price),
        EntryKind::Refund => given_back.then_some(price),
        EntryKind::Grant | EntryKind::Adjustment => None,
    }
}

/// Compares an item with the ledger's entries about it, in any order.
pub fn compare_rounds(
    batch: &Batch,
    item: &VideoItem,
    entries: &[Entry],
    differences: &mut Vec<Difference>,
) {
    let place = format!(
        "item {} (batch {}, position {})",
        item.id, batch.id, item.position
    );
    let mut wrong = |words: String| differences.push(Difference::new(Check::Rounds, &place, words));
    if item.round == 0 {
        wrong("it is in round 0; the first is 1".to_owned());
    }
    if item.charge != batch.credits_per_item {
        wrong(format!(
            "its round cost {}, its batch says {} an item",
            item.charge, batch.credits_per_item
        ));
    }
    for round in 1..=item.round {
        for kind in [EntryKind::Charge, EntryKind::Refund] {
            let of_this = |entry: &&Entry| {
                entry.kind == kind && entry.subject.is_some_and(|about| about.round == round)
            };
            let found = entries.iter().filter(of_this).count();
            match (delta(batch, item, round, kind), found) {
                (Some(_), 1) | (None, 0) => {}
                (Some(delta), 0) => wrong(format!("round {round} has no {kind:?} of {delta:+}")),
                (Some(_), many) => wrong(format!("round {round} has {many} entries {kind:?}")),
                (None, _) => wrong(format!(
                    "round {round} has a {kind:?}, and should have none ({})",
                    state_name(&item.state)
                )),
            }
        }
    }
    for entry in entries {
        let sequence = entry.sequence;
        if entry.user != batch.owner {
            wrong(format!(
                "entry {}/{sequence} is not of its batch's owner {}",
                entry.user, batch.owner
            ));
        }
        let Some(about) = entry.subject else {
            continue;
        };
        if about.round == 0 || about.round > item.round {
            wrong(format!(
                "entry {}/{sequence} is about round {}, the item is in round {}",
                entry.user, about.round, item.round
            ));
        }
        if let Some(delta) = delta(batch, item, about.round, entry.kind)
            && delta != entry.delta
        {
            wrong(format!(
                "round {} has a {:?} of {:+}, it should be {delta:+}",
                about.round, entry.kind, entry.delta
            ));
        }
    }
}

fn state_name(state: &ItemState) -> &'static str {
    match state {
        ItemState::Pending(_) => "PENDING",
        ItemState::Processing(_) => "PROCESSING",
        ItemState::Completed { .. } => "COMPLETED",
        ItemState::Failed { .. } => "FAILED",
        ItemState::Cancelled { .. } => "CANCELLED",
    }
}
