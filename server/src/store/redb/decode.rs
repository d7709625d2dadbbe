//! Records → domain values. Bad data is an error that says what is wrong, never a panic.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::audit::{AuditEvent, Outcome, Target, TargetKind};
use crate::domain::batch::{Batch, EndedItem, Ending, HeldItems, ItemCounts};
use crate::domain::dispatching::{DispatchSettings, UpstreamToken};
use crate::domain::failure::{Failure, WaitReason};
use crate::domain::ids::{
    Account, BatchId, ClientRef, EntryId, InstanceId, ItemId, KeyId, TaskId, UserId,
};
use crate::domain::item::{Attempt, ItemState, Pending, Processing, Stage, VideoItem};
use crate::domain::key::{ApiKey, SshKey};
use crate::domain::ledger::{Actor, Entry, Subject};
use crate::domain::leftover::{Cleanup, Watch};
use crate::domain::media::{Audio, Blob, BlobKind, Sha256, SourceImage, Video};
use crate::domain::restored::{EarlierLife, Restored};
use crate::domain::user::{SignInMethod, User};
use crate::store::query::Counts;
use crate::store::{Made, RecordedRequest, Tombstone};

use super::code::{self, Coded};
use super::record::{
    ActorRecord, ApiKeyRecord, AttemptRecord, AudioRecord, AuditRecord, BatchRecord, BlobRecord,
    CleanupRecord, CountsRecord, DispatchRecord, EndedRecord, EntryRecord, FailureRecord,
    ImageRecord, ItemRecord, ProcessingRecord, ProgressRecord, RequestRecord, RestoredRecord,
    SshKeyRecord, TokenRecord, TombstoneRecord, UserRecord, VideoRecord, WatchRecord,
};

/// What is wrong with a record.
pub(super) type Decoded<T> = Result<T, String>;

fn time(micros: i64) -> Decoded<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| format!("{micros} is no time"))
}

fn times(micros: Option<i64>) -> Decoded<Option<Timestamp>> {
    micros.map(time).transpose()
}

fn span(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

fn bytes<const N: usize>(name: &str, bytes: &[u8]) -> Decoded<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| format!("{name} has {} bytes, not {N}", bytes.len()))
}

fn coded<T: Coded>(name: &str, code: u32) -> Decoded<T> {
    T::from_code(code).ok_or_else(|| format!("{code} is no {name}"))
}

fn there<T>(name: &str, value: Option<T>) -> Decoded<T> {
    value.ok_or_else(|| format!("{name} is missing"))
}

pub(super) fn user(record: UserRecord) -> Decoded<User> {
    Ok(User {
        id: UserId::from_bytes(bytes("id", &record.id)?),
        username: record.username,
        display_name: record.display_name,
        language: record.language,
        role: coded("role", record.role)?,
        disabled: record.disabled,
        password_hash: record.password_hash,
        password_change_required: record.password_change_required,
        password_expire_time: times(record.password_expire_time)?,
        token_epoch: record.token_epoch,
        credit_balance: record.credit_balance,
        credits_held: record.credits_held,
        active_item_count: record.active_item_count,
        completed_video_count: record.completed_video_count,
        ledger_sequence: record.ledger_sequence,
        create_time: time(record.create_time)?,
        last_sign_in_time: times(record.last_sign_in_time)?,
        last_sign_in_method: match record.last_sign_in_method {
            Some(method) => Some(coded("way to sign in", method)?),
            None => record.last_sign_in_time.map(|_| SignInMethod::Password),
        },
        version: record.version,
    })
}

pub(super) fn batch(fixed: BatchRecord, progress: ProgressRecord) -> Decoded<Batch> {
    Ok(Batch {
        id: BatchId::from_bytes(bytes("id", &fixed.id)?),
        owner: UserId::from_bytes(bytes("owner", &fixed.owner)?),
        name: fixed.name,
        prompt: fixed.prompt,
        negative_prompt: fixed.negative_prompt,
        engine: coded("engine", fixed.engine)?,
        labels: fixed.labels,
        source_batch: fixed
            .source_batch
            .map(|id| Ok::<_, String>(BatchId::from_bytes(bytes("source_batch", &id)?)))
            .transpose()?,
        audio: Audio {
            removed_time: times(progress.audio_removed_time)?,
            ..audio(there("audio", fixed.audio)?)?
        },
        credits_per_item: fixed.credits_per_item,
        counts: ItemCounts {
            pending: progress.pending,
            processing: progress.processing,
            completed: progress.completed,
            failed: progress.failed,
            cancelled: progress.cancelled,
        },
        credits_charged: progress.credits_charged,
        credits_refunded: progress.credits_refunded,
        progress_permille_sum: progress.progress_permille_sum,
        create_time: time(fixed.create_time)?,
        start_time: times(progress.start_time)?,
        finish_time: times(progress.finish_time)?,
        cancel_request_time: times(progress.cancel_request_time)?,
        results_removed_time: times(progress.results_removed_time)?,
        uploads_removed_time: times(progress.uploads_removed_time)?,
        held: progress
            .held
            .into_iter()
            .map(|record| {
                let reason = WaitReason::from_code(record.reason)
                    .ok_or_else(|| format!("held has the reason {}", record.reason))?;
                let held = HeldItems {
                    count: record.count,
                    until: times(record.until)?,
                };
                Ok((reason, held))
            })
            .collect::<Decoded<_>>()?,
        last_ended: progress.last_ended.map(ended).transpose()?,
        failures_seen: progress.failures_seen,
        revision: progress.revision,
    })
}

