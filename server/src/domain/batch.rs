//! Batch: one audio, many pictures, one video each. Its state is always derived from its items.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::failure::{FailureReason, Wait, WaitReason};
use super::ids::{BatchId, ItemId, UserId};
use super::item::{ItemState, Pending, VideoItem};
use super::media::Audio;
use super::user::Credits;

/// Longest name of a batch, in characters.
pub const NAME_CHARACTERS: usize = 200;
/// Longest prompt, in characters.
pub const PROMPT_CHARACTERS: usize = 2_000;
/// Most labels of a batch.
pub const LABELS: usize = 16;
/// Longest label key, in bytes.
pub const LABEL_KEY_BYTES: usize = 63;
/// Longest label value, in bytes.
pub const LABEL_VALUE_BYTES: usize = 255;
/// Longest file name, in bytes.
pub const FILENAME_BYTES: usize = 255;
/// What an empty prompt becomes: "make the video that fits the audio".
pub const DEFAULT_PROMPT: &str = "根据音频生成对应视频";

/// What makes the videos of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineKind {
    /// Built in, free, always there.
    Preview,
    /// The paid upstream.
    LightX2v,
}

impl EngineKind {
    /// Every engine.
    pub const ALL: [Self; 2] = [Self::Preview, Self::LightX2v];

    /// Its name in the contract and the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::LightX2v => "lightx2v",
        }
    }

    /// The engine of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }
}

/// Waiting items of a batch that have one reason of their own to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldItems {
    /// How many.
    pub count: u32,
    /// None of them waits longer by itself; absent while one waits for something without a known time.
    pub until: Option<Timestamp>,
}

/// One audio and many pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Who pays and who sees it.
    pub owner: UserId,
    /// The user's name for it.
    pub name: String,
    /// Never empty.
    pub prompt: String,
    /// May be empty.
    pub negative_prompt: String,
    /// What makes its videos.
    pub engine: EngineKind,
    /// The user's own keys and values.
    pub labels: BTreeMap<String, String>,
    /// The batch whose media it was made from; absent when they were uploaded.
    pub source_batch: Option<BatchId>,
    /// The recording.
    pub audio: Audio,
    /// What each round of an item is charged.
    pub credits_per_item: Credits,
    /// Its items by state.
    pub counts: ItemCounts,
    /// Charged in all.
    pub credits_charged: Credits,
    /// Given back in all.
    pub credits_refunded: Credits,
    /// Sum of its items' progress, 0…1000 each.
    pub progress_permille_sum: u64,
    /// When it was made.
    pub create_time: Timestamp,
    /// When its first attempt was claimed.
    pub start_time: Option<Timestamp>,
    /// When its last item ended; absent while one has not.
    pub finish_time: Option<Timestamp>,
    /// When its owner asked for all of it to end.
    pub cancel_request_time: Option<Timestamp>,
    /// When retention removed the last of its videos; absent while one may be there.
    pub results_removed_time: Option<Timestamp>,
    /// When retention removed the last of its uploads; the first to go is the audio.
    pub uploads_removed_time: Option<Timestamp>,
    /// Items that have a wait of their own, by its reason.
    pub held: BTreeMap<WaitReason, HeldItems>,
    /// The item that ended last, even if it was retried since; absent while none ever has.
    pub last_ended: Option<EndedItem>,
    /// Failed items that its owner has looked at.
    pub failures_seen: u32,
    /// The store's revision of its last change.
    pub revision: u64,
}

/// How one item of a batch ended, as far as its batch remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedItem {
    /// The item.
    pub item: ItemId,
    /// Its place in the batch, from 1.
    pub position: u32,
    /// The name of its picture.
    pub filename: String,
    /// With a video or without.
    pub ending: Ending,
    /// When.
    pub finish_time: Timestamp,
}

/// With or without a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The video is there.
    Completed,
    /// It failed.
    Failed(FailureReason),
    /// The user ended it.
    Cancelled,
}

impl EndedItem {
    /// How an item has ended; nothing while it has not.
    pub fn of(item: &VideoItem) -> Option<Self> {
        let (ending, finish_time) = match &item.state {
            ItemState::Pending(_) | ItemState::Processing(_) => return None,
            ItemState::Completed { finish_time, .. } => (Ending::Completed, *finish_time),
            ItemState::Failed {
                failure,
                finish_time,
            } => (Ending::Failed(failure.reason), *finish_time),
            ItemState::Cancelled { finish_time } => (Ending::Cancelled, *finish_time),
        };
        Some(Self {
            item: item.id,
            position: item.position,
            filename: item.source_image.filename.clone(),
            ending,
            finish_time,
        })
    }
}

/// Items by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ItemCounts {
    /// Waiting to be claimed.
    pub pending: u32,
    /// Owned by an attempt.
    pub processing: u32,
    /// With a video.
    pub completed: u32,
    /// Without one.
    pub failed: u32,
    /// Ended by the user.
    pub cancelled: u32,
}

impl ItemCounts {
    /// All items.
    pub fn total(&self) -> u32 {
        self.pending + self.processing + self.completed + self.failed + self.cancelled
    }

    /// Items that have not ended.
    pub fn open(&self) -> u32 {
        self.pending + self.processing
    }

    /// Counts an item in that state.
    pub fn count(&mut self, state: &ItemState) {
        *self.of(state) += 1;
    }

