//! Deleting a finished batch, or files of an ended one, and removing the files that nothing uses any more.
//!
//! The commit comes first and dooms the files; they are removed after it. What a crash or a failing disk leaves there is
//! removed with the next deletion or at the next start.

use jiff::Timestamp;

use super::{Batches, refusal};
use crate::domain::ids::BatchId;
use crate::domain::retention::Kept;
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};
use crate::service::retention::Taken;
use crate::store::query::Totals;
use crate::store::{DeleteBatch, DeleteBatchError, Expire};

/// Files that are removed between two looks at the store.
const AT_ONCE: usize = 500;

impl Batches {
    /// Takes a batch away whose items have all ended, with the files that nothing else uses; how many bytes those had.
    /// What it was charged stays in the ledger.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, BATCH_NOT_FINISHED.
    pub async fn delete(&self, caller: &Caller, id: BatchId) -> Result<u64, ServiceError> {
        self.batch(caller, id).await?;
        let delete = DeleteBatch {
            batch: id,
            actor: caller.actor(),
            now: self.clock().now(),
        };
        let deleted = self.store().delete_batch(delete).await;
        let deleted = deleted.map_err(|error| match error {
            DeleteBatchError::NotFound => refusal::batch_not_found(id),
            DeleteBatchError::NotFinished => ServiceError::new(
                Reason::BatchNotFinished,
                "The batch has items that have not ended. Cancel them, or wait for them.",
            ),
            DeleteBatchError::Store(error) => error.into(),
        })?;
        let freed = deleted.doomed.iter().map(|blob| blob.size_bytes).sum();
        // The batch is gone whatever becomes of its files now.
        if let Err(error) = self.remove_doomed().await {
            tracing::warn!(
                error = error.message,
                "files of deleted batches are left for later"
            );
        }
        Ok(freed)
    }

    /// One step of retention: takes files of a kind from the batch that ended longest ago, at `ended_before` or before,
    /// then removes those that nothing uses any more. Whether there was such a batch.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn expire(
        &self,
        kept: Kept,
        ended_before: Timestamp,
        limit: usize,
        taken: &mut Taken,
    ) -> Result<bool, ServiceError> {
        let expire = Expire {
            kept,
            ended_before,
            limit,
            now: self.clock().now(),
        };
        let Some(expired) = self.store().expire(expire).await? else {
            return Ok(false);
        };
        taken.files += expired.files;
        let bytes = expired.doomed.iter().map(|blob| blob.size_bytes);
        taken.freed_bytes += bytes.sum::<u64>();
        if !expired.doomed.is_empty() {
            self.remove_doomed().await?;
        }
        Ok(true)
    }

    /// Sums over everything.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn totals(&self) -> Result<Totals, ServiceError> {
        Ok(self.store().totals().await?)
    }

    /// Removes the files of deleted batches, and of ended ones that retention has taken from, that nothing uses.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn remove_doomed(&self) -> Result<(), ServiceError> {
        loop {
            let doomed = self.store().doomed_blobs(AT_ONCE).await?;
            let pins = doomed.iter().map(|blob| self.media().pin(*blob)).collect();
            let removed = self
                .media()
                .discard(pins, |blob| self.store().is_referenced(blob))
                .await;
            let are_all = removed.len() == doomed.len();
            if !removed.is_empty() {
                self.store().forget_doomed(removed).await?;
            }
            // Those that are left are in somebody's hands: another time.
            if doomed.len() < AT_ONCE || !are_all {
                return Ok(());
            }
        }
    }
}
