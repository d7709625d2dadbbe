//! Brings finished videos home. A fetch is repeated until it is whole; it never makes a new task.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::files::{Files, NewVideo, NewVideoError};
use super::lane::{Done, Lane, running_key};
use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureReason};
use crate::domain::ids::{Account, ClientRef, TaskId};
use crate::domain::item::Stage;
use crate::domain::retry::{UNKNOWN_PATIENCE, back_off};
use crate::domain::transition::AttemptEvent;
use crate::engine::{Credentials, Engine, FetchError, ReadError, VideoSink};
use crate::store::{AttemptChange, Store, StoreError};

/// Fetches at once; more would only share the same line.
pub(super) const AT_ONCE: usize = 8;

/// What was fetched and is no video is fetched again so often: a proxy's error page looks like that.
const INVALID_TRIES: u32 = 3;

/// How often watchers hear of new bytes.
const TELL: Duration = Duration::from_secs(1);

const PAUSE_BASE: Duration = Duration::from_secs(1);
const PAUSE_CAP: Duration = Duration::from_secs(30);

impl Lane {
    /// Starts the fetches that are not under way.
    pub(super) fn start_fetches(&mut self) {
        for (_, item) in &self.open.active {
            let (Some(running), Some(key)) = (item.processing(), running_key(item)) else {
                continue;
            };
            let Some(task) = running.attempt.task.clone() else {
                continue;
            };
            if !matches!(running.stage, Stage::Fetching { .. }) || !self.fetching.insert(key) {
                continue;
            }
            let fetch = Fetch {
                engine: Arc::clone(&self.setup.engine),
                store: Arc::clone(&self.store),
                files: Arc::clone(&self.files),
                clock: self.clock.clone(),
                key,
                task,
                account: running.attempt.account.clone(),
                in_process: self.setup.in_process,
                deadline: self.item_deadline,
                turns: Arc::clone(&self.fetch_turns),
                storage_full: Arc::clone(&self.storage_full),
            };
            self.work.spawn(async move {
                let result = fetch.run().await;
                Done::Fetched { key, result }
            });
        }
        if self.fetching.is_empty() {
            // Nobody is left who could find out that there is room again.
            self.storage_full.store(false, Ordering::Relaxed);
        }
    }
}

struct Fetch {
    engine: Arc<dyn Engine>,
    store: Arc<dyn Store>,
    files: Arc<dyn Files>,
    clock: Clock,
    key: ClientRef,
    task: TaskId,
    account: Account,
    in_process: bool,
    deadline: Duration,
    turns: Arc<Semaphore>,
    storage_full: Arc<AtomicBool>,
}

/// How one try went.
enum Tried {
    /// The item has ended, by this fetch or otherwise.
    Over,
    /// Not the item's fault; again after a pause.
    Again,
    /// The same, and nobody has answered: no token, no way to the upstream, no room here.
    Silent,
    /// The upstream denies the task.
    Denied,
    /// What came is no video.
    Invalid(String),
}

impl Fetch {
    async fn run(self) -> Result<(), StoreError> {
        // The deadline counts the time in which somebody answered.
        let mut answered = Duration::ZERO;
        let mut denied_since: Option<Instant> = None;
        let (mut failures, mut invalid) = (0, 0);
        loop {
            let begun = Instant::now();
            let tried = {
                let _turn = self.turns.acquire().await.map_err(|_| StoreError::Closed)?;
                self.try_once().await?
            };
            failures += 1;
            let silent = matches!(tried, Tried::Silent);
            match tried {
                Tried::Over => return Ok(()),
                Tried::Again | Tried::Silent => denied_since = None,
                Tried::Denied if self.in_process => return self.end(AttemptEvent::Abandoned).await,
                Tried::Denied => {
                    if denied_since.get_or_insert_with(Instant::now).elapsed() >= UNKNOWN_PATIENCE {
                        let words = "The upstream does not know the finished task any more. Retry the item.";
                        return self.fail(FailureReason::TaskVanished, words, "").await;
                    }
                }
                Tried::Invalid(message) => {
                    invalid += 1;
                    // An engine in this process has no second copy of what it made.
                    if invalid >= INVALID_TRIES || self.in_process {
                        let words =
                            "What the engine delivered is no playable video. Retry the item.";
                        return self
                            .fail(FailureReason::ResultInvalid, words, &message)
                            .await;
                    }
                }
            }
            if answered >= self.deadline {
                let words = "The finished video could not be fetched in time. Retry the item.";
                return self.fail(FailureReason::ItemDeadline, words, "").await;
            }
            let random = self.clock.random();
            let pause = back_off(failures, PAUSE_BASE, PAUSE_CAP, random);
            self.clock.sleep(pause).await;
            if !silent {
                answered += begun.elapsed();
            }
        }
    }

