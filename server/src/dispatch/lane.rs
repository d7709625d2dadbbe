//! One engine's lane: the task that decides.
//!
//! Each turn plans from what the store says is open, then waits for the first of: work that came back, a commit that
//! concerns it, a timer. The in-memory sets only say what is under way in this process; losing them loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::files::Files;
use super::gate::{Gate, later};
use super::log;
use super::restored::OtherLife;
use super::status::{Board, RecentErrors};
use super::{EngineSetup, Parts};
use crate::clock::Clock;
use crate::domain::batch::Batch;
use crate::domain::dispatching::{DispatchSettings, DispatchState};
use crate::domain::failure::{Wait, WaitReason};
use crate::domain::ids::{Account, ClientRef, InstanceId, TaskId};
use crate::domain::item::{Stage, VideoItem};
use crate::domain::leftover::{Cleanup, Watch};
use crate::domain::restored::Restored;
use crate::domain::transition::AttemptEvent;
use crate::engine::{
    CancelAnswer, Credentials, QueryAnswer, ReadError, SubmitError, Submitted, TaskReport,
};
use crate::feed::Feed;
use crate::feed::engine_status::{EngineStatus, Health, TokenState};
use crate::store::{AttemptChange, Claim, Store, StoreError};

/// Without any other reason a lane looks again after this.
const FALLBACK: Duration = Duration::from_secs(30);

/// The last answer's time is kept up to date to this.
const LAST_SUCCESS_GRAIN: Duration = Duration::from_secs(5);

/// Claims of one turn, so that a large backlog does not keep a lane from its running tasks.
const CLAIMS_A_TURN: usize = 16;

/// Work that came back.
pub(super) enum Done {
    /// A submit was answered, or not.
    Submitted {
        key: ClientRef,
        account: Account,
        result: Result<Submitted, SubmitError>,
    },
    /// Tasks were asked about.
    Polled {
        account: Account,
        /// All that were asked about.
        asked: Vec<TaskId>,
        result: Result<Vec<(TaskId, QueryAnswer)>, ReadError>,
    },
    /// An account's list was read, from that time on.
    Listed {
        account: Account,
        read_time: Timestamp,
        /// It was read down to a task older than this.
        down_to: Timestamp,
        result: Result<Vec<TaskReport>, ReadError>,
    },
    /// A cancel was answered.
    Cancelled {
        account: Account,
        result: Result<CancelAnswer, ReadError>,
    },
    /// A token was tried.
    Checked {
        account: Account,
        result: Result<(), ReadError>,
    },
    /// A fetch ended; its outcome is committed.
    Fetched {
        key: ClientRef,
        result: Result<(), StoreError>,
    },
}

/// What is known of one upstream account in this process.
#[derive(Default)]
pub(super) struct AccountState {
    pub(super) gate: Gate,
    pub(super) next_poll: Option<Timestamp>,
    pub(super) polling: bool,
    pub(super) poll_failures: u32,
    /// The last poll that was answered; what the deadline's time is measured from.
    pub(super) last_poll: Option<Timestamp>,
    pub(super) listing: bool,
    pub(super) list_failures: u32,
    /// After a list that failed, not before this time.
    pub(super) list_not_before: Option<Timestamp>,
    /// When submits that are only watched are matched again.
    pub(super) routine_list: Option<Timestamp>,
    pub(super) next_check: Option<Timestamp>,
    pub(super) checking: bool,
    pub(super) last_success: Option<Timestamp>,
    pub(super) unreachable: bool,
    /// Since when every answer was that there is no such thing as was asked for.
    pub(super) unavailable_since: Option<Timestamp>,
    pub(super) foreign: u32,
    pub(super) daily_limit: Option<u32>,
    /// Since when no token of it is usable.
    pub(super) tokenless_since: Option<Timestamp>,
    pub(super) refused: bool,
    /// When its token was set.
    pub(super) token_set: Option<Timestamp>,
}

