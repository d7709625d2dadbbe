//! One write transaction: the tables, and the batches, users and sums that its operations share.
//!
//! Invariants:
//! - what several operations of one transaction change (a batch, a user, the sums) is read once and written once;
//! - each operation that changes something has a revision of its own, one above the last;
//! - `writes` tells whether an operation has changed anything: one that refuses after it did spoils the
//!   transaction (see `writer`).
//!
//! Not here: the operations themselves, and committing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use prost::Message;
use redb::WriteTransaction;

use crate::clock::Clock;
use crate::domain::batch::Batch;
use crate::domain::ids::{BatchId, UserId};
use crate::domain::item::VideoItem;
use crate::domain::user::User;
use crate::feed::Commit;
use crate::store::StoreError;

use super::error::{corrupt, failed};
use super::expiry::{self, Standing};
use super::lists::Class;
use super::load;
use super::record::TotalsRecord;
use super::tables::Tables;
use super::{encode, lists};

/// A write transaction at work.
pub(super) struct Work<'t> {
    tables: Tables<'t>,
    pub clock: &'t Clock,
    totals: TotalsRecord,
    batches: BTreeMap<BatchId, CachedBatch>,
    users: BTreeMap<UserId, CachedUser>,
    items: BTreeMap<(BatchId, u32), VideoItem>,
    deleted: Vec<(BatchId, UserId)>,
    wakes_dispatch: bool,
    writes: u64,
    revised: bool,
}

struct CachedBatch {
    batch: Batch,
    listed: Option<Class>,
    standing: Standing,
    changed: bool,
}

struct CachedUser {
    user: User,
    changed: bool,
}

impl<'t> Work<'t> {
    pub fn open(transaction: &'t WriteTransaction, clock: &'t Clock) -> Result<Self, StoreError> {
        let tables = Tables::open(transaction)?;
        let totals = load::totals(&tables.singles)?;
        Ok(Self {
            tables,
            clock,
            totals,
            batches: BTreeMap::new(),
            users: BTreeMap::new(),
            items: BTreeMap::new(),
            deleted: Vec::new(),
            wakes_dispatch: false,
            writes: 0,
            revised: false,
        })
    }

    /// The next operation begins.
    pub fn begin_operation(&mut self) {
        self.revised = false;
    }

