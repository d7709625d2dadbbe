//! The seam to what makes videos: one video from one picture and one recording.
//!
//! An engine translates; it neither retries nor remembers. What an answer means for an item is decided in
//! `dispatch`, so every answer an upstream can give has its own variant here.
//!
//! Invariants:
//! - [`SubmitError::Unresolved`] is the answer to any doubt: only a submit that certainly made no task is
//!   `Refused` or `NotSent`.
//! - A [`ReadError`] other than `Unknown` says nothing about a task.
//! - Tokens go to the engine's own base URL and nowhere else.
//!
//! Not here: retries, the database, files of our own.

pub mod lightx2v;
pub mod preview;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::io::AsyncRead;

use crate::domain::ids::{Account, TaskId};

/// An engine: see the module's page. All calls may be made at the same time.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Asks for one video. The answer comes when the engine has accepted or refused the task, not when it
    /// is done.
    async fn submit(
        &self,
        credentials: &Credentials,
        task: NewTask,
    ) -> Result<Submitted, SubmitError>;

    /// What the engine says of these tasks, in any order, none of them twice. One task that the account does
    /// not know, or whose own question fails, spoils none of the others: where some were answered and some
    /// were not, those that were not are left out, and nothing is said about them.
    async fn query(
        &self,
        credentials: &Credentials,
        tasks: &[TaskId],
    ) -> Result<Vec<(TaskId, QueryAnswer)>, ReadError>;

    /// One page (from 1) of all tasks of the account, newest first, those that are not ours included.
    async fn list(&self, credentials: &Credentials, page: u32) -> Result<TaskPage, ReadError>;

    /// Asks for a task to end. The task's own state, queried later, says whether it did.
    async fn cancel(
        &self,
        credentials: &Credentials,
        task: &TaskId,
    ) -> Result<CancelAnswer, ReadError>;

    /// Writes the video of a finished task into `sink`, from its first byte.
    async fn fetch(
        &self,
        credentials: &Credentials,
        task: &TaskId,
        sink: &mut dyn VideoSink,
    ) -> Result<(), FetchError>;

    /// Whether the engine answers and takes the credentials; makes no task.
    async fn check(&self, credentials: &Credentials) -> Result<(), ReadError>;
}

/// A token and whom it belongs to. Printing it shows the account only.
#[derive(Clone)]
pub struct Credentials {
    /// Whose slots and daily tasks are used.
    pub account: Account,
    /// The bearer token; empty for engines that need none.
    pub token: SecretString,
}

impl Credentials {
    /// For engines that live in this process.
    pub fn local() -> Self {
        Self {
            account: Account::local(),
            token: SecretString::default(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.account)
    }
}

/// What is asked of an engine.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Our key, `<item>/<attempt>`, sent along so that the task can be recognised in a list.
    pub client_ref: String,
    /// 1…2³¹−1.
    pub seed: i32,
    /// Never empty.
    pub prompt: String,
    /// May be empty.
    pub negative_prompt: String,
    /// The source image.
    pub image: Source,
    /// The audio.
    pub audio: Source,
}

/// A reader of a stored file.
pub type SourceReader = Pin<Box<dyn AsyncRead + Send>>;

/// Opens a stored file; a request that is sent again opens it again.
#[async_trait]
pub trait OpenSource: Send + Sync {
    /// A reader at the first byte.
    async fn open(&self) -> io::Result<SourceReader>;
}

/// A stored file, given as something that can be opened for reading.
#[derive(Clone)]
pub struct Source {
    /// Exactly what a reader will give.
    pub size_bytes: u64,
    /// IANA media type, by content.
    pub media_type: String,
    /// How to read it.
    pub opener: Arc<dyn OpenSource>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.media_type, self.size_bytes)
    }
}

/// A task that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// The engine's name for it.
    pub task: TaskId,
    /// How long the engine expects it to wait before it runs, clamped to something sane.
    pub expected_wait: Option<Duration>,
}

/// Why a submit gave no task id.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SubmitError {
    /// Certainly no task: the engine refused.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Certainly no task: the request never reached the engine.
    #[error("not sent: {message}")]
    NotSent {
        /// What went wrong.
        message: String,
    },
    /// Certainly no task: our own copy of a source is gone, or is not what was stored.
    #[error("source lost: {message}")]
    SourceLost {
        /// Which, and what went wrong.
        message: String,
    },
    /// Certainly no task: our own disk does not give a source just now; whether it is whole is not known.
    #[error("source not readable now: {message}")]
    SourceUnreadable {
        /// Which, and what went wrong.
        message: String,
    },
    /// There may be a task; only the account's list can tell.
    #[error("no definite answer: {message}")]
    Unresolved {
        /// What came instead of an answer.
        message: String,
    },
}

impl SubmitError {
    /// What an error of reading our own copy means: a file that is gone or is another stays so, everything else (too many
    /// open files, a disk that was unmounted) is the machine's trouble and not the item's.
    pub fn of_source(kind: io::ErrorKind, message: String) -> Self {
        use io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
        match kind {
            NotFound | InvalidData | UnexpectedEof => Self::SourceLost { message },
            _ => Self::SourceUnreadable { message },
        }
    }
}

