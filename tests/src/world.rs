//! Store, dispatcher and upstream in one process and in virtual time: pause tokio's clock before building one.
//!
//! A `World` outlives crashes of its dispatcher; waiting is always for a committed state, never for a time.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vbatch_server::clock::Clock;
use vbatch_server::dispatch::files::{Files, KeptVideo, NewVideo, NewVideoError};
use vbatch_server::dispatch::{EngineSetup, Parts, run};
use vbatch_server::domain::batch::{Batch, DEFAULT_PROMPT, EngineKind, ItemCounts};
use vbatch_server::domain::dispatching::{DispatchSettings, DispatchState, UpstreamToken};
use vbatch_server::domain::failure::{Wait, WaitReason};
use vbatch_server::domain::ids::{BatchId, ItemId, UserId};
use vbatch_server::domain::item::{ItemState, Pending, VideoItem};
use vbatch_server::domain::ledger::{Actor, Entry};
use vbatch_server::domain::media::{Audio, Blob, BlobKind, Sha256, SourceImage, Video};
use vbatch_server::domain::user::{Role, User};
use vbatch_server::engine::lightx2v::account::account_of;
use vbatch_server::engine::{Engine, OpenSource, Source, SourceReader, VideoSink};
use vbatch_server::feed::{Commit, Feed};
use vbatch_server::store::query::ItemSelection;
use vbatch_server::store::redb::{RedbStore, Writing};
use vbatch_server::store::restored::Restore;
use vbatch_server::store::{CancelItems, CreateBatchError, NewBatch, RetryItems, Store};

use crate::upstream::config::UpstreamConfig;
use crate::upstream::service::Upstream;
use crate::upstream::simulated::SimulatedUpstream;

/// What nothing in virtual time should take longer than.
const PATIENCE: Duration = Duration::from_secs(72 * 3600);

/// See the module's page.
pub struct World {
    /// What remembers.
    pub store: Arc<dyn Store>,
    /// The upstream's script and book.
    pub upstream: Arc<Upstream>,
    /// Virtual time.
    pub clock: Clock,
    database: Arc<RedbStore>,
    feed: Feed,
    files: Arc<MemoryFiles>,
    life: Option<Life>,
}

struct Life {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// An upstream with the first account's token set, and a dispatcher that runs.
    pub async fn new(config: UpstreamConfig) -> Self {
        let mut world = Self::asleep(config).await;
        world.set_token(&world.upstream.token()).await;
        world.start();
        world
    }

    /// Without a token, and with no dispatcher yet.
    pub async fn asleep(config: UpstreamConfig) -> Self {
        Self::asleep_with_seed(config, 7)
    }

    /// The same with this randomness: same seed, same run.
    pub fn asleep_with_seed(config: UpstreamConfig, seed: u64) -> Self {
        let clock = Clock::simulated(config.epoch, seed);
        let store = RedbStore::in_memory(clock.clone()).expect("a database in memory");
        Self::asleep_on(store, config, clock)
    }

    /// The same on a store of the caller's, which was opened with this clock.
    pub fn asleep_on(store: RedbStore, config: UpstreamConfig, clock: Clock) -> Self {
        let simulated = SimulatedUpstream::new(config);
        Self::over(store, simulated.upstream(), clock)
    }

    /// As [`World::new`], on a store that lets others act around each of its commits, as the program's does: there a
    /// crash can come between any two of them.
    pub async fn interleaved(config: UpstreamConfig, seed: u64) -> Self {
        let clock = Clock::simulated(config.epoch, seed);
        let memory = Mutex::new(Some(InMemoryBackend::new()));
        let backends = move || {
            let mut memory = memory.lock().expect("no panic while opening");
            let memory = memory.take().ok_or(io::ErrorKind::NotFound)?;
            Ok(Box::new(memory) as Box<dyn StorageBackend>)
        };
        let store = RedbStore::with_backend(backends, clock.clone(), Writing::Interleaved);
        let mut world = Self::asleep_on(store.expect("a database in memory"), config, clock);
        world.set_token(&world.upstream.token()).await;
        world.start();
        world
    }

