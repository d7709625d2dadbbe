//! What a copy restored from a backup has to remember: its data had another life, which went on after the backup.
//!
//! That life may have submitted tasks for items which this copy believes not to be submitted. Until an account's list
//! was matched against them, nothing is submitted that could be one of those a second time.

use std::collections::{BTreeMap, BTreeSet};

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
    /// Of a copy of a copy: what lives before the other one submitted on, as far as it had not found that out itself.
    pub earlier: Vec<EarlierLife>,
    /// Accounts whose lists were matched.
    pub matched: BTreeSet<Account>,
}

/// A life before the one that was copied, whose account's list that one had not matched yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierLife {
    /// The account on which it submitted.
    pub account: Account,
    /// The newest batch that it may know.
    pub newest_batch: BatchId,
}

impl Restored {
    /// Whether what the other life submitted on an account is known.
    pub fn is_matched(&self, account: &Account) -> bool {
        self.matched.contains(account)
    }

    /// The accounts that other lives submitted on and whose lists were not matched, each with the newest batch that was
    /// known there. A life that knew no batch has submitted nothing.
    pub fn unmatched_submitters(&self) -> impl Iterator<Item = (&Account, BatchId)> {
        let other = self.submitting_account.as_ref().zip(self.newest_batch);
        let earlier = self.earlier.iter();
        other
            .into_iter()
            .chain(earlier.map(|life| (&life.account, life.newest_batch)))
            .filter(|(account, _)| !self.is_matched(account))
    }

    /// The mark that a copy of this copy inherits in `earlier`: one life an account, the newest batch of each.
    pub fn inherited(&self) -> Vec<EarlierLife> {
        let mut newest = BTreeMap::<&Account, BatchId>::new();
        for (account, batch) in self.unmatched_submitters() {
            let known = newest.entry(account).or_insert(batch);
            *known = batch.max(*known);
        }
        let lives = newest.into_iter();
        lives
            .map(|(account, newest_batch)| EarlierLife {
                account: account.clone(),
                newest_batch,
            })
            .collect()
    }
}
