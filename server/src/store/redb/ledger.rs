//! Balances, the ledger, the audit, and requests that must not happen twice.
//!
//! Invariants: a balance changes only together with an entry; a round has at most one charge and one refund.

use jiff::Timestamp;
use prost::Message;
use redb::ReadableTable;

use crate::domain::audit::{AuditEvent, Outcome, Target};
use crate::domain::ids::UserId;
use crate::domain::ledger::{Actor, BalanceError, Entry, EntryKind, Subject, balance_after};
use crate::domain::user::Credits;
use crate::store::{Made, RecordedRequest, Request, RequestKey, StoreError};

use super::code::Coded;
use super::error::{corrupt, failed};
use super::tables::Bytes;
use super::work::Work;
use super::{decode, encode, load};

/// An entry to be made.
pub(super) struct Posting {
    pub user: UserId,
    pub kind: EntryKind,
    pub delta: Credits,
    pub subject: Option<Subject>,
    pub actor: Actor,
    pub note: String,
    pub now: Timestamp,
}

impl Work<'_> {
    /// Changes a balance with an entry. `None` when the same round was charged or refunded before, or when the
    /// difference is zero: nothing is changed then. The caller has seen that the balance allows it.
    pub fn post(&mut self, posting: Posting) -> Result<Option<Entry>, StoreError> {
        let user = self
            .user(posting.user)?
            .ok_or_else(|| corrupt(format_args!("users {}", posting.user), "no such user"))?;
        let sequence = user.ledger_sequence + 1;
        let balance = match posting.kind {
            // What is given back was theirs, even if the balance was set to its bound meanwhile.
            EntryKind::Refund => user
                .credit_balance
                .checked_add(posting.delta)
                .ok_or(BalanceError::TooLarge),
            _ => balance_after(user.credit_balance, posting.delta),
        };
        if posting.delta == 0 {
            return Ok(None);
        }
        if let Some(subject) = posting.subject {
            let key = (subject.item.0.as_u128(), subject.round, posting.kind.code());
            if self.read().rounds.get(key).map_err(failed)?.is_some() {
                tracing::error!(
                    item = %subject.item,
                    round = subject.round,
                    kind = ?posting.kind,
                    "a second ledger entry of a round was not made"
                );
                return Ok(None);
            }
            self.write().rounds.insert(key, sequence).map_err(failed)?;
        }
        let balance = balance.map_err(|error| {
            corrupt(
                format_args!("users {}", posting.user),
                format!("a balance that was checked: {error}"),
            )
        })?;
        let entry = Entry {
            id: self.clock.entry_id(),
            user: posting.user,
            sequence,
            kind: posting.kind,
            delta: posting.delta,
            balance_after: balance,
            subject: posting.subject,
            actor: posting.actor,
            note: posting.note,
            create_time: posting.now,
        };
        let bytes = encode::entry(&entry).encode_to_vec();
        self.write()
            .entries
            .insert((entry.user.0.as_u128(), sequence), bytes.as_slice())
            .map_err(failed)?;
        let user = self.user_mut(posting.user)?;
        user.credit_balance = balance;
        user.ledger_sequence = sequence;
        self.totals().post(entry.kind, entry.delta);
        Ok(Some(entry))
    }

    /// Writes an audit event of something that was done.
    pub fn note(
        &mut self,
        time: Timestamp,
        actor: &Actor,
        action: &str,
        target: Target,
        detail: impl Into<String>,
    ) -> Result<(), StoreError> {
        self.write_audit(AuditEvent {
            sequence: 0,
            time,
            actor: actor.clone(),
            action: action.to_owned(),
            target: Some(target),
            outcome: Outcome::Succeeded,
            detail: detail.into(),
        })
    }

    /// Writes an audit event; its sequence is given here.
    pub fn write_audit(&mut self, event: AuditEvent) -> Result<(), StoreError> {
        let totals = self.totals();
        totals.audit_sequence += 1;
        let sequence = totals.audit_sequence;
        let bytes = encode::audit(&event).encode_to_vec();
        self.write()
            .audit
            .insert(sequence, bytes.as_slice())
            .map_err(failed)?;
        Ok(())
    }

    /// What a request made before. `Err(Reused)` when it had other content.
    pub fn replay(&self, request: Option<&Request>) -> Result<Option<Made>, Replay> {
        let Some(request) = request else {
            return Ok(None);
        };
        match recorded(&self.read().requests, &request.key)? {
            Some(recorded) if recorded.digest == request.digest => Ok(Some(recorded.made)),
            Some(_) => Err(Replay::Reused),
            None => Ok(None),
        }
    }

    /// Remembers what a request made.
    pub fn record(&mut self, request: Option<&Request>, made: Made) -> Result<(), StoreError> {
        let Some(request) = request else {
            return Ok(());
        };
        let record = encode::request(&RecordedRequest {
            digest: request.digest,
            made,
        });
        let bytes = record.encode_to_vec();
        self.write()
            .requests
            .insert(request_key(&request.key), bytes.as_slice())
            .map_err(failed)?;
        Ok(())
    }
}

/// Why a request is not new.
pub(super) enum Replay {
    Reused,
    Store(StoreError),
}

impl From<StoreError> for Replay {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn request_key(key: &RequestKey) -> (u128, &str, u128) {
    (key.user.0.as_u128(), key.method, key.id.0.as_u128())
}

/// What a request made.
pub(super) fn recorded(
    requests: &impl ReadableTable<(u128, &'static str, u128), Bytes>,
    key: &RequestKey,
) -> Result<Option<RecordedRequest>, StoreError> {
    match requests.get(request_key(key)).map_err(failed)? {
        Some(guard) => load::decoded(
            format_args!("requests {} {} {}", key.user, key.method, key.id),
            guard.value(),
            decode::request,
        )
        .map(Some),
        None => Ok(None),
    }
}

/// Credits of `items` items, or why their owner cannot pay them.
pub(super) fn affordable(
    balance: Credits,
    charges: impl IntoIterator<Item = Credits>,
) -> Result<Credits, BalanceError> {
    let sum: i64 = charges.into_iter().map(i64::from).sum();
    let required = Credits::try_from(sum).unwrap_or(Credits::MAX);
    balance_after(balance, -required)?;
    Ok(required)
}