    fn over(database: RedbStore, upstream: Arc<Upstream>, clock: Clock) -> Self {
        let database = Arc::new(database);
        Self {
            feed: database.feed().clone(),
            store: Arc::<RedbStore>::clone(&database),
            upstream,
            clock,
            database,
            files: Arc::default(),
            life: None,
        }
    }

    /// What a backup of this moment holds, as a world of its own on the same upstream: asleep, and not yet marked as
    /// restored.
    pub fn copy(&self) -> Self {
        let database = self.database.copy_in_memory(self.clock.clone());
        let database = database.expect("memory can be copied");
        Self::over(database, Arc::clone(&self.upstream), self.clock.clone())
    }

    /// Marks the world as a copy restored from a backup of that time.
    pub async fn mark_restored(&self, backup_time: Timestamp) {
        let restore = Restore {
            backup_time,
            ended_settings: Vec::new(),
            detail: String::new(),
            now: self.clock.now(),
        };
        self.store
            .mark_restored(restore)
            .await
            .expect("the store works");
    }

    /// Lets dispatch run.
    pub async fn resume(&self) {
        let settings = self.store.dispatch_settings().await.expect("readable");
        self.store
            .set_dispatch_settings(DispatchSettings {
                state: DispatchState::Running,
                change_time: self.clock.now(),
                ..settings
            })
            .await
            .expect("the store works");
    }

    /// The store as the database it is, which counts its commits.
    pub fn database(&self) -> &RedbStore {
        &self.database
    }

    /// What the store's commits are told to.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Lets the disk of the videos be full at that step of keeping one, or have room again.
    pub fn set_full(&self, step: Option<Step>) {
        *self.files.full_at.lock().expect("no panic while setting") = step;
    }

    /// Lets the sources not be read for now, as with too many open files, or again.
    pub fn set_unreadable(&self, unreadable: bool) {
        self.files.unreadable.store(unreadable, Ordering::SeqCst);
    }

    /// Whether a dispatcher runs.
    pub fn is_awake(&self) -> bool {
        self.life.is_some()
    }

    /// Starts a dispatcher: a new life of the server.
    pub fn start(&mut self) {
        let engine: Arc<dyn Engine> = Arc::new(SimulatedUpstream::again(&self.upstream));
        let shutdown = CancellationToken::new();
        let parts = Parts {
            store: Arc::clone(&self.store),
            feed: self.feed.clone(),
            clock: self.clock.clone(),
            instance: self.clock.instance_id(),
            files: Arc::clone(&self.files) as Arc<dyn Files>,
            engines: vec![EngineSetup {
                kind: EngineKind::LightX2v,
                engine,
                slots: None,
                in_process: false,
            }],
            item_deadline: Duration::from_secs(2 * 3600),
        };
        let ended = shutdown.clone();
        let task = tokio::spawn(async move {
            run(parts, ended).await.expect("the store works");
        });
        self.life = Some(Life { shutdown, task });
    }

    /// Ends the dispatcher at whatever await it is, as a crash does. What it had under way is dropped.
    pub async fn crash(&mut self) {
        if let Some(life) = self.life.take() {
            life.task.abort();
            let _ = life.task.await;
        }
    }

    /// Ends the dispatcher as [`World::crash`] does, at its next await after the first commit of which this holds. Once
    /// in a world.
    ///
    /// # Panics
    /// When none runs.
    pub fn crash_after_a_commit(&self, holds: impl Fn(&Commit) -> bool + Send + Sync + 'static) {
        let life = self.life.as_ref().expect("a dispatcher");
        let dispatcher = life.task.abort_handle();
        self.feed.observe(move |commit| {
            if !dispatcher.is_finished() && holds(commit) {
                dispatcher.abort();
            }
        });
    }

    /// Waits until it has ended so.
    ///
    /// # Panics
    /// When that is never so.
    pub async fn until_crashed(&mut self) {
        if let Some(mut life) = self.life.take() {
            let ended = tokio::time::timeout(PATIENCE, &mut life.task).await;
            assert!(ended.is_ok(), "no such commit");
        }
    }

