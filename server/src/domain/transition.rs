//! The only functions that change an item's state.
//!
//! Each takes the item as it is and gives the item as it will be, with what must be committed beside it: a refund,
//! a cleanup, a watch. None of them looks at a clock or a store.
//!
//! Invariants (tested over every state × event):
//! - an event of an attempt applies only while that attempt owns the item;
//! - a round that ends FAILED or CANCELLED refunds exactly its charge, once;
//! - an item ends with a task that may still run only together with a cleanup or a watch.

mod other_life;

use std::time::Duration;

use jiff::Timestamp;

use super::failure::{Failure, FailureReason, WaitReason};
use super::ids::{Account, AttemptNumber, InstanceId, TaskId};
use super::item::{ATTEMPTS_KEPT, Attempt, ItemState, Pending, Processing, Stage, VideoItem, seed};
use super::leftover::{Cleanup, Watch};
use super::media::Video;
use super::retry::{ATTEMPTS_A_ROUND, WATCH_FOR};
use super::user::Credits;

pub use other_life::{OtherLifeTask, TaskStanding, raise_attempts, take_over};

/// What happened to an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptEvent {
    /// The engine accepted the task, or an unresolved one was found in its list.
    Submitted {
        /// Its name.
        task: TaskId,
        /// Until it runs.
        expected_wait: Option<Duration>,
    },
    /// The submit got no definite answer.
    Unanswered,
    /// The submit certainly made no task, for a reason that says nothing about the item.
    Released {
        /// Why.
        reason: WaitReason,
        /// When it may be claimed again.
        not_before: Option<Timestamp>,
    },
    /// The unresolved submit's task is in no list read late enough.
    NotFound,
    /// The upstream's word on a running task.
    Progress {
        /// Queued or Generating.
        stage: Stage,
        /// Share of the run that is done, 0…1, where it can be told.
        share: Option<f32>,
        /// Time in which the upstream answered, since the last event.
        answered: Duration,
    },
    /// The upstream says that the video is there.
    Succeeded,
    /// Bytes of the video came.
    Fetched {
        /// So far.
        fetched_bytes: u64,
        /// In all, where known.
        total_bytes: Option<u64>,
    },
    /// The video is stored.
    Completed {
        /// The video.
        video: Video,
    },
    /// The attempt failed.
    Failed {
        /// Why.
        failure: Failure,
        /// When another attempt may mend it; absent when none can.
        try_again: Option<Timestamp>,
    },
    /// Somebody cancelled the task upstream.
    Cancelled,
    /// We stop waiting for a task that may still run.
    GaveUp {
        /// Why.
        failure: Failure,
    },
    /// The wish to cancel got no word from the upstream in time.
    CancelExpired,
    /// The engine lived in a process that has ended, and its task with it.
    Abandoned,
}

/// An item after an event, and what is committed with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The item as it is now.
    pub item: VideoItem,
    /// What its owner gets back.
    pub refund: Option<Credits>,
    /// The task that should end though its item has.
    pub cleanup: Option<Cleanup>,
    /// The submit to be matched against later lists.
    pub watch: Option<Watch>,
}

impl Transition {
    fn of(item: VideoItem) -> Self {
        Self {
            item,
            refund: None,
            cleanup: None,
            watch: None,
        }
    }
}

/// The event does not apply to the item as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotApplicable {
    /// The attempt does not own the item any more, or is past that stage.
    #[error("the attempt does not own the item any more")]
    Stale,
    /// The item has ended.
    #[error("the item has ended")]
    Finished,
    /// The item is not one that can be retried.
    #[error("the item cannot be retried")]
    NotRetryable,
    /// The item may not be claimed yet.
    #[error("the item may not be claimed")]
    NotReady,
}

/// PENDING → PROCESSING: gives the item to its next attempt.
pub fn claim(
    item: &VideoItem,
    account: &Account,
    instance: InstanceId,
    now: Timestamp,
) -> Result<Transition, NotApplicable> {
    match item.state {
        ItemState::Pending(Pending { not_before, reason })
            if not_before.is_none_or(|time| time <= now) && reason != Some(WaitReason::Cleanup) => {
        }
        _ => return Err(NotApplicable::NotReady),
    }
    let mut next = item.clone();
    next.last_attempt += 1;
    next.start_time.get_or_insert(now);
    next.update_time = now;
    next.state = ItemState::Processing(Processing {
        attempt: Attempt {
            number: next.last_attempt,
            round: item.round,
            seed: seed(item.id, next.last_attempt),
            account: account.clone(),
            instance,
            task: None,
            start_time: now,
            submit_time: None,
            run_start_time: None,
            finish_time: None,
            failure: None,
        },
        stage: Stage::Submitting,
        cancel_request_time: None,
        answered: Duration::ZERO,
    });
    Ok(Transition::of(next))
}

