//! One question an interval for all running tasks of an account, and what the answers mean.
//!
//! A poll that fails says nothing about an item. One that answers about others and not about a task is time in which the
//! upstream answered: it counts towards the task's deadline, so that no task keeps its slot for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::gate::{Gate, later};
use super::lane::{Done, Lane, is_at_upstream, running_key};
use super::log;
use super::schedule::{self, Outlook};
use crate::domain::failure::{Failure, FailureReason};
use crate::domain::ids::{Account, ClientRef, TaskId};
use crate::domain::item::{Processing, Stage, VideoItem};
use crate::domain::retry::{ACCOUNT_LOST_AFTER, UNKNOWN_PATIENCE, back_off};
use crate::domain::transition::AttemptEvent;
use crate::engine::{QueryAnswer, ReadError, TaskReport, TaskState};
use crate::store::{AttemptChange, StoreError};

/// Answered time is committed at least this often, so that a crash takes little from the deadline's clock.
const COMMIT_ANSWERED: Duration = Duration::from_secs(30);

/// Between two answered polls no more than this counts as answered time: across a longer silence the upstream did
/// not answer.
const LONGEST_ANSWERED: Duration = Duration::from_secs(30);

/// Before the next attempt of an item whose worker was lost.
const TRY_AGAIN_BASE: Duration = Duration::from_secs(5);
const TRY_AGAIN_CAP: Duration = Duration::from_secs(120);

/// A refused token is tried again this often; there is no other way to learn that it is taken again.
const CHECK_AGAIN: Duration = Duration::from_secs(60);

/// A call may take this long: until then the refusal of a token that was just set may be meant for the one before.
const NEW_FOR: Duration = Duration::from_secs(120);

/// Such a token is tried this soon.
const CHECK_NEW: Duration = Duration::from_secs(1);

impl Lane {
    /// Asks about every running task of each account that is due; one question an account at a time.
    pub(super) fn start_polls(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut tasks: BTreeMap<Account, Vec<TaskId>> = BTreeMap::new();
        for (_, item) in &self.open.active {
            if let Some(running) = item
                .processing()
                .filter(|running| is_at_upstream(&running.stage))
                && let Some(task) = &running.attempt.task
            {
                tasks
                    .entry(running.attempt.account.clone())
                    .or_default()
                    .push(task.clone());
            }
        }
        for cleanup in &self.open.cleanups {
            tasks
                .entry(cleanup.account.clone())
                .or_default()
                .push(cleanup.task.clone());
        }

        let mut next = None;
        for (account, tasks) in tasks {
            let Some(credentials) = self.open.credentials.get(&account).cloned() else {
                continue;
            };
            let state = self.account(&account);
            if state.polling || state.refused {
                continue;
            }
            let due = state.next_poll.unwrap_or(now);
            if due > now {
                next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
                continue;
            }
            state.polling = true;
            let engine = self.setup.engine.clone();
            self.work.spawn(async move {
                let result = engine.query(&credentials, &tasks).await;
                Done::Polled {
                    account,
                    asked: tasks,
                    result,
                }
            });
        }
        next
    }

