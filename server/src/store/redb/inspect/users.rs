//! Users, their names, their ledgers.

use crate::domain::books::Check;
use crate::domain::ids::UserId;
use crate::domain::ledger::Entry;
use crate::store::StoreError;

use super::super::code::Coded;
use super::super::error::failed;
use super::super::{decode, load};
use super::{Walk, has_strays, rows, unless_corrupt};

impl Walk {
    pub(super) fn users(&mut self) -> Result<(), StoreError> {
        for row in rows(&self.tables.users)? {
            let (key, value) = row.map_err(failed)?;
            self.go_on()?;
            let id = load::user_id(key.value());
            self.found.users += 1;
            self.entries(id)?;
            let user = load::decoded(format_args!("users {id}"), value.value(), decode::user);
            let Some(user) = self.read(user)? else {
                continue;
            };
            let place = format!("user {id} ({})", user.username);
            if user.id != id {
                self.differ(Check::Record, &place, format!("its id says {}", user.id));
            }
            let name = self.tables.user_names.get(user.username.as_str());
            let named = name.map_err(failed)?.map(|guard| guard.value());
            let is_named = named == Some(id.0.as_u128());
            self.expect(
                is_named,
                |found| &mut found.user_names,
                &place,
                "user_names",
            );
            self.inspector.user(&user);
        }
        self.stray_names()?;
        self.stray_entries()
    }

    /// The entries of one user, by sequence, each against the index of rounds.
    fn entries(&mut self, user: UserId) -> Result<(), StoreError> {
        let key = user.0.as_u128();
        for row in self
            .tables
            .entries
            .range((key, 0)..=(key, u64::MAX))
            .map_err(failed)?
        {
            let (key, value) = row.map_err(failed)?;
            let sequence = key.value().1;
            self.found.entries += 1;
            let place = format!("entries {user}/{sequence}");
            let entry = load::decoded(&place, value.value(), |record| {
                decode::entry(user, sequence, record)
            });
            let Some(entry) = self.read(entry)? else {
                continue;
            };
            self.found.sums.post(entry.kind, entry.delta);
            self.round_of(&entry)?;
            self.inspector.entry(&entry);
        }
        Ok(())
    }

    /// The index of rounds makes a charge and a refund unique: what it does not know may be a second one.
    fn round_of(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let Some(about) = entry.subject else {
            return Ok(());
        };
        let place = format!("entry {}/{}", entry.user, entry.sequence);
        if !self.has_item(about.item)? {
            self.differ(
                Check::Reference,
                &place,
                format!("it is about item {}, which does not exist", about.item),
            );
        }
        let key = (about.item.0.as_u128(), about.round, entry.kind.code());
        let indexed = self.tables.rounds.get(key).map_err(failed)?;
        match indexed.map(|guard| guard.value()) {
            Some(sequence) if sequence == entry.sequence => {}
            Some(sequence) => self.differ(
                Check::Rounds,
                &place,
                format!(
                    "a second {:?} of round {} of item {}: entry {sequence} is the first",
                    entry.kind, about.round, about.item
                ),
            ),
            None => self.differ(
                Check::Index,
                &place,
                format!(
                    "the {:?} of round {} of item {} is missing in the index `rounds`",
                    entry.kind, about.round, about.item
                ),
            ),
        }
        Ok(())
    }

    fn stray_names(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.user_names, self.found.user_names)? {
            return Ok(());
        }
        for row in rows(&self.tables.user_names)? {
            let (name, id) = row.map_err(failed)?;
            let (name, id) = (name.value().to_owned(), load::user_id(id.value()));
            let user = unless_corrupt(load::user(&self.tables.users, id))?.flatten();
            if user.is_none_or(|user| user.username != name) {
                self.differ(
                    Check::Index,
                    format_args!("user_names {name}"),
                    format!("user {id} does not have that name"),
                );
            }
        }
        Ok(())
    }

    fn stray_entries(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.entries, self.found.entries)? {
            return Ok(());
        }
        let mut from = 0;
        while let Some(row) = self
            .tables
            .entries
            .range((from, 0)..)
            .map_err(failed)?
            .next()
        {
            let (user, sequence) = row.map_err(failed)?.0.value();
            if self.tables.users.get(user).map_err(failed)?.is_none() {
                let id = load::user_id(user);
                self.differ(
                    Check::Reference,
                    format_args!("entry {id}/{sequence}"),
                    "it and those after it are of a user who does not exist",
                );
            }
            match user.checked_add(1) {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(())
    }
}
