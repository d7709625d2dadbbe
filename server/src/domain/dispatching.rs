//! The dispatcher's settings and its upstream tokens, as they persist.

use jiff::Timestamp;

use super::ids::Account;
use super::ledger::Actor;

/// Whether items are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DispatchState {
    /// Items are claimed as slots come free.
    Running,
    /// None is claimed; what runs is followed to its end.
    Paused,
    /// As paused, before a planned end of the server.
    Draining,
}

/// Most concurrent upstream tasks that can be set.
pub const MAX_CONCURRENCY: u32 = 1_000;

/// Concurrent upstream tasks unless told otherwise: the active tasks of one account in the upstream's sample
/// configuration.
pub const DEFAULT_CONCURRENCY: u32 = 3;

/// What an administrator has set; it persists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispatchSettings {
    /// Whether items are claimed.
    pub state: DispatchState,
    /// Concurrent upstream tasks, 1…[`MAX_CONCURRENCY`].
    pub concurrency: u32,
    /// Who changed it last.
    pub changed_by: Actor,
    /// When.
    pub change_time: Timestamp,
}

/// A token of an upstream account, kept while anything of that account needs it.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamToken {
    /// Whose it is.
    pub account: Account,
    /// The secret itself.
    pub token: String,
    /// When it was set.
    pub set_time: Timestamp,
    /// New tasks are submitted with this one.
    pub current: bool,
    /// Since when the upstream has refused it, if it does.
    pub refused_since: Option<Timestamp>,
}

impl std::fmt::Debug for UpstreamToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "UpstreamToken({}, current: {})",
            self.account, self.current
        )
    }
}