    /// Ends the dispatcher gracefully.
    pub async fn stop(&mut self) {
        if let Some(life) = self.life.take() {
            life.shutdown.cancel();
            life.task.await.expect("the dispatcher does not panic");
        }
    }

    /// Makes a token the current one.
    pub async fn set_token(&self, token: &str) {
        let account = account_of(&token.to_owned().into());
        let token = UpstreamToken {
            account,
            token: token.to_owned(),
            set_time: self.clock.now(),
            current: true,
            refused_since: None,
        };
        self.store
            .set_upstream_token(token, Actor::System)
            .await
            .expect("a token is stored");
    }

    /// A user with credits.
    pub async fn user(&self, name: &str, credits: i32) -> UserId {
        let user = User {
            id: self.clock.user_id(),
            username: name.to_owned(),
            display_name: name.to_owned(),
            language: String::new(),
            role: Role::User,
            disabled: false,
            password_hash: String::new(),
            password_change_required: false,
            password_expire_time: None,
            token_epoch: 0,
            credit_balance: 0,
            credits_held: 0,
            active_item_count: 0,
            completed_video_count: 0,
            ledger_sequence: 0,
            create_time: self.clock.now(),
            last_sign_in_time: None,
            last_sign_in_method: None,
            version: 1,
        };
        self.store
            .create_user(user, credits, Actor::System)
            .await
            .expect("a new user")
            .id
    }

    /// A batch of `count` items at one credit each.
    ///
    /// # Panics
    /// Without enough credits.
    pub async fn batch(&self, owner: UserId, count: u32) -> BatchId {
        self.try_batch(owner, count).await.expect("enough credits")
    }

