//! The ledger, page by page: one user's, or everyone's as one list, newest first.
//!
//! Entries of one user have gapless sequences; entries of everyone are ordered by their ids, which rise with time. So a
//! page of everyone is a merge of the users' ledgers, each entered by a binary search for the last id of the page before.

use std::cmp::Reverse;
use std::collections::hash_map::Entry::Vacant;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use super::{Admin, require_admin};
use crate::domain::ids::{BatchId, EntryId, ItemId, UserId};
use crate::domain::ledger::{Entry, EntryKind};
use crate::domain::user::User;
use crate::service::Caller;
use crate::service::error::{ServiceError, user_not_found};
use crate::service::page_token::{self, PageScope};
use crate::store::query::SCAN_BUDGET;
use crate::store::{Store, StoreError};

/// Entries of one user that are read at a time while ledgers are merged.
const CHUNK: usize = 16;
/// Users that are read at a time.
const USERS: usize = 200;

/// Whose entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// One user's.
    One(UserId),
    /// Everyone's.
    Everyone,
}

/// Which entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFilter {
    /// Whose.
    pub whose: Whose,
    /// Only about this batch.
    pub batch: Option<BatchId>,
    /// Only of these kinds; all when empty.
    pub kinds: Vec<EntryKind>,
}

/// An entry with the names that belong to it.
#[derive(Debug, Clone)]
pub struct LedgerLine {
    /// The entry.
    pub entry: Entry,
    /// Whose it is.
    pub username: String,
    /// Name of the batch it is about, also of a deleted one.
    pub batch_name: Option<String>,
    /// Place of the item it is about, while there is one.
    pub item_position: Option<u32>,
}

impl Admin {
    /// A page of the ledger, newest first, and the token of the next (empty at the end). A filtered page may be short
    /// and still have a successor.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, FIELD_INVALID, PAGE_TOKEN_INVALID, USER_NOT_FOUND.
    pub async fn list_ledger_entries(
        &self,
        caller: &Caller,
        filter: &LedgerFilter,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<LedgerLine>, String), ServiceError> {
        require_admin(caller)?;
        let limit = page_token::page_size(page_size)?;
        let scope = filter.scope();
        let place = scope.place(page_token)?;
        let before = place
            .map(|place| <[u8; 16]>::try_from(place).map(EntryId::from_bytes))
            .transpose()
            .map_err(|_| page_token::invalid())?;

        let users = self.users_of(filter.whose).await?;
        let mut merge = Merge::begin(self.parts.store.as_ref(), users, before).await?;
        let mut lines = Vec::new();
        let mut names = Names::default();
        let mut last = None;
        for _ in 0..SCAN_BUDGET {
            if lines.len() == limit {
                break;
            }
            let Some((entry, username)) = merge.next().await? else {
                return Ok((lines, String::new()));
            };
            last = Some(entry.id);
            if filter.admits(&entry) {
                let line = names
                    .line(self.parts.store.as_ref(), entry, username)
                    .await?;
                lines.push(line);
            }
        }
        let next = match last {
            Some(last) if merge.has_more() => scope.token(&last.bytes()),
            _ => String::new(),
        };
        Ok((lines, next))
    }

    async fn users_of(&self, whose: Whose) -> Result<Vec<User>, ServiceError> {
        let store = &self.parts.store;
        match whose {
            Whose::One(id) => {
                let user = store.user(id).await?;
                Ok(vec![user.ok_or_else(|| user_not_found(id))?])
            }
            Whose::Everyone => {
                let mut users = Vec::new();
                let mut after = None;
                loop {
                    let page = store.users("", after.as_deref(), USERS).await?;
                    users.extend(page.users);
                    after = page.next_after;
                    if after.is_none() {
                        return Ok(users);
                    }
                }
            }
        }
    }
}

impl LedgerFilter {
    fn admits(&self, entry: &Entry) -> bool {
        let batch = entry.subject.map(|subject| subject.batch);
        (self.batch.is_none() || self.batch == batch)
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
    }

    fn scope(&self) -> PageScope {
        let whose = match self.whose {
            Whose::One(id) => id.to_string(),
            Whose::Everyone => "-".to_owned(),
        };
        let batch = self.batch.map(|id| id.to_string()).unwrap_or_default();
        // In whatever order and however often the kinds were named, it is the same filter.
        let kinds: Vec<u8> = [
            EntryKind::Grant,
            EntryKind::Charge,
            EntryKind::Refund,
            EntryKind::Adjustment,
        ]
        .iter()
        .map(|kind| u8::from(self.kinds.contains(kind)))
        .collect();
        PageScope::new("ListLedgerEntries")
            .with(whose)
            .with(batch)
            .with(kinds)
    }
}

