//! What a copy restored from a backup has to remember: its data had another life, which went on after the backup.
//!
//! That life may have submitted tasks for items which this copy believes not to be submitted. Until an account's list
//! was matched against them, nothing is submitted that could be one of those a second time.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::ids::{Account, BatchId};

/// The mark of a restored copy; it stays for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The state that was restored is of this time, by the clock of the machine that wrote it. Of a copy of a copy, the
    /// oldest such time.
    pub backup_time: Timestamp,
    /// When it was restored.
    pub restore_time: Timestamp,
    /// The account on which the other life submitted, as far as the backup knows.
    pub submitting_account: Option<Account>,
    /// The newest batch that the other life may know too.
    pub newest_batch: Option<BatchId>,
    /// Accounts whose lists were matched.
    pub matched: BTreeSet<Account>,
}

impl Restored {
    /// Whether what the other life submitted on an account is known.
    pub fn is_matched(&self, account: &Account) -> bool {
        self.matched.contains(account)
    }

    /// The account that the other life submitted on, while its list was not matched.
    pub fn unmatched_submitter(&self) -> Option<&Account> {
        let account = self.submitting_account.as_ref()?;
        (!self.is_matched(account)).then_some(account)
    }
}
