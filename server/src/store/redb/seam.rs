//! [`Store`] for [`RedbStore`]: each operation is handed to the writer, each question is answered from a snapshot.

use async_trait::async_trait;
use jiff::Timestamp;
use redb::ReadTransaction;

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
use crate::store::inspect::Inspector;
use crate::store::query::{
    Backlog, BatchPage, BatchQuery, Counts, DailyUse, EntryPage, HourCount, ItemPage,
    ItemSelection, Totals, UserPage,
};
use crate::store::restored::{MatchList, Matched, Restore};
use crate::store::{
    AddSshKeyError, AttemptChange, CancelItems, ChangeItemsError, Claim, CreateBatchError,
    CreateKeyError, CreateUserError, Created, CreditAssignment, CreditChange, CreditError,
    DeleteBatch, DeleteBatchError, Deleted, Expire, Expired, FoundTask, ItemsChanged, NewApiKey,
    NewBatch, NewSshKey, PasswordChange, RecordedRequest, RemoveSshKey, RequestKey, RetryItems,
    RevokeApiKey, Settled, SignInNote, Store, StoreError, Tombstone, UserChange, UserChangeError,
};

use super::error::failed;
use super::tables::{
    CLEANUPS, COUNTS, REQUESTS, SETTINGS, SINGLES, TOKENS, USER_NAMES, USERS, WATCHES, readable,
};
use super::{
    RedbStore, account_operations as accounts, batch_operations as batch_work, decode, deletion,
    dispatch_operations as dispatch, expiry, hours, inspect, key_operations as keys, ledger,
    leftovers, lists, load, reads, restored_operations as restored_work,
    ssh_key_operations as ssh_keys,
};

impl RedbStore {
    fn snapshot(&self) -> Result<ReadTransaction, StoreError> {
        self.shared.snapshot()
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn create_user(
        &self,
        user: User,
        credits: Credits,
        actor: Actor,
    ) -> Result<User, CreateUserError> {
        self.writer
            .submit(move |work| accounts::create_user(work, &user, credits, &actor))
            .await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.shared.user(id)
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let snapshot = self.snapshot()?;
        let names = readable(&snapshot, USER_NAMES)?;
        match names.get(username).map_err(failed)? {
            Some(id) => load::user(&readable(&snapshot, USERS)?, load::user_id(id.value())),
            None => Ok(None),
        }
    }

    async fn users(
        &self,
        text: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<UserPage, StoreError> {
        reads::users(&self.snapshot()?, text, after, limit)
    }

    async fn set_password(&self, change: PasswordChange) -> Result<Option<User>, StoreError> {
        self.writer
            .submit(move |work| accounts::set_password(work, &change))
            .await
    }

    async fn update_user(&self, change: UserChange) -> Result<User, UserChangeError> {
        self.writer
            .submit(move |work| accounts::update_user(work, &change))
            .await
    }

    async fn record_sign_in(&self, sign_in: SignInNote) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| accounts::record_sign_in(work, &sign_in))
            .await
    }

    async fn create_api_key(&self, new: NewApiKey) -> Result<(), CreateKeyError> {
        self.writer
            .submit(move |work| keys::create(work, &new))
            .await
    }

    async fn api_keys(&self, user: UserId) -> Result<Vec<ApiKey>, StoreError> {
        keys::of_user(&self.snapshot()?, user)
    }

    async fn api_key_by_digest(&self, digest: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        keys::by_digest(&self.snapshot()?, digest)
    }

    async fn api_key(&self, user: UserId, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        keys::find(&self.snapshot()?, user, id)
    }

    async fn revoke_api_key(&self, revoke: RevokeApiKey) -> Result<bool, StoreError> {
        self.writer
            .submit(move |work| keys::revoke(work, &revoke))
            .await
    }

    async fn add_ssh_key(&self, new: NewSshKey) -> Result<(), AddSshKeyError> {
        self.writer
            .submit(move |work| ssh_keys::add(work, &new))
            .await
    }

    async fn ssh_keys(&self, user: UserId) -> Result<Vec<SshKey>, StoreError> {
        ssh_keys::of_user(&self.snapshot()?, user)
    }

    async fn remove_ssh_key(&self, remove: RemoveSshKey) -> Result<bool, StoreError> {
        self.writer
            .submit(move |work| ssh_keys::remove(work, &remove))
            .await
    }

