//! Which files an ended batch may lose, and since when.
//!
//! Invariants: a batch with items that have not ended loses nothing; what it has lost is said in its place (`removed_time`
//! of the file). A batch that has lost its uploads cannot be retried or rerun: the age of uploads is also the time in
//! which that may be done. Otherwise a single failed item would keep its batch's uploads for ever.
//!
//! Not here: the files themselves, and who takes them (`service::retention`).

use std::time::Duration;

use jiff::Timestamp;

use super::batch::Batch;

/// What is removed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// The finished videos.
    Results,
    /// The pictures and the audio.
    Uploads,
}

impl Kept {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Results, Self::Uploads];

    /// Since when a batch has files of this kind that nobody needs to finish it: its end. Absent while it has not
    /// ended, and when there are none (any more).
    pub fn since(self, batch: &Batch) -> Option<Timestamp> {
        let is_there = match self {
            Self::Results => batch.counts.completed > 0 && batch.results_removed_time.is_none(),
            Self::Uploads => batch.uploads_removed_time.is_none(),
        };
        batch.finish_time.filter(|_| is_there)
    }
}

/// How long and how much is kept. Absent: for ever, and as much as comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Files of a batch that ended longer ago than this go.
    pub age: Option<Duration>,
    /// Beyond so many bytes the oldest go.
    pub bytes: Option<u64>,
}

/// What is kept of ended batches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// Of the videos.
    pub results: Limits,
    /// Of the pictures and the audio.
    pub uploads: Limits,
}

impl Policy {
    /// The limits of one kind.
    pub fn of(&self, kept: Kept) -> Limits {
        match kept {
            Kept::Results => self.results,
            Kept::Uploads => self.uploads,
        }
    }

    /// Whether everything is kept for ever.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }
}
