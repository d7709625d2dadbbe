//! The preview engine's tasks: a bounded table in memory.
//!
//! Tasks that ended and were not fetched are dropped, oldest first, beyond [`KEPT_ENDED`] of them or
//! [`KEPT_BYTES`] of video: their items ended some other way.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::ids::TaskId;
use crate::engine::{TaskReport, TaskState};

/// How many ended tasks are kept for those who did not ask yet.
pub(super) const KEPT_ENDED: usize = 32;

/// How many bytes of videos that nobody fetched are kept. (A video of ten minutes is about 20 MiB.)
pub(super) const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// Below this much progress the pace is not told: it would be a guess.
const TELLING_PROGRESS: f32 = 0.01;

/// The longest message of a failure, in bytes.
const LONGEST_MESSAGE: usize = 1024;

/// What a task is doing.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// Its sources are being read, or no thread is free yet.
    Queued,
    /// Being rendered.
    Running { since: Instant },
    /// Waiting to be fetched.
    Succeeded(Bytes),
    /// Ended without a video, for this reason.
    Failed(String),
    /// Ended because it was told to.
    Cancelled,
}

/// One task.
pub(super) struct Task {
    id: TaskId,
    client_ref: String,
    seed: i32,
    stopped: AtomicBool,
    /// Bits of the progress, an `f32` of 0…1.
    progress: AtomicU32,
    phase: watch::Sender<Phase>,
}

impl Task {
    /// A thread has begun with it.
    pub(super) fn begin(&self) {
        self.phase.send_replace(Phase::Running {
            since: Instant::now(),
        });
    }

    /// It ended.
    pub(super) fn end(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// So much of it is done, 0…1.
    pub(super) fn advance(&self, fraction: f32) {
        self.progress.store(fraction.to_bits(), Ordering::Relaxed);
    }

    /// Asks it to end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Whether it holds a slot.
    pub(super) fn is_active(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Queued | Phase::Running { .. })
    }

    /// The finished video.
    pub(super) fn video(&self) -> Option<Bytes> {
        match &*self.phase.borrow() {
            Phase::Succeeded(video) => Some(video.clone()),
            _ => None,
        }
    }

    /// The task as the engine's callers see it.
    pub(super) fn report(&self) -> TaskReport {
        TaskReport {
            task: self.id.clone(),
            client_ref: Some(self.client_ref.clone()),
            seed: Some(i64::from(self.seed)),
            created: None,
            state: self.state(),
        }
    }

    fn state(&self) -> TaskState {
        match &*self.phase.borrow() {
            Phase::Queued => TaskState::Queued {
                position: None,
                expected_wait: None,
            },
            Phase::Running { since } => {
                let progress = f32::from_bits(self.progress.load(Ordering::Relaxed));
                let elapsed = since.elapsed();
                TaskState::Running {
                    elapsed: Some(elapsed),
                    expected_run: (progress >= TELLING_PROGRESS).then(|| elapsed.div_f32(progress)),
                    progress: Some(progress),
                }
            }
            Phase::Succeeded(_) => TaskState::Succeeded,
            Phase::Failed(message) => TaskState::Failed {
                message: message[..message.floor_char_boundary(LONGEST_MESSAGE)].to_owned(),
                worker_lost: false,
            },
            Phase::Cancelled => TaskState::Cancelled,
        }
    }

    /// Answers when the task has ended.
    #[cfg(test)]
    pub(super) async fn ended(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        let ended = phase.wait_for(|phase| !matches!(phase, Phase::Queued | Phase::Running { .. }));
        ended.await.expect("the task holds the sender").clone()
    }
}

/// All tasks, oldest first.
#[derive(Default)]
pub(super) struct Tasks {
    all: Mutex<VecDeque<Arc<Task>>>,
}

/// The answer to a wish for a slot.
pub(super) enum Reserved<'a> {
    /// A new task has it.
    Slot(Reservation<'a>),
    /// The task of this name is there already.
    Known,
    /// All slots are taken.
    Full {
        /// By so many tasks.
        active: usize,
    },
}

/// A new task whose sources are not read yet; dropped, it leaves no trace.
pub(super) struct Reservation<'a> {
    tasks: &'a Tasks,
    task: Option<Arc<Task>>,
}

impl Reservation<'_> {
    /// The task goes on.
    pub(super) fn keep(mut self) -> Arc<Task> {
        self.task.take().expect("a reservation is kept once")
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.tasks.forget(&task.id);
        }
    }
}