impl AccountState {
    /// Asks for a poll when a task is expected to begin, or soon.
    pub(super) fn poll_soon(&mut self, now: Timestamp, expected: Option<Duration>) {
        let pause = expected
            .unwrap_or_default()
            .clamp(super::schedule::SHORTEST * 2, super::schedule::LONGEST);
        let due = later(now, pause);
        self.next_poll = Some(
            self.next_poll
                .map_or(due, |next| if next < now { due } else { next.min(due) }),
        );
    }
}

/// What is open in the store at the beginning of a turn.
#[derive(Default)]
pub(super) struct Open {
    pub(super) active: Vec<(Batch, VideoItem)>,
    pub(super) cleanups: Vec<Cleanup>,
    pub(super) watches: Vec<Watch>,
    pub(super) credentials: BTreeMap<Account, Credentials>,
    pub(super) current: Option<Account>,
    /// The mark of a restored copy.
    pub(super) restored: Option<Restored>,
    /// Since when items are claimed; absent while they are not.
    pub(super) running_since: Option<Timestamp>,
}

/// See the module's page.
pub(super) struct Lane {
    pub(super) setup: EngineSetup,
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Feed,
    pub(super) clock: Clock,
    pub(super) instance: InstanceId,
    pub(super) files: Arc<dyn Files>,
    pub(super) item_deadline: Duration,
    /// When this run began: what the upstream did while nobody asked is not held against an item.
    pub(super) started: Timestamp,
    pub(super) work: JoinSet<Done>,
    pub(super) open: Open,
    pub(super) accounts: BTreeMap<Account, AccountState>,
    pub(super) submitting: BTreeSet<ClientRef>,
    /// When submits without a definite answer ended that only a watch waits for: their items went on without them.
    pub(super) ended_submits: BTreeMap<ClientRef, Timestamp>,
    pub(super) fetching: BTreeSet<ClientRef>,
    /// When each task was last asked to end.
    pub(super) cancel_asked: BTreeMap<TaskId, Timestamp>,
    /// For how long the upstream has denied each task.
    pub(super) unknown_for: BTreeMap<TaskId, Duration>,
    /// For how long the upstream has answered about others and not about each task.
    pub(super) silent_for: BTreeMap<TaskId, Duration>,
    /// Answered time that is not committed yet.
    pub(super) answered_for: BTreeMap<ClientRef, Duration>,
    pub(super) errors: RecentErrors,
    pub(super) typical_run: Option<Duration>,
    pub(super) fetch_turns: Arc<Semaphore>,
    pub(super) storage_full: Arc<AtomicBool>,
    board: Board,
}

impl Lane {
    pub(super) fn new(setup: EngineSetup, parts: &Parts, board: Board) -> Self {
        Self {
            setup,
            store: Arc::clone(&parts.store),
            feed: parts.feed.clone(),
            clock: parts.clock.clone(),
            instance: parts.instance,
            files: Arc::clone(&parts.files),
            item_deadline: parts.item_deadline,
            started: parts.clock.now(),
            work: JoinSet::new(),
            open: Open::default(),
            accounts: BTreeMap::new(),
            submitting: BTreeSet::new(),
            ended_submits: BTreeMap::new(),
            fetching: BTreeSet::new(),
            cancel_asked: BTreeMap::new(),
            unknown_for: BTreeMap::new(),
            silent_for: BTreeMap::new(),
            answered_for: BTreeMap::new(),
            errors: RecentErrors::default(),
            typical_run: None,
            fetch_turns: Arc::new(Semaphore::new(super::fetch::AT_ONCE)),
            storage_full: Arc::default(),
            board,
        }
    }