    /// A batch of `count` items at one credit each, if its owner has them.
    pub async fn try_batch(&self, owner: UserId, count: u32) -> Result<BatchId, CreateBatchError> {
        let now = self.clock.now();
        let batch = Batch {
            id: self.clock.batch_id(),
            owner,
            name: "第一批".to_owned(),
            prompt: DEFAULT_PROMPT.to_owned(),
            negative_prompt: String::new(),
            engine: EngineKind::LightX2v,
            labels: BTreeMap::new(),
            source_batch: None,
            audio: Audio {
                filename: "voice.mp3".to_owned(),
                media_type: "audio/mpeg".to_owned(),
                blob: blob(BlobKind::Audio, 1),
                duration: Duration::from_secs(5),
                removed_time: None,
            },
            credits_per_item: 1,
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
            held: BTreeMap::new(),
            last_ended: None,
            failures_seen: 0,
            revision: 0,
        };
        let items = (1..=count)
            .map(|position| VideoItem {
                id: self.clock.item_id(),
                batch: batch.id,
                position,
                source_image: SourceImage {
                    filename: format!("portrait_{position:02}.png"),
                    media_type: "image/png".to_owned(),
                    blob: blob(BlobKind::Image, position),
                    width_px: 64,
                    height_px: 64,
                    removed_time: None,
                },
                state: ItemState::Pending(Pending::default()),
                round: 1,
                charge: 1,
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
        let new = NewBatch {
            batch,
            items,
            request: None,
            actor: Actor::System,
        };
        Ok(self.store.create_batch(new).await?.batch.id)
    }

    /// All items of a batch, by position.
    pub async fn items(&self, batch: BatchId) -> Vec<VideoItem> {
        let all = ItemSelection::default();
        self.store
            .items(batch, 0, &all, 2_000)
            .await
            .expect("readable")
            .items
    }

    /// One item of a batch, by its position from 1.
    pub async fn item(&self, batch: BatchId, position: usize) -> VideoItem {
        self.items(batch).await.swap_remove(position - 1)
    }

    /// Waits until something holds of a batch's items.
    ///
    /// # Panics
    /// When it never does.
    pub async fn until(
        &self,
        batch: BatchId,
        what: &str,
        holds: impl Fn(&[VideoItem]) -> bool,
    ) -> Vec<VideoItem> {
        let mut commits = self.feed.revision();
        let waiting = async {
            loop {
                commits.mark_unchanged();
                let items = self.items(batch).await;
                if holds(&items) {
                    return items;
                }
                commits.changed().await.expect("the feed lives");
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(items) => items,
            Err(_) => panic!(
                "never: {what}; the items are {:#?}",
                self.items(batch).await
            ),
        }
    }

    /// Waits until every item of a batch has ended.
    pub async fn finished(&self, batch: BatchId) -> Vec<VideoItem> {
        self.until(batch, "every item has ended", |items| {
            items.iter().all(VideoItem::is_terminal)
        })
        .await
    }

    /// Waits until the engine's items wait for that reason, and says how.
    ///
    /// # Panics
    /// When they never do.
    pub async fn until_wait(&self, reason: WaitReason) -> Wait {
        let mut engines = self.feed.engines();
        let waiting =
            engines.wait_for(|statuses| statuses.wait_for(EngineKind::LightX2v).reason == reason);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(statuses) => statuses
                .expect("the feed lives")
                .wait_for(EngineKind::LightX2v),
            Err(_) => panic!("never waits for {reason:?}"),
        }
    }

    /// Waits until so many upstream tokens are kept.
    ///
    /// # Panics
    /// When that is never so.
    pub async fn until_tokens(&self, count: usize) {
        let mut commits = self.feed.revision();
        let waiting = async {
            loop {
                commits.mark_unchanged();
                if self.store.upstream_tokens().await.expect("readable").len() == count {
                    return;
                }
                commits.changed().await.expect("the feed lives");
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("unneeded tokens are dropped");
    }

    /// Waits until no task is active upstream.
    ///
    /// # Panics
    /// When that is never so.
    pub async fn until_all_ended(&self) {
        let mut commits = self.feed.revision();
        let waiting = async {
            loop {
                commits.mark_unchanged();
                if self
                    .upstream
                    .tasks()
                    .iter()
                    .all(|task| !task.status.is_active())
                {
                    return;
                }
                commits.changed().await.expect("the feed lives");
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("every task ends");
    }

    /// Asks for items to end.
    pub async fn cancel(&self, batch: BatchId, ids: Vec<ItemId>) {
        let cancel = CancelItems {
            batch,
            selection: ItemSelection {
                ids,
                states: Vec::new(),
            },
            whole_batch: false,
            actor: Actor::System,
            now: self.clock.now(),
        };
        self.store
            .cancel_items(cancel)
            .await
            .expect("something to cancel");
    }

    /// Retries every item that can be.
    pub async fn retry(&self, batch: BatchId, ids: Vec<ItemId>) {
        let retry = RetryItems {
            batch,
            selection: ItemSelection {
                ids,
                states: Vec::new(),
            },
            max_credits: None,
            request: None,
            actor: Actor::System,
            now: self.clock.now(),
        };
        self.store
            .retry_items(retry)
            .await
            .expect("something to retry");
    }

    /// A user's ledger, oldest first, after checking that it sums up to the balance.
    pub async fn ledger(&self, user: UserId) -> Vec<Entry> {
        let mut entries = self
            .store
            .entries(user, None, 10_000)
            .await
            .expect("readable")
            .entries;
        entries.reverse();
        let user = self
            .store
            .user(user)
            .await
            .expect("readable")
            .expect("the user exists");
        assert_eq!(
            entries.iter().map(|entry| entry.delta).sum::<i32>(),
            user.credit_balance
        );
        entries
    }

    /// A user's balance, which the ledger confirms.
    pub async fn balance(&self, user: UserId) -> i32 {
        self.ledger(user)
            .await
            .iter()
            .map(|entry| entry.delta)
            .sum()
    }

    /// Every upstream task belongs to an item's attempt or to a cleanup, and no item has two that succeeded.
    pub async fn assert_no_task_is_unowned(&self, batches: &[BatchId]) {
        let mut owned = Vec::new();
        for batch in batches {
            for item in self.items(*batch).await {
                owned.extend(item.attempts().filter_map(|attempt| attempt.task.clone()));
            }
        }
        owned.extend(
            self.store
                .cleanups()
                .await
                .expect("readable")
                .into_iter()
                .map(|cleanup| cleanup.task),
        );
        for task in self.upstream.tasks() {
            let known = owned.iter().any(|owned| owned.0 == task.id);
            assert!(known || !task.status.is_active(), "nobody owns {task:?}");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(life) = &self.life {
            life.task.abort();
        }
    }
}

fn blob(kind: BlobKind, number: u32) -> Blob {
    let mut sha256 = [0; 32];
    sha256[..4].copy_from_slice(&number.to_be_bytes());
    Blob {
        kind,
        sha256: Sha256(sha256),
        size_bytes: 64,
    }
}

/// Files that are made up when they are read, and videos that are counted and forgotten.
#[derive(Default)]
struct MemoryFiles {
    kept: Arc<Mutex<u32>>,
    full_at: Arc<Mutex<Option<Step>>>,
    unreadable: Arc<AtomicBool>,
}

/// A step of keeping a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its file is made.
    Begin,
    /// Bytes come.
    Write,
    /// It is flushed and put in its place.
    Finish,
}

fn has_room(full_at: &Mutex<Option<Step>>, step: Step) -> io::Result<()> {
    if *full_at.lock().expect("no panic while setting") == Some(step) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

#[async_trait]
impl Files for MemoryFiles {
    fn source(&self, blob: Blob, media_type: &str) -> Source {
        Source {
            size_bytes: blob.size_bytes,
            media_type: media_type.to_owned(),
            opener: Arc::new(MadeUp {
                blob,
                unreadable: Arc::clone(&self.unreadable),
            }),
        }
    }

    async fn begin_video(&self) -> io::Result<Box<dyn NewVideo>> {
        has_room(&self.full_at, Step::Begin)?;
        Ok(Box::new(Counted {
            kept: Arc::clone(&self.kept),
            full_at: Arc::clone(&self.full_at),
            size_bytes: 0,
        }))
    }

    async fn discard_video(&self, _: KeptVideo) {}
}

struct MadeUp {
    blob: Blob,
    unreadable: Arc<AtomicBool>,
}

#[async_trait]
impl OpenSource for MadeUp {
    async fn open(&self) -> io::Result<SourceReader> {
        if self.unreadable.load(Ordering::SeqCst) {
            return Err(io::Error::other("too many open files"));
        }
        let head: &[u8] = match self.blob.kind {
            BlobKind::Image => b"\x89PNG\r\n\x1a\n",
            _ => b"ID3\x04",
        };
        let mut bytes = head.to_vec();
        bytes.resize(self.blob.size_bytes as usize, 0);
        Ok(Box::pin(io::Cursor::new(bytes)))
    }
}

struct Counted {
    kept: Arc<Mutex<u32>>,
    full_at: Arc<Mutex<Option<Step>>>,
    size_bytes: u64,
}

#[async_trait]
impl VideoSink for Counted {
    async fn start(&mut self, _: Option<u64>) -> io::Result<()> {
        self.size_bytes = 0;
        Ok(())
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        has_room(&self.full_at, Step::Write)?;
        self.size_bytes += chunk.len() as u64;
        Ok(())
    }
}

#[async_trait]
impl NewVideo for Counted {
    async fn finish(self: Box<Self>) -> Result<KeptVideo, NewVideoError> {
        has_room(&self.full_at, Step::Finish)?;
        let mut kept = self.kept.lock().expect("no panic while counting");
        *kept += 1;
        let video = Video {
            media_type: "video/mp4".to_owned(),
            blob: Blob {
                size_bytes: self.size_bytes,
                ..blob(BlobKind::Video, *kept)
            },
            duration: Duration::from_secs(5),
            width_px: 640,
            height_px: 480,
            removed_time: None,
        };
        Ok(KeptVideo { video, pin: None })
    }
}

/// The start of every world's time.
pub fn epoch() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}
