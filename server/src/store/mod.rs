//! The seam to what remembers. A method is a whole domain operation; there is no get and put.
//!
//! Invariants, for every implementation:
//! - a reply follows its commit, and the feed is told between the two, in commit order;
//! - an operation is all or nothing; a refusal changes nothing;
//! - which state an item may take is decided by `domain::transition`, here it is only carried out, with the
//!   ledger entries, cleanups, watches and audit events that belong to it, in the same transaction;
//! - reads see one committed revision.
//!
//! Not here: who may ask (`service`), when to ask (`dispatch`).

mod accounts;
mod batches;
#[cfg(test)]
pub mod conformance;
mod dispatching;
pub mod inspect;
pub mod query;
pub mod redb;
mod requests;
pub mod restored;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::audit::AuditEvent;
use crate::domain::batch::{Batch, EngineKind};
use crate::domain::dispatching::{DispatchSettings, UpstreamToken};
use crate::domain::ids::{Account, BatchId, ClientRef, ItemId, KeyId, TaskId, UserId};
use crate::domain::item::VideoItem;
use crate::domain::key::{ApiKey, SshKey};
use crate::domain::ledger::{Actor, Entry};
use crate::domain::leftover::{Cleanup, Watch};
use crate::domain::media::Blob;
use crate::domain::restored::Restored;
use crate::domain::user::{Credits, User};
pub use accounts::{
    AddSshKeyError, CreateKeyError, CreateUserError, CreditAssignment, CreditChange, CreditError,
    NewApiKey, NewSshKey, PasswordChange, RemoveSshKey, RevokeApiKey, SignInNote, UserChange,
    UserChangeError,
};
pub use batches::{
    CancelItems, ChangeItemsError, CreateBatchError, Created, DeleteBatch, DeleteBatchError,
    Deleted, Expire, Expired, ItemsChanged, NewBatch, RetryItems, Tombstone,
};
pub use dispatching::{AttemptChange, Claim, FoundTask, Settled};
use query::{
    Backlog, BatchPage, BatchQuery, Counts, DailyUse, EntryPage, HourCount, ItemPage,
    ItemSelection, Totals, UserPage,
};
pub use requests::{Made, RecordedRequest, Request, RequestKey};
use restored::{MatchList, Matched, Restore};

/// Whole domain operations: see the module's page.
#[async_trait]
pub trait Store: Send + Sync {
    // Accounts

    /// Makes a user with `credits` as the first ledger entry (none when zero) and an audit event.
    async fn create_user(
        &self,
        user: User,
        credits: Credits,
        actor: Actor,
    ) -> Result<User, CreateUserError>;

    /// A user by id.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// A user by canonical username.
    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError>;