/// PENDING → PROCESSING: takes in a task that a released submit made after all.
pub fn adopt(
    item: &VideoItem,
    watch: &Watch,
    task: &TaskId,
    instance: InstanceId,
    now: Timestamp,
) -> Result<Transition, NotApplicable> {
    let ItemState::Pending(_) = item.state else {
        return Err(NotApplicable::NotReady);
    };
    let mut next = item.clone();
    let number = watch.client_ref.attempt;
    next.ended_attempts
        .retain(|attempt| attempt.number != number);
    next.start_time.get_or_insert(now);
    next.update_time = now;
    next.state = ItemState::Processing(Processing {
        attempt: Attempt {
            number,
            round: item.round,
            seed: seed(item.id, number),
            account: watch.account.clone(),
            instance,
            task: Some(task.clone()),
            start_time: watch.start_time,
            submit_time: Some(now),
            run_start_time: None,
            finish_time: None,
            failure: None,
        },
        stage: Stage::Queued {
            position: None,
            expected_wait: None,
        },
        cancel_request_time: None,
        answered: Duration::ZERO,
    });
    Ok(Transition::of(next))
}

/// Applies what happened to attempt `number` of `item`.
pub fn apply(
    item: &VideoItem,
    number: AttemptNumber,
    event: AttemptEvent,
    now: Timestamp,
) -> Result<Transition, NotApplicable> {
    let processing = item
        .processing()
        .filter(|processing| processing.attempt.number == number)
        .ok_or(NotApplicable::Stale)?;
    let submitting = matches!(
        processing.stage,
        Stage::Submitting | Stage::Unresolved { .. }
    );
    let fetching = matches!(processing.stage, Stage::Fetching { .. });
    let at_upstream = !submitting && !fetching;
    let wished = processing.cancel_request_time.is_some();

    match event {
        AttemptEvent::Submitted {
            task,
            expected_wait,
        } if submitting => Ok(change(item, now, |running, _| {
            running.attempt.task = Some(task);
            running.attempt.submit_time = Some(now);
            running.stage = Stage::Queued {
                position: None,
                expected_wait,
            };
        })),
        AttemptEvent::Unanswered if processing.stage == Stage::Submitting => {
            Ok(change(item, now, |running, _| {
                running.stage = Stage::Unresolved { since: now };
            }))
        }
        AttemptEvent::Released { .. } if submitting && wished => {
            Ok(cancelled(item, processing, now))
        }
        AttemptEvent::Released { reason, not_before } if submitting => {
            // Without a time of its own the item waits for what its whole engine waits for, and that is not
            // stored with each item. Only what it left behind makes it wait for a cleanup.
            Ok(put_back(
                item,
                Pending {
                    not_before,
                    reason: not_before
                        .map(|_| reason)
                        .filter(|reason| *reason != WaitReason::Cleanup),
                },
                now,
            ))
        }
        AttemptEvent::Abandoned if wished => Ok(cancelled(item, processing, now)),
        AttemptEvent::Abandoned => Ok(put_back(item, Pending::default(), now)),
        AttemptEvent::NotFound => {
            let Stage::Unresolved { since } = processing.stage else {
                return Err(NotApplicable::Stale);
            };
            let mut transition = if wished {
                cancelled(item, processing, now)
            } else {
                put_back(item, Pending::default(), now)
            };
            transition.watch = Some(watch(item, processing, since, true));
            Ok(transition)
        }
        AttemptEvent::Progress {
            stage,
            share,
            answered,
        } if at_upstream && matches!(stage, Stage::Queued { .. } | Stage::Generating { .. }) => {
            Ok(change(item, now, |running, progress| {
                running.answered += answered;
                if matches!(stage, Stage::Generating { .. }) {
                    running.attempt.run_start_time.get_or_insert(now);
                    *progress = (*progress).max(generating_permille(share));
                }
                running.stage = stage;
            }))
        }
        AttemptEvent::Succeeded if at_upstream => Ok(change(item, now, |running, progress| {
            *progress = (*progress).max(FETCHING_PERMILLE);
            running.stage = Stage::Fetching {
                fetched_bytes: 0,
                total_bytes: None,
            };
        })),
        AttemptEvent::Fetched {
            fetched_bytes,
            total_bytes,
        } if fetching => Ok(change(item, now, |running, _| {
            running.stage = Stage::Fetching {
                fetched_bytes,
                total_bytes,
            };
        })),
        AttemptEvent::Completed { video } if fetching => {
            let mut next = ended(item, processing, None, now);
            next.state = ItemState::Completed {
                video,
                finish_time: now,
            };
            Ok(Transition::of(next))
        }
        AttemptEvent::Failed { failure, try_again } => {
            if wished {
                return Ok(cancelled(item, processing, now));
            }
            match try_again {
                Some(not_before) if item.failures_in_round + 1 < ATTEMPTS_A_ROUND => {
                    let mut next = ended(item, processing, Some(failure), now);
                    next.progress_permille = item.progress_permille;
                    next.failures_in_round += 1;
                    next.state = ItemState::Pending(Pending {
                        not_before: Some(not_before),
                        reason: Some(WaitReason::BackOff),
                    });
                    Ok(Transition::of(next))
                }
                _ => Ok(failed(item, processing, failure, now)),
            }
        }
        AttemptEvent::Cancelled if at_upstream && wished => Ok(cancelled(item, processing, now)),
        AttemptEvent::Cancelled if at_upstream => {
            let failure = Failure::new(
                FailureReason::UpstreamCancelled,
                "The task was cancelled at the upstream, not by this server. Retry the item to make it again.",
                "",
            );
            Ok(failed(item, processing, failure, now))
        }
        AttemptEvent::GaveUp { failure } => {
            let mut transition = if wished {
                cancelled(item, processing, now)
            } else {
                failed(item, processing, failure, now)
            };
            leave_behind(&mut transition, item, processing, now);
            Ok(transition)
        }
        AttemptEvent::CancelExpired if wished && !fetching => {
            let mut transition = cancelled(item, processing, now);
            leave_behind(&mut transition, item, processing, now);
            Ok(transition)
        }
        _ => Err(NotApplicable::Stale),
    }
}