    /// Records what the upstream says of its tasks, in one transaction.
    pub(super) async fn polled(
        &mut self,
        account: Account,
        asked: Vec<TaskId>,
        result: Result<Vec<(TaskId, QueryAnswer)>, ReadError>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.account(&account).polling = false;
        let answers = match result {
            Ok(answers) => answers,
            Err(error) => return self.poll_failed(&account, error, now).await,
        };
        self.answered(&account, now);
        let state = self.account(&account);
        state.poll_failures = 0;
        let since_last = state.last_poll.replace(now).map_or(Duration::ZERO, |last| {
            now.duration_since(last)
                .unsigned_abs()
                .min(LONGEST_ANSWERED)
        });

        let mut changes = Vec::new();
        let mut outlooks = Vec::new();
        let mut silent: BTreeSet<TaskId> = asked.into_iter().collect();
        for (task, answer) in answers {
            silent.remove(&task);
            self.silent_for.remove(&task);
            if let Some(item) = self.item_of(&task) {
                self.judge(
                    &item,
                    task,
                    answer,
                    since_last,
                    now,
                    &mut changes,
                    &mut outlooks,
                );
            } else {
                self.judge_cleanup(task, answer, since_last, now, &mut outlooks)
                    .await?;
            }
        }
        for task in silent {
            *self.silent_for.entry(task.clone()).or_default() += since_last;
            // Without one the next question would follow at once.
            outlooks.push(Outlook {
                elapsed: Duration::ZERO,
                expected: None,
            });
            match self.item_of(&task) {
                Some(item) => changes.extend(self.judge_silence(&item, since_last)),
                None => self.give_up_silent_cleanup(task, now).await?,
            }
        }
        let typical = self.setup.in_process.then_some(schedule::SHORTEST);
        let state = self.account(&account);
        if !outlooks.is_empty() {
            // A question to an engine in this process costs nothing, and its pictures move fast.
            let pause = typical.unwrap_or_else(|| schedule::interval(&outlooks));
            state.next_poll = Some(later(now, pause));
        } else {
            state.next_poll = None;
        }
        if changes
            .iter()
            .any(|change| !matches!(change.event, AttemptEvent::Progress { .. }))
        {
            self.account(&account).gate.slot_came_free();
        }
        if !changes.is_empty() {
            log::ended(&self.store.apply(changes, now).await?);
        }
        Ok(())
    }

    /// The item whose task this is, while the upstream is asked about it.
    fn item_of(&self, task: &TaskId) -> Option<VideoItem> {
        let owns = |item: &VideoItem| {
            item.processing()
                .filter(|running| is_at_upstream(&running.stage))
                .is_some_and(|running| running.attempt.task.as_ref() == Some(task))
        };
        let mut active = self.open.active.iter();
        active
            .find(|(_, item)| owns(item))
            .map(|(_, item)| item.clone())
    }

    /// The upstream has answered, but not about this item's task.
    fn judge_silence(&mut self, item: &VideoItem, since_last: Duration) -> Option<AttemptChange> {
        let (running, key) = (item.processing()?, running_key(item)?);
        let answered = self.answered_for.remove(&key).unwrap_or_default() + since_last;
        if running.answered + answered >= self.item_deadline {
            return Some(change_of(key, self.overdue()));
        }
        let event = progress(item, running, running.stage.clone(), None, answered);
        if event.is_none() {
            self.answered_for.insert(key, answered);
        }
        event.map(|event| change_of(key, event))
    }

    /// The upstream has answered, but not about this cleanup's task: after as long as any task may take it is over, and
    /// nobody will ever confirm it.
    async fn give_up_silent_cleanup(
        &mut self,
        task: TaskId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut cleanups = self.open.cleanups.iter();
        let Some(cleanup) = cleanups.find(|cleanup| cleanup.task == task).cloned() else {
            return Ok(());
        };
        let silent_for = self.silent_for.get(&task).copied().unwrap_or_default();
        if silent_for < self.item_deadline {
            return Ok(());
        }
        tracing::warn!(
            call = %cleanup.client_ref,
            %task,
            minutes = silent_for.as_secs() / 60,
            "the upstream does not answer about a task that should end: taken to be over"
        );
        self.account(&cleanup.account).gate.slot_came_free();
        self.store.end_cleanup(cleanup.client_ref, task, now).await
    }