impl Tasks {
    /// A new task, if no task has its name and fewer than `slots` are active.
    pub(super) fn reserve(
        &self,
        id: TaskId,
        client_ref: String,
        seed: i32,
        slots: usize,
    ) -> Reserved<'_> {
        let mut all = self.lock();
        if all.iter().any(|task| task.id == id) {
            return Reserved::Known;
        }
        let active = all.iter().filter(|task| task.is_active()).count();
        if active >= slots {
            return Reserved::Full { active };
        }
        let task = Arc::new(Task {
            id,
            client_ref,
            seed,
            stopped: AtomicBool::new(false),
            progress: AtomicU32::new(0f32.to_bits()),
            phase: watch::Sender::new(Phase::Queued),
        });
        all.push_back(Arc::clone(&task));
        Reserved::Slot(Reservation {
            tasks: self,
            task: Some(task),
        })
    }

    /// The task of this name.
    pub(super) fn find(&self, id: &TaskId) -> Option<Arc<Task>> {
        self.lock().iter().find(|task| task.id == *id).cloned()
    }

    /// All of them.
    pub(super) fn newest_first(&self) -> Vec<Arc<Task>> {
        self.lock().iter().rev().cloned().collect()
    }

    /// Removes a task and its video.
    pub(super) fn forget(&self, id: &TaskId) {
        self.lock().retain(|task| task.id != *id);
    }

    /// Drops the oldest ended tasks beyond what is kept; the newest one always stays.
    pub(super) fn drop_surplus(&self) {
        let mut all = self.lock();
        let (mut ended, mut bytes) = (0, 0);
        let mut kept = VecDeque::with_capacity(all.len());
        for task in all.drain(..).rev() {
            if !task.is_active() {
                ended += 1;
                bytes += task.video().map_or(0, |video| video.len());
                if ended > 1 && (ended > KEPT_ENDED || bytes > KEPT_BYTES) {
                    continue;
                }
            }
            kept.push_front(task);
        }
        *all = kept;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Task>>> {
        // No code that holds the lock can leave the list half changed.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(tasks: &Tasks, number: usize, phase: Phase) -> TaskId {
        let id = TaskId(format!("preview-{number}"));
        let Reserved::Slot(slot) = tasks.reserve(id.clone(), String::new(), 1, 1) else {
            panic!("task {number} got no slot");
        };
        slot.keep().end(phase);
        tasks.drop_surplus();
        id
    }

    #[test]
    fn ended_tasks_are_dropped_oldest_first() {
        let tasks = Tasks::default();
        let ids: Vec<_> = (0..KEPT_ENDED + 2)
            .map(|number| ended(&tasks, number, Phase::Cancelled))
            .collect();
        assert!(tasks.find(&ids[1]).is_none());
        assert!(tasks.find(&ids[2]).is_some());
        assert_eq!(tasks.newest_first().len(), KEPT_ENDED);
    }

    #[test]
    fn videos_that_nobody_fetches_are_dropped_by_their_size() {
        let tasks = Tasks::default();
        // Zeros that nobody touches take no memory.
        let half = Bytes::from(vec![0; KEPT_BYTES / 2]);
        let ids: Vec<_> = (0..3)
            .map(|number| ended(&tasks, number, Phase::Succeeded(half.clone())))
            .collect();
        assert!(tasks.find(&ids[0]).is_none());
        assert!(tasks.find(&ids[1]).is_some());
        let whole = Bytes::from(vec![0; KEPT_BYTES + 1]);
        let last = ended(&tasks, 3, Phase::Succeeded(whole));
        assert_eq!(tasks.newest_first().len(), 1);
        assert!(tasks.find(&last).is_some());
    }

    #[test]
    fn a_dropped_reservation_gives_its_slot_back() {
        let tasks = Tasks::default();
        let name = |name: &str| TaskId(name.to_owned());
        let Reserved::Slot(slot) = tasks.reserve(name("a"), String::new(), 1, 1) else {
            panic!("the only slot is free");
        };
        assert!(matches!(
            tasks.reserve(name("b"), String::new(), 1, 1),
            Reserved::Full { active: 1 }
        ));
        drop(slot);
        assert!(matches!(
            tasks.reserve(name("b"), String::new(), 1, 1),
            Reserved::Slot(_)
        ));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let tasks = Tasks::default();
        let id = ended(&tasks, 0, Phase::Failed("é".repeat(LONGEST_MESSAGE)));
        let report = tasks.find(&id).expect("it was just made").report();
        let TaskState::Failed { message, .. } = report.state else {
            panic!("{report:?}");
        };
        assert_eq!(message.len(), LONGEST_MESSAGE);
    }
}
