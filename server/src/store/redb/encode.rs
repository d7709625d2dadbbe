//! Domain values → records. Never fails.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::audit::{AuditEvent, Outcome};
use crate::domain::batch::{Batch, EndedItem, Ending};
use crate::domain::dispatching::{DispatchSettings, UpstreamToken};
use crate::domain::failure::Failure;
use crate::domain::item::{Attempt, ItemState, Processing, Stage, VideoItem};
use crate::domain::key::{ApiKey, SshKey};
use crate::domain::ledger::{Actor, Entry};
use crate::domain::leftover::{Cleanup, Watch};
use crate::domain::media::{Audio, Blob, SourceImage, Video};
use crate::domain::restored::Restored;
use crate::domain::user::User;
use crate::store::{Made, RecordedRequest, Tombstone};

use super::code::{self, Coded};
use super::record::{
    ActorRecord, ApiKeyRecord, AttemptRecord, AudioRecord, AuditRecord, BatchRecord, BlobRecord,
    CleanupRecord, DispatchRecord, EarlierLifeRecord, EndedRecord, EntryRecord, FailureRecord,
    HeldRecord, ImageRecord, ItemRecord, ProcessingRecord, ProgressRecord, RequestRecord,
    RestoredRecord, SshKeyRecord, TokenRecord, TombstoneRecord, UserRecord, VideoRecord,
    WatchRecord,
};

fn time(time: Timestamp) -> i64 {
    time.as_microsecond()
}

