//! Requests that must not happen twice, and what they made.

use crate::domain::ids::{BatchId, ItemId, RequestId, UserId};

/// Where a request id counts: within one user's calls of one method.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// Who asked.
    pub user: UserId,
    /// Which RPC.
    pub method: &'static str,
    /// The id.
    pub id: RequestId,
}

/// A request that must not happen twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where its id counts.
    pub key: RequestKey,
    /// SHA-256 of its content.
    pub digest: [u8; 32],
}

/// A request that was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// SHA-256 of its content.
    pub digest: [u8; 32],
    /// What it made.
    pub made: Made,
}

/// What a request made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// A batch.
    Batch(BatchId),
    /// New rounds of items of a batch.
    Rounds(BatchId, Vec<ItemId>),
    /// A ledger entry of a user.
    Entry(UserId, u64),
}
