//! What is asked of the store, and what it answers: pages, selections, counts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::batch::{Batch, BatchState, EngineKind};
use crate::domain::failure::WaitReason;
use crate::domain::ids::{BatchId, ItemId, UserId};
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::ledger::Entry;
use crate::domain::user::User;

/// Records that one page of a filtered list reads at most; a page may be short and still have a successor.
pub const SCAN_BUDGET: usize = 2_000;

/// A page of batches that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchQuery {
    /// Whose; absent: everyone's.
    pub owner: Option<UserId>,
    /// In which order.
    pub order: BatchOrder,
    /// Engines that only a person can let go on: batches that wait for one of them need attention.
    pub halted: Vec<EngineKind>,
    /// Which of them.
    pub filter: BatchFilter,
    /// At most so many, 1…200.
    pub limit: usize,
    /// After this one.
    pub after: Option<BatchCursor>,
}

/// An order that has an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BatchOrder {
    /// Newest first.
    Newest,
    /// Needs attention, then open, then the rest, each newest first.
    Attention,
}

/// Which batches. An empty filter takes all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatchFilter {
    /// One of these states; all when empty.
    pub states: Vec<BatchState>,
    /// In the name, the prompt, or a key or value of a label, without case, or the last four digits of the id or
    /// more; empty: all.
    pub text: String,
    /// With failed items, or without.
    pub has_failures: Option<bool>,
    /// Each of these labels with this value.
    pub labels: BTreeMap<String, String>,
    /// Made at or after.
    pub created_after: Option<Timestamp>,
    /// Made before.
    pub created_before: Option<Timestamp>,
}

/// Whether a batch waits for one of these engines and nothing of it runs.
pub fn waits_for_any(batch: &Batch, engines: &[EngineKind]) -> bool {
    batch.only_waits() && engines.contains(&batch.engine)
}

impl BatchFilter {
    /// Whether a batch passes.
    pub fn admits(&self, batch: &Batch) -> bool {
        (self.states.is_empty() || self.states.contains(&batch.state()))
            && self
                .has_failures
                .is_none_or(|failures| failures == (batch.counts.failed > 0))
            && self
                .created_after
                .is_none_or(|time| batch.create_time >= time)
            && self
                .created_before
                .is_none_or(|time| batch.create_time < time)
            && self
                .labels
                .iter()
                .all(|(key, value)| batch.labels.get(key) == Some(value))
            && self.admits_text(batch)
    }

    fn admits_text(&self, batch: &Batch) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let wanted = self.text.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        has(&batch.name)
            || has(&batch.prompt)
            || ends_with_digits(batch, &wanted)
            || batch
                .labels
                .iter()
                .any(|(key, value)| has(key) || has(value))
    }
}

/// Whether the id ends in these digits, with hyphens or without. Fewer than four say too little about an id.
fn ends_with_digits(batch: &Batch, wanted: &str) -> bool {
    const FEWEST: usize = 4;
    let digits = wanted.replace('-', "");
    digits.len() >= FEWEST && batch.id.0.simple().to_string().ends_with(&digits)
}

/// A place in an ordered list of batches: the last one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchCursor {
    /// Its attention rank (0 in the newest-first order).
    pub rank: u8,
    /// Its id.
    pub batch: BatchId,
}

/// A page of batches.
#[derive(Debug, Clone, Default)]
pub struct BatchPage {
    /// The batches.
    pub batches: Vec<Batch>,
    /// Where the next page begins; absent at the end.
    pub next: Option<BatchCursor>,
    /// The store's revision that was read.
    pub revision: u64,
}

/// Which items of a batch. Empty lists take all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemSelection {
    /// These.
    pub ids: Vec<ItemId>,
    /// In one of these states.
    pub states: Vec<ItemStateName>,
}

/// The state of an item without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemStateName {
    /// Waits to be claimed.
    Pending,
    /// An attempt owns it.
    Processing,
    /// The video is there.
    Completed,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl From<&ItemState> for ItemStateName {
    fn from(state: &ItemState) -> Self {
        match state {
            ItemState::Pending(_) => Self::Pending,
            ItemState::Processing(_) => Self::Processing,
            ItemState::Completed { .. } => Self::Completed,
            ItemState::Failed { .. } => Self::Failed,
            ItemState::Cancelled { .. } => Self::Cancelled,
        }
    }
}

