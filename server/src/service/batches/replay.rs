//! Requests that came before: the digest of what was asked, and what it made as it is now.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Batches, refusal};
use crate::domain::ids::RequestId;
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};
use crate::store::{Created, ItemsChanged, Made, RecordedRequest, Request, RequestKey};

/// The digest of a request's content. Parts count with their lengths, so that no two contents run into each other.
pub(super) struct ContentDigest(Sha256);

impl ContentDigest {
    pub(super) fn new(method: &str) -> Self {
        Self(Sha256::new()).with(method)
    }

    pub(super) fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    pub(super) fn with_labels(self, labels: &BTreeMap<String, String>) -> Self {
        let counted = self.with((labels.len() as u64).to_be_bytes());
        labels
            .iter()
            .fold(counted, |digest, (key, value)| digest.with(key).with(value))
    }

    /// A value that may be absent; absence differs from every value.
    pub(super) fn with_optional(self, part: Option<&str>) -> Self {
        match part {
            Some(part) => self.with([1]).with(part),
            None => self.with([0]),
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

pub(super) fn key(caller: &Caller, method: &'static str, id: RequestId) -> RequestKey {
    RequestKey {
        user: caller.user,
        method,
        id,
    }
}

impl Batches {
    /// What a request made before, if it did. Its content must be the same.
    pub(super) async fn recorded(
        &self,
        request: Option<&Request>,
    ) -> Result<Option<RecordedRequest>, ServiceError> {
        let Some(request) = request else {
            return Ok(None);
        };
        match self.store().request(request.key.clone()).await? {
            Some(recorded) if recorded.digest == request.digest => Ok(Some(recorded)),
            Some(_) => Err(refusal::request_reused(request.key.id)),
            None => Ok(None),
        }
    }

    /// The batch that a request made, as it is now.
    pub(super) async fn replay_creation(
        &self,
        recorded: RecordedRequest,
    ) -> Result<Created, ServiceError> {
        let Made::Batch(id) = recorded.made else {
            return Err(mixed_up());
        };
        let batch = self.store().batch(id).await?;
        let batch = batch.ok_or_else(|| refusal::batch_not_found(id))?;
        Ok(Created {
            balance: self.balance(batch.owner).await?,
            batch,
            replayed: true,
        })
    }

    /// The rounds that a request began, with their batch as it is now.
    pub(super) async fn replay_rounds(
        &self,
        recorded: RecordedRequest,
    ) -> Result<ItemsChanged, ServiceError> {
        let Made::Rounds(id, items) = recorded.made else {
            return Err(mixed_up());
        };
        let batch = self.store().batch(id).await?;
        let batch = batch.ok_or_else(|| refusal::batch_not_found(id))?;
        Ok(ItemsChanged {
            balance: self.balance(batch.owner).await?,
            batch,
            items,
        })
    }
}

/// A request's method is part of its key, so what it made is of that method's kind.
fn mixed_up() -> ServiceError {
    ServiceError::new(Reason::Internal, "a request made something of another kind")
}
