//! The ledger: every change of a balance, one entry each, never altered.
//!
//! Invariants: a user's balance is the sum of the entries' deltas and never negative; there is at most one entry
//! for each (item, round, kind).

use std::net::IpAddr;

use jiff::Timestamp;

use super::ids::{BatchId, EntryId, ItemId, RoundNumber, UserId};
use super::user::{Credits, MAX_CREDITS};

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// The credits an account starts with.
    Grant,
    /// A round of an item.
    Charge,
    /// A round that ended FAILED or CANCELLED.
    Refund,
    /// A change by an administrator.
    Adjustment,
}

/// Who did something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The server itself.
    System,
    /// A user, by id and name at that time.
    User {
        /// Who.
        id: UserId,
        /// The username.
        name: String,
        /// The network address of the call; absent when it came from within the server's own process.
        address: Option<IpAddr>,
    },
    /// The owner of the server, by a command on the same machine.
    Owner,
    /// Nobody known: a refused sign-in.
    Anonymous {
        /// The network address of the call, where there is one.
        address: Option<IpAddr>,
    },
}

impl Actor {
    /// The network address it came from; absent for the server's own doings and commands on the same machine.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::User { address, .. } | Self::Anonymous { address } => *address,
            Self::System | Self::Owner => None,
        }
    }

    /// The user, where it is one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// The item and round that an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The batch.
    pub batch: BatchId,
    /// The item.
    pub item: ItemId,
    /// The round that was charged or refunded.
    pub round: RoundNumber,
}

/// One change of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Whose balance.
    pub user: UserId,
    /// 1 for the user's first entry, without gaps.
    pub sequence: u64,
    /// What for.
    pub kind: EntryKind,
    /// Added to the balance; negative for a charge, never zero.
    pub delta: Credits,
    /// The balance with this entry.
    pub balance_after: Credits,
    /// The item and round, for charges and refunds.
    pub subject: Option<Subject>,
    /// Who caused it.
    pub actor: Actor,
    /// Words of the administrator, at most 500 characters.
    pub note: String,
    /// When it was committed.
    pub create_time: Timestamp,
}

/// The balance cannot change so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BalanceError {
    /// It would be negative.
    #[error("{required} credits are needed, {available} are there")]
    Insufficient {
        /// What was to be taken.
        required: Credits,
        /// What is there.
        available: Credits,
    },
    /// It would pass [`MAX_CREDITS`].
    #[error("a balance is at most {MAX_CREDITS}")]
    TooLarge,
}

/// The balance after `delta`, or why it cannot be.
pub fn balance_after(balance: Credits, delta: Credits) -> Result<Credits, BalanceError> {
    match balance.checked_add(delta) {
        Some(after) if after < 0 => Err(BalanceError::Insufficient {
            required: delta.saturating_neg(),
            available: balance,
        }),
        // Refunds may have brought it above the bound; taking from it, or nothing at all, is never too much.
        Some(after) if after <= MAX_CREDITS || delta <= 0 => Ok(after),
        _ => Err(BalanceError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_never_negative_nor_beyond_its_bound() {
        assert_eq!(balance_after(5, -5), Ok(0));
        assert_eq!(
            balance_after(5, -6),
            Err(BalanceError::Insufficient {
                required: 6,
                available: 5
            })
        );
        assert_eq!(balance_after(MAX_CREDITS, 1), Err(BalanceError::TooLarge));
        assert_eq!(balance_after(5, i32::MAX), Err(BalanceError::TooLarge));
        assert!(balance_after(0, i32::MIN).is_err());
    }
}