/// The user asks for the item to end: at once while PENDING, else as a wish that the upstream has to confirm.
pub fn request_cancel(item: &VideoItem, now: Timestamp) -> Result<Transition, NotApplicable> {
    match &item.state {
        ItemState::Pending(_) => {
            let mut next = item.clone();
            next.update_time = now;
            next.progress_permille = 1000;
            next.state = ItemState::Cancelled { finish_time: now };
            Ok(Transition {
                refund: refund(item),
                ..Transition::of(next)
            })
        }
        ItemState::Processing(_) => Ok(change(item, now, |running, _| {
            running.cancel_request_time.get_or_insert(now);
        })),
        _ => Err(NotApplicable::Finished),
    }
}

/// FAILED or CANCELLED → PENDING: a new round, charged `charge`. `blocked` says that an old task must end first.
pub fn retry(
    item: &VideoItem,
    charge: Credits,
    blocked: bool,
    now: Timestamp,
) -> Result<Transition, NotApplicable> {
    match &item.state {
        ItemState::Failed { failure, .. } if failure.reason.is_retryable() => {}
        ItemState::Cancelled { .. } => {}
        _ => return Err(NotApplicable::NotRetryable),
    }
    let mut next = item.clone();
    next.round += 1;
    next.charge = charge;
    next.failures_in_round = 0;
    next.progress_permille = 0;
    next.update_time = now;
    next.state = ItemState::Pending(Pending {
        not_before: None,
        reason: blocked.then_some(WaitReason::Cleanup),
    });
    Ok(Transition::of(next))
}

/// Nothing that the item left behind may still run: it may be claimed.
pub fn unblock(item: &VideoItem, now: Timestamp) -> Result<Transition, NotApplicable> {
    match &item.state {
        ItemState::Pending(Pending {
            reason: Some(WaitReason::Cleanup),
            ..
        }) => {}
        _ => return Err(NotApplicable::Stale),
    }
    let mut next = item.clone();
    next.update_time = now;
    next.state = ItemState::Pending(Pending::default());
    Ok(Transition::of(next))
}

