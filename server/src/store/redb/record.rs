//! The shape of what is stored: protobuf messages of this program alone, one for each table that has values.
//!
//! Rules of evolution, so that an older file always reads:
//! - a tag is never used again for something else and never changes its type;
//! - a new field is optional, and its absence means what was true before it existed;
//! - a code of an enumeration (see `code`) is never used again; 0 is no value, so that a missing one is noticed;
//! - what cannot be said so needs a new schema version (see `open::SCHEMA`) and a step that brings old files there.
//!
//! Times are microseconds since 1970, UTC; spans are nanoseconds; ids are 16 bytes.
//!
//! Not here: the meaning of the fields, which is the domain's (`encode` and `decode` go there and back).

use std::collections::BTreeMap;

use prost::Message;

/// A user account.
#[derive(Clone, PartialEq, Message)]
pub(super) struct UserRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub username: String,
    #[prost(string, tag = "3")]
    pub display_name: String,
    #[prost(string, tag = "4")]
    pub language: String,
    #[prost(uint32, tag = "5")]
    pub role: u32,
    #[prost(bool, tag = "6")]
    pub disabled: bool,
    #[prost(string, tag = "7")]
    pub password_hash: String,
    #[prost(bool, tag = "8")]
    pub password_change_required: bool,
    #[prost(int64, optional, tag = "9")]
    pub password_expire_time: Option<i64>,
    #[prost(uint32, tag = "10")]
    pub token_epoch: u32,
    #[prost(int32, tag = "11")]
    pub credit_balance: i32,
    #[prost(int32, tag = "12")]
    pub credits_held: i32,
    #[prost(uint32, tag = "13")]
    pub active_item_count: u32,
    #[prost(uint32, tag = "14")]
    pub completed_video_count: u32,
    #[prost(uint64, tag = "15")]
    pub ledger_sequence: u64,
    #[prost(int64, tag = "16")]
    pub create_time: i64,
    #[prost(int64, optional, tag = "17")]
    pub last_sign_in_time: Option<i64>,
    #[prost(uint64, tag = "18")]
    pub version: u64,
    /// Absent in records older than API keys: a password then, if there was a sign-in.
    #[prost(uint32, optional, tag = "19")]
    pub last_sign_in_method: Option<u32>,
}

/// An API key. User and id are the key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ApiKeyRecord {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub prefix: String,
    #[prost(bytes = "vec", tag = "3")]
    pub digest: Vec<u8>,
    #[prost(uint32, repeated, tag = "4")]
    pub scopes: Vec<u32>,
    #[prost(int64, tag = "5")]
    pub create_time: i64,
    #[prost(int64, optional, tag = "6")]
    pub expire_time: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub last_used_time: Option<i64>,
}

/// An SSH key; user and id are its key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SshKeyRecord {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub algorithm: String,
    #[prost(string, tag = "3")]
    pub fingerprint: String,
    #[prost(int64, tag = "4")]
    pub create_time: i64,
    #[prost(int64, optional, tag = "5")]
    pub last_used_time: Option<i64>,
}

/// What is left of a deleted batch, which is the key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TombstoneRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub owner: Vec<u8>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(int64, tag = "3")]
    pub delete_time: i64,
}

/// What is fixed when a batch is made.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BatchRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub owner: Vec<u8>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub prompt: String,
    #[prost(string, tag = "5")]
    pub negative_prompt: String,
    #[prost(uint32, tag = "6")]
    pub engine: u32,
    #[prost(btree_map = "string, string", tag = "7")]
    pub labels: BTreeMap<String, String>,
    #[prost(message, optional, tag = "8")]
    pub audio: Option<AudioRecord>,
    #[prost(int32, tag = "9")]
    pub credits_per_item: i32,
    #[prost(int64, tag = "10")]
    pub create_time: i64,
    #[prost(bytes = "vec", optional, tag = "11")]
    pub source_batch: Option<Vec<u8>>,
}

