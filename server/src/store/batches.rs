//! What batches and items are asked for and refused: making, cancelling, retrying, deleting.

use jiff::Timestamp;

use super::StoreError;
use super::query::ItemSelection;
use super::requests::Request;
use crate::domain::batch::Batch;
use crate::domain::ids::{BatchId, ItemId, UserId};
use crate::domain::item::VideoItem;
use crate::domain::ledger::Actor;
use crate::domain::media::Blob;
use crate::domain::user::Credits;

/// A batch to be committed. The items' charges are taken from its owner.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The batch, its counts not yet filled (`Batch::admit` does that within the operation).
    pub batch: Batch,
    /// Its items, positions 1, 2, 3 …
    pub items: Vec<VideoItem>,
    /// Not to happen twice.
    pub request: Option<Request>,
    /// Who asked.
    pub actor: Actor,
}

/// A batch that is committed.
#[derive(Debug, Clone)]
pub struct Created {
    /// As it is now.
    pub batch: Batch,
    /// It was there before: the same request came again.
    pub replayed: bool,
    /// The owner's balance now.
    pub balance: Credits,
}

/// Cancels items of a batch.
#[derive(Debug, Clone)]
pub struct CancelItems {
    /// The batch.
    pub batch: BatchId,
    /// Which of its items.
    pub selection: ItemSelection,
    /// All of it: the batch gets a cancel request time.
    pub whole_batch: bool,
    /// Who asked.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// Retries items of a batch.
#[derive(Debug, Clone)]
pub struct RetryItems {
    /// The batch.
    pub batch: BatchId,
    /// Which of its items: by ids, each must be retryable; by states, those that are.
    pub selection: ItemSelection,
    /// The most it may cost.
    pub max_credits: Option<Credits>,
    /// Not to happen twice.
    pub request: Option<Request>,
    /// Who asked.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// Items that were changed.
#[derive(Debug, Clone)]
pub struct ItemsChanged {
    /// Their batch as it is now.
    pub batch: Batch,
    /// Which.
    pub items: Vec<ItemId>,
    /// The owner's balance now.
    pub balance: Credits,
}

/// A batch to be taken away.
#[derive(Debug, Clone)]
pub struct DeleteBatch {
    /// Which.
    pub batch: BatchId,
    /// Who.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// A batch that was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Its blobs that nothing refers to any more.
    pub doomed: Vec<Blob>,
}

/// What is left of a deleted batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Whose it was.
    pub owner: UserId,
    /// Its name.
    pub name: String,
    /// When it was deleted.
    pub delete_time: Timestamp,
}

/// A batch that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateBatchError {
    /// The same request made a batch that was deleted since.
    #[error("the request made a batch that was deleted")]
    Deleted(BatchId),
    /// Too few credits.
    #[error(transparent)]
    Balance(#[from] crate::domain::ledger::BalanceError),
    /// The request id was used with other content.
    #[error("the request id was used with other content")]
    RequestReused,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Items that cannot be changed; none was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeItemsError {
    /// No such batch.
    #[error("no such batch")]
    BatchNotFound,
    /// The batch has no such item.
    #[error("no such item")]
    ItemNotFound(ItemId),
    /// A named item cannot be retried.
    #[error("an item cannot be retried")]
    NotRetryable(ItemId),
    /// No selected item can be changed: all have ended (cancel), or none can be retried.
    #[error("nothing to change")]
    Nothing,
    /// It would cost more than was allowed.
    #[error("it costs {required}, at most {allowed} are allowed")]
    TooExpensive {
        /// What it costs.
        required: Credits,
        /// What was allowed.
        allowed: Credits,
    },
    /// Too few credits.
    #[error(transparent)]
    Balance(#[from] crate::domain::ledger::BalanceError),
    /// The request id was used with other content.
    #[error("the request id was used with other content")]
    RequestReused,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A batch that cannot be taken away.
#[derive(Debug, thiserror::Error)]
pub enum DeleteBatchError {
    /// No such batch.
    #[error("no such batch")]
    NotFound,
    /// It has items that have not ended.
    #[error("the batch has not ended")]
    NotFinished,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
