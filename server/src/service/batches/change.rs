//! Cancelling and retrying.

use super::page::ITEM_STATES;
use super::replay::{self, ContentDigest};
use super::spec::check_max_credits;
use super::{Batches, refusal};
use crate::domain::ids::{BatchId, ItemId, RequestId};
use crate::domain::user::Credits;
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};
use crate::store::query::{ItemSelection, ItemStateName};
use crate::store::{CancelItems, ItemsChanged, Request, RetryItems};

const RETRY: &str = "RetryItems";

/// A retry that is asked for.
#[derive(Debug, Clone)]
pub struct Retry {
    /// The batch.
    pub batch: BatchId,
    /// Which of its items: ids or states.
    pub selection: ItemSelection,
    /// Not to happen twice.
    pub request_id: Option<RequestId>,
    /// The most it may cost.
    pub max_credits: Option<Credits>,
}

/// A retry that has begun.
#[derive(Debug, Clone)]
pub struct Retried {
    /// The batch and the items.
    pub changed: ItemsChanged,
    /// What the round was charged.
    pub credits_charged: Credits,
    /// The same request began it before.
    pub replayed: bool,
}

impl Batches {
    /// Asks for all of a batch to end.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, ALREADY_FINISHED.
    pub async fn cancel_batch(
        &self,
        caller: &Caller,
        id: BatchId,
    ) -> Result<ItemsChanged, ServiceError> {
        self.cancel(caller, id, ItemSelection::default(), true)
            .await
    }

    /// Asks for some items of a batch to end.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, ITEM_NOT_FOUND, FIELD_INVALID, ALREADY_FINISHED.
    pub async fn cancel_items(
        &self,
        caller: &Caller,
        id: BatchId,
        selection: ItemSelection,
    ) -> Result<ItemsChanged, ServiceError> {
        self.batch(caller, id).await?;
        check_selection(
            &selection,
            [ItemStateName::Pending, ItemStateName::Processing],
        )?;
        self.cancel(caller, id, selection, false).await
    }

    async fn cancel(
        &self,
        caller: &Caller,
        id: BatchId,
        selection: ItemSelection,
        whole_batch: bool,
    ) -> Result<ItemsChanged, ServiceError> {
        self.batch(caller, id).await?;
        let nothing = ServiceError::new(
            Reason::AlreadyFinished,
            "Nothing is left to cancel: all of these items have ended.",
        );
        self.store()
            .cancel_items(CancelItems {
                batch: id,
                selection,
                whole_batch,
                actor: caller.actor(),
                now: self.clock().now(),
            })
            .await
            .map_err(|error| refusal::of_change(error, id, nothing, None))
    }

    /// Begins a new round of items, all or nothing, charged to the batch's owner.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, ITEM_NOT_FOUND, FIELD_INVALID, NOT_RETRYABLE, FILE_REMOVED, PRICE_CHANGED,
    /// INSUFFICIENT_CREDITS, REQUEST_ID_REUSED.
    pub async fn retry(&self, caller: &Caller, retry: Retry) -> Result<Retried, ServiceError> {
        let batch = self.batch(caller, retry.batch).await?;
        check_selection(
            &retry.selection,
            [ItemStateName::Failed, ItemStateName::Cancelled],
        )?;
        check_max_credits(retry.max_credits)?;
        let request = retry.request_id.map(|id| Request {
            key: replay::key(caller, RETRY, id),
            digest: digest(&retry),
        });
        let (changed, replayed) = match self.recorded(request.as_ref()).await? {
            Some(recorded) => (self.replay_rounds(recorded).await?, true),
            None => {
                let change = RetryItems {
                    batch: retry.batch,
                    selection: retry.selection,
                    max_credits: retry.max_credits,
                    request,
                    actor: caller.actor(),
                    now: self.clock().now(),
                };
                let nothing = refusal::not_retryable();
                let changed = self.store().retry_items(change).await;
                let refused =
                    |error| refusal::of_change(error, batch.id, nothing, retry.request_id);
                (changed.map_err(refused)?, false)
            }
        };
        let rounds = Credits::try_from(changed.items.len()).unwrap_or(Credits::MAX);
        Ok(Retried {
            credits_charged: batch.credits_per_item.saturating_mul(rounds),
            changed,
            replayed,
        })
    }
}

/// Either ids without repeats or states are given, and only states that can be changed.
fn check_selection(
    selection: &ItemSelection,
    allowed: [ItemStateName; 2],
) -> Result<(), ServiceError> {
    let refuse = |field: &str, message: &str| Err(ServiceError::field(field, message));
    match (selection.ids.is_empty(), selection.states.is_empty()) {
        (true, true) => return refuse("item_ids", "Say which items: by item_ids or by states."),
        (false, false) => {
            return refuse(
                "states",
                "Say which items by item_ids or by states, not both.",
            );
        }
        _ => {}
    }
    check_ids(&selection.ids)?;
    if selection.states.iter().all(|state| allowed.contains(state)) {
        Ok(())
    } else {
        refuse(
            "states",
            "Items in one of these states cannot be changed so.",
        )
    }
}

/// Ids of one request: as many as a batch can have at most is more than enough, and none twice.
pub(super) fn check_ids(ids: &[ItemId]) -> Result<(), ServiceError> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == ids.len() {
        Ok(())
    } else {
        Err(ServiceError::field(
            "item_ids",
            "item_ids names an item twice.",
        ))
    }
}

fn digest(retry: &Retry) -> [u8; 32] {
    let mut ids = retry.selection.ids.clone();
    ids.sort_unstable();
    let digest = ContentDigest::new(RETRY).with(retry.batch.bytes());
    let digest = ids
        .iter()
        .fold(digest, |digest, id| digest.with(id.bytes()));
    let wants = |state| u8::from(retry.selection.states.contains(&state));
    digest.with(ITEM_STATES.map(wants)).finish()
}