/// What changes of a batch with each of its items; apart, because it is written often.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProgressRecord {
    #[prost(uint32, tag = "1")]
    pub pending: u32,
    #[prost(uint32, tag = "2")]
    pub processing: u32,
    #[prost(uint32, tag = "3")]
    pub completed: u32,
    #[prost(uint32, tag = "4")]
    pub failed: u32,
    #[prost(uint32, tag = "5")]
    pub cancelled: u32,
    #[prost(int32, tag = "6")]
    pub credits_charged: i32,
    #[prost(int32, tag = "7")]
    pub credits_refunded: i32,
    #[prost(uint64, tag = "8")]
    pub progress_permille_sum: u64,
    #[prost(int64, optional, tag = "9")]
    pub start_time: Option<i64>,
    #[prost(int64, optional, tag = "10")]
    pub finish_time: Option<i64>,
    #[prost(int64, optional, tag = "11")]
    pub cancel_request_time: Option<i64>,
    #[prost(uint32, tag = "12")]
    pub failures_seen: u32,
    #[prost(uint64, tag = "13")]
    pub revision: u64,
    #[prost(message, optional, tag = "14")]
    pub last_ended: Option<EndedRecord>,
    #[prost(int64, optional, tag = "15")]
    pub results_removed_time: Option<i64>,
    #[prost(int64, optional, tag = "16")]
    pub uploads_removed_time: Option<i64>,
    /// Of the audio, whose other facts are fixed.
    #[prost(int64, optional, tag = "17")]
    pub audio_removed_time: Option<i64>,
    /// Of files before there was this it is empty, and fills as items begin to wait.
    #[prost(message, repeated, tag = "18")]
    pub held: Vec<HeldRecord>,
}

/// Waiting items of a batch with a reason of their own.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HeldRecord {
    #[prost(uint32, tag = "1")]
    pub reason: u32,
    #[prost(uint32, tag = "2")]
    pub count: u32,
    #[prost(int64, optional, tag = "3")]
    pub until: Option<i64>,
}

/// The item of a batch that ended last. `state` says whether there is a failure reason.
#[derive(Clone, PartialEq, Message)]
pub(super) struct EndedRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub item: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub position: u32,
    #[prost(string, tag = "3")]
    pub filename: String,
    #[prost(uint32, tag = "4")]
    pub state: u32,
    #[prost(uint32, optional, tag = "5")]
    pub failure_reason: Option<u32>,
    #[prost(int64, tag = "6")]
    pub finish_time: i64,
}

/// A stored content.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BlobRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub sha256: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub size_bytes: u64,
}

/// The audio of a batch.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AudioRecord {
    #[prost(string, tag = "1")]
    pub filename: String,
    #[prost(string, tag = "2")]
    pub media_type: String,
    #[prost(message, optional, tag = "3")]
    pub blob: Option<BlobRecord>,
    #[prost(uint64, tag = "4")]
    pub duration: u64,
}

/// A source image.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ImageRecord {
    #[prost(string, tag = "1")]
    pub filename: String,
    #[prost(string, tag = "2")]
    pub media_type: String,
    #[prost(message, optional, tag = "3")]
    pub blob: Option<BlobRecord>,
    #[prost(uint32, tag = "4")]
    pub width_px: u32,
    #[prost(uint32, tag = "5")]
    pub height_px: u32,
    #[prost(int64, optional, tag = "6")]
    pub removed_time: Option<i64>,
}

/// A finished video.
#[derive(Clone, PartialEq, Message)]
pub(super) struct VideoRecord {
    #[prost(string, tag = "1")]
    pub media_type: String,
    #[prost(message, optional, tag = "2")]
    pub blob: Option<BlobRecord>,
    #[prost(uint64, tag = "3")]
    pub duration: u64,
    #[prost(uint32, tag = "4")]
    pub width_px: u32,
    #[prost(uint32, tag = "5")]
    pub height_px: u32,
    #[prost(int64, optional, tag = "6")]
    pub removed_time: Option<i64>,
}

/// An item. `state` says which of the fields from 20 on are there.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ItemRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub source_image: Option<ImageRecord>,
    #[prost(uint32, tag = "3")]
    pub round: u32,
    #[prost(int32, tag = "4")]
    pub charge: i32,
    #[prost(uint32, tag = "5")]
    pub failures_in_round: u32,
    #[prost(uint32, tag = "6")]
    pub last_attempt: u32,
    #[prost(message, repeated, tag = "7")]
    pub ended_attempts: Vec<AttemptRecord>,
    #[prost(uint32, tag = "8")]
    pub progress_permille: u32,
    #[prost(int64, tag = "9")]
    pub create_time: i64,
    #[prost(int64, optional, tag = "10")]
    pub start_time: Option<i64>,
    #[prost(int64, tag = "11")]
    pub update_time: i64,
    #[prost(uint64, tag = "12")]
    pub revision: u64,
    #[prost(uint32, tag = "20")]
    pub state: u32,
    #[prost(int64, optional, tag = "21")]
    pub not_before: Option<i64>,
    #[prost(uint32, optional, tag = "22")]
    pub wait_reason: Option<u32>,
    #[prost(message, optional, tag = "23")]
    pub processing: Option<ProcessingRecord>,
    #[prost(message, optional, tag = "24")]
    pub video: Option<VideoRecord>,
    #[prost(message, optional, tag = "25")]
    pub failure: Option<FailureRecord>,
    #[prost(int64, optional, tag = "26")]
    pub finish_time: Option<i64>,
}

