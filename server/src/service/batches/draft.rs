//! A new batch before its commit: what it is made of, what it costs, and its items as they will wait.

use super::{Batches, refusal};
use crate::domain::batch::{Batch, EngineKind, ItemCounts};
use crate::domain::ids::{BatchId, UserId};
use crate::domain::item::{ItemState, Pending, VideoItem};
use crate::domain::media::{Audio, SourceImage};
use crate::domain::user::Credits;
use crate::service::Caller;
use crate::service::error::ServiceError;
use crate::store::{NewBatch, Request};

/// What a new batch is made of.
pub(super) struct Draft {
    pub(super) owner: UserId,
    pub(super) name: String,
    pub(super) prompt: String,
    pub(super) negative_prompt: String,
    pub(super) engine: EngineKind,
    pub(super) labels: std::collections::BTreeMap<String, String>,
    pub(super) source_batch: Option<BatchId>,
    pub(super) audio: Audio,
    pub(super) images: Vec<SourceImage>,
}

/// What so many items cost.
pub(super) fn total(credits_per_item: Credits, items: usize) -> Credits {
    let items = Credits::try_from(items).unwrap_or(Credits::MAX);
    credits_per_item.saturating_mul(items)
}

/// Refuses what costs more than is allowed.
pub(super) fn check_limit(
    required: Credits,
    max_credits: Option<Credits>,
) -> Result<(), ServiceError> {
    match max_credits {
        Some(limit) if required > limit => Err(refusal::price_changed(required, limit)),
        _ => Ok(()),
    }
}

impl Batches {
    /// Refuses what costs more than is allowed or there.
    pub(super) async fn check_price(
        &self,
        owner: UserId,
        credits_per_item: Credits,
        items: usize,
        max_credits: Option<Credits>,
    ) -> Result<Credits, ServiceError> {
        let required = total(credits_per_item, items);
        check_limit(required, max_credits)?;
        let available = self.balance(owner).await?;
        crate::domain::ledger::balance_after(available, required.saturating_neg())?;
        Ok(required)
    }

    /// A batch as it is committed: every item waits, at the price of now.
    pub(super) fn new_batch(
        &self,
        caller: &Caller,
        draft: Draft,
        request: Option<Request>,
    ) -> NewBatch {
        let clock = &self.shared.clock;
        let now = clock.now();
        let id = clock.batch_id();
        let credits_per_item = self
            .shared
            .offer
            .pricing
            .credits_per_item(draft.engine, draft.audio.duration);
        let items = (1..)
            .zip(draft.images)
            .map(|(position, source_image)| VideoItem {
                id: clock.item_id(),
                batch: id,
                position,
                source_image,
                state: ItemState::Pending(Pending::default()),
                round: 1,
                charge: credits_per_item,
                failures_in_round: 0,
                last_attempt: 0,
                ended_attempts: Vec::new(),
                progress_permille: 0,
                create_time: now,
                start_time: None,
                update_time: now,
                revision: 0,
            })
            .collect();
        NewBatch {
            batch: Batch {
                id,
                owner: draft.owner,
                name: draft.name,
                prompt: draft.prompt,
                negative_prompt: draft.negative_prompt,
                engine: draft.engine,
                labels: draft.labels,
                source_batch: draft.source_batch,
                audio: draft.audio,
                credits_per_item,
                counts: ItemCounts::default(),
                credits_charged: 0,
                credits_refunded: 0,
                progress_permille_sum: 0,
                create_time: now,
                start_time: None,
                finish_time: None,
                cancel_request_time: None,
                results_removed_time: None,
                uploads_removed_time: None,
                held: std::collections::BTreeMap::new(),
                last_ended: None,
                failures_seen: 0,
                revision: 0,
            },
            items,
            request,
            actor: caller.actor(),
        }
    }
}
