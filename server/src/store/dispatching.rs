//! What the dispatcher asks for: claims, what happened to attempts, tasks that turn up late.

use jiff::Timestamp;

use crate::domain::batch::EngineKind;
use crate::domain::ids::{Account, AttemptNumber, BatchId, ClientRef, InstanceId, ItemId, TaskId};
use crate::domain::item::VideoItem;
use crate::domain::leftover::Cleanup;
use crate::domain::transition::AttemptEvent;

/// An item to be claimed.
#[derive(Debug, Clone)]
pub struct Claim {
    /// For which engine.
    pub engine: EngineKind,
    /// On which account.
    pub account: Account,
    /// By which start of the server.
    pub instance: InstanceId,
    /// Slots of the account that may be held; absent: as many as the dispatcher's settings say.
    pub slots: Option<u32>,
    /// Only items of batches made after this one; absent: all.
    pub after_batch: Option<BatchId>,
    /// When.
    pub now: Timestamp,
}

/// Something that happened to an attempt.
#[derive(Debug, Clone)]
pub struct AttemptChange {
    /// The item.
    pub item: ItemId,
    /// The attempt.
    pub attempt: AttemptNumber,
    /// What.
    pub event: AttemptEvent,
}

/// A task in an account's list that belongs to a watch.
#[derive(Debug, Clone)]
pub struct FoundTask {
    /// The watch.
    pub key: ClientRef,
    /// The task.
    pub task: TaskId,
    /// It has ended upstream without a video: nothing to adopt or to end.
    pub ended: bool,
    /// This start of the server.
    pub instance: InstanceId,
    /// When.
    pub now: Timestamp,
}

/// What became of a found task.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made for each task that turns up late, and it is not kept"
)]
pub enum Settled {
    /// The item is its attempt's again.
    Adopted(VideoItem),
    /// It should end upstream.
    Cleanup(Cleanup),
    /// It had ended; the watch is forgotten.
    Forgotten,
}
