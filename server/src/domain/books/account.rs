//! One user's ledger: every entry follows the one before, and the balance is their sum.

use super::super::ledger::{Entry, EntryKind};
use super::super::user::User;
use super::{Check, Difference};

/// The entries of one user that were read so far.
#[derive(Debug, Default)]
pub struct LedgerSum {
    entries: u64,
    balance: i64,
}

impl LedgerSum {
    /// Takes in the user's next entry, by sequence.
    pub fn entry(&mut self, entry: &Entry, differences: &mut Vec<Difference>) {
        let place = format!("entry {}/{}", entry.user, entry.sequence);
        let mut wrong =
            |words: String| differences.push(Difference::new(Check::Ledger, &place, words));
        let expected = self.entries + 1;
        if entry.sequence != expected {
            wrong(format!("its sequence should be {expected}"));
        }
        // What follows is held against this one, so that one gap is one difference.
        self.entries = entry.sequence;
        self.balance += i64::from(entry.delta);
        if i64::from(entry.balance_after) != self.balance {
            wrong(format!(
                "it says that the balance is {} after it, the entries so far sum up to {}",
                entry.balance_after, self.balance
            ));
        }
        self.balance = i64::from(entry.balance_after);
        if entry.balance_after < 0 {
            wrong(format!("the balance after it is {}", entry.balance_after));
        }
        let of_a_round = matches!(entry.kind, EntryKind::Charge | EntryKind::Refund);
        if of_a_round != entry.subject.is_some() {
            wrong(format!(
                "a {:?} entry {} a round",
                entry.kind,
                if of_a_round { "without" } else { "of" }
            ));
        }
        let fits = match entry.kind {
            EntryKind::Grant | EntryKind::Refund => entry.delta > 0,
            EntryKind::Charge => entry.delta < 0,
            EntryKind::Adjustment => entry.delta != 0,
        };
        if !fits {
            wrong(format!("a {:?} entry of {:+}", entry.kind, entry.delta));
        }
    }

    /// All entries of the user were read.
    pub fn close(self, user: &User, differences: &mut Vec<Difference>) {
        let place = format!("user {}", user.id);
        let mut wrong =
            |words: String| differences.push(Difference::new(Check::Ledger, &place, words));
        if i64::from(user.credit_balance) != self.balance {
            wrong(format!(
                "the balance is {}, the ledger says {}",
                user.credit_balance, self.balance
            ));
        }
        if user.credit_balance < 0 {
            wrong(format!("the balance is {}", user.credit_balance));
        }
        if user.ledger_sequence != self.entries {
            wrong(format!(
                "the newest entry is said to be {}, it is {}",
                user.ledger_sequence, self.entries
            ));
        }
    }
}
