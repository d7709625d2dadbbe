//! A restored copy: its data had another life, which may have submitted what this one believes to be waiting.
//!
//! Once dispatch is set to run, each account's list is read down to a task that is older than the backup, at least
//! [`LIST_AFTER`] later: by then whatever the other life submitted before somebody let this one run is in it. What is found
//! is taken over (`domain::transition`), and only then is anything submitted. An account without a usable token cannot be
//! looked at: what it may have been paid for waits, and batches made since then do not.
//!
//! Not held: another life that goes on after this one was let run. Nothing upstream tells the two apart before both
//! have submitted.

use jiff::Timestamp;

use super::gate::later;
use super::lane::Lane;
use super::recover::SKEW;
use crate::domain::failure::{Wait, WaitReason};
use crate::domain::ids::{Account, BatchId, ClientRef};
use crate::domain::restored::Restored;
use crate::domain::retry::LIST_AFTER;
use crate::domain::transition::TaskStanding;
use crate::engine::{TaskReport, TaskState};
use crate::store::StoreError;
use crate::store::restored::{KeylessTask, ListedTask, MatchList};

/// What is known of the tasks of another life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OtherLife {
    /// All, or there was none.
    Known,
    /// An account's list is still to be matched.
    Unmatched,
    /// The account that it submitted on has no usable token: only what it cannot know is claimed.
    OutOfReach { newest_batch: BatchId },
}

impl Lane {
    /// Whether items may be claimed, as far as another life goes.
    pub(super) fn other_life(&self) -> OtherLife {
        let Some(restored) = &self.open.restored else {
            return OtherLife::Known;
        };
        let reachable = |account: &Account| {
            let state = self.accounts.get(account);
            !state.is_some_and(|state| state.refused)
        };
        let kept = self.open.credentials.keys();
        let mut unmatched = kept.filter(|account| !restored.is_matched(account));
        if unmatched.any(reachable) {
            return OtherLife::Unmatched;
        }
        let floor = restored
            .unmatched_submitters()
            .map(|(_, batch)| batch)
            .max();
        match floor {
            Some(newest_batch) => OtherLife::OutOfReach { newest_batch },
            None => OtherLife::Known,
        }
    }

    /// What people are told of it.
    pub(super) fn other_life_wait(&self) -> Option<Wait> {
        let (reason, until) = match self.other_life() {
            OtherLife::Known => return None,
            OtherLife::Unmatched => {
                let running = self.open.running_since;
                (
                    WaitReason::Cleanup,
                    running.map(|since| later(since, LIST_AFTER)),
                )
            }
            OtherLife::OutOfReach { .. } => (WaitReason::UpstreamToken, None),
        };
        Some(Wait { reason, until })
    }

    /// Accounts whose tokens are kept until their lists are matched.
    pub(super) fn unmatched_accounts(&self) -> Vec<Account> {
        let unmatched = |restored: &Restored| {
            let kept = self.open.credentials.keys();
            kept.filter(|account| !restored.is_matched(account))
                .cloned()
                .collect()
        };
        self.open
            .restored
            .as_ref()
            .map(unmatched)
            .unwrap_or_default()
    }

    /// When an account's list is to be read for the tasks of another life, and how far down.
    pub(super) fn match_due(&self, account: &Account) -> Option<(Timestamp, Timestamp)> {
        let restored = self.open.restored.as_ref()?;
        let running = self.open.running_since?;
        (!restored.is_matched(account)).then(|| (later(running, LIST_AFTER), restored.backup_time))
    }

    /// Takes over what another life has submitted on an account, if its list was read late and far enough.
    pub(super) async fn match_other_life(
        &mut self,
        account: Account,
        tasks: &[TaskReport],
        read_time: Timestamp,
        down_to: Timestamp,
    ) -> Result<(), StoreError> {
        match self.match_due(&account) {
            Some((due, backup)) if due <= read_time && down_to <= backup => {
                let now = self.clock.now();
                let list = MatchList {
                    account: account.clone(),
                    tasks: tasks.iter().filter_map(with_key).collect(),
                    keyless: tasks.iter().filter_map(without_key).collect(),
                    since: backup.saturating_sub(SKEW).unwrap_or(Timestamp::MIN),
                    instance: self.instance,
                    now,
                };
                let matched = self.store.match_list(list).await?;
                tracing::info!(%account, ?matched, "matched an account's list against a restored copy");
                self.account(&account).poll_soon(now, None);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A task that carries our key.
fn with_key(report: &TaskReport) -> Option<ListedTask> {
    let key: ClientRef = report.client_ref.as_ref()?.parse().ok()?;
    Some(ListedTask {
        key,
        task: report.task.clone(),
        created: report.created,
        standing: standing(&report.state),
    })
}

/// A task whose key was stripped, with its seed.
fn without_key(report: &TaskReport) -> Option<(i64, KeylessTask)> {
    let seed = report.seed.filter(|_| report.client_ref.is_none())?;
    let task = KeylessTask {
        task: report.task.clone(),
        created: report.created,
        standing: standing(&report.state),
    };
    Some((seed, task))
}

fn standing(state: &TaskState) -> TaskStanding {
    match state {
        TaskState::Succeeded => TaskStanding::Succeeded,
        TaskState::Queued { .. } | TaskState::Running { .. } => TaskStanding::Active,
        TaskState::Failed { .. } | TaskState::Cancelled => TaskStanding::Ended,
    }
}