/// Estimates of the work done when a stage begins: what users see move, not a measurement.
const SUBMITTED_PERMILLE: u16 = 20;
const GENERATING_PERMILLE: u16 = 50;
const FETCHING_PERMILLE: u16 = 960;

fn generating_permille(share: Option<f32>) -> u16 {
    let span = f32::from(FETCHING_PERMILLE - GENERATING_PERMILLE - 10);
    let share = share
        .filter(|share| share.is_finite())
        .unwrap_or(0.0)
        .clamp(0.0, 1.0);
    GENERATING_PERMILLE + (span * share) as u16
}

fn change(
    item: &VideoItem,
    now: Timestamp,
    edit: impl FnOnce(&mut Processing, &mut u16),
) -> Transition {
    let mut next = item.clone();
    next.update_time = now;
    if let ItemState::Processing(running) = &mut next.state {
        edit(running, &mut next.progress_permille);
        if running.attempt.task.is_some() {
            next.progress_permille = next.progress_permille.max(SUBMITTED_PERMILLE);
        }
    }
    Transition::of(next)
}

/// The item as it waits again; the attempt made no task that counts, so it is not remembered.
fn put_back(item: &VideoItem, pending: Pending, now: Timestamp) -> Transition {
    let mut next = item.clone();
    next.update_time = now;
    next.state = ItemState::Pending(pending);
    Transition::of(next)
}

/// The item with its attempt put to the ended ones; the caller sets the state.
fn ended(
    item: &VideoItem,
    processing: &Processing,
    failure: Option<Failure>,
    now: Timestamp,
) -> VideoItem {
    let mut next = item.clone();
    let mut attempt = processing.attempt.clone();
    attempt.finish_time = Some(now);
    attempt.failure = failure;
    next.ended_attempts.push(attempt);
    let surplus = next.ended_attempts.len().saturating_sub(ATTEMPTS_KEPT);
    next.ended_attempts.drain(..surplus);
    next.update_time = now;
    next.progress_permille = 1000;
    next
}

fn failed(
    item: &VideoItem,
    processing: &Processing,
    failure: Failure,
    now: Timestamp,
) -> Transition {
    let mut next = ended(item, processing, Some(failure.clone()), now);
    next.failures_in_round += 1;
    next.state = ItemState::Failed {
        failure,
        finish_time: now,
    };
    Transition {
        refund: refund(item),
        ..Transition::of(next)
    }
}

fn cancelled(item: &VideoItem, processing: &Processing, now: Timestamp) -> Transition {
    let mut next = ended(item, processing, None, now);
    next.state = ItemState::Cancelled { finish_time: now };
    Transition {
        refund: refund(item),
        ..Transition::of(next)
    }
}

fn refund(item: &VideoItem) -> Option<Credits> {
    (item.charge > 0).then_some(item.charge)
}

/// What may still run upstream when its item ends.
fn leave_behind(
    transition: &mut Transition,
    item: &VideoItem,
    processing: &Processing,
    now: Timestamp,
) {
    let attempt = &processing.attempt;
    match (&processing.stage, &attempt.task) {
        (Stage::Fetching { .. }, _) => {}
        (_, Some(task)) => {
            transition.cleanup = Some(Cleanup {
                client_ref: item.client_ref(attempt.number),
                batch: item.batch,
                account: attempt.account.clone(),
                task: task.clone(),
                create_time: now,
                lost: false,
            });
        }
        (Stage::Unresolved { since }, None) => {
            transition.watch = Some(watch(item, processing, *since, false));
        }
        (_, None) => transition.watch = Some(watch(item, processing, now, false)),
    }
}

fn watch(
    item: &VideoItem,
    processing: &Processing,
    submit_time: Timestamp,
    matched: bool,
) -> Watch {
    Watch {
        client_ref: item.client_ref(processing.attempt.number),
        batch: item.batch,
        account: processing.attempt.account.clone(),
        seed: processing.attempt.seed,
        start_time: processing.attempt.start_time,
        submit_time,
        matched,
        expire_time: submit_time
            .saturating_add(WATCH_FOR)
            .unwrap_or(Timestamp::MAX),
    }
}
