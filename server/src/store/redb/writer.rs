//! The one writer: commits all waiting operations in one durable transaction and answers each after the commit.
//!
//! Invariants:
//! - between the commit and the answers the feed is told, in commit order;
//! - an operation decides before its first write, so one that refuses leaves nothing in a transaction that others
//!   share; one that fails after it (a damaged record) has the transaction rolled back, and every operation runs
//!   again in one of its own;
//! - a transaction in which nothing was written is not committed;
//! - an operation whose caller is gone is carried out all the same.
//!
//! The queue holds [`QUEUED`] operations; when it is full, callers wait for a place.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::feed::Commit;
use crate::store::StoreError;

use super::database::Shared;
use super::error::failed;
use super::work::Work;

/// Operations that wait for the writer at most.
const QUEUED: usize = 1_024;

/// Operations of one transaction at most, so that none waits for ever and memory stays small.
const TOGETHER: usize = 256;

/// After a commit that answered several callers, the next waits this long for them to come back: far less than a
/// flush to a disk, and enough for tasks that are awake to ask again. A lone caller never waits.
const GATHER: Duration = Duration::from_micros(300);

/// How operations are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// By a thread of its own, many in one commit: for production.
    Thread,
    /// In the caller, one by one: for simulations in virtual time on one thread, where a runtime that waits for
    /// another thread would be idle and let the time jump.
    Inline,
    /// The same, but around each operation the caller may have to wait, as the clock's randomness decides: others act in
    /// between, as they do while the thread is at work.
    Interleaved,
}

/// An operation that waits.
trait Operation: Send {
    /// Carries it out; whether it was refused.
    fn run(&mut self, work: &mut Work<'_>) -> Ran;
    /// Answers what it came to, or why the commit failed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

enum Ran {
    Done,
    Refused,
    /// The storage failed under it.
    Failed(StoreError),
}

struct Task<F, T, E> {
    body: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    _place: Option<OwnedSemaphorePermit>,
}

/// An error that may be one of the storage.
pub(super) trait MayBeStore: From<StoreError> + Send + 'static {
    fn storage(&self) -> Option<&StoreError>;
}

impl MayBeStore for StoreError {
    fn storage(&self) -> Option<&StoreError> {
        Some(self)
    }
}

macro_rules! may_be_store {
    ($($error:ident),*) => {
        $(impl MayBeStore for crate::store::$error {
            fn storage(&self) -> Option<&StoreError> {
                match self {
                    Self::Store(error) => Some(error),
                    _ => None,
                }
            }
        })*
    };
}

may_be_store!(
    CreateUserError,
    UserChangeError,
    AddSshKeyError,
    CreateKeyError,
    CreditError,
    CreateBatchError,
    ChangeItemsError,
    DeleteBatchError
);

impl<F, T, E> Operation for Task<F, T, E>
where
    F: Fn(&mut Work<'_>) -> Result<T, E> + Send,
    T: Send,
    E: MayBeStore,
{
    fn run(&mut self, work: &mut Work<'_>) -> Ran {
        let outcome = (self.body)(work);
        let ran = match &outcome {
            Ok(_) => Ran::Done,
            Err(error) => error
                .storage()
                .map_or(Ran::Refused, |error| Ran::Failed(error.clone())),
        };
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            // A refusal stands whatever became of the others.
            (Err(_), Some(Err(refusal))) if refusal.storage().is_none() => Err(refusal),
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(StoreError::Closed.into()),
        };
        // The caller may have gone; the operation is committed all the same.
        drop(self.reply.send(answer));
    }
}

type Waiting = Vec<Box<dyn Operation>>;

/// Where operations are handed in.
pub(super) struct Writer {
    shared: Arc<Shared>,
    mode: Mode,
}

enum Mode {
    Thread {
        queue: Option<Sender<Box<dyn Operation>>>,
        places: Arc<Semaphore>,
        thread: Option<JoinHandle<()>>,
    },
    Inline {
        turn: Mutex<()>,
        waits: bool,
    },
}

impl Writer {
    pub fn start(shared: Arc<Shared>, writing: Writing) -> std::io::Result<Self> {
        let mode = match writing {
            Writing::Inline | Writing::Interleaved => Mode::Inline {
                turn: Mutex::default(),
                waits: writing == Writing::Interleaved,
            },
            Writing::Thread => {
                let (queue, waiting) = channel();
                let shared = Arc::clone(&shared);
                let thread = std::thread::Builder::new()
                    .name("store-writer".to_owned())
                    .spawn(move || run(&shared, &waiting))?;
                Mode::Thread {
                    queue: Some(queue),
                    places: Arc::new(Semaphore::new(QUEUED)),
                    thread: Some(thread),
                }
            }
        };
        Ok(Self { shared, mode })
    }

    /// Whether this store has threads of its own, so that long work may go to one.
    pub fn has_thread(&self) -> bool {
        matches!(self.mode, Mode::Thread { .. })
    }

