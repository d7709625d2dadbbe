//! Ledger entries, as the contract says them.

use vision_batch::v1;

use super::{count, id, optional_id, time, wide};
use crate::domain::ledger::{Actor, Entry, EntryKind};
use crate::service::Caller;
use crate::service::admin::ledger::{LedgerFilter, LedgerLine, Whose};
use crate::service::error::ServiceError;

/// An entry with the names that belong to it.
pub fn line(line: LedgerLine) -> v1::LedgerEntry {
    v1::LedgerEntry {
        batch_name: line.batch_name,
        item_position: line.item_position.map(count),
        ..entry(line.entry, line.username)
    }
}

/// An entry of the user of that name.
pub fn entry(entry: Entry, username: String) -> v1::LedgerEntry {
    let subject = entry.subject;
    v1::LedgerEntry {
        id: entry.id.to_string(),
        sequence: wide(entry.sequence),
        commit_sequence: entry.create_time.as_microsecond().max(1),
        user_id: entry.user.to_string(),
        username,
        kind: kind(entry.kind).into(),
        delta: entry.delta,
        balance_after: entry.balance_after,
        batch_id: subject.map(|subject| subject.batch.to_string()),
        batch_name: None,
        item_id: subject.map(|subject| subject.item.to_string()),
        item_position: None,
        round: subject.map(|subject| count(subject.round)),
        actor: Some(actor(entry.actor)),
        note: entry.note,
        create_time: Some(time(entry.create_time)),
    }
}

/// Who did something.
pub fn actor(actor: Actor) -> v1::Actor {
    match actor {
        Actor::System => v1::Actor {
            kind: v1::actor::Kind::System.into(),
            id: String::new(),
            name: "system".to_owned(),
        },
        Actor::User { id, name, .. } => v1::Actor {
            kind: v1::actor::Kind::User.into(),
            id: id.to_string(),
            name,
        },
        Actor::Owner => v1::Actor {
            kind: v1::actor::Kind::Owner.into(),
            id: String::new(),
            name: "owner".to_owned(),
        },
        Actor::Anonymous { .. } => v1::Actor {
            kind: v1::actor::Kind::Anonymous.into(),
            id: String::new(),
            name: "anonymous".to_owned(),
        },
    }
}

fn kind(kind: EntryKind) -> v1::ledger_entry::Kind {
    match kind {
        EntryKind::Grant => v1::ledger_entry::Kind::Grant,
        EntryKind::Charge => v1::ledger_entry::Kind::Charge,
        EntryKind::Refund => v1::ledger_entry::Kind::Refund,
        EntryKind::Adjustment => v1::ledger_entry::Kind::Adjustment,
    }
}

/// Which entries a request asks for: of the caller, of one user, or, by a hyphen, of everyone.
///
/// # Errors
///
/// FIELD_INVALID.
pub fn read_filter(
    request: &v1::ListLedgerEntriesRequest,
    caller: &Caller,
) -> Result<LedgerFilter, ServiceError> {
    let whose = match request.user_id.as_str() {
        "" => Whose::One(caller.user),
        "-" => Whose::Everyone,
        user => Whose::One(id("user_id", user)?),
    };
    let kinds = request.kinds.iter().map(|number| {
        use v1::ledger_entry::Kind;
        match Kind::try_from(*number) {
            Ok(Kind::Grant) => Ok(EntryKind::Grant),
            Ok(Kind::Charge) => Ok(EntryKind::Charge),
            Ok(Kind::Refund) => Ok(EntryKind::Refund),
            Ok(Kind::Adjustment) => Ok(EntryKind::Adjustment),
            Ok(Kind::Unspecified) | Err(_) => Err(ServiceError::field(
                "kinds",
                "There is no such kind of entry.",
            )),
        }
    });
    Ok(LedgerFilter {
        whose,
        batch: optional_id("batch_id", &request.batch_id)?,
        kinds: kinds.collect::<Result<_, _>>()?,
    })
}
