//! Recounts: a batch's counters over its items, a user's counters over all items of theirs.

use super::super::batch::{Batch, ItemCounts};
use super::super::item::{ItemState, VideoItem};
use super::super::ledger::{Entry, EntryKind};
use super::super::user::User;
use super::{Check, Difference, compare};

/// What was counted of one batch so far.
#[derive(Debug, Default)]
pub struct BatchTally {
    counts: ItemCounts,
    charged: i64,
    refunded: i64,
    progress_permille: u64,
    last_position: u32,
    has_started: bool,
}

impl BatchTally {
    /// Takes in the batch's next item, by position, with the ledger's entries about it.
    pub fn item(&mut self, item: &VideoItem, entries: &[Entry], differences: &mut Vec<Difference>) {
        if item.position != self.last_position + 1 {
            differences.push(Difference::new(
                Check::Counts,
                format_args!("item {} (batch {})", item.id, item.batch),
                format!(
                    "its position is {}, the one before has {}",
                    item.position, self.last_position
                ),
            ));
        }
        self.last_position = item.position;
        self.counts.count(&item.state);
        self.progress_permille += u64::from(item.progress_permille);
        self.has_started |= item.start_time.is_some();
        for entry in entries {
            match entry.kind {
                EntryKind::Charge => self.charged -= i64::from(entry.delta),
                EntryKind::Refund => self.refunded += i64::from(entry.delta),
                EntryKind::Grant | EntryKind::Adjustment => {}
            }
        }
    }

    /// All items of the batch were read.
    pub fn close(self, batch: &Batch, differences: &mut Vec<Difference>) {
        let place = format!("batch {}", batch.id);
        let (said, counted) = (&batch.counts, &self.counts);
        for (what, found, expected) in [
            ("the number of PENDING items", said.pending, counted.pending),
            (
                "the number of PROCESSING items",
                said.processing,
                counted.processing,
            ),
            (
                "the number of COMPLETED items",
                said.completed,
                counted.completed,
            ),
            ("the number of FAILED items", said.failed, counted.failed),
            (
                "the number of CANCELLED items",
                said.cancelled,
                counted.cancelled,
            ),
        ] {
            compare(differences, &place, what, found, expected);
        }
        for (what, found, expected) in [
            ("credits charged", batch.credits_charged, self.charged),
            ("credits refunded", batch.credits_refunded, self.refunded),
        ] {
            compare(differences, &place, what, i64::from(found), expected);
        }
        compare(
            differences,
            &place,
            "the sum of progress",
            batch.progress_permille_sum,
            self.progress_permille,
        );
        compare(
            differences,
            &place,
            "whether it has started",
            batch.start_time.is_some(),
            self.has_started,
        );
        compare(
            differences,
            &place,
            "whether it has ended",
            batch.finish_time.is_some(),
            counted.open() == 0,
        );
        if batch.failures_seen > counted.failed {
            differences.push(Difference::new(
                Check::Counts,
                place,
                format!(
                    "{} failures were looked at, it has {}",
                    batch.failures_seen, counted.failed
                ),
            ));
        }
    }
}

/// What was counted of one user so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserTally {
    /// Charged for items that have not ended.
    pub credits_held: i64,
    /// Items that have not ended.
    pub active_items: u64,
    /// Items that ended COMPLETED.
    pub completed_videos: u64,
}

impl UserTally {
    /// What a user's record says.
    pub fn said(user: &User) -> Self {
        Self {
            credits_held: user.credits_held.into(),
            active_items: user.active_item_count.into(),
            completed_videos: user.completed_video_count.into(),
        }
    }

    /// Takes in an item of a batch of theirs.
    pub fn item(&mut self, item: &VideoItem) {
        if !item.is_terminal() {
            self.active_items += 1;
            self.credits_held += i64::from(item.charge);
        }
        if matches!(item.state, ItemState::Completed { .. }) {
            self.completed_videos += 1;
        }
    }

    /// All items were read: compares what the record of `place` says with them.
    pub fn close(self, said: Self, place: &str, differences: &mut Vec<Difference>) {
        compare(
            differences,
            place,
            "credits held",
            said.credits_held,
            self.credits_held,
        );
        compare(
            differences,
            place,
            "the number of active items",
            said.active_items,
            self.active_items,
        );
        compare(
            differences,
            place,
            "the number of completed videos",
            said.completed_videos,
            self.completed_videos,
        );
    }
}