    /// How often anything was changed.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    pub fn read(&self) -> &Tables<'t> {
        &self.tables
    }

    pub fn write(&mut self) -> &mut Tables<'t> {
        self.revise();
        &mut self.tables
    }

    /// The sums, to be changed.
    pub fn totals(&mut self) -> &mut TotalsRecord {
        self.revise();
        &mut self.totals
    }

    /// The revision of this operation, which from now on is one that changes something.
    pub fn revise(&mut self) -> u64 {
        self.writes += 1;
        if !self.revised {
            self.revised = true;
            self.totals.revision += 1;
        }
        self.totals.revision
    }

    /// The dispatcher may have something to do after this commit.
    pub fn wake_dispatch(&mut self) {
        self.wakes_dispatch = true;
    }

    pub fn user(&mut self, id: UserId) -> Result<Option<&User>, StoreError> {
        Ok(self.cached_user(id)?.map(|cached| &cached.user))
    }

    /// A user who must be there, to be changed.
    pub fn user_mut(&mut self, id: UserId) -> Result<&mut User, StoreError> {
        self.revise();
        let cached = self
            .cached_user(id)?
            .ok_or_else(|| corrupt(format_args!("users {id}"), "no such user"))?;
        cached.changed = true;
        Ok(&mut cached.user)
    }

    fn cached_user(&mut self, id: UserId) -> Result<Option<&mut CachedUser>, StoreError> {
        if !self.users.contains_key(&id) {
            let Some(user) = load::user(&self.tables.users, id)? else {
                return Ok(None);
            };
            self.users.insert(
                id,
                CachedUser {
                    user,
                    changed: false,
                },
            );
        }
        Ok(self.users.get_mut(&id))
    }

    /// Takes in a new user; the caller has seen that the name is free.
    pub fn add_user(&mut self, user: User) -> Result<(), StoreError> {
        let id = user.id;
        self.write()
            .user_names
            .insert(user.username.as_str(), id.0.as_u128())
            .map_err(failed)?;
        self.users.insert(
            id,
            CachedUser {
                user,
                changed: true,
            },
        );
        self.totals().users += 1;
        Ok(())
    }

    pub fn batch(&mut self, id: BatchId) -> Result<Option<&Batch>, StoreError> {
        Ok(self.cached_batch(id)?.map(|cached| &cached.batch))
    }

    /// A batch that something else refers to.
    pub fn known_batch(&mut self, id: BatchId) -> Result<&Batch, StoreError> {
        self.batch(id)?
            .ok_or_else(|| corrupt(format_args!("batches {id}"), "no such batch"))
    }

    /// A batch that must be there, to be changed; it gets the operation's revision.
    pub fn batch_mut(&mut self, id: BatchId) -> Result<&mut Batch, StoreError> {
        let revision = self.revise();
        let cached = self
            .cached_batch(id)?
            .ok_or_else(|| corrupt(format_args!("batches {id}"), "no such batch"))?;
        cached.changed = true;
        cached.batch.revision = revision;
        Ok(&mut cached.batch)
    }

    fn cached_batch(&mut self, id: BatchId) -> Result<Option<&mut CachedBatch>, StoreError> {
        if !self.batches.contains_key(&id) {
            let Some(batch) = load::batch(&self.tables.batches, &self.tables.progress, id)? else {
                return Ok(None);
            };
            let listed = Some(Class::of(&batch));
            let standing = Standing::of(&batch);
            self.batches.insert(
                id,
                CachedBatch {
                    batch,
                    listed,
                    standing,
                    changed: false,
                },
            );
        }
        Ok(self.batches.get_mut(&id))
    }

    /// Takes in a new batch.
    pub fn add_batch(&mut self, mut batch: Batch) -> Result<(), StoreError> {
        batch.revision = self.revise();
        let fixed = encode::batch(&batch).encode_to_vec();
        self.tables
            .batches
            .insert(batch.id.0.as_u128(), fixed.as_slice())
            .map_err(failed)?;
        self.totals.batches += 1;
        self.batches.insert(
            batch.id,
            CachedBatch {
                batch,
                listed: None,
                standing: Standing::default(),
                changed: true,
            },
        );
        Ok(())
    }

    /// Takes a batch out of everything that is kept by batch; its items are the caller's matter.
    pub fn remove_batch(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let (listed, standing) = match self.batches.remove(&batch.id) {
            Some(cached) => (cached.listed, cached.standing),
            None => (Some(Class::of(batch)), Standing::of(batch)),
        };
        self.items.retain(|(owner, _), _| *owner != batch.id);
        let key = batch.id.0.as_u128();
        let tables = self.write();
        tables.batches.remove(key).map_err(failed)?;
        tables.progress.remove(key).map_err(failed)?;
        lists::leave(tables, batch, listed)?;
        expiry::follow(tables, batch.id, standing, Standing::default())?;
        self.deleted.push((batch.id, batch.owner));
        Ok(())
    }

    /// Writes an item, with the operation's revision, and keeps it for the feed.
    pub fn put_item(&mut self, mut item: VideoItem) -> Result<VideoItem, StoreError> {
        item.revision = self.revise();
        let bytes = encode::item(&item).encode_to_vec();
        self.tables
            .items
            .insert((item.batch.0.as_u128(), item.position), bytes.as_slice())
            .map_err(failed)?;
        self.items.insert((item.batch, item.position), item.clone());
        Ok(item)
    }

    /// Writes what is still held here. The transaction can be committed after it, and the feed be told.
    pub fn finish(mut self) -> Result<Commit, StoreError> {
        let mut commit = Commit {
            revision: self.totals.revision,
            wakes_dispatch: self.wakes_dispatch,
            deleted: self.deleted,
            ..Commit::default()
        };
        for (id, cached) in self.batches {
            if !cached.changed {
                continue;
            }
            let bytes = encode::progress(&cached.batch).encode_to_vec();
            self.tables
                .progress
                .insert(id.0.as_u128(), bytes.as_slice())
                .map_err(failed)?;
            lists::follow(&mut self.tables, &cached.batch, cached.listed)?;
            let standing = Standing::of(&cached.batch);
            expiry::follow(&mut self.tables, id, cached.standing, standing)?;
            commit.batches.push(Arc::new(cached.batch));
        }
        for (id, cached) in self.users {
            if !cached.changed {
                continue;
            }
            let bytes = encode::user(&cached.user).encode_to_vec();
            self.tables
                .users
                .insert(id.0.as_u128(), bytes.as_slice())
                .map_err(failed)?;
            commit.users.push(Arc::new(cached.user));
        }
        let bytes = self.totals.encode_to_vec();
        self.tables
            .singles
            .insert(load::TOTALS, bytes.as_slice())
            .map_err(failed)?;
        commit.items = self.items.into_values().map(Arc::new).collect();
        // Oldest change first, so that whoever keeps only some keeps the newest.
        commit.batches.sort_by_key(|batch| batch.revision);
        commit.items.sort_by_key(|item| item.revision);
        Ok(commit)
    }
}

/// A time as it is in keys.
pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}