    fn of(&mut self, state: &ItemState) -> &mut u32 {
        match state {
            ItemState::Pending(_) => &mut self.pending,
            ItemState::Processing(_) => &mut self.processing,
            ItemState::Completed { .. } => &mut self.completed,
            ItemState::Failed { .. } => &mut self.failed,
            ItemState::Cancelled { .. } => &mut self.cancelled,
        }
    }
}

/// The derived state of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchState {
    /// No attempt ever, not all items ended.
    Created,
    /// Work is going on or waits to.
    Processing,
    /// All items ended, at least one with a video.
    Completed,
    /// All items ended, none with a video, at least one failed.
    Failed,
    /// All items were cancelled.
    Cancelled,
}

impl BatchState {
    /// Every state, in the order of the contract.
    pub const ALL: [Self; 5] = [
        Self::Created,
        Self::Processing,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];
}

/// The wait that an item has of its own.
fn own_wait(state: &ItemState) -> Option<(WaitReason, Option<Timestamp>)> {
    match state {
        ItemState::Pending(Pending {
            not_before,
            reason: Some(reason),
        }) => Some((*reason, *not_before)),
        _ => None,
    }
}

/// Where a batch stands in the order of attention; smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttentionRank {
    /// It has failed items that nobody has looked at.
    NeedsAttention,
    /// It has items that have not ended.
    Open,
    /// All the rest.
    Settled,
}

impl Batch {
    /// The state, derived from the items.
    pub fn state(&self) -> BatchState {
        let counts = &self.counts;
        if counts.open() > 0 {
            if self.start_time.is_none() {
                BatchState::Created
            } else {
                BatchState::Processing
            }
        } else if counts.completed > 0 {
            BatchState::Completed
        } else if counts.failed > 0 {
            BatchState::Failed
        } else {
            BatchState::Cancelled
        }
    }

    /// Where it stands in the order of attention.
    pub fn attention(&self) -> AttentionRank {
        if self.counts.failed > self.failures_seen {
            AttentionRank::NeedsAttention
        } else if self.counts.open() > 0 {
            AttentionRank::Open
        } else {
            AttentionRank::Settled
        }
    }

    /// Whether items of it wait and none runs.
    pub fn only_waits(&self) -> bool {
        self.counts.processing == 0 && self.counts.pending > 0
    }

    /// What its items wait for at that time, if each that waits has a reason of its own: the one that is over first.
    pub fn own_wait(&self, now: Timestamp) -> Option<Wait> {
        let lasting = |held: &HeldItems| held.until.is_none_or(|until| until > now);
        let held = || self.held.iter().filter(|(_, held)| lasting(held));
        let count: u32 = held().map(|(_, held)| held.count).sum();
        if count == 0 || count < self.counts.pending {
            return None;
        }
        let first = held().min_by_key(|(_, held)| held.until.unwrap_or(Timestamp::MAX));
        first.map(|(reason, held)| Wait {
            reason: *reason,
            until: held.until,
        })
    }

    /// Counts an item in whose state is this, among those with a wait of their own.
    fn hold(&mut self, state: &ItemState) {
        let Some((reason, until)) = own_wait(state) else {
            return;
        };
        match self.held.get_mut(&reason) {
            Some(held) => {
                held.count += 1;
                held.until = held.until.zip(until).map(|(known, until)| known.max(until));
            }
            None => {
                self.held.insert(reason, HeldItems { count: 1, until });
            }
        }
    }

    /// Counts one out.
    fn release(&mut self, state: &ItemState) {
        let Some((reason, _)) = own_wait(state) else {
            return;
        };
        if let Some(held) = self.held.get_mut(&reason) {
            held.count = held.count.saturating_sub(1);
            if held.count == 0 {
                self.held.remove(&reason);
            }
        }
    }

    /// The share of work done, 0…1; 1 only when all items have ended.
    pub fn progress(&self) -> f64 {
        let whole = f64::from(self.counts.total()) * 1000.0;
        if self.counts.open() == 0 || whole == 0.0 {
            return 1.0;
        }
        (self.progress_permille_sum as f64 / whole).min(0.999)
    }

    /// Counts a new item in.
    pub fn admit(&mut self, item: &VideoItem) {
        self.counts.count(&item.state);
        self.hold(&item.state);
        self.credits_charged += item.charge;
        self.progress_permille_sum += u64::from(item.progress_permille);
    }

    /// Follows one of its items from `before` to `after`, with the refund and charge that came with it.
    pub fn follow(
        &mut self,
        before: &VideoItem,
        after: &VideoItem,
        charged: Credits,
        refunded: Credits,
        now: Timestamp,
    ) {
        *self.counts.of(&before.state) -= 1;
        *self.counts.of(&after.state) += 1;
        self.release(&before.state);
        self.hold(&after.state);
        self.progress_permille_sum += u64::from(after.progress_permille);
        self.progress_permille_sum -= u64::from(before.progress_permille);
        self.credits_charged += charged;
        self.credits_refunded += refunded;
        self.failures_seen = self.failures_seen.min(self.counts.failed);
        if self.start_time.is_none() {
            self.start_time = after.start_time;
        }
        if !before.is_terminal()
            && let Some(ended) = EndedItem::of(after)
        {
            self.last_ended = Some(ended);
        }
        if self.counts.open() > 0 {
            self.finish_time = None;
            // It will have videos again.
            self.results_removed_time = None;
        } else {
            self.finish_time.get_or_insert(now);
        }
    }
}
