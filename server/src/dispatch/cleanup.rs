//! Ends tasks upstream: of items whose user asked for it, and of items that have ended without them.

use std::time::Duration;

use jiff::Timestamp;

use super::gate::later;
use super::lane::{Done, Lane, is_at_upstream, running_key};
use super::poll::{change_of, class};
use super::schedule::SHORTEST;
use crate::domain::ids::{Account, ClientRef, TaskId};
use crate::domain::item::Stage;
use crate::domain::leftover::Cleanup;
use crate::domain::retry::CANCEL_PATIENCE;
use crate::domain::transition::AttemptEvent;
use crate::engine::{CancelAnswer, ReadError};
use crate::store::{AttemptChange, FoundTask, StoreError};

/// A task that goes on is asked to end again after this.
const ASK_AGAIN: Duration = Duration::from_secs(30);

impl Lane {
    /// Asks tasks to end that should and were not asked lately.
    pub(super) fn start_cancels(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let wished = self.open.active.iter().filter_map(|(_, item)| {
            let running = item
                .processing()
                .filter(|running| running.cancel_request_time.is_some())?;
            let task = running
                .attempt
                .task
                .clone()
                .filter(|_| is_at_upstream(&running.stage))?;
            Some((running.attempt.account.clone(), task))
        });
        // Those of a lost account too: its token may have come back, and without one nobody is asked.
        let cleanups = self.open.cleanups.iter();
        let tasks: Vec<(Account, TaskId)> = wished
            .chain(cleanups.map(|cleanup| (cleanup.account.clone(), cleanup.task.clone())))
            .collect();

        let mut next = None;
        for (account, task) in tasks {
            let Some(credentials) = self.open.credentials.get(&account).cloned() else {
                continue;
            };
            if self.account(&account).refused {
                continue;
            }
            if let Some(asked) = self.cancel_asked.get(&task) {
                let again = later(*asked, ASK_AGAIN);
                if again > now {
                    next = Some(next.map_or(again, |next: Timestamp| next.min(again)));
                    continue;
                }
            }
            self.cancel_asked.insert(task.clone(), now);
            let engine = self.setup.engine.clone();
            self.work.spawn(async move {
                let result = engine.cancel(&credentials, &task).await;
                Done::Cancelled { account, result }
            });
        }
        next
    }

    /// A cancel was answered: whatever it says, the task's own state is asked for next.
    pub(super) async fn cancel_answered(
        &mut self,
        account: Account,
        result: Result<CancelAnswer, ReadError>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        match result {
            Ok(_) => {
                self.answered(&account, now);
                let state = self.account(&account);
                let soon = later(now, SHORTEST);
                state.next_poll = Some(state.next_poll.map_or(soon, |next| next.min(soon)));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "a cancel was not answered");
                self.errors.note(class(&error), now);
                match error {
                    ReadError::Token { .. } => self.token_refused(&account, now).await,
                    _ => Ok(()),
                }
            }
        }
    }

    /// Grants the wishes that the upstream gave no word on in time; what may still run there becomes a cleanup or a
    /// watch.
    pub(super) async fn grant_expired_wishes(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let expired: Vec<AttemptChange> = self
            .open
            .active
            .iter()
            .filter(|(_, item)| {
                item.processing().is_some_and(|running| {
                    let wish = running.cancel_request_time;
                    let over = wish
                        .is_some_and(|wish| later(wish.max(self.started), CANCEL_PATIENCE) <= now);
                    over && !matches!(running.stage, Stage::Fetching { .. })
                })
            })
            .filter_map(|(_, item)| running_key(item))
            .map(|key| change_of(key, AttemptEvent::CancelExpired))
            .collect();
        if expired.is_empty() {
            return Ok(());
        }
        self.store.apply(expired, now).await?;
        self.read_again().await
    }

    /// A submit was answered after its item had ended or gone on without it: the task must not be lost.
    pub(super) async fn take_in_late(
        &mut self,
        key: ClientRef,
        account: Account,
        task: TaskId,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let found = FoundTask {
            key,
            task: task.clone(),
            ended: false,
            instance: self.instance,
            now,
        };
        if self.store.settle_watch(found).await?.is_some() {
            return Ok(());
        }
        let Some((batch, _)) = self.store.item(key.item).await? else {
            return Ok(());
        };
        self.store
            .add_cleanup(Cleanup {
                client_ref: key,
                batch: batch.id,
                account,
                task,
                create_time: now,
                lost: false,
            })
            .await
    }
}
