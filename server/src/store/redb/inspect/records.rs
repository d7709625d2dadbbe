//! Requests, audit events, tokens, and the sums over everything.

use redb::ReadableTableMetadata;

use crate::domain::books::Check;
use crate::domain::ids::{Account, RequestId};
use crate::store::{Made, StoreError};

use super::super::error::failed;
use super::super::{decode, load};
use super::{Walk, rows};

impl Walk {
    pub(super) fn requests(&mut self) -> Result<(), StoreError> {
        let mut count = 0;
        for row in rows(&self.tables.requests)? {
            let (key, value) = row.map_err(failed)?;
            let (user, method, id) = key.value();
            count += 1;
            let id = RequestId(uuid::Uuid::from_u128(id));
            let place = format!("request {id} ({method} by user {})", load::user_id(user));
            let recorded = load::decoded(&place, value.value(), decode::request);
            let Some(recorded) = self.read(recorded)? else {
                continue;
            };
            if self.tables.users.get(user).map_err(failed)?.is_none() {
                self.differ(Check::Reference, &place, "its user does not exist");
            }
            self.made(&place, &recorded.made)?;
        }
        self.inspector.compared("requests", count);
        Ok(())
    }

    /// That what a request made is there.
    fn made(&mut self, place: &str, made: &Made) -> Result<(), StoreError> {
        let tables = &self.tables;
        let has_batch = |id: u128| -> Result<bool, StoreError> {
            Ok(tables.batches.get(id).map_err(failed)?.is_some()
                || tables.tombstones.get(id).map_err(failed)?.is_some())
        };
        let mut missing = Vec::new();
        match made {
            Made::Batch(batch) => {
                if !has_batch(batch.0.as_u128())? {
                    missing.push(format!("batch {batch}"));
                }
            }
            Made::Rounds(batch, items) => {
                if !has_batch(batch.0.as_u128())? {
                    missing.push(format!("batch {batch}"));
                }
                for item in items {
                    let found = load::place(&tables.places, *item)?;
                    let of = match found {
                        Some((of, _)) => Some(of),
                        None => self.deleted_item(*item)?,
                    };
                    if of != Some(*batch) {
                        missing.push(format!("item {item} of batch {batch}"));
                    }
                }
            }
            Made::Entry(user, sequence) => {
                let entry = tables.entries.get((user.0.as_u128(), *sequence));
                if entry.map_err(failed)?.is_none() {
                    missing.push(format!("entry {user}/{sequence}"));
                }
            }
        }
        for what in missing {
            let words = format!("it made {what}, which does not exist");
            self.differ(Check::Reference, place, words);
        }
        Ok(())
    }

    pub(super) fn tokens(&mut self) -> Result<(), StoreError> {
        let mut current = 0;
        for row in rows(&self.tables.tokens)? {
            let (key, value) = row.map_err(failed)?;
            let account = Account(key.value().to_owned());
            let token = load::decoded(format_args!("tokens {account}"), value.value(), |record| {
                decode::token(account.clone(), record)
            });
            current += u64::from(self.read(token)?.is_some_and(|token| token.current));
        }
        if current > 1 {
            let words = format!("{current} tokens are said to be the current one");
            self.differ(Check::Index, "tokens", words);
        }
        Ok(())
    }

    /// The sums, the dispatcher's settings, and the audit, whose sequence is one of the sums.
    pub(super) fn totals(&mut self) -> Result<(), StoreError> {
        let settings = match self.tables.singles.get(load::DISPATCH).map_err(failed)? {
            Some(guard) => load::decoded(load::DISPATCH, guard.value(), decode::dispatch),
            None => Err(super::super::error::corrupt(
                load::DISPATCH,
                "it is missing",
            )),
        };
        self.read(settings)?;
        let last = self.audit()?;
        let totals = load::totals(&self.tables.singles);
        let Some(totals) = self.read(totals)? else {
            return Ok(());
        };
        for (what, said, counted) in [
            ("users", totals.users, self.found.users),
            ("batches", totals.batches, self.found.batches),
            ("items", totals.items, self.found.items),
            ("the newest audit event", totals.audit_sequence, last),
        ] {
            if said != counted {
                let words = format!("it says {said}, a recount gives {counted}");
                self.differ(Check::Counts, format_args!("totals, {what}"), words);
            }
        }
        let found = &self.found.sums;
        let (said, counted) = (totals.items_by_state(), found.items_by_state());
        // Items of a batch that does not read cannot be told apart; that is a difference already.
        let words = format!("it says {said:?}, a recount gives {counted:?}");
        if said != counted {
            self.differ(Check::Counts, "totals, items by state", words);
        }
        let (said, counted) = (totals.credits(), self.found.sums.credits());
        if said != counted {
            let words = format!("it says {said:?}, a recount gives {counted:?}");
            self.differ(Check::Counts, "totals, credits", words);
        }
        Ok(())
    }

    /// The audit, without gaps. Answers the newest sequence.
    fn audit(&mut self) -> Result<u64, StoreError> {
        let mut last = 0;
        for row in rows(&self.tables.audit)? {
            let (key, value) = row.map_err(failed)?;
            let sequence = key.value();
            let place = format!("audit {sequence}");
            if sequence != last + 1 {
                let words = format!("the one before is {last}");
                self.differ(Check::Index, &place, words);
            }
            last = sequence;
            let event = load::decoded(&place, value.value(), |record| {
                decode::audit(sequence, record)
            });
            self.read(event)?;
        }
        let count = self.tables.audit.len().map_err(failed)?;
        self.inspector.compared("audit events", count);
        Ok(last)
    }
}
