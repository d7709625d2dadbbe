//! The sums of items by state and of credits: changed with each commit, and counted once for a file that is older than
//! they are.

use redb::ReadableTable;

use crate::domain::item::ItemState;
use crate::domain::ledger::EntryKind;
use crate::domain::user::Credits;
use crate::store::StoreError;
use crate::store::query::{CreditTotals, ItemTotals};

use super::error::failed;
use super::expiry::{self, Standing};
use super::record::TotalsRecord;
use super::work::Work;
use super::{decode, load};

impl TotalsRecord {
    pub fn items_by_state(&self) -> ItemTotals {
        ItemTotals {
            pending: self.items_pending,
            processing: self.items_processing,
            completed: self.items_completed,
            failed: self.items_failed,
            cancelled: self.items_cancelled,
        }
    }

    pub fn credits(&self) -> CreditTotals {
        CreditTotals {
            granted: self.credits_granted,
            charged: self.credits_charged,
            refunded: self.credits_refunded,
            adjusted: self.credits_adjusted,
        }
    }

    /// Counts an item in.
    pub fn count_in(&mut self, state: &ItemState) {
        *self.items_in(state) += 1;
    }

    /// Counts an item out.
    pub fn count_out(&mut self, state: &ItemState) {
        let count = self.items_in(state);
        *count = count.saturating_sub(1);
    }

    fn items_in(&mut self, state: &ItemState) -> &mut u64 {
        match state {
            ItemState::Pending(_) => &mut self.items_pending,
            ItemState::Processing(_) => &mut self.items_processing,
            ItemState::Completed { .. } => &mut self.items_completed,
            ItemState::Failed { .. } => &mut self.items_failed,
            ItemState::Cancelled { .. } => &mut self.items_cancelled,
        }
    }

    /// Takes in a ledger entry.
    pub fn post(&mut self, kind: EntryKind, delta: Credits) {
        let sum = match kind {
            EntryKind::Grant => &mut self.credits_granted,
            EntryKind::Charge => &mut self.credits_charged,
            EntryKind::Refund => &mut self.credits_refunded,
            EntryKind::Adjustment => &mut self.credits_adjusted,
        };
        *sum += i64::from(delta);
    }
}

/// Counts everything, and puts ended batches where their files are found: for a file that has neither.
pub(super) fn fill(work: &mut Work<'_>) -> Result<(), StoreError> {
    let mut sums = TotalsRecord::default();
    for row in work.read().entries.iter().map_err(failed)? {
        let (key, value) = row.map_err(failed)?;
        let (user, sequence) = key.value();
        let place = format!("entries {}/{sequence}", load::user_id(user));
        let entry = load::decoded(&place, value.value(), |record| {
            decode::entry(load::user_id(user), sequence, record)
        })?;
        sums.post(entry.kind, entry.delta);
    }
    let mut ids = Vec::new();
    for row in work.read().batches.iter().map_err(failed)? {
        ids.push(load::batch_id(row.map_err(failed)?.0.value()));
    }
    for id in ids {
        let tables = work.read();
        let Some(batch) = load::batch(&tables.batches, &tables.progress, id)? else {
            continue;
        };
        sums.items_pending += u64::from(batch.counts.pending);
        sums.items_processing += u64::from(batch.counts.processing);
        sums.items_completed += u64::from(batch.counts.completed);
        sums.items_failed += u64::from(batch.counts.failed);
        sums.items_cancelled += u64::from(batch.counts.cancelled);
        let standing = Standing::of(&batch);
        expiry::follow(work.write(), id, Standing::default(), standing)?;
    }
    let totals = work.totals();
    *totals = TotalsRecord {
        revision: totals.revision,
        users: totals.users,
        batches: totals.batches,
        items: totals.items,
        image_bytes: totals.image_bytes,
        audio_bytes: totals.audio_bytes,
        video_bytes: totals.video_bytes,
        audit_sequence: totals.audit_sequence,
        ..sums
    };
    Ok(())
}
