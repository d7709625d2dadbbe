//! Tasks that another life of the same data has submitted: a restored copy finds them in an account's list and takes them
//! over, so that nothing is paid twice.
//!
//! A task whose attempt number is above the item's newest was submitted after the backup, for attempt numbers are
//! committed before the engine is asked. From then on the item's own numbers continue above it.

use std::time::Duration;

use jiff::Timestamp;

use super::{NotApplicable, Transition, ended, watch};
use crate::domain::ids::{Account, AttemptNumber, InstanceId, TaskId};
use crate::domain::item::{Attempt, ItemState, Processing, Stage, VideoItem, seed};
use crate::domain::leftover::Cleanup;

/// How far a task is, as far as it matters here. The order is that of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskStanding {
    /// The video can be fetched.
    Succeeded,
    /// It waits or runs.
    Active,
    /// It ended without a video.
    Ended,
}

/// A task of an item that this life did not submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherLifeTask {
    /// Its attempt number.
    pub attempt: AttemptNumber,
    /// Whose it is.
    pub account: Account,
    /// The engine's name for it.
    pub task: TaskId,
    /// When it was made, where that is known.
    pub created: Option<Timestamp>,
    /// How far it is.
    pub standing: TaskStanding,
}

/// Gives the item to a task of its other life: a PENDING item, or one whose own attempt is older and not further along.
/// `own` is how far the own attempt's task is, where the list says; a task that may still run is left as a cleanup, a
/// submit without an answer as a watch. Whatever the task's own end is, the next poll tells it.
pub fn take_over(
    item: &VideoItem,
    found: &OtherLifeTask,
    own: Option<TaskStanding>,
    instance: InstanceId,
    now: Timestamp,
) -> Result<Transition, NotApplicable> {
    let mut transition = match &item.state {
        ItemState::Pending(_) => Transition::of(item.clone()),
        ItemState::Processing(running) => superseded(item, running, found, own, now)?,
        _ => return Err(NotApplicable::Finished),
    };
    let cancel_request_time = item
        .processing()
        .and_then(|running| running.cancel_request_time);
    let next = &mut transition.item;
    let number = found.attempt;
    next.ended_attempts
        .retain(|attempt| attempt.number != number);
    next.last_attempt = next.last_attempt.max(number);
    next.start_time.get_or_insert(now);
    next.update_time = now;
    next.progress_permille = item.progress_permille;
    next.state = ItemState::Processing(Processing {
        attempt: Attempt {
            number,
            round: item.round,
            seed: seed(item.id, number),
            account: found.account.clone(),
            instance,
            task: Some(found.task.clone()),
            start_time: found.created.map_or(now, |created| created.min(now)),
            submit_time: Some(now),
            run_start_time: None,
            finish_time: None,
            failure: None,
        },
        stage: Stage::Queued {
            position: None,
            expected_wait: None,
        },
        cancel_request_time,
        answered: Duration::ZERO,
    });
    Ok(transition)
}

/// The item without its own attempt, and what that leaves behind.
fn superseded(
    item: &VideoItem,
    running: &Processing,
    found: &OtherLifeTask,
    own: Option<TaskStanding>,
    now: Timestamp,
) -> Result<Transition, NotApplicable> {
    let attempt = &running.attempt;
    let fetching = matches!(running.stage, Stage::Fetching { .. });
    if fetching || attempt.number >= found.attempt || own.is_some_and(|own| own < found.standing) {
        return Err(NotApplicable::Stale);
    }
    let mut transition = Transition::of(ended(item, running, None, now));
    match (&attempt.task, &running.stage) {
        (Some(_), _) if own.is_some_and(|own| own != TaskStanding::Active) => {}
        (Some(task), _) => {
            transition.cleanup = Some(Cleanup {
                client_ref: item.client_ref(attempt.number),
                batch: item.batch,
                account: attempt.account.clone(),
                task: task.clone(),
                create_time: now,
                lost: false,
            });
        }
        (None, Stage::Unresolved { since }) => {
            transition.watch = Some(watch(item, running, *since, true));
        }
        (None, _) => transition.watch = Some(watch(item, running, now, false)),
    }
    Ok(transition)
}

