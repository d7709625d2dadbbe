//! One submit, and what its answer means for the item.

use std::time::Duration;

use jiff::Timestamp;
use tracing::Instrument as _;

use super::gate::later;
use super::lane::{Done, Lane};
use super::log;
use crate::domain::batch::Batch;
use crate::domain::failure::{Failure, FailureReason, WaitReason};
use crate::domain::ids::{Account, ClientRef};
use crate::domain::item::VideoItem;
use crate::domain::transition::AttemptEvent;
use crate::engine::{Credentials, NewTask, Refusal, SubmitError, Submitted};
use crate::store::StoreError;

/// A submit that never arrived or was refused for pace comes again after this at the earliest, so that an item whose
/// own request is at fault does not keep the others from their turn.
const RELEASE_PAUSE: Duration = Duration::from_millis(200);

impl Lane {
    /// Submits a claimed item when the pace allows it.
    pub(super) fn start_submit(
        &mut self,
        batch: &Batch,
        item: &VideoItem,
        credentials: &Credentials,
    ) {
        let Some(processing) = item.processing() else {
            return;
        };
        let now = self.clock.now();
        let turn = self.account(&credentials.account).gate.enter(now);
        let pause = turn.duration_since(now).unsigned_abs();
        let key = item.client_ref(processing.attempt.number);
        let task = NewTask {
            client_ref: key.to_string(),
            seed: processing.attempt.seed,
            prompt: batch.prompt.clone(),
            negative_prompt: batch.negative_prompt.clone(),
            image: self
                .files
                .source(item.source_image.blob, &item.source_image.media_type),
            audio: self.files.source(batch.audio.blob, &batch.audio.media_type),
        };
        let engine = self.setup.engine.clone();
        let credentials = credentials.clone();
        self.submitting.insert(key);
        let clock = self.clock.clone();
        let submit = async move {
            clock.sleep(pause).await;
            let result = engine.submit(&credentials, task).await;
            Done::Submitted {
                key,
                account: credentials.account,
                result,
            }
        };
        self.work
            .spawn(submit.instrument(log::span(item.batch, key)));
    }

    /// Records the answer to a submit.
    pub(super) async fn submitted(
        &mut self,
        key: ClientRef,
        account: Account,
        result: Result<Submitted, SubmitError>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let event = match result {
            Ok(submitted) => {
                self.answered(&account, now);
                let state = self.account(&account);
                state.gate.accepted();
                state.poll_soon(now, submitted.expected_wait);
                AttemptEvent::Submitted {
                    task: submitted.task,
                    expected_wait: submitted.expected_wait,
                }
            }
            Err(SubmitError::Refused(refusal)) => self.refused(key, &account, refusal, now).await?,
            Err(SubmitError::NotSent { message }) => {
                tracing::warn!(engine = self.setup.kind.name(), call = %key, %message, "the upstream was not reached");
                self.errors.note("not_reached", now);
                let random = self.clock.random();
                let state = self.account(&account);
                state.unreachable = true;
                let reason = state.gate.not_reached(now, random);
                released(reason, now)
            }
            Err(SubmitError::SourceLost { message }) => AttemptEvent::Failed {
                failure: Failure::new(
                    FailureReason::SourceLost,
                    format!(
                        "The server cannot read its own copy of the picture or the audio: {message}"
                    ),
                    "",
                ),
                try_again: None,
            },
            Err(SubmitError::SourceUnreadable { message }) => {
                tracing::error!(%key, %message, "our own copy of a file cannot be read now; items wait");
                self.errors.note("own_files", now);
                let random = self.clock.random();
                self.account(&account).gate.not_reached(now, random);
                released(WaitReason::BackOff, now)
            }
            Err(SubmitError::Unresolved { message }) => {
                tracing::warn!(call = %key, %message, "a submit got no definite answer");
                self.errors.note("unresolved", now);
                AttemptEvent::Unanswered
            }
        };
        let task = match &event {
            AttemptEvent::Submitted { task, .. } => Some(task.clone()),
            _ => None,
        };
        // The set is left only after the commit: a plan in between would take the item for a dead run's.
        let unanswered = matches!(event, AttemptEvent::Unanswered);
        let applied = self.apply_one(key, event).await?;
        self.submitting.remove(&key);
        if applied.is_none() && unanswered {
            self.ended_submits.insert(key, now);
        }
        match (applied, task) {
            (None, Some(task)) => self.take_in_late(key, account, task).await,
            _ => Ok(()),
        }
    }

    async fn refused(
        &mut self,
        key: ClientRef,
        account: &Account,
        refusal: Refusal,
        now: Timestamp,
    ) -> Result<AttemptEvent, StoreError> {
        if let Refusal::BadInput { message } = &refusal {
            self.answered(account, now);
            self.account(account).gate.accepted();
            return Ok(AttemptEvent::Failed {
                failure: Failure::new(
                    FailureReason::UpstreamBadInput,
                    "The upstream cannot use this picture, audio or prompt. Export it again and submit it in a new batch.",
                    message,
                ),
                try_again: None,
            });
        }
        tracing::info!(engine = self.setup.kind.name(), call = %key, %refusal, "a submit was refused");
        let mut daily_free = None;
        match &refusal {
            Refusal::Token { .. } => {
                self.errors.note("token", now);
                self.token_refused(account, now).await?;
            }
            Refusal::Daily { counts, .. } => {
                self.errors.note("daily_limit", now);
                let used = self.store.daily_use(account, now).await?;
                daily_free = used
                    .oldest
                    .map(|oldest| later(oldest, crate::domain::retry::DAILY_WINDOW));
                self.account(account).daily_limit = counts.map(|(_, limit)| limit);
            }
            Refusal::Slots { counts, .. } => {
                self.errors.note("slots", now);
                let held = self.held_slots(account);
                let state = self.account(account);
                // The refused item itself is among those we hold.
                state.foreign = counts.map_or(1, |(active, _)| {
                    active.saturating_sub(held.saturating_sub(1))
                });
            }
            Refusal::Pace { .. } => self.errors.note("pace", now),
            Refusal::Busy { .. } => self.errors.note("busy", now),
            Refusal::Unavailable { .. } => {
                self.errors.note("unavailable", now);
                self.unavailable(account, now);
            }
            Refusal::BadInput { .. } => {}
        }
        if !matches!(refusal, Refusal::Token { .. } | Refusal::Unavailable { .. }) {
            self.answered(account, now);
        }
        let random = self.clock.random();
        let reason = self
            .account(account)
            .gate
            .refused(&refusal, daily_free, now, random);
        Ok(released(reason, now))
    }
}

fn released(reason: WaitReason, now: Timestamp) -> AttemptEvent {
    let not_before = match reason {
        // These are the engine's waits, shown for all of its items while they last.
        WaitReason::UpstreamToken | WaitReason::UpstreamDailyLimit | WaitReason::Slot => None,
        _ => Some(later(now, RELEASE_PAUSE)),
    };
    AttemptEvent::Released { reason, not_before }
}
