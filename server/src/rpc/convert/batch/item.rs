//! Items and their attempts as messages.

use vision_batch::v1;

use super::{Now, wait};
use crate::domain::batch::{EndedItem, Ending, EngineKind};
use crate::domain::failure::{Failure, FailureReason, Wait};
use crate::domain::ids::{Account, BatchId};
use crate::domain::item::{Attempt, ItemState, Pending, Processing, Stage, VideoItem};
use crate::domain::media::{SourceImage, Video};
use crate::domain::user::Credits;
use crate::rpc::convert::{count, duration, time, wide};

impl Now<'_> {
    /// An item of a batch on `engine`.
    pub fn item(&self, engine: EngineKind, item: &VideoItem) -> v1::VideoItem {
        let mut message = v1::VideoItem {
            id: item.id.to_string(),
            batch_id: item.batch.to_string(),
            position: count(item.position),
            source_image: Some(source_image(&item.source_image)),
            round: count(item.round),
            attempt_count: count(item.attempts().count()),
            credits_charged: charged(item),
            credits_refunded: refunded(item),
            create_time: Some(time(item.create_time)),
            start_time: round_start(item).map(time),
            finish_time: item.finish_time().map(time),
            update_time: Some(time(item.update_time)),
            revision: wide(item.revision),
            ..Default::default()
        };
        match &item.state {
            ItemState::Pending(pending) => {
                message.state = v1::video_item::State::Pending.into();
                message.wait = Some(wait(self.item_wait(engine, item.batch, pending)));
            }
            ItemState::Processing(processing) => {
                message.state = v1::video_item::State::Processing.into();
                message.progress_estimate = Some(f64::from(item.progress_permille) / 1000.0);
                self.show_stage(&mut message, item, processing);
            }
            ItemState::Completed { video, .. } => {
                message.state = v1::video_item::State::Completed.into();
                message.progress_estimate = Some(1.0);
                message.result = Some(result(video));
            }
            ItemState::Failed { failure, .. } => {
                message.state = v1::video_item::State::Failed.into();
                message.failure = Some(self::failure(failure));
            }
            ItemState::Cancelled { .. } => {
                message.state = v1::video_item::State::Cancelled.into();
            }
        }
        message
    }

    /// Its own wait while that lasts, else what keeps all items of the engine.
    fn item_wait(&self, engine: EngineKind, batch: BatchId, pending: &Pending) -> Wait {
        match *pending {
            Pending {
                not_before,
                reason: Some(reason),
            } if not_before.is_none_or(|until| until > self.time) => Wait {
                reason,
                until: not_before,
            },
            _ => self.engines.wait_of(engine, batch),
        }
    }

    fn show_stage(&self, message: &mut v1::VideoItem, item: &VideoItem, processing: &Processing) {
        use v1::video_item::Stage as Shown;
        let attempt = &processing.attempt;
        let (stage, since) = match &processing.stage {
            Stage::Submitting | Stage::Unresolved { .. } => (Shown::Submitting, attempt.start_time),
            Stage::Queued {
                position,
                expected_wait,
            } => {
                // The engine counts the tasks ahead; people count places from 1.
                message.queue_position = position.map(|ahead| count(ahead.saturating_add(1)));
                message.expected_wait = expected_wait.map(duration);
                let since = attempt.submit_time.unwrap_or(attempt.start_time);
                (Shown::UpstreamQueued, since)
            }
            Stage::Generating { expected_run } => {
                let since = attempt.run_start_time.unwrap_or(attempt.start_time);
                let elapsed = self.time.duration_since(since).unsigned_abs();
                message.expected_run =
                    expected_run.map(|whole| duration(whole.saturating_sub(elapsed)));
                (Shown::Generating, since)
            }
            Stage::Fetching {
                fetched_bytes,
                total_bytes,
            } => {
                message.fetched_bytes = Some(wide(*fetched_bytes));
                message.total_bytes = total_bytes.map(wide);
                // The begin of fetching is not stored; the last news is the nearest.
                (Shown::Fetching, item.update_time)
            }
        };
        // What is being fetched is not cancelled any more: it is as good as there.
        let cancelling = processing
            .cancel_request_time
            .filter(|_| stage != Shown::Fetching);
        message.stage = cancelling.map_or(stage, |_| Shown::Cancelling).into();
        message.stage_start_time = Some(time(cancelling.unwrap_or(since)));
    }
}

/// When the first attempt of the current round began.
fn round_start(item: &VideoItem) -> Option<jiff::Timestamp> {
    item.attempts()
        .find(|attempt| attempt.round == item.round)
        .map(|attempt| attempt.start_time)
}

/// Every round is charged the batch's price.
fn charged(item: &VideoItem) -> Credits {
    let rounds = Credits::try_from(item.round).unwrap_or(Credits::MAX);
    item.charge.saturating_mul(rounds)
}

/// A round that was followed by another ended without a video, so it was given back.
fn refunded(item: &VideoItem) -> Credits {
    let is_refunded = matches!(
        item.state,
        ItemState::Failed { .. } | ItemState::Cancelled { .. }
    );
    let kept = if is_refunded { 0 } else { item.charge };
    charged(item).saturating_sub(kept)
}