/// The item's numbers continue above an attempt of its other life, whatever its state: a number and its seed are never
/// used for two tasks. Nothing when they do already.
pub fn raise_attempts(
    item: &VideoItem,
    number: AttemptNumber,
    now: Timestamp,
) -> Option<Transition> {
    if item.last_attempt >= number {
        return None;
    }
    let mut next = item.clone();
    next.last_attempt = number;
    next.update_time = now;
    Some(Transition::of(next))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::every_state_and_event::{at as time, fresh};
    use crate::domain::item::Pending;
    use crate::domain::transition::{AttemptEvent, apply, claim, request_cancel};

    fn pending_item() -> VideoItem {
        fresh(ItemState::Pending(Pending::default()))
    }

    fn account() -> Account {
        Account("a".to_owned())
    }

    fn instance() -> InstanceId {
        InstanceId(Uuid::from_u128(9))
    }

    fn found(attempt: AttemptNumber, standing: TaskStanding) -> OtherLifeTask {
        OtherLifeTask {
            attempt,
            account: account(),
            task: TaskId(format!("other-{attempt}")),
            created: Some(time(50)),
            standing,
        }
    }

    fn running(item: &VideoItem) -> VideoItem {
        let item = claim(item, &account(), instance(), time(10)).unwrap().item;
        let number = item.last_attempt;
        let submitted = AttemptEvent::Submitted {
            task: TaskId("own".to_owned()),
            expected_wait: None,
        };
        apply(&item, number, submitted, time(11)).unwrap().item
    }

    #[test]
    fn a_pending_item_goes_on_with_the_task_and_its_numbers_continue_above_it() {
        let item = pending_item();
        let taken = take_over(
            &item,
            &found(3, TaskStanding::Active),
            None,
            instance(),
            time(100),
        )
        .unwrap();
        let attempt = &taken.item.processing().unwrap().attempt;
        assert_eq!(attempt.task, Some(TaskId("other-3".to_owned())));
        assert_eq!(
            (attempt.number, attempt.seed, attempt.start_time),
            (3, seed(item.id, 3), time(50))
        );
        assert_eq!(taken.item.last_attempt, 3);
        assert_eq!(
            (&taken.cleanup, &taken.watch, taken.refund),
            (&None, &None, None)
        );
        let failure = AttemptEvent::Released {
            reason: crate::domain::failure::WaitReason::UpstreamBusy,
            not_before: None,
        };
        assert!(
            apply(&taken.item, 3, failure, time(101)).is_err(),
            "it is submitted"
        );
    }

    #[test]
    fn an_older_attempt_gives_way_and_leaves_what_may_still_run() {
        let item = running(&pending_item());
        let newer = found(2, TaskStanding::Active);
        let take = |own| take_over(&item, &newer, own, instance(), time(100));
        let taken = take(None).unwrap();
        assert_eq!(taken.cleanup.unwrap().task, TaskId("own".to_owned()));
        assert_eq!(taken.item.ended_attempts.len(), 1);
        assert_eq!(taken.item.processing().unwrap().attempt.number, 2);
        assert_eq!(take(Some(TaskStanding::Ended)).unwrap().cleanup, None);
        assert!(
            take(Some(TaskStanding::Succeeded)).is_err(),
            "its video is there"
        );
        let same = found(1, TaskStanding::Succeeded);
        assert!(
            take_over(&item, &same, None, instance(), time(100)).is_err(),
            "the ordinary rule's"
        );
    }

    #[test]
    fn a_wish_to_cancel_holds_for_the_other_lifes_task_too() {
        let item = running(&pending_item());
        let item = request_cancel(&item, time(20)).unwrap().item;
        let taken = take_over(
            &item,
            &found(2, TaskStanding::Active),
            None,
            instance(),
            time(100),
        )
        .unwrap();
        let wish = taken.item.processing().unwrap().cancel_request_time;
        assert_eq!(wish, Some(time(20)));
    }

    #[test]
    fn an_unanswered_submit_that_gives_way_is_still_watched() {
        let item = claim(&pending_item(), &account(), instance(), time(10))
            .unwrap()
            .item;
        let item = apply(&item, 1, AttemptEvent::Unanswered, time(12))
            .unwrap()
            .item;
        let taken = take_over(
            &item,
            &found(2, TaskStanding::Ended),
            None,
            instance(),
            time(100),
        )
        .unwrap();
        assert_eq!(taken.watch.unwrap().client_ref, item.client_ref(1));
    }

    #[test]
    fn an_ended_item_stays_ended_and_only_its_numbers_rise() {
        let item = request_cancel(&pending_item(), time(20)).unwrap().item;
        let other = found(4, TaskStanding::Active);
        assert!(take_over(&item, &other, None, instance(), time(100)).is_err());
        let raised = raise_attempts(&item, 4, time(100)).unwrap();
        assert_eq!(
            (raised.item.last_attempt, raised.item.state),
            (4, item.state.clone())
        );
        assert_eq!(raise_attempts(&item, item.last_attempt, time(100)), None);
    }
}
