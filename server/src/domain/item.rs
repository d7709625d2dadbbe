//! VideoItem: one video to be made, its state, and the attempts to make it.
//!
//! Invariants: data lives in the state that has it, so a finish time exists if and only if the state is terminal;
//! attempt numbers rise over the item's whole life. States change through `transition` alone.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::{Failure, WaitReason};
use super::ids::{
    Account, AttemptNumber, BatchId, ClientRef, InstanceId, ItemId, RoundNumber, TaskId,
};
use super::media::{SourceImage, Video};
use super::user::Credits;

/// Ended attempts that an item remembers; the oldest go first. Refused submits are not among them, so this
/// holds ten rounds.
pub const ATTEMPTS_KEPT: usize = 32;

/// One video to be made from one picture and the batch's audio.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoItem {
    /// Its id.
    pub id: ItemId,
    /// The batch it belongs to.
    pub batch: BatchId,
    /// Its place in the batch, from 1.
    pub position: u32,
    /// The picture.
    pub source_image: SourceImage,
    /// What it is doing, or how it ended.
    pub state: ItemState,
    /// The current round.
    pub round: RoundNumber,
    /// What the current round was charged.
    pub charge: Credits,
    /// Attempts of the current round that failed.
    pub failures_in_round: u32,
    /// The number of the newest attempt; 0 before the first.
    pub last_attempt: AttemptNumber,
    /// Attempts that ended, oldest first, at most [`ATTEMPTS_KEPT`].
    pub ended_attempts: Vec<Attempt>,
    /// An estimate of the work done, 0…1000; never falls within a round, 1000 only at its end.
    pub progress_permille: u16,
    /// When it was made.
    pub create_time: Timestamp,
    /// When its first attempt was claimed.
    pub start_time: Option<Timestamp>,
    /// When it last changed.
    pub update_time: Timestamp,
    /// The store's revision of its last change.
    pub revision: u64,
}

/// What an item is doing, or how it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemState {
    /// Waits to be claimed.
    Pending(Pending),
    /// An attempt owns it.
    Processing(Processing),
    /// The video is there.
    Completed {
        /// The video.
        video: Video,
        /// When it ended.
        finish_time: Timestamp,
    },
    /// There will be no video unless the user retries.
    Failed {
        /// Why.
        failure: Failure,
        /// When it ended.
        finish_time: Timestamp,
    },
    /// The user ended it.
    Cancelled {
        /// When it ended.
        finish_time: Timestamp,
    },
}

/// A wait of the item's own. What keeps all items of an engine waiting (no slot, no token) is not stored with each
/// of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// Not to be claimed before this time.
    pub not_before: Option<Timestamp>,
    /// Why it was put back, or what it waits behind.
    pub reason: Option<WaitReason>,
}

/// An item that an attempt owns.
#[derive(Debug, Clone, PartialEq)]
pub struct Processing {
    /// The attempt.
    pub attempt: Attempt,
    /// How far it is.
    pub stage: Stage,
    /// When the user asked for it to end.
    pub cancel_request_time: Option<Timestamp>,
    /// Time since the task id was committed in which the upstream answered; what the deadline is held against.
    pub answered: Duration,
}

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// The engine is being asked.
    Submitting,
    /// The engine was asked and gave no definite answer.
    Unresolved {
        /// A task made by the submit is not younger than this.
        since: Timestamp,
    },
    /// The task waits at the engine.
    Queued {
        /// Tasks ahead of it.
        position: Option<u32>,
        /// Until it runs.
        expected_wait: Option<Duration>,
    },
    /// The video is being made.
    Generating {
        /// The whole run.
        expected_run: Option<Duration>,
    },
    /// The video is being fetched; the task has ended upstream.
    Fetching {
        /// Bytes that have come.
        fetched_bytes: u64,
        /// Bytes that are to come in all, where known.
        total_bytes: Option<u64>,
    },
}

/// One task asked of an engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Rising over the item's life.
    pub number: AttemptNumber,
    /// The round it is part of.
    pub round: RoundNumber,
    /// Sent to the engine; 1…2³¹−1.
    pub seed: i32,
    /// Whose task it is.
    pub account: Account,
    /// The start of the server that claimed it.
    pub instance: InstanceId,
    /// The engine's name for the task; set from the stage Queued on.
    pub task: Option<TaskId>,
    /// When it was claimed.
    pub start_time: Timestamp,
    /// When the task id was committed.
    pub submit_time: Option<Timestamp>,
    /// When the engine was first seen to make the video.
    pub run_start_time: Option<Timestamp>,
    /// When it ended.
    pub finish_time: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

impl VideoItem {
    /// Whether the item has ended.
    pub fn is_terminal(&self) -> bool {
        self.finish_time().is_some()
    }

    /// When it ended; absent while it has not.
    pub fn finish_time(&self) -> Option<Timestamp> {
        match self.state {
            ItemState::Pending(_) | ItemState::Processing(_) => None,
            ItemState::Completed { finish_time, .. }
            | ItemState::Failed { finish_time, .. }
            | ItemState::Cancelled { finish_time } => Some(finish_time),
        }
    }

    /// The running attempt, if there is one.
    pub fn processing(&self) -> Option<&Processing> {
        match &self.state {
            ItemState::Processing(processing) => Some(processing),
            _ => None,
        }
    }

    /// All attempts that are remembered, oldest first, the running one included.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.ended_attempts
            .iter()
            .chain(self.processing().map(|processing| &processing.attempt))
    }

    /// The upstream key of an attempt of this item.
    pub fn client_ref(&self, attempt: AttemptNumber) -> ClientRef {
        ClientRef {
            item: self.id,
            attempt,
        }
    }
}

impl Processing {
    /// Whether the attempt may have an active task upstream: the slot is free from FETCHING on.
    pub fn holds_slot(&self) -> bool {
        !matches!(self.stage, Stage::Fetching { .. })
    }
}

/// The seed of an attempt, 1…2³¹−1: the same for the same item and attempt, so that a task whose key was
/// stripped can still be recognised.
pub fn seed(item: ItemId, attempt: AttemptNumber) -> i32 {
    let (high, low) = item.0.as_u64_pair();
    let mut hash =
        high ^ low.rotate_left(32) ^ (u64::from(attempt)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // The finalizer of SplitMix64: every bit of the input moves every bit of the output.
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    (hash % (i32::MAX as u64)) as i32 + 1
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn seeds_are_in_range_and_differ_by_item_and_attempt() {
        let mut seen = std::collections::HashSet::new();
        for item in 0..200u128 {
            for attempt in 1..=5 {
                let seed = seed(ItemId(Uuid::from_u128(item)), attempt);
                assert!(seed >= 1);
                assert!(seen.insert(seed));
            }
        }
    }
}
