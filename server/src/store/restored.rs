//! What a restored copy asks of the store, and is answered.

use jiff::Timestamp;

use crate::domain::ids::{Account, ClientRef, InstanceId, TaskId};
use crate::domain::transition::TaskStanding;

/// A copy that was restored.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The state is of this time.
    pub backup_time: Timestamp,
    /// Settings that end with the other life: secrets that tokens were signed with.
    pub ended_settings: Vec<String>,
    /// What the audit says of it.
    pub detail: String,
    /// When.
    pub now: Timestamp,
}

/// An account's list, as far as its tasks may be ours.
#[derive(Debug, Clone)]
pub struct MatchList {
    /// Whose list.
    pub account: Account,
    /// Its tasks that carry our key, in any order.
    pub tasks: Vec<ListedTask>,
    /// Those whose key was stripped, with their seeds: looked for among the items that wait or run.
    pub keyless: Vec<(i64, KeylessTask)>,
    /// Tasks made before this time are history, unless their attempt is newer than what the item knows.
    pub since: Timestamp,
    /// This start of the server.
    pub instance: InstanceId,
    /// When.
    pub now: Timestamp,
}

/// A task of a list that carries our key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTask {
    /// The attempt that it was made for.
    pub key: ClientRef,
    /// The engine's name for it.
    pub task: TaskId,
    /// When it was made, where that is known.
    pub created: Option<Timestamp>,
    /// How far it is.
    pub standing: TaskStanding,
}

/// A task that was listed without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeylessTask {
    /// The engine's name for it.
    pub task: TaskId,
    /// When it was made, where that is known.
    pub created: Option<Timestamp>,
    /// How far it is.
    pub standing: TaskStanding,
}

/// What matching a list came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Matched {
    /// Items that go on with a task of the other life.
    pub taken_over: usize,
    /// Tasks of the other life that should end.
    pub cleanups: usize,
    /// Tasks of items that this copy does not have: made after the backup, or deleted.
    pub unknown: usize,
}