    /// Decides until `shutdown`, then waits for the answers of submits that are under way.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> Result<(), StoreError> {
        let mut commits = self.feed.work();
        while !shutdown.is_cancelled() {
            // What is committed from here on wakes the next turn.
            commits.mark_unchanged();
            let next = self.plan().await?;
            let pause = next.duration_since(self.clock.now());
            let pause = if pause.is_negative() {
                Duration::ZERO
            } else {
                pause.unsigned_abs()
            };
            tokio::select! {
                // Which of several comes first is no matter of chance, so that a run can be repeated.
                biased;
                // Work that came back stays in the set until it is taken.
                Some(done) = self.work.join_next(), if !self.work.is_empty() => self.take(done).await?,
                // A receiver remembers what it has not seen.
                _ = commits.changed() => {}
                () = self.clock.sleep(pause) => {}
                () = shutdown.cancelled() => {}
            }
            // Everything else that came back meanwhile belongs to the same turn.
            while let Some(done) = self.work.try_join_next() {
                self.take(done).await?;
            }
        }
        self.finish_submits().await
    }

    async fn finish_submits(&mut self) -> Result<(), StoreError> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !self.submitting.is_empty() {
            match tokio::time::timeout_at(deadline, self.work.join_next()).await {
                Ok(Some(done)) => self.take(done).await?,
                Ok(None) | Err(_) => break,
            }
        }
        Ok(())
    }

    async fn take(&mut self, done: Result<Done, tokio::task::JoinError>) -> Result<(), StoreError> {
        // A panic in work is a bug; going on without its item would hold the slot for ever.
        match done.map_err(|error| StoreError::Failed(format!("dispatch: {error}")))? {
            Done::Submitted {
                key,
                account,
                result,
            } => self.submitted(key, account, result).await,
            Done::Polled {
                account,
                asked,
                result,
            } => self.polled(account, asked, result).await,
            Done::Listed {
                account,
                read_time,
                down_to,
                result,
            } => self.listed(account, read_time, down_to, result).await,
            Done::Cancelled { account, result } => self.cancel_answered(account, result).await,
            Done::Checked { account, result } => self.checked(account, result).await,
            Done::Fetched { key, result } => {
                self.fetching.remove(&key);
                result
            }
        }
    }

    /// Starts what is due and says when to look again.
    async fn plan(&mut self) -> Result<Timestamp, StoreError> {
        let settings = self.store.dispatch_settings().await?;
        self.read_open(&settings).await?;
        self.recover_dead().await?;
        self.grant_expired_wishes().await?;
        self.fail_lost_accounts().await?;
        self.end_expired_watches().await?;

        let now = self.clock.now();
        let mut next = later(now, FALLBACK);
        let mut sooner = |time: Option<Timestamp>| {
            if let Some(time) = time {
                next = next.min(time);
            }
        };
        self.start_fetches();
        sooner(self.start_cancels());
        sooner(self.start_polls());
        sooner(self.start_lists());
        sooner(self.start_checks());
        if settings.state == DispatchState::Running && !self.storage_full.load(Ordering::Relaxed) {
            sooner(self.start_claims().await?);
        }
        self.publish(settings).await?;
        Ok(next)
    }

    /// Claims while there is a slot, a token and an item whose turn it is.
    async fn start_claims(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let Some(current) = self.open.current.clone() else {
            return Ok(None);
        };
        let Some(credentials) = self.open.credentials.get(&current).cloned() else {
            return Ok(None);
        };
        let after_batch = match self.other_life() {
            OtherLife::Known => None,
            // Their list wakes the lane.
            OtherLife::Unmatched => return Ok(None),
            OtherLife::OutOfReach { newest_batch } => Some(newest_batch),
        };
        for _ in 0..CLAIMS_A_TURN {
            let now = self.clock.now();
            let state = self.account(&current);
            if state.refused {
                return Ok(None);
            }
            if !state.gate.is_open(now) {
                return Ok(state.gate.opens(now));
            }
            let claim = Claim {
                engine: self.setup.kind,
                account: current.clone(),
                instance: self.instance,
                slots: self.setup.slots,
                after_batch,
                now,
            };
            let Some((batch, item)) = self.store.claim(claim).await? else {
                let backlog = self.store.backlog(self.setup.kind, now).await?;
                // One that is ready already waits for a slot, whose end wakes the lane by its commit.
                return Ok(backlog.next_ready_time.filter(|time| *time > now));
            };
            tracing::info!(
                batch = %batch.id,
                item = %item.id,
                call = %item.client_ref(item.last_attempt),
                engine = self.setup.kind.name(),
                "an attempt begins"
            );
            self.start_submit(&batch, &item, &credentials);
            self.open.active.push((batch, item));
        }
        Ok(Some(self.clock.now()))
    }

    async fn read_open(&mut self, settings: &DispatchSettings) -> Result<(), StoreError> {
        let active = self.store.active(self.setup.kind).await?;
        let (mut cleanups, mut watches) =
            (self.store.cleanups().await?, self.store.watches().await?);
        let ours = |account: &Account| (*account == Account::local()) == self.setup.in_process;
        cleanups.retain(|cleanup| ours(&cleanup.account));
        watches.retain(|watch| ours(&watch.account));

        let mut credentials = BTreeMap::new();
        let mut current = None;
        if self.setup.in_process {
            credentials.insert(Account::local(), Credentials::local());
            current = Some(Account::local());
        } else {
            for token in self.store.upstream_tokens().await? {
                if token.current {
                    current = Some(token.account.clone());
                }
                let state = self.account(&token.account);
                if state.refused && token.refused_since.is_none() {
                    // A new token: what the old one was told does not count any more.
                    state.gate = Gate::default();
                    state.next_check = None;
                }
                state.refused = token.refused_since.is_some();
                state.token_set = Some(token.set_time);
                state.tokenless_since = token.refused_since;
                credentials.insert(
                    token.account.clone(),
                    Credentials {
                        account: token.account,
                        token: token.token.into(),
                    },
                );
            }
        }
        let restored = match self.setup.in_process {
            // Its tasks end with their process: no other life's are there.
            true => None,
            false => self.store.restored().await?,
        };
        self.open = Open {
            active,
            cleanups,
            watches,
            credentials,
            current,
            restored,
            running_since: (settings.state == DispatchState::Running)
                .then_some(settings.change_time),
        };
        self.forget_ended();
        self.note_tokenless().await
    }

    /// Drops what is remembered of tasks that are not open any more.
    fn forget_ended(&mut self) {
        let open = &self.open;
        let tasks: BTreeSet<&TaskId> = open
            .active
            .iter()
            .filter_map(|(_, item)| item.processing()?.attempt.task.as_ref())
            .chain(open.cleanups.iter().map(|cleanup| &cleanup.task))
            .collect();
        let keys: BTreeSet<ClientRef> = open
            .active
            .iter()
            .filter_map(|(_, item)| running_key(item))
            .collect();
        self.cancel_asked.retain(|task, _| tasks.contains(task));
        self.unknown_for.retain(|task, _| tasks.contains(task));
        self.silent_for.retain(|task, _| tasks.contains(task));
        self.answered_for.retain(|key, _| keys.contains(key));
        let watched: BTreeSet<ClientRef> = open.watches.iter().map(|it| it.client_ref).collect();
        self.ended_submits.retain(|key, _| watched.contains(key));
    }

    /// Applies one event and drops it when the attempt does not own its item any more.
    pub(super) async fn apply_one(
        &self,
        key: ClientRef,
        event: AttemptEvent,
    ) -> Result<Option<VideoItem>, StoreError> {
        let change = AttemptChange {
            item: key.item,
            attempt: key.attempt,
            event,
        };
        let mut items = self.store.apply(vec![change], self.clock.now()).await?;
        log::ended(&items);
        Ok(items.pop().flatten())
    }

    pub(super) fn account(&mut self, account: &Account) -> &mut AccountState {
        self.accounts.entry(account.clone()).or_default()
    }

    /// The upstream has answered on this account.
    pub(super) fn answered(&mut self, account: &Account, now: Timestamp) {
        let state = self.account(account);
        state.unreachable = false;
        state.unavailable_since = None;
        // Nobody needs it to the second, and every change is published.
        if state
            .last_success
            .is_none_or(|last| later(last, LAST_SUCCESS_GRAIN) <= now)
        {
            state.last_success = Some(now);
        }
    }

    /// The upstream knows nothing of what was asked for: its address may be wrong.
    pub(super) fn unavailable(&mut self, account: &Account, now: Timestamp) {
        let state = self.account(account);
        state.unreachable = false;
        state.unavailable_since.get_or_insert(now);
    }

    /// Slots of an account that are held by what is open.
    pub(super) fn held_slots(&self, account: &Account) -> u32 {
        let (running, cleanup) = self.slots(account);
        running + cleanup
    }

    fn slots(&self, account: &Account) -> (u32, u32) {
        let running = self
            .open
            .active
            .iter()
            .filter_map(|(_, item)| item.processing());
        let running =
            running.filter(|running| running.attempt.account == *account && running.holds_slot());
        let cleanups = self
            .open
            .cleanups
            .iter()
            .filter(|cleanup| cleanup.account == *account && cleanup.holds_slot());
        let watches = self
            .open
            .watches
            .iter()
            .filter(|watch| watch.account == *account && watch.holds_slot());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (
            count(running.count()),
            count(cleanups.count() + watches.count()),
        )
    }

    async fn publish(&mut self, settings: DispatchSettings) -> Result<(), StoreError> {
        let now = self.clock.now();
        let limit = self.setup.slots.unwrap_or(settings.concurrency);
        let token = match (&self.open.current, self.setup.in_process) {
            (_, true) => TokenState::NotNeeded,
            (None, false) => TokenState::Missing,
            (Some(account), false)
                if self
                    .accounts
                    .get(account)
                    .is_some_and(|state| state.refused) =>
            {
                TokenState::Refused
            }
            (Some(_), false) => TokenState::Ok,
        };
        let mut status = EngineStatus::new(limit, token);
        if let Some(account) = self.open.current.clone() {
            (status.running, status.cleanup) = self.slots(&account);
            if let (Some(credentials), false) =
                (self.open.credentials.get(&account), self.setup.in_process)
            {
                status.token_expire_time =
                    crate::engine::lightx2v::account::token_expiry(&credentials.token);
                let used = self.store.daily_use(&account, now).await?;
                status.daily_used = used.submitted;
                status.next_free_time = used
                    .oldest
                    .map(|oldest| later(oldest, crate::domain::retry::DAILY_WINDOW));
            }
            let state = self.account(&account);
            status.foreign = state.foreign;
            status.daily_limit = state.daily_limit;
            status.last_success_time = state.last_success;
            status.unavailable_since = state.unavailable_since;
            status.health = match (state.unreachable, state.poll_failures, state.last_success) {
                (true, _, _) => Health::Unreachable,
                (false, 1.., _) => Health::Degraded,
                _ if state.unavailable_since.is_some() => Health::Degraded,
                (false, 0, Some(_)) => Health::Ok,
                (false, 0, None) => Health::Unknown,
            };
            status.wait = state.gate.wait(now);
            if status
                .wait
                .is_none_or(|wait| wait.reason != WaitReason::UpstreamDailyLimit)
            {
                status.next_free_time = None;
            }
        }
        if self.setup.in_process {
            status.health = Health::Ok;
        }
        if status.running + status.cleanup + status.foreign >= limit {
            let backlog = self.store.backlog(self.setup.kind, now).await?;
            status.next_batch = backlog.next.map(|next| next.batch);
        }
        status.wait = status.wait.or_else(|| self.other_life_wait());
        if matches!(token, TokenState::Missing | TokenState::Refused) {
            status.wait = Some(Wait {
                reason: WaitReason::UpstreamToken,
                until: None,
            });
        }
        if self.storage_full.load(Ordering::Relaxed) {
            status.wait = Some(Wait {
                reason: WaitReason::StorageFull,
                until: None,
            });
        }
        status.typical_run = self.typical_run;
        status.recent_errors = self.errors.by_class(now);
        self.board.put(self.setup.kind, status, settings);
        Ok(())
    }
}

/// The key of the attempt that owns an item.
pub(super) fn running_key(item: &VideoItem) -> Option<ClientRef> {
    item.processing()
        .map(|running| item.client_ref(running.attempt.number))
}

/// Whether an attempt has a task that the upstream is to be asked about.
pub(super) fn is_at_upstream(stage: &Stage) -> bool {
    matches!(stage, Stage::Queued { .. } | Stage::Generating { .. })
}
