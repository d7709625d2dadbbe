//! What an upstream has seen.

use std::collections::BTreeMap;
use std::time::Duration;

use super::faults::Call;

/// The two hosts of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// The API and relative results.
    Api,
    /// Presigned addresses.
    Bucket,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Which.
    pub call: Call,
    /// The verb it came with.
    pub verb: String,
    /// At which host.
    pub host: Host,
    /// Since the start.
    pub at: Duration,
    /// Whose token it had, where it had a good one.
    pub account: Option<String>,
    /// Whether it had an `Authorization` header, good or bad.
    pub authorization: bool,
    /// All header names, in lower case.
    pub header_names: Vec<String>,
    /// `Content-Length` of the request, where there was one.
    pub content_length: Option<u64>,
    /// The task or tasks in the query.
    pub task: Option<String>,
    /// The status that was answered; absent where there was no answer (yet).
    pub status: Option<u16>,
    /// Which connection it came over, counted over both hosts; 0 without sockets.
    pub connection: u64,
}

/// Why a submit made no task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusedSubmit {
    /// The token.
    Token,
    /// The pace.
    Pace,
    /// The active tasks.
    Active,
    /// The tasks of 24 h.
    Daily,
    /// What was sent.
    BadInput,
    /// A scripted fault.
    Scripted,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// In the order of their arrival.
    pub calls: Vec<CallRecord>,
    /// Submits that made a task, those whose answer was lost included.
    pub accepted: usize,
    /// Submits that made none.
    pub refused: BTreeMap<RefusedSubmit, usize>,
}

impl Book {
    /// How often a call was made.
    pub fn count(&self, call: Call) -> usize {
        self.calls
            .iter()
            .filter(|record| record.call == call)
            .count()
    }

    /// How many submits were refused for a reason.
    pub fn refused(&self, reason: RefusedSubmit) -> usize {
        self.refused.get(&reason).copied().unwrap_or_default()
    }

    pub(super) fn refuse(&mut self, reason: RefusedSubmit) {
        *self.refused.entry(reason).or_default() += 1;
    }
}