fn ended(record: EndedRecord) -> Decoded<EndedItem> {
    Ok(EndedItem {
        item: ItemId::from_bytes(bytes("item", &record.item)?),
        position: record.position,
        filename: record.filename,
        ending: match record.state {
            code::state::COMPLETED => Ending::Completed,
            code::state::FAILED => Ending::Failed(coded(
                "failure reason",
                there("failure_reason", record.failure_reason)?,
            )?),
            code::state::CANCELLED => Ending::Cancelled,
            other => return Err(format!("{other} is no end of an item")),
        },
        finish_time: time(record.finish_time)?,
    })
}

fn blob(kind: BlobKind, record: Option<BlobRecord>) -> Decoded<Blob> {
    let record = there("blob", record)?;
    Ok(Blob {
        kind,
        sha256: Sha256(bytes("sha256", &record.sha256)?),
        size_bytes: record.size_bytes,
    })
}

fn audio(record: AudioRecord) -> Decoded<Audio> {
    Ok(Audio {
        filename: record.filename,
        media_type: record.media_type,
        blob: blob(BlobKind::Audio, record.blob)?,
        duration: span(record.duration),
        removed_time: None,
    })
}

fn image(record: ImageRecord) -> Decoded<SourceImage> {
    Ok(SourceImage {
        filename: record.filename,
        media_type: record.media_type,
        blob: blob(BlobKind::Image, record.blob)?,
        width_px: record.width_px,
        height_px: record.height_px,
        removed_time: times(record.removed_time)?,
    })
}

fn video(record: VideoRecord) -> Decoded<Video> {
    Ok(Video {
        media_type: record.media_type,
        blob: blob(BlobKind::Video, record.blob)?,
        duration: span(record.duration),
        width_px: record.width_px,
        height_px: record.height_px,
        removed_time: times(record.removed_time)?,
    })
}

/// An item; its batch and position are the key.
pub(super) fn item(batch: BatchId, position: u32, record: ItemRecord) -> Decoded<VideoItem> {
    let finish_time = times(record.finish_time)?;
    let ended = || there("finish_time", finish_time);
    let state = match record.state {
        code::state::PENDING => ItemState::Pending(Pending {
            not_before: times(record.not_before)?,
            reason: record
                .wait_reason
                .map(|reason| coded("wait reason", reason))
                .transpose()?,
        }),
        code::state::PROCESSING => {
            ItemState::Processing(processing(there("processing", record.processing)?)?)
        }
        code::state::COMPLETED => ItemState::Completed {
            video: video(there("video", record.video)?)?,
            finish_time: ended()?,
        },
        code::state::FAILED => ItemState::Failed {
            failure: failure(there("failure", record.failure)?)?,
            finish_time: ended()?,
        },
        code::state::CANCELLED => ItemState::Cancelled {
            finish_time: ended()?,
        },
        other => return Err(format!("{other} is no item state")),
    };
    Ok(VideoItem {
        id: ItemId::from_bytes(bytes("id", &record.id)?),
        batch,
        position,
        source_image: image(there("source_image", record.source_image)?)?,
        state,
        round: record.round,
        charge: record.charge,
        failures_in_round: record.failures_in_round,
        last_attempt: record.last_attempt,
        ended_attempts: record
            .ended_attempts
            .into_iter()
            .map(attempt)
            .collect::<Decoded<_>>()?,
        progress_permille: u16::try_from(record.progress_permille)
            .map_err(|_| format!("{} is no progress", record.progress_permille))?,
        create_time: time(record.create_time)?,
        start_time: times(record.start_time)?,
        update_time: time(record.update_time)?,
        revision: record.revision,
    })
}