    async fn note_ssh_key_use(
        &self,
        user: UserId,
        id: KeyId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| ssh_keys::note_use(work, user, id, now))
            .await
    }

    async fn note_key_use(
        &self,
        user: UserId,
        id: KeyId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| keys::note_use(work, user, id, now))
            .await
    }

    async fn adjust_credits(&self, change: CreditChange) -> Result<(User, Entry), CreditError> {
        self.writer
            .submit(move |work| accounts::adjust_credits(work, &change))
            .await
    }

    async fn set_credits(
        &self,
        change: CreditAssignment,
    ) -> Result<(User, Option<Entry>), CreditError> {
        self.writer
            .submit(move |work| accounts::set_credits(work, &change))
            .await
    }

    async fn entries(
        &self,
        user: UserId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<EntryPage, StoreError> {
        reads::entries(&self.snapshot()?, user, before, limit)
    }

    async fn audit(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        reads::audit(&self.snapshot()?, before, limit)
    }

    async fn record_audit(&self, event: AuditEvent) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| accounts::record_audit(work, &event))
            .await
    }

    async fn request(&self, key: RequestKey) -> Result<Option<RecordedRequest>, StoreError> {
        ledger::recorded(&readable(&self.snapshot()?, REQUESTS)?, &key)
    }

    async fn create_batch(&self, new: NewBatch) -> Result<Created, CreateBatchError> {
        self.writer
            .submit(move |work| batch_work::create_batch(work, &new))
            .await
    }

    async fn batch(&self, id: BatchId) -> Result<Option<Batch>, StoreError> {
        reads::batch(&self.snapshot()?, id)
    }

    async fn batches(&self, query: &BatchQuery) -> Result<BatchPage, StoreError> {
        reads::batches(&self.snapshot()?, query)
    }

    async fn counts(&self, owner: Option<UserId>) -> Result<Counts, StoreError> {
        let counts = readable(&self.snapshot()?, COUNTS)?;
        lists::counts(&counts, lists::scope(owner)).map(decode::counts)
    }

    async fn halted(
        &self,
        owner: Option<UserId>,
        engines: &[EngineKind],
        limit: usize,
    ) -> Result<u64, StoreError> {
        reads::halted(&self.snapshot()?, owner, engines, limit)
    }

    async fn item(&self, id: ItemId) -> Result<Option<(Batch, VideoItem)>, StoreError> {
        reads::item(&self.snapshot()?, id)
    }

    async fn items(
        &self,
        batch: BatchId,
        after: u32,
        selection: &ItemSelection,
        limit: usize,
    ) -> Result<ItemPage, StoreError> {
        reads::items(&self.snapshot()?, batch, after, selection, limit)
    }

    async fn cancel_items(&self, cancel: CancelItems) -> Result<ItemsChanged, ChangeItemsError> {
        self.writer
            .submit(move |work| batch_work::cancel_items(work, &cancel))
            .await
    }

    async fn retry_items(&self, retry: RetryItems) -> Result<ItemsChanged, ChangeItemsError> {
        self.writer
            .submit(move |work| batch_work::retry_items(work, &retry))
            .await
    }

    async fn look_at(&self, batch: BatchId) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| batch_work::look_at(work, batch))
            .await
    }

    async fn delete_batch(&self, delete: DeleteBatch) -> Result<Deleted, DeleteBatchError> {
        self.writer
            .submit(move |work| deletion::delete_batch(work, &delete))
            .await
    }

    async fn tombstone(&self, batch: BatchId) -> Result<Option<Tombstone>, StoreError> {
        deletion::tombstone(&self.snapshot()?, batch)
    }

    async fn expire(&self, expire: Expire) -> Result<Option<Expired>, StoreError> {
        self.writer
            .submit(move |work| expiry::expire(work, &expire))
            .await
    }

    async fn doomed_blobs(&self, limit: usize) -> Result<Vec<Blob>, StoreError> {
        deletion::doomed(&self.snapshot()?, limit)
    }

    async fn forget_doomed(&self, blobs: Vec<Blob>) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| deletion::forget_doomed(work, &blobs))
            .await
    }

    async fn is_referenced(&self, blob: Blob) -> Result<bool, StoreError> {
        reads::is_referenced(&self.snapshot()?, blob)
    }

    async fn claim(&self, claim: Claim) -> Result<Option<(Batch, VideoItem)>, StoreError> {
        self.writer
            .submit(move |work| dispatch::claim(work, &claim))
            .await
    }

    async fn apply(
        &self,
        events: Vec<AttemptChange>,
        now: Timestamp,
    ) -> Result<Vec<Option<VideoItem>>, StoreError> {
        self.writer
            .submit(move |work| dispatch::apply(work, &events, now))
            .await
    }

    async fn settle_watch(&self, found: FoundTask) -> Result<Option<Settled>, StoreError> {
        self.writer
            .submit(move |work| dispatch::settle_watch(work, &found))
            .await
    }

    async fn mark_watches_matched(
        &self,
        watches: Vec<ClientRef>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| dispatch::mark_watches_matched(work, &watches, now))
            .await
    }

    async fn active(&self, engine: EngineKind) -> Result<Vec<(Batch, VideoItem)>, StoreError> {
        reads::active(&self.snapshot()?, engine)
    }

    async fn cleanups(&self) -> Result<Vec<Cleanup>, StoreError> {
        leftovers::cleanups(&readable(&self.snapshot()?, CLEANUPS)?)
    }

    async fn add_cleanup(&self, cleanup: Cleanup) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| dispatch::add_cleanup(work, &cleanup))
            .await
    }

    async fn end_cleanup(
        &self,
        key: ClientRef,
        task: TaskId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| dispatch::end_cleanup(work, key, &task, now))
            .await
    }

    async fn lose_account(&self, account: Account, now: Timestamp) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| dispatch::lose_account(work, &account, now))
            .await
    }

    async fn watches(&self) -> Result<Vec<Watch>, StoreError> {
        leftovers::watches(&readable(&self.snapshot()?, WATCHES)?)
    }

    async fn backlog(&self, engine: EngineKind, now: Timestamp) -> Result<Backlog, StoreError> {
        reads::backlog(&self.snapshot()?, engine, now)
    }

    async fn daily_use(&self, account: &Account, now: Timestamp) -> Result<DailyUse, StoreError> {
        reads::daily_use(&self.snapshot()?, account, now)
    }

    async fn dispatch_settings(&self) -> Result<DispatchSettings, StoreError> {
        reads::dispatch_settings(&self.snapshot()?)
    }

    async fn set_dispatch_settings(&self, settings: DispatchSettings) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| accounts::set_dispatch_settings(work, &settings))
            .await
    }

    async fn upstream_tokens(&self) -> Result<Vec<UpstreamToken>, StoreError> {
        accounts::tokens(&readable(&self.snapshot()?, TOKENS)?)
    }

    async fn set_upstream_token(
        &self,
        token: UpstreamToken,
        actor: Actor,
    ) -> Result<(), StoreError> {
        self.writer
            .submit(move |work| accounts::set_upstream_token(work, &token, &actor))
            .await
    }

    async fn mark_token(
        &self,
        account: &Account,
        refused_since: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.writer
            .submit(move |work| accounts::mark_token(work, &account, refused_since))
            .await
    }

    async fn drop_token(&self, account: &Account) -> Result<(), StoreError> {
        let account = account.clone();
        self.writer
            .submit(move |work| accounts::drop_token(work, &account))
            .await
    }

    async fn mark_restored(&self, restore: Restore) -> Result<Restored, StoreError> {
        self.writer
            .submit(move |work| restored_work::mark(work, &restore))
            .await
    }

    async fn restored(&self) -> Result<Option<Restored>, StoreError> {
        load::restored(&readable(&self.snapshot()?, SINGLES)?)
    }

    async fn match_list(&self, list: MatchList) -> Result<Matched, StoreError> {
        self.writer
            .submit(move |work| restored_work::match_list(work, &list))
            .await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let totals = load::totals(&readable(&self.snapshot()?, SINGLES)?)?;
        Ok(Totals {
            revision: totals.revision,
            users: totals.users,
            batches: totals.batches,
            items: totals.items,
            image_bytes: totals.image_bytes,
            audio_bytes: totals.audio_bytes,
            video_bytes: totals.video_bytes,
            database_bytes: self.shared.meter().length(),
            items_by_state: totals.items_by_state(),
            credits: totals.credits(),
        })
    }

    async fn throughput(&self, now: Timestamp) -> Result<Vec<HourCount>, StoreError> {
        hours::throughput(&self.snapshot()?, now)
    }

    async fn inspect(&self, inspector: Box<dyn Inspector>) -> Result<(), StoreError> {
        let snapshot = self.snapshot()?;
        if !self.writer.has_thread() {
            return inspect::walk(&snapshot, inspector);
        }
        tokio::task::spawn_blocking(move || inspect::walk(&snapshot, inspector))
            .await
            .map_err(|error| StoreError::Failed(error.to_string()))?
    }

    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let settings = readable(&self.snapshot()?, SETTINGS)?;
        let found = settings.get(name).map_err(failed)?;
        Ok(found.map(|guard| guard.value().to_vec()))
    }

    async fn set_setting(&self, name: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.writer
            .submit(move |work| accounts::set_setting(work, &name, &value))
            .await
    }
}
