//! The audit: who changed what, and who was refused, one record each; a change's is written in the transaction that
//! makes it.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use super::batch::Batch;
use super::key::ApiKey;
use super::ledger::Actor;
use super::user::User;

/// One thing someone did or tried to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// 1 for the first, without gaps.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// Who, and from where.
    pub actor: Actor,
    /// What, as `noun.verb`: `batch.create`, `credits.adjust`.
    pub action: String,
    /// On what; absent when on nothing in particular.
    pub target: Option<Target>,
    /// How it came out.
    pub outcome: Outcome,
    /// What is worth knowing besides, never a secret.
    pub detail: String,
}

/// How something came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// It was refused, by right, rule or limit.
    Refused,
    /// It was allowed and did not work.
    Failed,
}

/// Sorts of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetKind {
    /// A user account.
    User,
    /// A batch.
    Batch,
    /// An item.
    Item,
    /// An API key or an SSH key.
    Key,
    /// The dispatcher's settings.
    Dispatch,
    /// An upstream account.
    Upstream,
    /// The server as a whole.
    System,
}

impl TargetKind {
    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Batch => "batch",
            Self::Item => "item",
            Self::Key => "key",
            Self::Dispatch => "dispatch",
            Self::Upstream => "upstream",
            Self::System => "system",
        }
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Sort of object.
    pub kind: TargetKind,
    /// Its id; empty when there is only one of its sort, or when the record is older than ids in it.
    pub id: String,
    /// Its name at that time; may be empty.
    pub name: String,
}

impl Target {
    /// One of its sort.
    pub fn new(kind: TargetKind, id: impl fmt::Display, name: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.to_string(),
            name: name.into(),
        }
    }

    /// A user.
    pub fn user(user: &User) -> Self {
        Self::new(TargetKind::User, user.id, &user.username)
    }

    /// A batch.
    pub fn batch(batch: &Batch) -> Self {
        Self::new(TargetKind::Batch, batch.id, &batch.name)
    }

    /// An API key.
    pub fn key(key: &ApiKey) -> Self {
        Self::new(TargetKind::Key, key.id, &key.name)
    }

    /// The only one of its sort.
    pub fn only(kind: TargetKind) -> Self {
        Self::new(kind, "", "")
    }
}

impl AuditEvent {
    /// Its id, a UUIDv7: made of time and sequence, which no other event shares, so it is not stored.
    pub fn id(&self) -> Uuid {
        let millis = u64::try_from(self.time.as_millisecond()).unwrap_or_default();
        let mut rest = [0; 10];
        rest[2..].copy_from_slice(&self.sequence.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn event(sequence: u64, second: i64) -> AuditEvent {
        AuditEvent {
            sequence,
            time: Timestamp::from_second(second).unwrap(),
            actor: Actor::System,
            action: "a.b".to_owned(),
            target: None,
            outcome: Outcome::Succeeded,
            detail: String::new(),
        }
    }

    #[test]
    fn ids_rise_with_the_record_and_are_their_events_own() {
        let ids: Vec<Uuid> = [(1, 9), (2, 9), (300, 9), (301, 10)]
            .map(|(sequence, second)| event(sequence, second).id())
            .to_vec();
        assert!(ids.is_sorted());
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(event(2, 9).id(), ids[1]);
    }
}