    fn overdue(&self) -> AttemptEvent {
        let failure = Failure::new(
            FailureReason::ItemDeadline,
            format!(
                "The upstream did not finish the video within {} minutes. Retry the item.",
                self.item_deadline.as_secs() / 60
            ),
            "",
        );
        AttemptEvent::GaveUp { failure }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one question's answer in its context, called from one place"
    )]
    fn judge(
        &mut self,
        item: &VideoItem,
        task: TaskId,
        answer: QueryAnswer,
        since_last: Duration,
        now: Timestamp,
        changes: &mut Vec<AttemptChange>,
        outlooks: &mut Vec<Outlook>,
    ) {
        let (Some(running), Some(key)) = (item.processing(), running_key(item)) else {
            return;
        };
        let report = match answer {
            QueryAnswer::Task(report) => report,
            QueryAnswer::Unknown => {
                if let Some(event) = self.denied(&task, since_last) {
                    changes.push(change_of(key, event));
                }
                outlooks.push(Outlook {
                    elapsed: self.unknown_for.get(&task).copied().unwrap_or_default(),
                    expected: None,
                });
                return;
            }
        };
        self.unknown_for.remove(&task);
        let answered = self.answered_for.remove(&key).unwrap_or_default() + since_last;
        if report.state.is_active() {
            let submitted = running.attempt.submit_time.unwrap_or(now);
            let since_submit = now.duration_since(submitted).unsigned_abs();
            outlooks.push(Outlook::of(&report.state, since_submit, self.typical_run));
            if running.answered + answered >= self.item_deadline {
                changes.push(change_of(key, self.overdue()));
                return;
            }
        }
        let event = match report.state {
            TaskState::Queued {
                position,
                expected_wait,
            } => progress(
                item,
                running,
                Stage::Queued {
                    position,
                    expected_wait,
                },
                None,
                answered,
            ),
            TaskState::Running {
                elapsed,
                expected_run,
                progress: share,
            } => {
                let share = share.or_else(|| {
                    Some(elapsed?.as_secs_f32() / expected_run?.as_secs_f32().max(0.001))
                });
                progress(
                    item,
                    running,
                    Stage::Generating { expected_run },
                    share,
                    answered,
                )
            }
            TaskState::Succeeded => {
                self.note_run(
                    now.duration_since(running.attempt.start_time)
                        .unsigned_abs(),
                );
                Some(AttemptEvent::Succeeded)
            }
            TaskState::Failed {
                message,
                worker_lost,
            } => Some(self.upstream_failed(item, &message, worker_lost, now)),
            TaskState::Cancelled => Some(AttemptEvent::Cancelled),
        };
        match event {
            Some(event) => changes.push(change_of(key, event)),
            // Nothing to show yet; the time is committed with the next change.
            None => {
                self.answered_for.insert(key, answered);
            }
        }
    }

    async fn judge_cleanup(
        &mut self,
        task: TaskId,
        answer: QueryAnswer,
        since_last: Duration,
        now: Timestamp,
        outlooks: &mut Vec<Outlook>,
    ) -> Result<(), StoreError> {
        let Some(cleanup) = self
            .open
            .cleanups
            .iter()
            .find(|cleanup| cleanup.task == task)
            .cloned()
        else {
            return Ok(());
        };
        let ended = match &answer {
            QueryAnswer::Task(TaskReport { state, .. }) => {
                self.unknown_for.remove(&task);
                !state.is_active()
            }
            QueryAnswer::Unknown => self.denied(&task, since_last).is_some(),
        };
        if ended {
            self.account(&cleanup.account).gate.slot_came_free();
            return self.store.end_cleanup(cleanup.client_ref, task, now).await;
        }
        outlooks.push(Outlook {
            elapsed: Duration::ZERO,
            expected: None,
        });
        Ok(())
    }

    /// The upstream denies a task: believed after it has done so for long enough.
    fn denied(&mut self, task: &TaskId, since_last: Duration) -> Option<AttemptEvent> {
        if self.setup.in_process {
            return Some(AttemptEvent::Abandoned);
        }
        let denied = self.unknown_for.entry(task.clone()).or_default();
        *denied += since_last;
        (*denied >= UNKNOWN_PATIENCE).then(|| AttemptEvent::Failed {
            failure: Failure::new(
                FailureReason::TaskVanished,
                "The upstream does not know the task any more. Retry the item to make it again.",
                "",
            ),
            try_again: None,
        })
    }

    fn upstream_failed(
        &self,
        item: &VideoItem,
        message: &str,
        worker_lost: bool,
        now: Timestamp,
    ) -> AttemptEvent {
        let (reason, words) = if self.setup.in_process {
            (
                FailureReason::EngineFailed,
                "The preview could not be made from this picture and audio.",
            )
        } else if worker_lost {
            (
                FailureReason::WorkerLost,
                "The upstream lost the worker that made the video. Retry the item.",
            )
        } else {
            (
                FailureReason::UpstreamFailed,
                "The upstream failed to make the video.",
            )
        };
        let pause = back_off(
            item.failures_in_round + 1,
            TRY_AGAIN_BASE,
            TRY_AGAIN_CAP,
            self.clock.random(),
        );
        AttemptEvent::Failed {
            failure: Failure::new(reason, words, message),
            try_again: worker_lost.then(|| later(now, pause)),
        }
    }

    fn note_run(&mut self, run: Duration) {
        // An exponential mean: three tenths of each new run.
        self.typical_run = Some(
            self.typical_run
                .map_or(run, |typical| (typical * 7 + run * 3) / 10),
        );
    }

    async fn poll_failed(
        &mut self,
        account: &Account,
        error: ReadError,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        tracing::warn!(engine = self.setup.kind.name(), %error, "a poll failed");
        let random = self.clock.random();
        let state = self.account(account);
        state.poll_failures += 1;
        state.unreachable = matches!(error, ReadError::Weather { reached: false, .. });
        let mut pause = schedule::after_failure(state.poll_failures, random);
        if let ReadError::Busy {
            retry_after: Some(asked),
            ..
        } = error
        {
            pause = pause.max(asked);
        }
        state.next_poll = Some(later(now, pause));
        // Across the silence the upstream did not answer.
        state.last_poll = None;
        if matches!(error, ReadError::Unavailable { .. }) {
            self.unavailable(account, now);
        }
        self.errors.note(class(&error), now);
        match error {
            ReadError::Token { .. } => self.token_refused(account, now).await,
            _ => Ok(()),
        }
    }

    /// The upstream refuses an account's token: nothing is submitted with it until it, or a new one, is taken.
    pub(super) async fn token_refused(
        &mut self,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.setup.in_process || self.account(account).refused {
            return Ok(());
        }
        let state = self.account(account);
        state.refused = true;
        state.tokenless_since = Some(now);
        state.next_check = Some(first_check(state.token_set, now));
        tracing::warn!(%account, "the upstream refuses the token; its items wait until it is replaced");
        self.store.mark_token(account, Some(now)).await
    }

    /// Tries refused tokens again, now and then.
    pub(super) fn start_checks(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut next = None;
        for (account, credentials) in self.open.credentials.clone() {
            let state = self.account(&account);
            if !state.refused || state.checking {
                continue;
            }
            let first = first_check(state.token_set, now);
            let due = *state.next_check.get_or_insert(first);
            if due > now {
                next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
                continue;
            }
            state.checking = true;
            let engine = self.setup.engine.clone();
            self.work.spawn(async move {
                let result = engine.check(&credentials).await;
                Done::Checked { account, result }
            });
        }
        next
    }

    /// A refused token was tried.
    pub(super) async fn checked(
        &mut self,
        account: Account,
        result: Result<(), ReadError>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let state = self.account(&account);
        state.checking = false;
        state.next_check = Some(later(now, CHECK_AGAIN));
        if result.is_err() {
            return Ok(());
        }
        state.gate = Gate::default();
        self.answered(&account, now);
        self.store.mark_token(&account, None).await
    }

    /// Since when accounts that are needed have had no token at all, and tokens that nothing needs.
    pub(super) async fn note_tokenless(&mut self) -> Result<(), StoreError> {
        if self.setup.in_process {
            return Ok(());
        }
        let now = self.clock.now();
        let needed = self.needed_accounts();
        for account in &needed {
            if !self.open.credentials.contains_key(account) {
                self.account(account).tokenless_since.get_or_insert(now);
            }
        }
        let kept: Vec<Account> = self.open.credentials.keys().cloned().collect();
        for account in kept {
            if self.open.current.as_ref() != Some(&account) && !needed.contains(&account) {
                self.store.drop_token(&account).await?;
            }
        }
        Ok(())
    }

    /// Gives up what runs on accounts that have had no usable token for too long.
    pub(super) async fn fail_lost_accounts(&mut self) -> Result<(), StoreError> {
        if self.setup.in_process {
            return Ok(());
        }
        let now = self.clock.now();
        for account in self.needed_accounts() {
            let since = self.account(&account).tokenless_since;
            // A token that was refused before a stop may be good again: it is tried for as long in this run.
            let since = since.map(|since| since.max(self.started));
            if since.is_none_or(|since| later(since, ACCOUNT_LOST_AFTER) > now) {
                continue;
            }
            let failure = Failure::new(
                FailureReason::UpstreamAccountLost,
                "The upstream account of this task has had no usable token for 2 hours. Put in a new token, then retry.",
                "",
            );
            let of_account = |item: &VideoItem| {
                item.processing()
                    .is_some_and(|it| it.attempt.account == account)
            };
            let changes: Vec<AttemptChange> = self
                .open
                .active
                .iter()
                .filter(|(_, item)| of_account(item))
                .filter_map(|(_, item)| running_key(item))
                .filter(|key| !self.submitting.contains(key))
                .map(|key| {
                    change_of(
                        key,
                        AttemptEvent::GaveUp {
                            failure: failure.clone(),
                        },
                    )
                })
                .collect();
            let held = self.held_slots(&account) > 0;
            if !changes.is_empty() {
                log::ended(&self.store.apply(changes, now).await?);
            }
            if held {
                tracing::error!(%account, "the upstream account has had no usable token for 2 hours");
                self.store.lose_account(account, now).await?;
                self.read_again().await?;
            }
        }
        Ok(())
    }

    fn needed_accounts(&self) -> BTreeSet<Account> {
        let active = self
            .open
            .active
            .iter()
            .filter_map(|(_, item)| item.processing());
        active
            .map(|running| running.attempt.account.clone())
            .chain(
                self.open
                    .cleanups
                    .iter()
                    .filter(|cleanup| !cleanup.lost)
                    .map(|cleanup| cleanup.account.clone()),
            )
            .chain(self.open.watches.iter().map(|watch| watch.account.clone()))
            .chain(self.unmatched_accounts())
            .collect()
    }
}

