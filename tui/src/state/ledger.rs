//! Owns [`Ledger`]: the movements of one user's credits, newest first. What one commit wrote is shown as one movement.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use vision_batch::v1;

use super::effect::NetEffect;
use super::fuzzy::{Fuzzy, Rank};
use super::paging::{PAGE_SIZE, Paging};
use super::refusal::{Cause, Refusal};
use super::rows::{Row, Rows};
use super::sort::SortBy;

/// When fewer movements than these are below what is seen, the next page is fetched.
const AHEAD: usize = 40;

/// The movements of one user's credits.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) user_id: String,
    pub(crate) rows: Rows<Movement>,
    pub(crate) paging: Paging,
    pub(crate) refusal: Option<Refusal>,
    /// Whether anything has come yet.
    pub(crate) is_read: bool,
    /// Everything read so far, by its place in the whole ledger.
    entries: BTreeMap<i64, v1::LedgerEntry>,
}

/// Entries that one commit wrote for one reason.
#[derive(Clone, Debug)]
pub(crate) struct Movement {
    id: String,
    /// The newest of them.
    pub(crate) entry: v1::LedgerEntry,
    /// Credits in all.
    pub(crate) delta: i32,
    /// How many they are.
    pub(crate) count: i32,
}

impl Row for Movement {
    fn id(&self) -> &str {
        &self.id
    }

    /// More of its entries are newer.
    fn revision(&self) -> i64 {
        self.count.into()
    }

    fn compare(&self, other: &Self, _: SortBy) -> Ordering {
        other.entry.sequence.cmp(&self.entry.sequence)
    }

    fn rank(&self, filter: &Fuzzy) -> Option<Rank> {
        let name = self.entry.batch_name.as_deref().unwrap_or("");
        filter.rank(&[name, &self.entry.note], &[], "")
    }
}

impl Ledger {
    /// The ledger of a user, in the place of the one that was shown before.
    pub(crate) fn new(user_id: String, before: Option<&Self>) -> Self {
        let mut paging = before.map_or_else(Paging::default, |it| it.paging.of_another());
        paging.restart();
        Self {
            user_id,
            rows: Rows::ordered(SortBy::Newest),
            paging,
            refusal: None,
            is_read: false,
            entries: BTreeMap::new(),
        }
    }

    /// The newest are read again; what is known stays, for nothing in a ledger ever changes.
    pub(crate) fn refresh(&mut self) {
        self.paging.restart();
        self.is_read = false;
    }

    /// The next page: the first one, and more when they are scrolled to.
    pub(crate) fn want(&mut self, now: Timestamp, deep: bool) -> Option<NetEffect> {
        if self.is_read && !(deep && self.rows.is_near_end(AHEAD)) {
            return None;
        }
        let (number, page_token) = self.paging.want(now)?;
        Some(NetEffect::ListLedger {
            number,
            request: v1::ListLedgerEntriesRequest {
                user_id: self.user_id.clone(),
                page_size: PAGE_SIZE,
                page_token,
                ..v1::ListLedgerEntriesRequest::default()
            },
        })
    }

    pub(crate) fn take_page(
        &mut self,
        number: u64,
        result: Result<Box<v1::ListLedgerEntriesResponse>, Refusal>,
        now: Timestamp,
    ) {
        if !self.paging.expects(number) {
            return;
        }
        match result {
            Ok(page) => {
                self.refusal = None;
                self.is_read = true;
                for entry in page.entries {
                    self.entries.insert(entry.sequence, entry);
                }
                self.rows.update(movements(&self.entries));
                self.paging.arrived(page.next_page_token, now);
            }
            Err(refusal) => {
                let void = Cause::Server(v1::refusal::Reason::PageTokenInvalid);
                self.paging.failed(refusal.cause == void, now);
                self.refusal = Some(refusal);
            }
        }
    }
}

/// Entries as movements: those of one commit, one kind and one batch together.
fn movements(entries: &BTreeMap<i64, v1::LedgerEntry>) -> Vec<Movement> {
    let mut movements: Vec<Movement> = Vec::new();
    let same = |one: &v1::LedgerEntry, other: &v1::LedgerEntry| {
        one.commit_sequence == other.commit_sequence
            && one.kind == other.kind
            && one.batch_id == other.batch_id
    };
    for entry in entries.values().rev() {
        match movements.last_mut() {
            Some(last) if same(&last.entry, entry) => {
                last.delta += entry.delta;
                last.count += 1;
            }
            _ => movements.push(Movement {
                // The newest entry of a commit is always read first.
                id: entry.id.clone(),
                entry: entry.clone(),
                delta: entry.delta,
                count: 1,
            }),
        }
    }
    movements
}