/// An item that an attempt owns. `stage` says which of the fields from 10 on are there.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProcessingRecord {
    #[prost(message, optional, tag = "1")]
    pub attempt: Option<AttemptRecord>,
    #[prost(int64, optional, tag = "2")]
    pub cancel_request_time: Option<i64>,
    #[prost(uint64, tag = "3")]
    pub answered: u64,
    #[prost(uint32, tag = "10")]
    pub stage: u32,
    #[prost(int64, optional, tag = "11")]
    pub since: Option<i64>,
    #[prost(uint32, optional, tag = "12")]
    pub position: Option<u32>,
    #[prost(uint64, optional, tag = "13")]
    pub expected_wait: Option<u64>,
    #[prost(uint64, optional, tag = "14")]
    pub expected_run: Option<u64>,
    #[prost(uint64, tag = "15")]
    pub fetched_bytes: u64,
    #[prost(uint64, optional, tag = "16")]
    pub total_bytes: Option<u64>,
}

/// One task asked of an engine.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AttemptRecord {
    #[prost(uint32, tag = "1")]
    pub number: u32,
    #[prost(uint32, tag = "2")]
    pub round: u32,
    #[prost(int32, tag = "3")]
    pub seed: i32,
    #[prost(string, tag = "4")]
    pub account: String,
    #[prost(bytes = "vec", tag = "5")]
    pub instance: Vec<u8>,
    #[prost(string, optional, tag = "6")]
    pub task: Option<String>,
    #[prost(int64, tag = "7")]
    pub start_time: i64,
    #[prost(int64, optional, tag = "8")]
    pub submit_time: Option<i64>,
    #[prost(int64, optional, tag = "9")]
    pub run_start_time: Option<i64>,
    #[prost(int64, optional, tag = "10")]
    pub finish_time: Option<i64>,
    #[prost(message, optional, tag = "11")]
    pub failure: Option<FailureRecord>,
}

/// Why an item or an attempt failed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FailureRecord {
    #[prost(uint32, tag = "1")]
    pub reason: u32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(string, tag = "3")]
    pub upstream_message: String,
}

/// Who did something, and from where; without kind and id, the server itself.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ActorRecord {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub id: Option<Vec<u8>>,
    #[prost(string, tag = "2")]
    pub name: String,
    /// Absent for the server itself and for users.
    #[prost(uint32, optional, tag = "3")]
    pub kind: Option<u32>,
    #[prost(string, optional, tag = "4")]
    pub address: Option<String>,
}

/// One change of a balance.
#[derive(Clone, PartialEq, Message)]
pub(super) struct EntryRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub kind: u32,
    #[prost(int32, tag = "3")]
    pub delta: i32,
    #[prost(int32, tag = "4")]
    pub balance_after: i32,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub batch: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "6")]
    pub item: Option<Vec<u8>>,
    #[prost(uint32, tag = "7")]
    pub round: u32,
    #[prost(message, optional, tag = "8")]
    pub actor: Option<ActorRecord>,
    #[prost(string, tag = "9")]
    pub note: String,
    #[prost(int64, tag = "10")]
    pub create_time: i64,
}

/// One change or refusal worth remembering. `target` is the object's name; in records without a `target_kind`, which
/// are older than it, whatever the action was about.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AuditRecord {
    #[prost(int64, tag = "1")]
    pub time: i64,
    #[prost(message, optional, tag = "2")]
    pub actor: Option<ActorRecord>,
    #[prost(string, tag = "3")]
    pub action: String,
    #[prost(string, tag = "4")]
    pub target: String,
    #[prost(string, tag = "5")]
    pub detail: String,
    #[prost(uint32, optional, tag = "6")]
    pub target_kind: Option<u32>,
    #[prost(string, tag = "7")]
    pub target_id: String,
    /// Absent: it was done.
    #[prost(uint32, optional, tag = "8")]
    pub outcome: Option<u32>,
    /// There is no target, in a record that is not older than its kind.
    #[prost(bool, tag = "9")]
    pub without_target: bool,
}