fn processing(record: ProcessingRecord) -> Decoded<Processing> {
    let stage = match record.stage {
        code::stage::SUBMITTING => Stage::Submitting,
        code::stage::UNRESOLVED => Stage::Unresolved {
            since: time(there("since", record.since)?)?,
        },
        code::stage::QUEUED => Stage::Queued {
            position: record.position,
            expected_wait: record.expected_wait.map(span),
        },
        code::stage::GENERATING => Stage::Generating {
            expected_run: record.expected_run.map(span),
        },
        code::stage::FETCHING => Stage::Fetching {
            fetched_bytes: record.fetched_bytes,
            total_bytes: record.total_bytes,
        },
        other => return Err(format!("{other} is no stage")),
    };
    Ok(Processing {
        attempt: attempt(there("attempt", record.attempt)?)?,
        stage,
        cancel_request_time: times(record.cancel_request_time)?,
        answered: span(record.answered),
    })
}

fn attempt(record: AttemptRecord) -> Decoded<Attempt> {
    Ok(Attempt {
        number: record.number,
        round: record.round,
        seed: record.seed,
        account: Account(record.account),
        instance: InstanceId::from_bytes(bytes("instance", &record.instance)?),
        task: record.task.map(TaskId),
        start_time: time(record.start_time)?,
        submit_time: times(record.submit_time)?,
        run_start_time: times(record.run_start_time)?,
        finish_time: times(record.finish_time)?,
        failure: record.failure.map(failure).transpose()?,
    })
}

fn failure(record: FailureRecord) -> Decoded<Failure> {
    Ok(Failure {
        reason: coded("failure reason", record.reason)?,
        message: record.message,
        upstream_message: record.upstream_message,
    })
}

fn actor(record: Option<ActorRecord>) -> Decoded<Actor> {
    let record = there("actor", record)?;
    let address = record
        .address
        .map(|address| {
            address
                .parse()
                .map_err(|_| format!("{address} is no address"))
        })
        .transpose()?;
    Ok(match (record.kind, record.id) {
        (None, None) => Actor::System,
        (None, Some(id)) => Actor::User {
            id: UserId::from_bytes(bytes("actor", &id)?),
            name: record.name,
            address,
        },
        (Some(code::actor::OWNER), _) => Actor::Owner,
        (Some(code::actor::ANONYMOUS), _) => Actor::Anonymous { address },
        (Some(other), _) => return Err(format!("{other} is no kind of actor")),
    })
}

/// A ledger entry; its user and sequence are the key.
pub(super) fn entry(user: UserId, sequence: u64, record: EntryRecord) -> Decoded<Entry> {
    let subject = match (record.batch, record.item) {
        (Some(batch), Some(item)) => Some(Subject {
            batch: BatchId::from_bytes(bytes("batch", &batch)?),
            item: ItemId::from_bytes(bytes("item", &item)?),
            round: record.round,
        }),
        _ => None,
    };
    Ok(Entry {
        id: EntryId::from_bytes(bytes("id", &record.id)?),
        user,
        sequence,
        kind: coded("entry kind", record.kind)?,
        delta: record.delta,
        balance_after: record.balance_after,
        subject,
        actor: actor(record.actor)?,
        note: record.note,
        create_time: time(record.create_time)?,
    })
}

/// An audit event; its sequence is the key.
pub(super) fn audit(sequence: u64, record: AuditRecord) -> Decoded<AuditEvent> {
    let target = match record.target_kind {
        Some(kind) => Some(Target {
            kind: coded("kind of target", kind)?,
            id: record.target_id,
            name: record.target,
        }),
        None if record.without_target => None,
        None => old_target(&record.action, record.target),
    };
    Ok(AuditEvent {
        sequence,
        time: time(record.time)?,
        actor: actor(record.actor)?,
        action: record.action,
        target,
        outcome: record
            .outcome
            .map_or(Ok(Outcome::Succeeded), |outcome| coded("outcome", outcome))?,
        detail: record.detail,
    })
}

/// The target of a record that is older than kinds of targets: of batches it has the id, of all else the name.
fn old_target(action: &str, target: String) -> Option<Target> {
    let (noun, _) = action.split_once('.').unwrap_or((action, ""));
    let kind = match noun {
        "user" | "password" | "credits" | "sign_in" => TargetKind::User,
        "batch" | "items" => return Some(Target::new(TargetKind::Batch, target, "")),
        "upstream_token" => TargetKind::Upstream,
        "dispatch" => return Some(Target::only(TargetKind::Dispatch)),
        _ => return None,
    };
    Some(Target::new(kind, "", target))
}

