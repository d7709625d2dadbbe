//! Owns the list of keys for programs, newest first: the user's own, or those of another as an admin sees them.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;

use super::confirm::Ask;
use super::effect::NetEffect;
use super::fuzzy::{Fuzzy, Rank};
use super::paging::{PAGE_SIZE, Paging};
use super::refusal::Refusal;
use super::rows::{Row, Rows};
use super::screen::Screen;
use super::sort::SortBy;

/// How often the list is read again while it is looked at: when a key was used last is of interest.
const REFRESH: SignedDuration = SignedDuration::from_secs(15);

/// The keys of one user.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    /// Whose they are, when not the user's own.
    pub(crate) of: Option<Box<v1::User>>,
    pub(crate) rows: Rows<v1::ApiKey>,
    /// Why the list could not be read.
    pub(crate) refusal: Option<Refusal>,
    /// Where to go back to.
    pub(crate) from: Screen,
    paging: Paging,
    read_at: Option<Timestamp>,
}

impl Default for ApiKeys {
    fn default() -> Self {
        Self {
            of: None,
            rows: Rows::ordered(SortBy::Newest),
            refusal: None,
            from: Screen::Batches,
            paging: Paging::default(),
            read_at: None,
        }
    }
}

impl Row for v1::ApiKey {
    fn id(&self) -> &str {
        &self.id
    }

    /// Keys have no revisions: what was read last counts.
    fn revision(&self) -> i64 {
        0
    }

    /// Ids rise with time.
    fn compare(&self, other: &Self, _: SortBy) -> Ordering {
        other.id.cmp(&self.id)
    }

    fn rank(&self, filter: &Fuzzy) -> Option<Rank> {
        filter.rank(&[&self.name], &[&self.secret_prefix], &self.id)
    }
}

impl ApiKeys {
    /// The keys of another user; answers to what was asked for this one are none to it.
    pub(crate) fn of_another(&self) -> Self {
        Self {
            paging: self.paging.of_another(),
            ..Self::default()
        }
    }

    /// Those of another user, or the own ones again; what is known of the others' is not shown as theirs.
    pub(crate) fn show(&mut self, of: Option<Box<v1::User>>) {
        let id = |user: &Option<Box<v1::User>>| user.as_ref().map(|user| user.id.clone());
        if id(&self.of) != id(&of) {
            *self = Self {
                from: self.from,
                ..self.of_another()
            };
        }
        self.of = of;
    }

    /// Whose keys are asked for: nobody's name for the own ones.
    pub(crate) fn user_id(&self) -> String {
        self.of
            .as_ref()
            .map_or(String::new(), |user| user.id.clone())
    }

    /// The screen was opened, or a key was made or ended: the list is read anew.
    pub(crate) fn open(&mut self) {
        self.rows.begin_reading();
        self.paging.restart();
        self.read_at = None;
    }

    /// Whether the whole list is there.
    pub(crate) fn is_read(&self) -> bool {
        self.read_at.is_some()
    }

    /// The next page.
    pub(crate) fn want(&mut self, now: Timestamp) -> Option<NetEffect> {
        let due = self
            .read_at
            .is_some_and(|at| now.duration_since(at) >= REFRESH);
        if due && self.paging.is_whole() {
            self.rows.begin_reading();
            self.paging.restart();
        }
        let (number, page_token) = self.paging.want(now)?;
        Some(NetEffect::ListApiKeys {
            number,
            request: v1::ListApiKeysRequest {
                page_size: PAGE_SIZE,
                page_token,
                user_id: self.user_id(),
            },
        })
    }

    pub(crate) fn take_page(
        &mut self,
        number: u64,
        result: Result<Box<v1::ListApiKeysResponse>, Refusal>,
        now: Timestamp,
    ) {
        if !self.paging.expects(number) {
            return;
        }
        match result {
            Ok(page) => {
                self.refusal = None;
                self.rows.update(page.api_keys);
                self.paging.arrived(page.next_page_token, now);
                if self.paging.is_whole() {
                    self.rows.drop_stale();
                    self.read_at = Some(now);
                }
            }
            Err(refusal) => {
                self.paging.failed(false, now);
                self.refusal = Some(refusal);
            }
        }
    }

    /// The question before the key under the cursor is ended.
    pub(crate) fn ask_revoke(&self) -> Option<Ask> {
        let key = self.rows.current()?;
        Some(Ask::RevokeKey {
            id: key.id.clone(),
            name: key.name.clone(),
            user_id: self.user_id(),
        })
    }
}