    /// Carries an operation out and answers after its commit. Dropping the future once it was polled does not take
    /// the operation back.
    pub async fn submit<F, T, E>(&self, body: F) -> Result<T, E>
    where
        F: Fn(&mut Work<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: MayBeStore,
    {
        let (reply, answer) = oneshot::channel();
        let mut task = Task {
            body,
            outcome: None,
            reply,
            _place: None,
        };
        match &self.mode {
            Mode::Inline { turn, waits } => {
                if *waits {
                    wait(&self.shared).await;
                }
                {
                    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                    execute(&self.shared, vec![Box::new(task)]);
                }
                if *waits {
                    wait(&self.shared).await;
                }
            }
            Mode::Thread { queue, places, .. } => {
                let place = Arc::clone(places).acquire_owned().await;
                task._place = Some(place.map_err(|_| StoreError::Closed)?);
                let queue = queue.as_ref().ok_or(StoreError::Closed)?;
                queue.send(Box::new(task)).map_err(|_| StoreError::Closed)?;
            }
        }
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

/// Lets others act, mostly for no time at all, sometimes for as long as a busy disk takes.
async fn wait(shared: &Shared) {
    let random = shared.clock.random();
    match random % 16 {
        0..=7 => {}
        8..=13 => tokio::task::yield_now().await,
        _ => tokio::time::sleep(Duration::from_millis(random >> 32 & 31)).await,
    }
}

impl Drop for Writer {
    /// Ends the thread after what waits was committed, so that the file can be opened again right after.
    fn drop(&mut self) {
        if let Mode::Thread { queue, thread, .. } = &mut self.mode {
            drop(queue.take());
            if let Some(thread) = thread.take() {
                // A panic of the writer has answered everyone by dropping their replies.
                drop(thread.join());
            }
        }
    }
}

/// The thread.
fn run(shared: &Shared, queue: &Receiver<Box<dyn Operation>>) {
    let mut answered = 0;
    while let Ok(first) = queue.recv() {
        let mut waiting = vec![first];
        gather(queue, &mut waiting, answered);
        answered = waiting.len();
        execute(shared, waiting);
    }
}

/// Takes what waits; while fewer came than were answered last time, waits a moment for the rest.
fn gather(queue: &Receiver<Box<dyn Operation>>, waiting: &mut Waiting, answered: usize) {
    let until = Instant::now() + GATHER;
    while waiting.len() < TOGETHER {
        let patience = if waiting.len() < answered {
            until.saturating_duration_since(Instant::now())
        } else {
            Duration::ZERO
        };
        match queue.recv_timeout(patience) {
            Ok(operation) => waiting.push(operation),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Carries out operations that share a transaction, and answers them.
fn execute(shared: &Shared, mut waiting: Waiting) {
    match transact(shared, &mut waiting) {
        Ok(None) => answer(waiting, &Ok(())),
        Ok(Some(commit)) => {
            shared.feed.publish(&commit);
            answer(waiting, &Ok(()));
        }
        Err(Undone::Spoiled) if waiting.len() > 1 => {
            for operation in waiting {
                execute(shared, vec![operation]);
            }
        }
        // Its own error is its answer.
        Err(Undone::Spoiled) => answer(waiting, &Ok(())),
        Err(Undone::Storage(error)) => {
            if is_lasting(&error) {
                shared.give_up(&error, None);
            }
            answer(waiting, &Err(error));
        }
        Err(Undone::Undecided(commit, error)) => {
            let revision = commit.revision;
            shared.give_up(&error, Some(*commit));
            let committed = match error {
                StoreError::Full(message) => match shared.is_committed(revision) {
                    Some(true) => Ok(()),
                    Some(false) => Err(StoreError::Full(message)),
                    None => Err(StoreError::Undecided(message)),
                },
                error => Err(error),
            };
            answer(waiting, &committed);
        }
    }
}

fn answer(waiting: Waiting, committed: &Result<(), StoreError>) {
    for operation in waiting {
        operation.answer(committed.clone());
    }
}

/// Why a transaction was rolled back.
enum Undone {
    /// An operation failed on bad data after it had written.
    Spoiled,
    /// The storage failed before the commit.
    Storage(StoreError),
    /// The storage failed in the commit.
    Undecided(Box<Commit>, StoreError),
}

/// Whether redb has to be opened again after such an error.
fn is_lasting(error: &StoreError) -> bool {
    matches!(error, StoreError::Failed(_) | StoreError::Full(_))
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

/// Runs the operations and commits. `None` when nothing was written.
fn transact(shared: &Shared, waiting: &mut Waiting) -> Result<Option<Commit>, Undone> {
    let database = shared.database()?;
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_quick_repair(shared.quick_repair());
    let mut work = Work::open(&transaction, &shared.clock)?;
    for operation in waiting.iter_mut() {
        work.begin_operation();
        let before = work.writes();
        let ran = operation.run(&mut work);
        match ran {
            Ran::Failed(error) if is_lasting(&error) => {
                return Err(Undone::Storage(error));
            }
            Ran::Refused | Ran::Failed(_) if work.writes() != before => {
                return Err(Undone::Spoiled);
            }
            Ran::Done | Ran::Refused | Ran::Failed(_) => {}
        }
    }
    if work.writes() == 0 {
        drop(work);
        transaction.abort().map_err(failed)?;
        return Ok(None);
    }
    let commit = work.finish()?;
    let committed = transaction.commit();
    shared.forget();
    if let Err(error) = committed {
        return Err(Undone::Undecided(Box::new(commit), failed(error)));
    }
    shared.count_commit(waiting.len());
    Ok(Some(commit))
}
