//! What an ended item may leave upstream: a task that should end, or a submit nobody has answered for.
//!
//! Both are durable, and both are per upstream account: only the account that submitted a task knows it.

use jiff::Timestamp;

use super::ids::{Account, BatchId, ClientRef, TaskId};

/// A task that should end upstream though its item has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleanup {
    /// The attempt it was made for.
    pub client_ref: ClientRef,
    /// The item's batch.
    pub batch: BatchId,
    /// Whose task it is.
    pub account: Account,
    /// The engine's name for it.
    pub task: TaskId,
    /// When its item ended.
    pub create_time: Timestamp,
    /// The account has no usable token for good: the record stays, but holds no slot and blocks no retry.
    pub lost: bool,
}

impl Cleanup {
    /// Whether the task is taken to be active upstream.
    pub fn holds_slot(&self) -> bool {
        !self.lost
    }
}

/// A submit without an answer whose item has gone on: its task may still appear in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// The attempt that was submitted.
    pub client_ref: ClientRef,
    /// The item's batch.
    pub batch: BatchId,
    /// Whom the task would belong to.
    pub account: Account,
    /// What was sent as the seed, for upstreams that strip our key.
    pub seed: i32,
    /// When the attempt was claimed: a task made by the submit is not older than this.
    pub start_time: Timestamp,
    /// A task made by the submit is not younger than this.
    pub submit_time: Timestamp,
    /// A list read late enough did not have the task: it keeps no slot and blocks no retry.
    pub matched: bool,
    /// When it ends to be matched.
    pub expire_time: Timestamp,
}

impl Watch {
    /// Whether a task is taken to be active upstream.
    pub fn holds_slot(&self) -> bool {
        !self.matched
    }
}