/// An API key; its user and id are the key.
pub(super) fn api_key(user: UserId, id: KeyId, record: ApiKeyRecord) -> Decoded<ApiKey> {
    Ok(ApiKey {
        id,
        user,
        name: record.name,
        prefix: record.prefix,
        digest: bytes("digest", &record.digest)?,
        scopes: record
            .scopes
            .into_iter()
            .map(|scope| coded("scope", scope))
            .collect::<Decoded<_>>()?,
        create_time: time(record.create_time)?,
        expire_time: times(record.expire_time)?,
        last_used_time: times(record.last_used_time)?,
    })
}

pub(super) fn ssh_key(user: UserId, id: KeyId, record: SshKeyRecord) -> Decoded<SshKey> {
    Ok(SshKey {
        id,
        user,
        name: record.name,
        algorithm: record.algorithm,
        fingerprint: record.fingerprint,
        create_time: time(record.create_time)?,
        last_used_time: times(record.last_used_time)?,
    })
}

pub(super) fn tombstone(record: TombstoneRecord) -> Decoded<Tombstone> {
    Ok(Tombstone {
        owner: UserId::from_bytes(bytes("owner", &record.owner)?),
        name: record.name,
        delete_time: time(record.delete_time)?,
    })
}

pub(super) fn request(record: RequestRecord) -> Decoded<RecordedRequest> {
    let batch = || -> Decoded<BatchId> {
        let id = there("batch", record.batch.as_ref())?;
        Ok(BatchId::from_bytes(bytes("batch", id)?))
    };
    let made = match record.made {
        code::made::BATCH => Made::Batch(batch()?),
        code::made::ROUNDS => Made::Rounds(
            batch()?,
            record
                .items
                .iter()
                .map(|id| Ok(ItemId::from_bytes(bytes("item", id)?)))
                .collect::<Decoded<_>>()?,
        ),
        code::made::ENTRY => {
            let user = there("user", record.user.as_ref())?;
            Made::Entry(UserId::from_bytes(bytes("user", user)?), record.sequence)
        }
        other => return Err(format!("{other} is nothing a request makes")),
    };
    Ok(RecordedRequest {
        digest: bytes("digest", &record.digest)?,
        made,
    })
}

/// A cleanup; its attempt and task are the key.
pub(super) fn cleanup(
    client_ref: ClientRef,
    task: TaskId,
    record: CleanupRecord,
) -> Decoded<Cleanup> {
    Ok(Cleanup {
        client_ref,
        batch: BatchId::from_bytes(bytes("batch", &record.batch)?),
        account: Account(record.account),
        task,
        create_time: time(record.create_time)?,
        lost: record.lost,
    })
}

/// A watch; its attempt is the key.
pub(super) fn watch(client_ref: ClientRef, record: WatchRecord) -> Decoded<Watch> {
    Ok(Watch {
        client_ref,
        batch: BatchId::from_bytes(bytes("batch", &record.batch)?),
        account: Account(record.account),
        seed: record.seed,
        start_time: time(record.start_time)?,
        submit_time: time(record.submit_time)?,
        matched: record.matched,
        expire_time: time(record.expire_time)?,
    })
}

pub(super) fn dispatch(record: DispatchRecord) -> Decoded<DispatchSettings> {
    Ok(DispatchSettings {
        state: coded("dispatch state", record.state)?,
        concurrency: record.concurrency,
        changed_by: actor(record.changed_by)?,
        change_time: time(record.change_time)?,
    })
}

/// A token; its account is the key.
pub(super) fn token(account: Account, record: TokenRecord) -> Decoded<UpstreamToken> {
    Ok(UpstreamToken {
        account,
        token: record.token,
        set_time: time(record.set_time)?,
        current: record.current,
        refused_since: times(record.refused_since)?,
    })
}

pub(super) fn counts(record: CountsRecord) -> Counts {
    Counts {
        created: record.created,
        processing: record.processing,
        completed: record.completed,
        failed: record.failed,
        cancelled: record.cancelled,
        with_failures: record.with_failures,
        needs_attention: record.needs_attention,
    }
}

pub(super) fn restored(record: RestoredRecord) -> Decoded<Restored> {
    Ok(Restored {
        backup_time: time(record.backup_time)?,
        restore_time: time(record.restore_time)?,
        submitting_account: record.submitting_account.map(Account),
        newest_batch: record
            .newest_batch
            .map(|id| bytes("newest_batch", &id).map(BatchId::from_bytes))
            .transpose()?,
        earlier: record
            .earlier
            .into_iter()
            .map(|life| {
                Ok(EarlierLife {
                    account: Account(life.account),
                    newest_batch: bytes("newest_batch", &life.newest_batch)
                        .map(BatchId::from_bytes)?,
                })
            })
            .collect::<Decoded<_>>()?,
        matched: record.matched.into_iter().map(Account).collect(),
    })
}