impl ItemSelection {
    /// Whether an item is selected.
    pub fn admits(&self, item: &VideoItem) -> bool {
        (self.ids.is_empty() || self.ids.contains(&item.id))
            && (self.states.is_empty() || self.states.contains(&ItemStateName::from(&item.state)))
    }
}

/// A page of items.
#[derive(Debug, Clone, Default)]
pub struct ItemPage {
    /// By position.
    pub items: Vec<VideoItem>,
    /// The last position that was read, when more follow.
    pub next_after: Option<u32>,
    /// The store's revision that was read.
    pub revision: u64,
}

/// A page of users.
#[derive(Debug, Clone, Default)]
pub struct UserPage {
    /// By name.
    pub users: Vec<User>,
    /// The last name that was read, when more follow.
    pub next_after: Option<String>,
}

/// A page of ledger entries.
#[derive(Debug, Clone, Default)]
pub struct EntryPage {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// Whether older ones follow.
    pub has_more: bool,
}

/// Batches by derived state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nothing started.
    pub created: u64,
    /// Work is going on or waits to.
    pub processing: u64,
    /// At least one video.
    pub completed: u64,
    /// No video.
    pub failed: u64,
    /// All cancelled.
    pub cancelled: u64,
    /// With failed items, in whatever state.
    pub with_failures: u64,
    /// With failed items that nobody has looked at.
    pub needs_attention: u64,
}

impl Counts {
    /// All batches.
    pub fn total(&self) -> u64 {
        self.created + self.processing + self.completed + self.failed + self.cancelled
    }
}

/// What waits for an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Items that could be claimed now.
    pub ready: u64,
    /// Items with a wait of their own, by reason.
    pub held: BTreeMap<WaitReason, u64>,
    /// When the next of them becomes ready by itself.
    pub next_ready_time: Option<Timestamp>,
    /// When the oldest waiting item was made.
    pub oldest_create_time: Option<Timestamp>,
    /// Whose turn it is when a slot comes free; absent when nothing is ready.
    pub next: Option<NextTurn>,
}

/// The batch whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextTurn {
    /// Which.
    pub batch: BatchId,
    /// Items of it that could be claimed now.
    pub ready: u64,
}

impl Backlog {
    /// All that waits.
    pub fn total(&self) -> u64 {
        self.ready + self.held.values().sum::<u64>()
    }
}

/// Tasks submitted on an account within the daily window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DailyUse {
    /// Ours.
    pub submitted: u32,
    /// The oldest of them.
    pub oldest: Option<Timestamp>,
}

/// Hours of which it is counted how many items ended, the present one included.
pub const HOURS_COUNTED: i64 = 24;

/// Items that ended within one hour of the clock, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourCount {
    /// When the hour began.
    pub start_time: Timestamp,
    /// Items that completed.
    pub completed: u64,
    /// Items that failed.
    pub failed: u64,
}

/// Sums over everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// The newest revision.
    pub revision: u64,
    /// User accounts.
    pub users: u64,
    /// Batches.
    pub batches: u64,
    /// Items.
    pub items: u64,
    /// Bytes of referenced source images.
    pub image_bytes: u64,
    /// Bytes of referenced audios.
    pub audio_bytes: u64,
    /// Bytes of referenced videos.
    pub video_bytes: u64,
    /// Bytes of the database file.
    pub database_bytes: u64,
    /// Items by state.
    pub items_by_state: ItemTotals,
    /// Every ledger's entries by kind.
    pub credits: CreditTotals,
}

/// Items by state; those of deleted batches are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ItemTotals {
    /// Waiting to be claimed.
    pub pending: u64,
    /// Owned by an attempt.
    pub processing: u64,
    /// With a video, be it removed since.
    pub completed: u64,
    /// Without one.
    pub failed: u64,
    /// Ended by the user.
    pub cancelled: u64,
}

/// Sums of the deltas of all ledgers, deleted batches included: together they are all balances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CreditTotals {
    /// What accounts started with.
    pub granted: i64,
    /// What rounds were charged; not positive.
    pub charged: i64,
    /// What was given back.
    pub refunded: i64,
    /// What administrators changed.
    pub adjusted: i64,
}

impl CreditTotals {
    /// What everyone has to spend.
    pub fn outstanding(&self) -> i64 {
        self.granted + self.charged + self.refunded + self.adjusted
    }
}