/// What a request made: a batch, rounds of items of a batch, or a ledger entry.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RequestRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub digest: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub made: u32,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub batch: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub items: Vec<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub user: Option<Vec<u8>>,
    #[prost(uint64, tag = "6")]
    pub sequence: u64,
}

/// A task that should end upstream. Item, attempt and task are the key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CleanupRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub batch: Vec<u8>,
    #[prost(string, tag = "2")]
    pub account: String,
    #[prost(int64, tag = "3")]
    pub create_time: i64,
    #[prost(bool, tag = "4")]
    pub lost: bool,
}

/// A submit without an answer. Item and attempt are the key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub batch: Vec<u8>,
    #[prost(string, tag = "2")]
    pub account: String,
    #[prost(int32, tag = "3")]
    pub seed: i32,
    #[prost(int64, tag = "4")]
    pub submit_time: i64,
    #[prost(bool, tag = "5")]
    pub matched: bool,
    #[prost(int64, tag = "6")]
    pub expire_time: i64,
    #[prost(int64, tag = "7")]
    pub start_time: i64,
}

/// What an administrator has set.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DispatchRecord {
    #[prost(uint32, tag = "1")]
    pub state: u32,
    #[prost(uint32, tag = "2")]
    pub concurrency: u32,
    #[prost(message, optional, tag = "3")]
    pub changed_by: Option<ActorRecord>,
    #[prost(int64, tag = "4")]
    pub change_time: i64,
}

/// A token of an upstream account, which is the key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TokenRecord {
    #[prost(string, tag = "1")]
    pub token: String,
    #[prost(int64, tag = "2")]
    pub set_time: i64,
    #[prost(bool, tag = "3")]
    pub current: bool,
    #[prost(int64, optional, tag = "4")]
    pub refused_since: Option<i64>,
}

/// The mark of a restored copy.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RestoredRecord {
    #[prost(int64, tag = "1")]
    pub backup_time: i64,
    #[prost(int64, tag = "2")]
    pub restore_time: i64,
    #[prost(string, optional, tag = "3")]
    pub submitting_account: Option<String>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub newest_batch: Option<Vec<u8>>,
    #[prost(string, repeated, tag = "5")]
    pub matched: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    pub earlier: Vec<EarlierLifeRecord>,
}

/// A life before the one that was copied.
#[derive(Clone, PartialEq, Message)]
pub(super) struct EarlierLifeRecord {
    #[prost(string, tag = "1")]
    pub account: String,
    #[prost(bytes = "vec", tag = "2")]
    pub newest_batch: Vec<u8>,
}

/// Batches of one user, or of everyone, by state.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CountsRecord {
    #[prost(uint64, tag = "1")]
    pub created: u64,
    #[prost(uint64, tag = "2")]
    pub processing: u64,
    #[prost(uint64, tag = "3")]
    pub completed: u64,
    #[prost(uint64, tag = "4")]
    pub failed: u64,
    #[prost(uint64, tag = "5")]
    pub cancelled: u64,
    #[prost(uint64, tag = "6")]
    pub with_failures: u64,
    #[prost(uint64, tag = "7")]
    pub needs_attention: u64,
}

/// Sums over everything.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TotalsRecord {
    #[prost(uint64, tag = "1")]
    pub revision: u64,
    #[prost(uint64, tag = "2")]
    pub users: u64,
    #[prost(uint64, tag = "3")]
    pub batches: u64,
    #[prost(uint64, tag = "4")]
    pub items: u64,
    #[prost(uint64, tag = "5")]
    pub image_bytes: u64,
    #[prost(uint64, tag = "6")]
    pub audio_bytes: u64,
    #[prost(uint64, tag = "7")]
    pub video_bytes: u64,
    #[prost(uint64, tag = "8")]
    pub audit_sequence: u64,
    #[prost(uint64, tag = "9")]
    pub items_pending: u64,
    #[prost(uint64, tag = "10")]
    pub items_processing: u64,
    #[prost(uint64, tag = "11")]
    pub items_completed: u64,
    #[prost(uint64, tag = "12")]
    pub items_failed: u64,
    #[prost(uint64, tag = "13")]
    pub items_cancelled: u64,
    #[prost(int64, tag = "14")]
    pub credits_granted: i64,
    #[prost(int64, tag = "15")]
    pub credits_charged: i64,
    #[prost(int64, tag = "16")]
    pub credits_refunded: i64,
    #[prost(int64, tag = "17")]
    pub credits_adjusted: i64,
}
