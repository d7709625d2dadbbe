//! What a batch would cost, and when it would be done.

use std::time::Duration;

use jiff::Timestamp;

use super::Batches;
use super::upload::SHORTEST_AUDIO;
use crate::domain::batch::EngineKind;
use crate::domain::failure::{Wait, WaitReason};
use crate::domain::user::Credits;
use crate::feed::engine_status::{EngineStatus, EngineStatuses};
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};
use crate::service::forecast::expected_finish;

/// What a batch would cost, and when it would be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// The engine it is for.
    pub engine: EngineKind,
    /// Price of the batch.
    pub credits: Credits,
    /// Price of one item.
    pub credits_per_item: Credits,
    /// The caller's balance now.
    pub balance_before: Credits,
    /// When the last item is expected to end.
    pub expected_finish_time: Option<Timestamp>,
    /// What its items would wait for at first.
    pub wait: Option<Wait>,
    /// Items of everyone on the engine that have not ended.
    pub items_ahead: u64,
    /// Slots of the engine.
    pub slot_limit: u32,
    /// Tasks the account may still submit; absent when not limited.
    pub daily_tasks_left: Option<u32>,
}

impl Batches {
    /// What a batch of so many images and so long an audio would cost, and when it would be done.
    ///
    /// # Errors
    ///
    /// FIELD_INVALID, ENGINE_UNAVAILABLE, IMAGE_COUNT_INVALID, AUDIO_DURATION_INVALID.
    pub async fn quote(
        &self,
        caller: &Caller,
        engine: &str,
        image_count: i64,
        audio: Duration,
    ) -> Result<Quote, ServiceError> {
        let engine = self.engine(engine)?;
        let images = self.check_image_count(image_count)?;
        let longest = self.shared.limits.audio_duration;
        if audio < SHORTEST_AUDIO || audio > longest {
            let limit = if audio > longest {
                longest
            } else {
                SHORTEST_AUDIO
            };
            return Err(ServiceError::new(
                Reason::AudioDurationInvalid,
                format!(
                    "The audio plays {:.1} s, {:.1} to {:.0} s are taken.",
                    audio.as_secs_f64(),
                    SHORTEST_AUDIO.as_secs_f64(),
                    longest.as_secs_f64()
                ),
            )
            .with("limit", limit.as_secs_f64())
            .with("duration", audio.as_secs_f64()));
        }
        let credits_per_item = self.shared.offer.pricing.credits_per_item(engine, audio);
        let items = Credits::try_from(images).unwrap_or(Credits::MAX);
        let now = self.clock().now();
        let backlog = self.store().backlog(engine, now).await?;
        let statuses = self.engines();
        let status = statuses.engines.get(&engine);
        let running = status.map_or(0, |status| u64::from(status.running));
        let items_ahead = backlog.total() + running;
        Ok(Quote {
            engine,
            credits: credits_per_item.saturating_mul(items),
            credits_per_item,
            balance_before: self.balance(caller.user).await?,
            expected_finish_time: expected_finish(
                &statuses,
                engine,
                items_ahead + images as u64,
                now,
            ),
            wait: first_wait(&statuses, engine, status, items_ahead),
            items_ahead,
            slot_limit: status.map_or(0, |status| status.slot_limit),
            daily_tasks_left: status.and_then(|status| {
                let limit = status.daily_limit?;
                Some(limit.saturating_sub(status.daily_used))
            }),
        })
    }
}

/// What a new item would wait for; nothing when a slot is free.
fn first_wait(
    statuses: &EngineStatuses,
    engine: EngineKind,
    status: Option<&EngineStatus>,
    items_ahead: u64,
) -> Option<Wait> {
    let wait = statuses.wait_for(engine);
    let has_free_slot = status.is_none_or(|status| items_ahead < u64::from(status.slot_limit));
    if wait.reason == WaitReason::Slot && has_free_slot {
        return None;
    }
    Some(wait)
}
