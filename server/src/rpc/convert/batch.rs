//! Batches as messages, and what requests say of batches.

pub mod item;
pub mod limits;
pub mod request;

use jiff::Timestamp;
use vision_batch::v1;

use super::system::wait_reason;
use super::{count, duration, time, wide};
use crate::domain::batch::{AttentionRank, Batch, BatchState, ItemCounts};
use crate::domain::failure::Wait;
use crate::domain::media::Audio;
use crate::feed::engine_status::EngineStatuses;
use crate::service::forecast::expected_finish;
use crate::store::query::Counts;

/// Characters of a prompt in lists.
const PROMPT_IN_LISTS: usize = 200;

/// What a message shows beside the stored state: what the engines are doing, and the time.
#[derive(Clone, Copy)]
pub struct Now<'a> {
    /// What the engines are doing.
    pub engines: &'a EngineStatuses,
    /// The server's clock.
    pub time: Timestamp,
}

impl Now<'_> {
    /// A batch, whole.
    pub fn batch(&self, batch: &Batch, owner_name: String) -> v1::Batch {
        let wait = self.batch_wait(batch);
        let has_unseen_failures = batch.attention() == AttentionRank::NeedsAttention;
        v1::Batch {
            id: batch.id.to_string(),
            name: batch.name.clone(),
            prompt: batch.prompt.clone(),
            negative_prompt: batch.negative_prompt.clone(),
            engine: batch.engine.name().to_owned(),
            labels: batch.labels.clone().into_iter().collect(),
            owner_id: batch.owner.to_string(),
            owner_name,
            source_batch_id: batch.source_batch.map(|source| source.to_string()),
            state: state(batch.state()).into(),
            item_counts: Some(item_counts(&batch.counts)),
            has_failures: batch.counts.failed > 0,
            needs_attention: has_unseen_failures
                || wait.is_some_and(|wait| wait.reason.needs_attention()),
            wait: wait.map(self::wait),
            progress_estimate: batch.progress(),
            audio: Some(audio(&batch.audio)),
            last_ended_item: batch.last_ended.as_ref().map(item::ended),
            credits_per_item: batch.credits_per_item,
            credits_charged: batch.credits_charged,
            credits_refunded: batch.credits_refunded,
            create_time: Some(time(batch.create_time)),
            start_time: batch.start_time.map(time),
            finish_time: batch.finish_time.map(time),
            expected_finish_time: self.expected_finish(batch).map(time),
            cancel_request_time: batch.cancel_request_time.map(time),
            revision: wide(batch.revision),
        }
    }

    /// A batch with its prompts cut, as lists show it.
    pub fn listed_batch(&self, batch: &Batch, owner_name: String) -> v1::Batch {
        let mut message = self.batch(batch, owner_name);
        cut_characters(&mut message.prompt);
        cut_characters(&mut message.negative_prompt);
        message
    }

    /// Why none of its items goes on: nothing runs, and something waits. What only a person can end is told first, then
    /// what the items themselves wait for, then what keeps all of the engine.
    fn batch_wait(&self, batch: &Batch) -> Option<Wait> {
        if !batch.only_waits() {
            return None;
        }
        let wait = self.engines.wait_of(batch.engine, batch.id);
        let own = batch.own_wait(self.time);
        Some(match own {
            Some(own) if !wait.reason.needs_attention() => own,
            _ => wait,
        })
    }

    fn expected_finish(&self, batch: &Batch) -> Option<Timestamp> {
        let open = u64::from(batch.counts.open());
        if open == 0 {
            return None;
        }
        expected_finish(self.engines, batch.engine, open, self.time)
    }
}

fn cut_characters(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(PROMPT_IN_LISTS) {
        text.truncate(end);
    }
}

/// A wait as the contract says it.
pub fn wait(wait: Wait) -> v1::Wait {
    v1::Wait {
        reason: wait_reason(wait.reason).into(),
        until: wait.until.map(time),
    }
}

fn state(state: BatchState) -> v1::batch::State {
    match state {
        BatchState::Created => v1::batch::State::Created,
        BatchState::Processing => v1::batch::State::Processing,
        BatchState::Completed => v1::batch::State::Completed,
        BatchState::Failed => v1::batch::State::Failed,
        BatchState::Cancelled => v1::batch::State::Cancelled,
    }
}

fn item_counts(counts: &ItemCounts) -> v1::ItemCounts {
    v1::ItemCounts {
        total: count(counts.total()),
        pending: count(counts.pending),
        processing: count(counts.processing),
        completed: count(counts.completed),
        failed: count(counts.failed),
        cancelled: count(counts.cancelled),
    }
}

fn audio(audio: &Audio) -> v1::Audio {
    v1::Audio {
        filename: audio.filename.clone(),
        media_type: audio.media_type.clone(),
        sha256: audio.blob.sha256.to_string(),
        size_bytes: wide(audio.blob.size_bytes),
        duration: Some(duration(audio.duration)),
        removed_time: audio.removed_time.map(time),
    }
}

/// Batches by state as the contract says it.
pub fn counts(counts: &Counts) -> v1::BatchCounts {
    v1::BatchCounts {
        total: count(counts.total()),
        created: count(counts.created),
        processing: count(counts.processing),
        completed: count(counts.completed),
        failed: count(counts.failed),
        cancelled: count(counts.cancelled),
        needs_attention: count(counts.needs_attention),
        has_failures: count(counts.with_failures),
    }
}