fn source_image(image: &SourceImage) -> v1::SourceImage {
    v1::SourceImage {
        filename: image.filename.clone(),
        media_type: image.media_type.clone(),
        sha256: image.blob.sha256.to_string(),
        size_bytes: wide(image.blob.size_bytes),
        width_px: count(image.width_px),
        height_px: count(image.height_px),
        removed_time: image.removed_time.map(time),
    }
}

fn result(video: &Video) -> v1::VideoResult {
    v1::VideoResult {
        media_type: video.media_type.clone(),
        size_bytes: wide(video.blob.size_bytes),
        duration: Some(duration(video.duration)),
        width_px: count(video.width_px),
        height_px: count(video.height_px),
        sha256: video.blob.sha256.to_string(),
        removed_time: video.removed_time.map(time),
    }
}

fn failure(failure: &Failure) -> v1::ItemFailure {
    v1::ItemFailure {
        reason: failure_reason(failure.reason).into(),
        message: failure.message.clone(),
        upstream_message: failure.upstream_message.clone(),
        retryable: failure.reason.is_retryable(),
    }
}

/// How the last item of a batch ended.
pub fn ended(ended: &EndedItem) -> v1::EndedItem {
    use v1::video_item::State;
    let (state, reason) = match ended.ending {
        Ending::Completed => (State::Completed, None),
        Ending::Failed(reason) => (State::Failed, Some(reason)),
        Ending::Cancelled => (State::Cancelled, None),
    };
    v1::EndedItem {
        item_id: ended.item.to_string(),
        position: count(ended.position),
        filename: ended.filename.clone(),
        state: state.into(),
        failure_reason: reason
            .map_or(v1::item_failure::Reason::Unspecified, failure_reason)
            .into(),
        finish_time: Some(time(ended.finish_time)),
    }
}

fn failure_reason(reason: FailureReason) -> v1::item_failure::Reason {
    use v1::item_failure::Reason;
    match reason {
        FailureReason::UpstreamBadInput => Reason::UpstreamBadInput,
        FailureReason::WorkerLost => Reason::WorkerLost,
        FailureReason::UpstreamFailed => Reason::UpstreamFailed,
        FailureReason::UpstreamCancelled => Reason::UpstreamCancelled,
        FailureReason::UpstreamAccountLost => Reason::UpstreamAccountLost,
        FailureReason::TaskVanished => Reason::TaskVanished,
        FailureReason::ItemDeadline => Reason::ItemDeadline,
        FailureReason::ResultInvalid => Reason::ResultInvalid,
        FailureReason::EngineFailed => Reason::EngineFailed,
        FailureReason::SourceLost => Reason::SourceLost,
    }
}

/// The attempts of an item, oldest first.
pub fn attempts(engine: EngineKind, item: &VideoItem) -> Vec<v1::Attempt> {
    item.attempts()
        .map(|attempt| self::attempt(engine, item, attempt))
        .collect()
}

fn attempt(engine: EngineKind, item: &VideoItem, attempt: &Attempt) -> v1::Attempt {
    let is_local = attempt.account == Account::local();
    let unresolved = item.processing().is_some_and(|processing| {
        processing.attempt.number == attempt.number
            && matches!(processing.stage, Stage::Unresolved { .. })
    });
    v1::Attempt {
        number: count(attempt.number),
        round: count(attempt.round),
        seed: attempt.seed,
        engine: engine.name().to_owned(),
        upstream_task_id: attempt.task.as_ref().map(|task| task.0.clone()),
        account: if is_local {
            String::new()
        } else {
            attempt.account.to_string()
        },
        outcome: outcome(item, attempt).into(),
        unresolved,
        start_time: Some(time(attempt.start_time)),
        submit_time: attempt.submit_time.map(time),
        run_start_time: attempt.run_start_time.map(time),
        finish_time: attempt.finish_time.map(time),
        failure: attempt.failure.as_ref().map(failure),
    }
}

/// How an attempt ended, told from its failure and from what came after it. Attempts end in the order in which they
/// are kept, which is not that of their numbers when a task turned up late.
fn outcome(item: &VideoItem, attempt: &Attempt) -> v1::attempt::Outcome {
    use v1::attempt::Outcome;
    if attempt.finish_time.is_none() {
        return Outcome::Running;
    }
    let is_followed = item
        .attempts()
        .skip_while(|other| other.number != attempt.number)
        .skip(1)
        .any(|other| other.round == attempt.round);
    let is_of_this_round = attempt.round == item.round;
    let ended_this_round = is_of_this_round && !is_followed;
    match (&attempt.failure, &item.state) {
        (None, ItemState::Completed { .. }) if ended_this_round => Outcome::Completed,
        (None, _) => Outcome::Cancelled,
        (Some(_), ItemState::Pending(_)) if is_of_this_round => Outcome::TriedAgain,
        (Some(_), _) if is_followed => Outcome::TriedAgain,
        (Some(_), _) => Outcome::Failed,
    }
}