    /// Users in the order of their names, after the name `after`, with `text` in username or display name.
    async fn users(
        &self,
        text: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<UserPage, StoreError>;

    /// Sets a password hash, raises the token epoch, and says whether it must be changed before anything else.
    /// `None` when there is no such user, or none of that epoch.
    async fn set_password(&self, change: PasswordChange) -> Result<Option<User>, StoreError>;

    /// Changes role, standing, name to show or language, with an audit event; a change of role or a disabling raises
    /// the token epoch. What is so already is left, without an event. At least one admin always stays who can sign in.
    async fn update_user(&self, change: UserChange) -> Result<User, UserChangeError>;

    /// Notes a sign-in, with an audit event.
    async fn record_sign_in(&self, sign_in: SignInNote) -> Result<(), StoreError>;

    /// Makes an API key, with an audit event.
    async fn create_api_key(&self, new: NewApiKey) -> Result<(), CreateKeyError>;

    /// The API keys of a user, newest first.
    async fn api_keys(&self, user: UserId) -> Result<Vec<ApiKey>, StoreError>;

    /// The API key whose secret has this digest.
    async fn api_key_by_digest(&self, digest: &[u8; 32]) -> Result<Option<ApiKey>, StoreError>;

    /// An API key of a user.
    async fn api_key(&self, user: UserId, id: KeyId) -> Result<Option<ApiKey>, StoreError>;

    /// Takes an API key away, with an audit event. Whether there was one.
    async fn revoke_api_key(&self, revoke: RevokeApiKey) -> Result<bool, StoreError>;

    /// Notes that a key was used, and its user's sign-in by it; no audit event. A key that is gone is left so.
    async fn note_key_use(&self, user: UserId, id: KeyId, now: Timestamp)
    -> Result<(), StoreError>;

    /// Adds an SSH key, with an audit event.
    async fn add_ssh_key(&self, new: NewSshKey) -> Result<(), AddSshKeyError>;

    /// The SSH keys of a user, newest first.
    async fn ssh_keys(&self, user: UserId) -> Result<Vec<SshKey>, StoreError>;

    /// Takes an SSH key away, with an audit event. Whether there was one.
    async fn remove_ssh_key(&self, remove: RemoveSshKey) -> Result<bool, StoreError>;

    /// Notes that an SSH key was used; no audit event. A key that is gone is left so.
    async fn note_ssh_key_use(
        &self,
        user: UserId,
        id: KeyId,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Adds `delta` to a balance, with a ledger entry and an audit event. The same request again answers what it made.
    async fn adjust_credits(&self, change: CreditChange) -> Result<(User, Entry), CreditError>;

    /// Sets a balance, if it is `expected` now. No entry when it is already so.
    async fn set_credits(
        &self,
        change: CreditAssignment,
    ) -> Result<(User, Option<Entry>), CreditError>;

    /// A user's ledger, newest first, below sequence `before`.
    async fn entries(
        &self,
        user: UserId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<EntryPage, StoreError>;

    /// Audit events, newest first, below sequence `before`.
    async fn audit(&self, before: Option<u64>, limit: usize)
    -> Result<Vec<AuditEvent>, StoreError>;

    /// Writes an audit event that belongs to no other operation (its sequence is given here).
    async fn record_audit(&self, event: AuditEvent) -> Result<(), StoreError>;

    // Batches

    /// What a request made, if it was committed before.
    async fn request(&self, key: RequestKey) -> Result<Option<RecordedRequest>, StoreError>;

    /// Commits a batch with its items, their charges, the references to its blobs, its request and an audit event.
    async fn create_batch(&self, new: NewBatch) -> Result<Created, CreateBatchError>;

    /// One batch.
    async fn batch(&self, id: BatchId) -> Result<Option<Batch>, StoreError>;

    /// A page of batches.
    async fn batches(&self, query: &BatchQuery) -> Result<BatchPage, StoreError>;

    /// Batches of one user, or of all, by derived state.
    async fn counts(&self, owner: Option<UserId>) -> Result<Counts, StoreError>;

    /// Batches of one user, or of all, that wait for one of these engines and have nothing else that needs attention;
    /// the newest `limit` open ones are looked at.
    async fn halted(
        &self,
        owner: Option<UserId>,
        engines: &[EngineKind],
        limit: usize,
    ) -> Result<u64, StoreError>;

    /// One item, with its batch.
    async fn item(&self, id: ItemId) -> Result<Option<(Batch, VideoItem)>, StoreError>;

    /// Items of a batch by position, after position `after`, in one of `states` (all when empty).
    async fn items(
        &self,
        batch: BatchId,
        after: u32,
        selection: &ItemSelection,
        limit: usize,
    ) -> Result<ItemPage, StoreError>;

    /// Asks for the selected items of a batch to end (see `transition::request_cancel`); items that have ended
    /// are left as they are. A whole batch also gets its cancel request time.
    async fn cancel_items(&self, cancel: CancelItems) -> Result<ItemsChanged, ChangeItemsError>;

    /// Starts a new round of the selected items, all or nothing, charged to the batch's owner.
    async fn retry_items(&self, retry: RetryItems) -> Result<ItemsChanged, ChangeItemsError>;

    /// The owner has looked at a batch's failures.
    async fn look_at(&self, batch: BatchId) -> Result<(), StoreError>;

    /// Takes a batch away whose items have all ended, with an audit event. What it was charged and given back, the
    /// requests that made it and what it left upstream stay; of the batch itself a [`Tombstone`] does. Its blobs that
    /// no other batch refers to are doomed.
    async fn delete_batch(&self, delete: DeleteBatch) -> Result<Deleted, DeleteBatchError>;

    /// Takes files of one kind from the batch that ended longest ago, at `ended_before` or before, if one has any: at
    /// most `limit` items' in one transaction, from the first position on. The items and the batch say so, the blobs
    /// that nothing else refers to are doomed, and an audit event tells of the last of them. Nothing when there is no
    /// such batch.
    async fn expire(&self, expire: Expire) -> Result<Option<Expired>, StoreError>;

    /// What is left of a batch that was deleted.
    async fn tombstone(&self, batch: BatchId) -> Result<Option<Tombstone>, StoreError>;

    /// Blobs of deleted batches that nothing refers to any more and whose files may still be there, at most so many.
    async fn doomed_blobs(&self, limit: usize) -> Result<Vec<Blob>, StoreError>;

    /// The files of doomed blobs are gone.
    async fn forget_doomed(&self, blobs: Vec<Blob>) -> Result<(), StoreError>;

    /// Whether any batch refers to a blob.
    async fn is_referenced(&self, blob: Blob) -> Result<bool, StoreError>;

    // Dispatch

    /// Gives the item whose turn it is to its next attempt: turns go round the users, and within a user round the
    /// batches, lowest position first. Nothing when no item is ready, when dispatch is not RUNNING, or when as many slots
    /// of `account` are held as there may be (attempts before FETCHING, cleanups and unmatched watches hold one each).
    /// The dispatcher's settings are those of the same transaction: a claim never follows one that has been replaced.
    async fn claim(&self, claim: Claim) -> Result<Option<(Batch, VideoItem)>, StoreError>;

    /// Applies what happened to attempts, in order, in one transaction. An event of an attempt that does not own its
    /// item any more is dropped: `None` in its place.
    async fn apply(
        &self,
        events: Vec<AttemptChange>,
        now: Timestamp,
    ) -> Result<Vec<Option<VideoItem>>, StoreError>;

    /// A task was found in an account's list that belongs to a watch: its item is given to that attempt if it is
    /// PENDING, else the task becomes a cleanup. Ends the watch.
    async fn settle_watch(&self, found: FoundTask) -> Result<Option<Settled>, StoreError>;

    /// Lists of the account read late enough did not have these tasks: they hold no slot and block nothing any
    /// more; those that have expired are forgotten.
    async fn mark_watches_matched(
        &self,
        watches: Vec<ClientRef>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Every item that an attempt of this engine owns.
    async fn active(&self, engine: EngineKind) -> Result<Vec<(Batch, VideoItem)>, StoreError>;

    /// Every cleanup.
    async fn cleanups(&self) -> Result<Vec<Cleanup>, StoreError>;

    /// A task that is ours but no item's (a duplicate of an adopted one): recorded to be ended.
    async fn add_cleanup(&self, cleanup: Cleanup) -> Result<(), StoreError>;

    /// The upstream confirmed the end of a cleanup's task, or has denied it for long enough. What waited behind it
    /// is ready.
    async fn end_cleanup(
        &self,
        key: ClientRef,
        task: TaskId,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The account has no usable token for good: its cleanups and watches hold no slot and block no retry.
    async fn lose_account(&self, account: Account, now: Timestamp) -> Result<(), StoreError>;

    /// Every watch.
    async fn watches(&self) -> Result<Vec<Watch>, StoreError>;

    /// What waits for an engine.
    async fn backlog(&self, engine: EngineKind, now: Timestamp) -> Result<Backlog, StoreError>;

    /// Tasks submitted on an account within the daily window.
    async fn daily_use(&self, account: &Account, now: Timestamp) -> Result<DailyUse, StoreError>;

    /// The dispatcher's settings.
    async fn dispatch_settings(&self) -> Result<DispatchSettings, StoreError>;

    /// Changes them, with an audit event.
    async fn set_dispatch_settings(&self, settings: DispatchSettings) -> Result<(), StoreError>;

    /// Every upstream token that is kept, the current one first.
    async fn upstream_tokens(&self) -> Result<Vec<UpstreamToken>, StoreError>;

    /// Makes a token the current one; an older token of the same account is replaced, those of other accounts
    /// stay. Written with an audit event.
    async fn set_upstream_token(
        &self,
        token: UpstreamToken,
        actor: Actor,
    ) -> Result<(), StoreError>;

    /// The upstream has refused an account's token since then, or takes it again.
    async fn mark_token(
        &self,
        account: &Account,
        refused_since: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// Forgets an account's token that is not the current one.
    async fn drop_token(&self, account: &Account) -> Result<(), StoreError>;

    // A restored copy

    /// Marks the stored data as a copy restored from a backup: dispatch is paused, and nothing that the other life may have
    /// submitted is submitted before its accounts' lists were matched. Written with an audit event.
    async fn mark_restored(&self, restore: Restore) -> Result<Restored, StoreError>;

    /// The mark, where there is one.
    async fn restored(&self) -> Result<Option<Restored>, StoreError>;

    /// Matches an account's list against the items of a restored copy, all in one transaction: tasks that the other life
    /// has submitted are taken over, or become cleanups; the account counts as matched from then on.
    async fn match_list(&self, list: MatchList) -> Result<Matched, StoreError>;

    // The whole

    /// Sums over everything, kept up to date with each commit, never counted by a scan.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// Items that ended in each of the last [`query::HOURS_COUNTED`] hours of the clock (UTC), oldest first; the last
    /// hour is the one that is not over. Hours in which none did are there with zeros.
    async fn throughput(&self, now: Timestamp) -> Result<Vec<HourCount>, StoreError>;

    /// Reads one committed state from its first record to its last and shows it to `inspector`. Changes nothing; takes
    /// as long as there are records, and memory that does not grow with batches, items and entries.
    async fn inspect(&self, inspector: Box<dyn inspect::Inspector>) -> Result<(), StoreError>;

    /// A small value of the server's own (keys, digests), if it was stored.
    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores one, at most 4 KiB.
    async fn set_setting(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError>;
}

/// The storage failed. A refusal by a rule is never one of these.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed; the process should end and be started again.
    #[error("the database failed: {0}")]
    Failed(String),
    /// No room on the disk; nothing was written.
    #[error("the disk is full: {0}")]
    Full(String),
    /// No room on the disk at the very end of a commit: whether it is there will be known when there is room.
    #[error("the disk is full, and whether the last change is on it is not known: {0}")]
    Undecided(String),
    /// A record does not read.
    #[error("the database is damaged at {place}: {message}")]
    Corrupt {
        /// Table and key.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The writer has ended.
    #[error("the server is shutting down")]
    Closed,
}