    async fn try_once(&self) -> Result<Tried, StoreError> {
        let item = self.store.item(self.key.item).await?;
        if item.and_then(|(_, item)| running_key(&item)) != Some(self.key) {
            return Ok(Tried::Over);
        }
        let Some(credentials) = self.credentials().await? else {
            return Ok(Tried::Silent);
        };
        let mut video = match self.files.begin_video().await {
            Ok(video) => video,
            Err(error) => return Ok(self.no_room(&error)),
        };
        let mut sink = Telling {
            video: video.as_mut(),
            fetch: self,
            fetched_bytes: 0,
            total_bytes: None,
            told: Instant::now(),
        };
        if let Err(error) = self.engine.fetch(&credentials, &self.task, &mut sink).await {
            return self.broken(error).await;
        }
        let kept = match video.finish().await {
            Ok(kept) => kept,
            Err(NewVideoError::Invalid(message)) => return Ok(Tried::Invalid(message)),
            Err(NewVideoError::Io(error)) => return Ok(self.no_room(&error)),
        };
        self.storage_full.store(false, Ordering::Relaxed);
        let completed = AttemptEvent::Completed {
            video: kept.video.clone(),
        };
        if self.apply(completed).await? {
            return Ok(Tried::Over);
        }
        self.files.discard_video(kept).await;
        Ok(Tried::Over)
    }

    async fn broken(&self, error: FetchError) -> Result<Tried, StoreError> {
        tracing::warn!(key = %self.key, %error, "a fetch broke");
        match error {
            FetchError::Read(ReadError::Unknown { .. }) => Ok(Tried::Denied),
            FetchError::Read(ReadError::Token { .. }) => {
                self.store
                    .mark_token(&self.account, Some(self.clock.now()))
                    .await?;
                Ok(Tried::Silent)
            }
            FetchError::Sink(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                Ok(Tried::Invalid(error.to_string()))
            }
            FetchError::Sink(error) => Ok(self.no_room(&error)),
            FetchError::Read(ReadError::Weather { reached: false, .. }) => Ok(Tried::Silent),
            FetchError::Read(_) | FetchError::CutOff { .. } => Ok(Tried::Again),
        }
    }

    fn no_room(&self, error: &io::Error) -> Tried {
        tracing::error!(key = %self.key, %error, "a video cannot be stored");
        if matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            self.storage_full.store(true, Ordering::Relaxed);
        }
        Tried::Silent
    }

    /// The newest token of the account, unless it is refused.
    async fn credentials(&self) -> Result<Option<Credentials>, StoreError> {
        if self.in_process {
            return Ok(Some(Credentials::local()));
        }
        let tokens = self.store.upstream_tokens().await?;
        let usable = tokens
            .into_iter()
            .find(|token| token.account == self.account && token.refused_since.is_none());
        Ok(usable.map(|token| Credentials {
            account: token.account,
            token: token.token.into(),
        }))
    }

    async fn apply(&self, event: AttemptEvent) -> Result<bool, StoreError> {
        let change = AttemptChange {
            item: self.key.item,
            attempt: self.key.attempt,
            event,
        };
        let applied = self.store.apply(vec![change], self.clock.now()).await?;
        Ok(applied.first().is_some_and(Option::is_some))
    }

    async fn end(&self, event: AttemptEvent) -> Result<(), StoreError> {
        self.apply(event).await.map(drop)
    }

    async fn fail(
        &self,
        reason: FailureReason,
        words: &str,
        upstream: &str,
    ) -> Result<(), StoreError> {
        self.end(AttemptEvent::Failed {
            failure: Failure::new(reason, words, upstream),
            try_again: None,
        })
        .await
    }
}

/// Passes bytes on and tells watchers of them, once a second.
struct Telling<'a> {
    video: &'a mut dyn NewVideo,
    fetch: &'a Fetch,
    fetched_bytes: u64,
    total_bytes: Option<u64>,
    told: Instant,
}

#[async_trait]
impl VideoSink for Telling<'_> {
    async fn start(&mut self, total_bytes: Option<u64>) -> io::Result<()> {
        self.fetched_bytes = 0;
        self.total_bytes = total_bytes;
        self.video.start(total_bytes).await
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        self.fetched_bytes += chunk.len() as u64;
        self.video.write(chunk).await?;
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            let event = AttemptEvent::Fetched {
                fetched_bytes: self.fetched_bytes,
                total_bytes: self.total_bytes,
            };
            self.fetch.apply(event).await.map_err(io::Error::other)?;
        }
        Ok(())
    }
}