/// Users' ledgers as one, newest first.
struct Merge<'a> {
    store: &'a dyn Store,
    ledgers: Vec<Ledger>,
    /// The newest unread entry of each ledger, and which ledger's it is.
    heads: BinaryHeap<(EntryId, Reverse<usize>)>,
}

struct Ledger {
    user: UserId,
    username: String,
    read: VecDeque<Entry>,
    /// What comes after what was read is below this sequence; 1 when nothing does.
    before: u64,
}

impl<'a> Merge<'a> {
    /// All entries older than `before`.
    async fn begin(
        store: &'a dyn Store,
        users: Vec<User>,
        before: Option<EntryId>,
    ) -> Result<Self, StoreError> {
        let mut merge = Self {
            store,
            ledgers: Vec::new(),
            heads: BinaryHeap::new(),
        };
        for user in users {
            let older = match before {
                Some(id) => older_than(store, &user, id).await?,
                None => user.ledger_sequence,
            };
            if older > 0 {
                merge.ledgers.push(Ledger {
                    user: user.id,
                    username: user.username,
                    read: VecDeque::new(),
                    before: older + 1,
                });
                merge.refill(merge.ledgers.len() - 1).await?;
            }
        }
        Ok(merge)
    }

    async fn next(&mut self) -> Result<Option<(Entry, String)>, StoreError> {
        let Some((_, Reverse(index))) = self.heads.pop() else {
            return Ok(None);
        };
        let ledger = &mut self.ledgers[index];
        let username = ledger.username.clone();
        let Some(entry) = ledger.read.pop_front() else {
            return Ok(None);
        };
        self.refill(index).await?;
        Ok(Some((entry, username)))
    }

    fn has_more(&self) -> bool {
        !self.heads.is_empty()
    }

    /// Puts the ledger's next entry among the heads, reading more when needed.
    async fn refill(&mut self, index: usize) -> Result<(), StoreError> {
        let ledger = &mut self.ledgers[index];
        if ledger.read.is_empty() && ledger.before > 1 {
            let page = self
                .store
                .entries(ledger.user, Some(ledger.before), CHUNK)
                .await?;
            ledger.before = page.entries.last().map_or(1, |entry| entry.sequence);
            ledger.read = page.entries.into();
        }
        if let Some(entry) = ledger.read.front() {
            self.heads.push((entry.id, Reverse(index)));
        }
        Ok(())
    }
}

/// How many entries of a user are older than that one.
async fn older_than(store: &dyn Store, user: &User, id: EntryId) -> Result<u64, StoreError> {
    let (mut older, mut newer) = (0, user.ledger_sequence + 1);
    while newer - older > 1 {
        let middle = older + (newer - older) / 2;
        let page = store.entries(user.id, Some(middle + 1), 1).await?;
        if page.entries.first().is_some_and(|entry| entry.id < id) {
            older = middle;
        } else {
            newer = middle;
        }
    }
    Ok(older)
}

/// Names that were looked up for a page.
#[derive(Default)]
struct Names {
    batches: HashMap<BatchId, Option<String>>,
    positions: HashMap<ItemId, Option<u32>>,
}

impl Names {
    async fn line(
        &mut self,
        store: &dyn Store,
        entry: Entry,
        username: String,
    ) -> Result<LedgerLine, StoreError> {
        let (mut batch_name, mut item_position) = (None, None);
        if let Some(subject) = entry.subject {
            if let Vacant(unknown) = self.batches.entry(subject.batch) {
                let name = match store.batch(subject.batch).await? {
                    Some(batch) => Some(batch.name),
                    // What was charged for it stays when it is deleted, and so does its name.
                    None => store.tombstone(subject.batch).await?.map(|left| left.name),
                };
                unknown.insert(name);
            }
            if let Vacant(unknown) = self.positions.entry(subject.item) {
                let item = store.item(subject.item).await?;
                unknown.insert(item.map(|(_, item)| item.position));
            }
            batch_name = self.batches.get(&subject.batch).cloned().flatten();
            item_position = self.positions.get(&subject.item).copied().flatten();
        }
        Ok(LedgerLine {
            entry,
            username,
            batch_name,
            item_position,
        })
    }
}