/// When a token that is refused from now on is tried first.
fn first_check(set: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let new = set.is_some_and(|set| later(set, NEW_FOR) > now);
    later(now, if new { CHECK_NEW } else { CHECK_AGAIN })
}

/// What a poll shows of a running task, or nothing when nothing that anyone sees has changed.
fn progress(
    item: &VideoItem,
    running: &Processing,
    stage: Stage,
    share: Option<f32>,
    answered: Duration,
) -> Option<AttemptEvent> {
    let moved =
        share.is_some_and(|share| share * 1000.0 > f32::from(item.progress_permille) + 10.0);
    (stage != running.stage || moved || answered >= COMMIT_ANSWERED).then_some(
        AttemptEvent::Progress {
            stage,
            share,
            answered,
        },
    )
}

pub(super) fn change_of(key: ClientRef, event: AttemptEvent) -> AttemptChange {
    AttemptChange {
        item: key.item,
        attempt: key.attempt,
        event,
    }
}

/// The class under which an error is counted.
pub(super) fn class(error: &ReadError) -> &'static str {
    match error {
        ReadError::Token { .. } => "token",
        ReadError::Unavailable { .. } => "unavailable",
        ReadError::Unknown { .. } => "unknown_task",
        ReadError::Busy { .. } => "busy",
        ReadError::Weather { reached: false, .. } => "not_reached",
        ReadError::Weather { .. } => "broken_answer",
    }
}
