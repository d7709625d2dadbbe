//! The audit: who changed what, one record each, written in the transaction that made the change.

use jiff::Timestamp;

use super::ledger::Actor;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// 1 for the first, without gaps.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What, as `noun.verb`: `batch.create`, `credits.adjust`.
    pub action: String,
    /// On what: an id or a name.
    pub target: String,
    /// What is worth knowing besides, never a secret.
    pub detail: String,
}
