//! What a submit without a definite answer has made: found out from the account's own list.
//!
//! A list proves absence only when it was read at least [`LIST_AFTER`] after the submit, newest first and down to a
//! task that is known to be older. What is not found is still watched for a day.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::gate::later;
use super::lane::{Done, Lane, running_key};
use super::poll::{change_of, class};
use super::schedule;
use crate::domain::ids::{Account, BatchId, ClientRef};
use crate::domain::item::{Stage, VideoItem};
use crate::domain::leftover::{Cleanup, Watch};
use crate::domain::retry::LIST_AFTER;
use crate::domain::transition::AttemptEvent;
use crate::engine::{Credentials, Engine, ReadError, TaskReport, TaskState};
use crate::store::{AttemptChange, FoundTask, StoreError};

/// The upstream's clock may differ from ours by this much.
pub(super) const SKEW: Duration = Duration::from_secs(600);

/// Submits that are only watched are matched this often.
const ROUTINE: Duration = Duration::from_secs(600);

/// Pages of one walk; an account that made more tasks since a submit is looked at again later.
const PAGES: u32 = 500;

/// Least time between two lists of an account.
const LIST_PAUSE: Duration = Duration::from_secs(2);

impl Lane {
    /// Takes over the attempts of a run that has ended: its unanswered submits are unresolved from now on, and tasks
    /// of an engine that lived in it are gone.
    pub(super) async fn recover_dead(&mut self) -> Result<(), StoreError> {
        let changes: Vec<AttemptChange> = self
            .open
            .active
            .iter()
            .filter_map(|(_, item)| {
                let running = item.processing()?;
                let key = running_key(item)?;
                let orphaned =
                    running.stage == Stage::Submitting && !self.submitting.contains(&key);
                let event = if self.setup.in_process {
                    (orphaned || running.attempt.instance != self.instance)
                        .then_some(AttemptEvent::Abandoned)
                } else {
                    orphaned.then_some(AttemptEvent::Unanswered)
                };
                event.map(|event| change_of(key, event))
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        tracing::info!(
            engine = self.setup.kind.name(),
            items = changes.len(),
            "took over attempts of an earlier run"
        );
        self.store.apply(changes, self.clock.now()).await?;
        self.read_again().await
    }

    /// Ends the watches whose day is over, also where no list can be read any more: a lost account's would stay for ever.
    /// One that may still hold a task of ours is not among them: only a list that was read, or the loss of its account,
    /// says that it holds none.
    pub(super) async fn end_expired_watches(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let is_over = |watch: &&Watch| watch.matched && watch.expire_time <= now;
        let expired = self.open.watches.iter().filter(is_over);
        let expired: Vec<ClientRef> = expired.map(|watch| watch.client_ref).collect();
        if expired.is_empty() {
            return Ok(());
        }
        self.store.mark_watches_matched(expired, now).await?;
        self.read_again().await
    }

    /// What is open, again, after this turn itself has changed it.
    pub(super) async fn read_again(&mut self) -> Result<(), StoreError> {
        self.open.active = self.store.active(self.setup.kind).await?;
        let ours = |account: &Account| (*account == Account::local()) == self.setup.in_process;
        self.open.cleanups = self.store.cleanups().await?;
        self.open.cleanups.retain(|cleanup| ours(&cleanup.account));
        self.open.watches = self.store.watches().await?;
        self.open.watches.retain(|watch| ours(&watch.account));
        Ok(())
    }

    /// Reads the lists that are due.
    pub(super) fn start_lists(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut next = None;
        for (account, credentials) in self.open.credentials.clone() {
            let unresolved = self.unresolved(&account);
            let watches: Vec<Watch> = self.watches_of(&account).cloned().collect();
            let other_life = self.match_due(&account);
            let urgent = unresolved
                .iter()
                .map(|(_, since)| *since)
                .chain(
                    watches
                        .iter()
                        .filter(|watch| {
                            !watch.matched && !self.submitting.contains(&watch.client_ref)
                        })
                        .map(|watch| self.last_sent(watch)),
                )
                .min()
                .map(|submitted| later(submitted, LIST_AFTER));
            let urgent = urgent
                .into_iter()
                .chain(other_life.map(|(due, _)| due))
                .min();
            let oldest = unresolved
                .iter()
                .filter_map(|(item, _)| item.processing().map(|running| running.attempt.start_time))
                .chain(watches.iter().map(|watch| watch.start_time))
                .chain(other_life.map(|(_, backup)| backup))
                .min();
            let Some(oldest) = oldest else {
                continue;
            };
            let state = self.account(&account);
            if state.listing || state.refused {
                continue;
            }
            let routine = *state.routine_list.get_or_insert(later(now, ROUTINE));
            let mut due = urgent.map_or(routine, |urgent| urgent.min(routine));
            due = state.list_not_before.map_or(due, |time| time.max(due));
            if due > now {
                next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
                continue;
            }
            state.listing = true;
            let engine = Arc::clone(&self.setup.engine);
            self.work.spawn(async move {
                let result = walk(engine.as_ref(), &credentials, oldest).await;
                Done::Listed {
                    account,
                    read_time: now,
                    down_to: oldest,
                    result,
                }
            });
        }
        next
    }

    /// Matches an account's list against what is unresolved or watched.
    pub(super) async fn listed(
        &mut self,
        account: Account,
        read_time: Timestamp,
        down_to: Timestamp,
        result: Result<Vec<TaskReport>, ReadError>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let random = self.clock.random();
        let state = self.account(&account);
        state.listing = false;
        let tasks = match result {
            Ok(tasks) => tasks,
            Err(error) => {
                state.list_failures += 1;
                state.list_not_before = Some(later(
                    now,
                    schedule::after_failure(state.list_failures, random),
                ));
                tracing::warn!(%error, "a list could not be read");
                self.errors.note(class(&error), now);
                return match error {
                    ReadError::Unavailable { .. } => {
                        self.unavailable(&account, now);
                        Ok(())
                    }
                    ReadError::Token { .. } => self.token_refused(&account, now).await,
                    _ => Ok(()),
                };
            }
        };
        // What one list could not settle the next one may, but not at once.
        state.list_not_before = Some(later(now, LIST_PAUSE));
        state.list_failures = 0;
        state.routine_list = Some(later(now, ROUTINE));
        self.answered(&account, now);

        for (item, since) in self.unresolved(&account) {
            let Some(running) = item.processing() else {
                continue;
            };
            let key = item.client_ref(running.attempt.number);
            let mut found = matching(
                &tasks,
                key,
                running.attempt.seed,
                running.attempt.start_time,
            );
            if found.is_empty() {
                if later(since, LIST_AFTER) <= read_time {
                    self.apply_one(key, AttemptEvent::NotFound).await?;
                }
                continue;
            }
            self.without_cleanups(key, &mut found).await?;
            if found.is_empty() {
                continue;
            }
            let adopted = found.remove(0);
            // First: once one is adopted nobody looks for the others again.
            self.end_surplus(key, item.batch, &account, found).await?;
            tracing::info!(call = %key, task = %adopted.task, "found the task of an unanswered submit");
            let event = AttemptEvent::Submitted {
                task: adopted.task.clone(),
                expected_wait: None,
            };
            self.apply_one(key, event).await?;
            self.account(&account).poll_soon(now, None);
        }

        let mut absent = Vec::new();
        for watch in self.watches_of(&account).cloned().collect::<Vec<_>>() {
            let mut found = matching(&tasks, watch.client_ref, watch.seed, watch.start_time);
            self.without_cleanups(watch.client_ref, &mut found).await?;
            let furthest = (!found.is_empty()).then(|| found.remove(0));
            match furthest {
                Some(task) => {
                    self.end_surplus(watch.client_ref, watch.batch, &account, found)
                        .await?;
                    let late = FoundTask {
                        key: watch.client_ref,
                        task: task.task.clone(),
                        ended: matches!(
                            task.state,
                            TaskState::Failed { .. } | TaskState::Cancelled
                        ),
                        instance: self.instance,
                        now,
                    };
                    let settled = self.store.settle_watch(late).await?;
                    tracing::info!(call = %watch.client_ref, ?settled, "a late task appeared");
                    self.account(&account).poll_soon(now, None);
                }
                // A submit that is still on its way may make its task after any list.
                None if self.submitting.contains(&watch.client_ref) => {}
                None if later(self.last_sent(&watch), LIST_AFTER) <= read_time => {
                    absent.push(watch.client_ref)
                }
                None => {}
            }
        }
        if !absent.is_empty() {
            self.store.mark_watches_matched(absent, now).await?;
        }
        self.match_other_life(account, &tasks, read_time, down_to)
            .await
    }

    /// A task that is to end already is not adopted: an earlier run may have seen to it and gone no further.
    async fn without_cleanups(
        &self,
        key: ClientRef,
        found: &mut Vec<&TaskReport>,
    ) -> Result<(), StoreError> {
        if found.is_empty() {
            return Ok(());
        }
        let cleanups = self.store.cleanups().await?;
        found.retain(|task| {
            let ends = |cleanup: &Cleanup| cleanup.client_ref == key && cleanup.task == task.task;
            !cleanups.iter().any(ends)
        });
        Ok(())
    }

    /// One submit has made several tasks: those that nobody adopts are to end.
    async fn end_surplus(
        &self,
        key: ClientRef,
        batch: BatchId,
        account: &Account,
        found: Vec<&TaskReport>,
    ) -> Result<(), StoreError> {
        for surplus in found.into_iter().filter(|task| task.state.is_active()) {
            let cleanup = Cleanup {
                client_ref: key,
                batch,
                account: account.clone(),
                task: surplus.task.clone(),
                create_time: self.clock.now(),
                lost: false,
            };
            self.store.add_cleanup(cleanup).await?;
        }
        Ok(())
    }

    fn unresolved(&self, account: &Account) -> Vec<(VideoItem, Timestamp)> {
        let of_account = self.open.active.iter().filter_map(|(_, item)| {
            let running = item
                .processing()
                .filter(|running| running.attempt.account == *account)?;
            match running.stage {
                Stage::Unresolved { since } => Some((item.clone(), since)),
                _ => None,
            }
        });
        of_account.collect()
    }

    /// When the submit that a watch waits for may last have been on its way.
    fn last_sent(&self, watch: &Watch) -> Timestamp {
        let ended = self.ended_submits.get(&watch.client_ref);
        ended.map_or(watch.submit_time, |ended| watch.submit_time.max(*ended))
    }

    fn watches_of(&self, account: &Account) -> impl Iterator<Item = &Watch> {
        self.open
            .watches
            .iter()
            .filter(move |watch| watch.account == *account)
    }
}

/// An account's tasks, newest first, down to one that is older than `oldest`.
async fn walk(
    engine: &dyn Engine,
    credentials: &Credentials,
    oldest: Timestamp,
) -> Result<Vec<TaskReport>, ReadError> {
    let bound = oldest.saturating_sub(SKEW).unwrap_or(Timestamp::MIN);
    let mut tasks = Vec::new();
    for page in 1..=PAGES {
        let read = engine.list(credentials, page).await?;
        let reached = read
            .tasks
            .iter()
            .any(|task| task.created.is_some_and(|created| created < bound));
        tasks.extend(read.tasks);
        if reached || !read.has_more {
            return Ok(tasks);
        }
    }
    Err(ReadError::Weather {
        message: format!("the account's list goes on after {PAGES} pages"),
        reached: true,
    })
}

/// The tasks that an attempt has made, the furthest along first: by our key, or by the seed where the key was
/// stripped.
fn matching(tasks: &[TaskReport], key: ClientRef, seed: i32, start: Timestamp) -> Vec<&TaskReport> {
    let name = key.to_string();
    let bound = start.saturating_sub(SKEW).unwrap_or(Timestamp::MIN);
    let mut found: Vec<&TaskReport> = tasks
        .iter()
        .filter(|task| match &task.client_ref {
            Some(echoed) => *echoed == name,
            None => {
                task.seed == Some(i64::from(seed))
                    && task.created.is_none_or(|created| created >= bound)
            }
        })
        .collect();
    found.sort_by_key(|task| match task.state {
        TaskState::Succeeded => 0,
        TaskState::Running { .. } => 1,
        TaskState::Queued { .. } => 2,
        TaskState::Failed { .. } => 3,
        TaskState::Cancelled => 4,
    });
    // A page that moved while the list was read shows a task twice, anywhere.
    let mut seen = BTreeSet::new();
    found.retain(|task| seen.insert(&task.task));
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::{ItemId, TaskId};

    fn report(task: &str, client_ref: Option<&str>, seed: i64, state: TaskState) -> TaskReport {
        TaskReport {
            task: TaskId(task.to_owned()),
            client_ref: client_ref.map(str::to_owned),
            seed: Some(seed),
            created: Some(Timestamp::UNIX_EPOCH),
            state,
        }
    }

    #[test]
    fn tasks_are_matched_by_key_and_by_seed_only_where_the_key_was_stripped() {
        let key = ClientRef {
            item: ItemId(Uuid::from_u128(5)),
            attempt: 2,
        };
        let name = key.to_string();
        let queued = || TaskState::Queued {
            position: None,
            expected_wait: None,
        };
        let tasks = [
            report("other-key-same-seed", Some("x/1"), 77, TaskState::Succeeded),
            report("ours-queued", Some(&name), 77, queued()),
            report("ours-done", Some(&name), 77, TaskState::Succeeded),
            report("stripped", None, 77, TaskState::Cancelled),
            report("foreign", None, 78, TaskState::Succeeded),
        ];
        let found: Vec<&str> = matching(&tasks, key, 77, Timestamp::UNIX_EPOCH)
            .into_iter()
            .map(|task| task.task.0.as_str())
            .collect();
        assert_eq!(found, ["ours-done", "ours-queued", "stripped"]);
        // A page moved while the list was read: two tasks are two, however often they are shown.
        let twice = [1, 2, 1, 2].map(|at: usize| tasks[at].clone());
        assert_eq!(matching(&twice, key, 77, Timestamp::UNIX_EPOCH).len(), 2);
        let much_later = Timestamp::from_second(10_000).unwrap();
        assert_eq!(matching(&tasks[3..], key, 77, much_later).len(), 0);
    }
}