/// A definite refusal of a submit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The token, not the item (401).
    #[error("token refused: {message}")]
    Token {
        /// The upstream's words.
        message: String,
    },
    /// Wrong base URL or a newer server (403, 404, 405).
    #[error("unavailable: {message}")]
    Unavailable {
        /// The upstream's words.
        message: String,
    },
    /// Submits came too fast (400 `visit too frequently`).
    #[error("too fast: {message}")]
    Pace {
        /// The upstream's words.
        message: String,
    },
    /// All slots of the account are taken (400 `too many active tasks`).
    #[error("no slot: {message}")]
    Slots {
        /// The upstream's words.
        message: String,
        /// Active tasks and their limit, where the answer names them.
        counts: Option<(u32, u32)>,
    },
    /// The account's tasks of a rolling 24 h are used up (400 `too many daily tasks`).
    #[error("daily limit: {message}")]
    Daily {
        /// The upstream's words.
        message: String,
        /// Tasks and their limit, where the answer names them.
        counts: Option<(u32, u32)>,
    },
    /// Full (500 `Queue busy`), or 429.
    #[error("busy: {message}")]
    Busy {
        /// The upstream's words.
        message: String,
        /// How long it asks us to wait, at most a day.
        retry_after: Option<Duration>,
    },
    /// What we sent cannot be used; sending it again cannot help.
    #[error("bad input: {message}")]
    BadInput {
        /// The upstream's words.
        message: String,
    },
}

/// What an engine says of one task it was asked about.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryAnswer {
    /// It knows the task.
    Task(TaskReport),
    /// This account does not know it: deleted, or another account's.
    Unknown,
}

/// A task as the engine sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskReport {
    /// The engine's name for it.
    pub task: TaskId,
    /// Our key, where it was echoed.
    pub client_ref: Option<String>,
    /// The seed, where it was echoed.
    pub seed: Option<i64>,
    /// When the task was made, where that can be told.
    pub created: Option<Timestamp>,
    /// What it is doing.
    pub state: TaskState,
}

/// What a task is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskState {
    /// Waiting at the engine.
    Queued {
        /// Tasks ahead of it.
        position: Option<u32>,
        /// Until it runs; clamped, absent when unknown.
        expected_wait: Option<Duration>,
    },
    /// Being made.
    Running {
        /// Time it has run, as the engine tells it.
        elapsed: Option<Duration>,
        /// The whole run; clamped, absent when unknown.
        expected_run: Option<Duration>,
        /// 0…1, where the engine knows it exactly.
        progress: Option<f32>,
    },
    /// The video can be fetched.
    Succeeded,
    /// It ended without a video.
    Failed {
        /// The engine's words, at most 1 KiB.
        message: String,
        /// Whether another attempt may mend it (a lost worker).
        worker_lost: bool,
    },
    /// Somebody ended it.
    Cancelled,
}

impl TaskState {
    /// Whether the task still holds a slot of its account.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Queued { .. } | Self::Running { .. })
    }
}

/// A page of an account's tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPage {
    /// Newest first.
    pub tasks: Vec<TaskReport>,
    /// Whether older ones follow on the next page.
    pub has_more: bool,
}

/// The answer to a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It will end, or has.
    Accepted,
    /// It had ended before; query it and believe that.
    NotActive,
    /// The account does not know it, or the answer was not clear: query it.
    Unclear,
}

/// Why a call that reads gave nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The token, not the task (401).
    #[error("token refused: {message}")]
    Token {
        /// The upstream's words.
        message: String,
    },
    /// Wrong base URL or a newer server (403, 404, 405).
    #[error("unavailable: {message}")]
    Unavailable {
        /// The upstream's words.
        message: String,
    },
    /// This account does not know the task.
    #[error("unknown task: {message}")]
    Unknown {
        /// The upstream's words.
        message: String,
    },
    /// 429, with how long to wait where it was said.
    #[error("busy: {message}")]
    Busy {
        /// The upstream's words.
        message: String,
        /// At most a day.
        retry_after: Option<Duration>,
    },
    /// Connection refused, reset, time-out, other 5xx, half an answer, not JSON: try again.
    #[error("{message}")]
    Weather {
        /// What happened.
        message: String,
        /// Whether the upstream was reached at all.
        reached: bool,
    },
}

/// Where a fetched video goes.
#[async_trait]
pub trait VideoSink: Send {
    /// Called once before the first byte, with the length where it is known. What an earlier, broken fetch
    /// left is thrown away. An error refuses the video (too large, no room).
    async fn start(&mut self, total_bytes: Option<u64>) -> io::Result<()>;

    /// The next bytes.
    async fn write(&mut self, chunk: Bytes) -> io::Result<()>;
}

/// Why a fetch gave no whole video.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The upstream or the way to it.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Fewer bytes came than were promised, or the connection broke in the middle.
    #[error("cut off after {received} bytes: {message}")]
    CutOff {
        /// Bytes that came.
        received: u64,
        /// What happened.
        message: String,
    },
    /// Our own side could not keep the bytes.
    #[error("cannot keep the video: {0}")]
    Sink(#[from] io::Error),
}