fn span(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn user(user: &User) -> UserRecord {
    UserRecord {
        id: user.id.bytes().to_vec(),
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        language: user.language.clone(),
        role: user.role.code().into(),
        disabled: user.disabled,
        password_hash: user.password_hash.clone(),
        password_change_required: user.password_change_required,
        password_expire_time: user.password_expire_time.map(time),
        token_epoch: user.token_epoch,
        credit_balance: user.credit_balance,
        credits_held: user.credits_held,
        active_item_count: user.active_item_count,
        completed_video_count: user.completed_video_count,
        ledger_sequence: user.ledger_sequence,
        create_time: time(user.create_time),
        last_sign_in_time: user.last_sign_in_time.map(time),
        version: user.version,
        last_sign_in_method: user.last_sign_in_method.map(|method| method.code().into()),
    }
}

pub(super) fn batch(batch: &Batch) -> BatchRecord {
    BatchRecord {
        id: batch.id.bytes().to_vec(),
        owner: batch.owner.bytes().to_vec(),
        name: batch.name.clone(),
        prompt: batch.prompt.clone(),
        negative_prompt: batch.negative_prompt.clone(),
        engine: batch.engine.code().into(),
        labels: batch.labels.clone(),
        audio: Some(audio(&batch.audio)),
        credits_per_item: batch.credits_per_item,
        create_time: time(batch.create_time),
        source_batch: batch.source_batch.map(|source| source.bytes().to_vec()),
    }
}

pub(super) fn progress(batch: &Batch) -> ProgressRecord {
    ProgressRecord {
        pending: batch.counts.pending,
        processing: batch.counts.processing,
        completed: batch.counts.completed,
        failed: batch.counts.failed,
        cancelled: batch.counts.cancelled,
        credits_charged: batch.credits_charged,
        credits_refunded: batch.credits_refunded,
        progress_permille_sum: batch.progress_permille_sum,
        start_time: batch.start_time.map(time),
        finish_time: batch.finish_time.map(time),
        cancel_request_time: batch.cancel_request_time.map(time),
        failures_seen: batch.failures_seen,
        revision: batch.revision,
        last_ended: batch.last_ended.as_ref().map(ended),
        results_removed_time: batch.results_removed_time.map(time),
        uploads_removed_time: batch.uploads_removed_time.map(time),
        audio_removed_time: batch.audio.removed_time.map(time),
        held: batch
            .held
            .iter()
            .map(|(reason, held)| HeldRecord {
                reason: reason.code().into(),
                count: held.count,
                until: held.until.map(time),
            })
            .collect(),
    }
}

fn ended(ended: &EndedItem) -> EndedRecord {
    let (state, reason) = match ended.ending {
        Ending::Completed => (code::state::COMPLETED, None),
        Ending::Failed(reason) => (code::state::FAILED, Some(reason)),
        Ending::Cancelled => (code::state::CANCELLED, None),
    };
    EndedRecord {
        item: ended.item.bytes().to_vec(),
        position: ended.position,
        filename: ended.filename.clone(),
        state,
        failure_reason: reason.map(|reason| reason.code().into()),
        finish_time: time(ended.finish_time),
    }
}

fn blob(blob: &Blob) -> Option<BlobRecord> {
    Some(BlobRecord {
        sha256: blob.sha256.0.to_vec(),
        size_bytes: blob.size_bytes,
    })
}

fn audio(audio: &Audio) -> AudioRecord {
    AudioRecord {
        filename: audio.filename.clone(),
        media_type: audio.media_type.clone(),
        blob: blob(&audio.blob),
        duration: span(audio.duration),
    }
}

fn image(image: &SourceImage) -> ImageRecord {
    ImageRecord {
        filename: image.filename.clone(),
        media_type: image.media_type.clone(),
        blob: blob(&image.blob),
        width_px: image.width_px,
        height_px: image.height_px,
        removed_time: image.removed_time.map(time),
    }
}

fn video(video: &Video) -> VideoRecord {
    VideoRecord {
        media_type: video.media_type.clone(),
        blob: blob(&video.blob),
        duration: span(video.duration),
        width_px: video.width_px,
        height_px: video.height_px,
        removed_time: video.removed_time.map(time),
    }
}

pub(super) fn item(item: &VideoItem) -> ItemRecord {
    let mut record = ItemRecord {
        id: item.id.bytes().to_vec(),
        source_image: Some(image(&item.source_image)),
        round: item.round,
        charge: item.charge,
        failures_in_round: item.failures_in_round,
        last_attempt: item.last_attempt,
        ended_attempts: item.ended_attempts.iter().map(attempt).collect(),
        progress_permille: item.progress_permille.into(),
        create_time: time(item.create_time),
        start_time: item.start_time.map(time),
        update_time: time(item.update_time),
        revision: item.revision,
        finish_time: item.finish_time().map(time),
        ..ItemRecord::default()
    };
    match &item.state {
        ItemState::Pending(pending) => {
            record.state = code::state::PENDING;
            record.not_before = pending.not_before.map(time);
            record.wait_reason = pending.reason.map(|reason| reason.code().into());
        }
        ItemState::Processing(running) => {
            record.state = code::state::PROCESSING;
            record.processing = Some(processing(running));
        }
        ItemState::Completed { video: made, .. } => {
            record.state = code::state::COMPLETED;
            record.video = Some(video(made));
        }
        ItemState::Failed { failure: why, .. } => {
            record.state = code::state::FAILED;
            record.failure = Some(failure(why));
        }
        ItemState::Cancelled { .. } => record.state = code::state::CANCELLED,
    }
    record
}

fn processing(running: &Processing) -> ProcessingRecord {
    let mut record = ProcessingRecord {
        attempt: Some(attempt(&running.attempt)),
        cancel_request_time: running.cancel_request_time.map(time),
        answered: span(running.answered),
        ..ProcessingRecord::default()
    };
    match &running.stage {
        Stage::Submitting => record.stage = code::stage::SUBMITTING,
        Stage::Unresolved { since } => {
            record.stage = code::stage::UNRESOLVED;
            record.since = Some(time(*since));
        }
        Stage::Queued {
            position,
            expected_wait,
        } => {
            record.stage = code::stage::QUEUED;
            record.position = *position;
            record.expected_wait = expected_wait.map(span);
        }
        Stage::Generating { expected_run } => {
            record.stage = code::stage::GENERATING;
            record.expected_run = expected_run.map(span);
        }
        Stage::Fetching {
            fetched_bytes,
            total_bytes,
        } => {
            record.stage = code::stage::FETCHING;
            record.fetched_bytes = *fetched_bytes;
            record.total_bytes = *total_bytes;
        }
    }
    record
}

fn attempt(attempt: &Attempt) -> AttemptRecord {
    AttemptRecord {
        number: attempt.number,
        round: attempt.round,
        seed: attempt.seed,
        account: attempt.account.0.clone(),
        instance: attempt.instance.bytes().to_vec(),
        task: attempt.task.as_ref().map(|task| task.0.clone()),
        start_time: time(attempt.start_time),
        submit_time: attempt.submit_time.map(time),
        run_start_time: attempt.run_start_time.map(time),
        finish_time: attempt.finish_time.map(time),
        failure: attempt.failure.as_ref().map(failure),
    }
}

fn failure(failure: &Failure) -> FailureRecord {
    FailureRecord {
        reason: failure.reason.code().into(),
        message: failure.message.clone(),
        upstream_message: failure.upstream_message.clone(),
    }
}

fn actor(actor: &Actor) -> Option<ActorRecord> {
    let address = actor.address().map(|address| address.to_string());
    Some(match actor {
        Actor::System => ActorRecord::default(),
        Actor::User { id, name, .. } => ActorRecord {
            id: Some(id.bytes().to_vec()),
            name: name.clone(),
            address,
            ..ActorRecord::default()
        },
        Actor::Owner => ActorRecord {
            kind: Some(code::actor::OWNER),
            ..ActorRecord::default()
        },
        Actor::Anonymous { .. } => ActorRecord {
            kind: Some(code::actor::ANONYMOUS),
            address,
            ..ActorRecord::default()
        },
    })
}

pub(super) fn entry(entry: &Entry) -> EntryRecord {
    EntryRecord {
        id: entry.id.bytes().to_vec(),
        kind: entry.kind.code().into(),
        delta: entry.delta,
        balance_after: entry.balance_after,
        batch: entry.subject.map(|subject| subject.batch.bytes().to_vec()),
        item: entry.subject.map(|subject| subject.item.bytes().to_vec()),
        round: entry.subject.map_or(0, |subject| subject.round),
        actor: actor(&entry.actor),
        note: entry.note.clone(),
        create_time: time(entry.create_time),
    }
}

pub(super) fn audit(event: &AuditEvent) -> AuditRecord {
    let target = event.target.as_ref();
    AuditRecord {
        time: time(event.time),
        actor: actor(&event.actor),
        action: event.action.clone(),
        target: target.map(|target| target.name.clone()).unwrap_or_default(),
        detail: event.detail.clone(),
        target_kind: target.map(|target| target.kind.code().into()),
        target_id: target.map(|target| target.id.clone()).unwrap_or_default(),
        outcome: (event.outcome != Outcome::Succeeded).then(|| event.outcome.code().into()),
        without_target: target.is_none(),
    }
}

/// Its user and id are the key.
pub(super) fn api_key(key: &ApiKey) -> ApiKeyRecord {
    ApiKeyRecord {
        name: key.name.clone(),
        prefix: key.prefix.clone(),
        digest: key.digest.to_vec(),
        scopes: key.scopes.iter().map(|scope| scope.code().into()).collect(),
        create_time: time(key.create_time),
        expire_time: key.expire_time.map(time),
        last_used_time: key.last_used_time.map(time),
    }
}

pub(super) fn ssh_key(key: &SshKey) -> SshKeyRecord {
    SshKeyRecord {
        name: key.name.clone(),
        algorithm: key.algorithm.clone(),
        fingerprint: key.fingerprint.clone(),
        create_time: time(key.create_time),
        last_used_time: key.last_used_time.map(time),
    }
}

pub(super) fn tombstone(tombstone: &Tombstone) -> TombstoneRecord {
    TombstoneRecord {
        owner: tombstone.owner.bytes().to_vec(),
        name: tombstone.name.clone(),
        delete_time: time(tombstone.delete_time),
    }
}

pub(super) fn request(request: &RecordedRequest) -> RequestRecord {
    let mut record = RequestRecord {
        digest: request.digest.to_vec(),
        ..RequestRecord::default()
    };
    match &request.made {
        Made::Batch(batch) => {
            record.made = code::made::BATCH;
            record.batch = Some(batch.bytes().to_vec());
        }
        Made::Rounds(batch, items) => {
            record.made = code::made::ROUNDS;
            record.batch = Some(batch.bytes().to_vec());
            record.items = items.iter().map(|item| item.bytes().to_vec()).collect();
        }
        Made::Entry(user, sequence) => {
            record.made = code::made::ENTRY;
            record.user = Some(user.bytes().to_vec());
            record.sequence = *sequence;
        }
    }
    record
}

pub(super) fn cleanup(cleanup: &Cleanup) -> CleanupRecord {
    CleanupRecord {
        batch: cleanup.batch.bytes().to_vec(),
        account: cleanup.account.0.clone(),
        create_time: time(cleanup.create_time),
        lost: cleanup.lost,
    }
}

pub(super) fn watch(watch: &Watch) -> WatchRecord {
    WatchRecord {
        batch: watch.batch.bytes().to_vec(),
        account: watch.account.0.clone(),
        seed: watch.seed,
        submit_time: time(watch.submit_time),
        matched: watch.matched,
        expire_time: time(watch.expire_time),
        start_time: time(watch.start_time),
    }
}

pub(super) fn dispatch(settings: &DispatchSettings) -> DispatchRecord {
    DispatchRecord {
        state: settings.state.code().into(),
        concurrency: settings.concurrency,
        changed_by: actor(&settings.changed_by),
        change_time: time(settings.change_time),
    }
}

pub(super) fn token(token: &UpstreamToken) -> TokenRecord {
    TokenRecord {
        token: token.token.clone(),
        set_time: time(token.set_time),
        current: token.current,
        refused_since: token.refused_since.map(time),
    }
}

pub(super) fn restored(restored: &Restored) -> RestoredRecord {
    RestoredRecord {
        backup_time: time(restored.backup_time),
        restore_time: time(restored.restore_time),
        submitting_account: restored
            .submitting_account
            .as_ref()
            .map(|account| account.0.clone()),
        newest_batch: restored.newest_batch.map(|batch| batch.bytes().to_vec()),
        earlier: restored
            .earlier
            .iter()
            .map(|life| EarlierLifeRecord {
                account: life.account.0.clone(),
                newest_batch: life.newest_batch.bytes().to_vec(),
            })
            .collect(),
        matched: restored
            .matched
            .iter()
            .map(|account| account.0.clone())
            .collect(),
    }
}
