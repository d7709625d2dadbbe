//! Owns the list of users, and the newest movements of the credits of the one under the cursor.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;

use super::confirm::Ask;
use super::effect::NetEffect;
use super::field::Field;
use super::fuzzy::{Fuzzy, Rank};
use super::ledger::Ledger;
use super::natural::by_name;
use super::paging::{PAGE_SIZE, Paging};
use super::refusal::Refusal;
use super::rows::{Row, Rows};
use super::sort::{Order, SortBy};
use super::time::moment;
use crate::keymap::Action;

/// How often a list that fits one page is read again while it is looked at; there is no stream of users.
const REFRESH: SignedDuration = SignedDuration::from_secs(10);
/// When fewer rows than these are below what is seen, the next page is fetched.
const AHEAD: usize = 100;

/// The users.
#[derive(Debug)]
pub(crate) struct Users {
    pub(crate) rows: Rows<v1::User>,
    pub(crate) paging: Paging,
    pub(crate) filter: Field,
    pub(crate) filtering: bool,
    /// Why the list could not be read.
    pub(crate) refusal: Option<Refusal>,
    /// Of the user under the cursor, or of the one whose ledger is open.
    pub(crate) ledger: Option<Ledger>,
    read_at: Option<Timestamp>,
    /// The question for a page of a ledger that is on its way: one at a time, however fast the cursor moves.
    ledger_asked: Option<u64>,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            rows: Rows::ordered(SortBy::Name),
            paging: Paging::default(),
            filter: Field::default(),
            filtering: false,
            refusal: None,
            ledger: None,
            read_at: None,
            ledger_asked: None,
        }
    }
}

/// What a user's state is to an admin: disabled, not come in yet, active.
fn standing(user: &v1::User) -> (bool, bool) {
    (user.disabled, user.password_change_required)
}

/// When the user was here last; now when a screen is open.
fn seen(user: &v1::User) -> (bool, Timestamp) {
    let last = user.last_sign_in_time.as_ref();
    (user.online, last.map_or(Timestamp::MIN, moment))
}

impl Row for v1::User {
    fn id(&self) -> &str {
        &self.id
    }

    /// Users have no revisions: what was read last counts.
    fn revision(&self) -> i64 {
        0
    }

    fn compare(&self, other: &Self, by: SortBy) -> Ordering {
        let compared = match by {
            SortBy::State => standing(other).cmp(&standing(self)),
            SortBy::Credits => other.credit_balance.cmp(&self.credit_balance),
            SortBy::Progress => other.active_item_count.cmp(&self.active_item_count),
            SortBy::Videos => other.completed_video_count.cmp(&self.completed_video_count),
            SortBy::SignIn => seen(other).cmp(&seen(self)),
            _ => Ordering::Equal,
        };
        compared.then_with(|| by_name(&self.username, &other.username))
    }

    fn rank(&self, filter: &Fuzzy) -> Option<Rank> {
        filter.rank(&[&self.username, &self.display_name], &[], &self.id)
    }
}

impl Users {
    /// The list as another user sees it; answers to what was asked for this one are none to it.
    pub(crate) fn of_another(&self) -> Self {
        let ledger = self.ledger.as_ref();
        Self {
            paging: self.paging.of_another(),
            // Of nobody: it only keeps the numbers of its questions.
            ledger: ledger.map(|it| Ledger::new(String::new(), Some(it))),
            ..Self::default()
        }
    }

    /// The screen was opened: the list is read anew.
    pub(crate) fn open(&mut self) {
        self.rows.begin_reading();
        self.paging.restart();
        self.read_at = None;
        self.ledger_asked = None;
        if let Some(ledger) = &mut self.ledger {
            ledger.refresh();
        }
    }

    /// What is to be asked for now: the next page, or the movements of the one under the cursor.
    pub(crate) fn want(&mut self, now: Timestamp) -> Vec<NetEffect> {
        let due = self
            .read_at
            .is_some_and(|at| now.duration_since(at) >= REFRESH);
        if due && self.paging.is_whole() && self.rows.total() <= PAGE_SIZE.unsigned_abs() as usize {
            self.rows.begin_reading();
            self.paging.restart();
            self.read_at = None;
        }
        let natural = Order {
            by: SortBy::Name,
            reversed: false,
        };
        let all = !self.rows.filter().is_empty()
            || self.rows.order() != natural
            || self.rows.stale_count() > 0;
        let mut wanted = Vec::new();
        if (all || self.rows.is_near_end(AHEAD))
            && let Some((number, page_token)) = self.paging.want(now)
        {
            wanted.push(NetEffect::ListUsers {
                number,
                request: v1::ListUsersRequest {
                    page_size: PAGE_SIZE,
                    page_token,
                    ..v1::ListUsersRequest::default()
                },
            });
        }
        wanted.extend(self.want_ledger(now));
        wanted
    }

    fn want_ledger(&mut self, now: Timestamp) -> Option<NetEffect> {
        let user = self.rows.current()?;
        let known = self.ledger.as_ref().is_some_and(|it| it.user_id == user.id);
        if !known {
            self.ledger = Some(Ledger::new(user.id.clone(), self.ledger.as_ref()));
        }
        self.want_movements(now, false)
    }

    /// The next page of the ledger; `deep` when it is looked at whole, not only its newest movements.
    pub(crate) fn want_movements(&mut self, now: Timestamp, deep: bool) -> Option<NetEffect> {
        if self.ledger_asked.is_some() {
            return None;
        }
        let wanted = self.ledger.as_mut()?.want(now, deep)?;
        if let NetEffect::ListLedger { number, .. } = &wanted {
            self.ledger_asked = Some(*number);
        }
        Some(wanted)
    }

    pub(crate) fn take_page(
        &mut self,
        number: u64,
        result: Result<Box<v1::ListUsersResponse>, Refusal>,
        now: Timestamp,
    ) {
        if !self.paging.expects(number) {
            return;
        }
        match result {
            Ok(page) => {
                self.refusal = None;
                let last = page.users.last().cloned();
                self.rows.update(page.users);
                if let Some(last) = last {
                    self.rows.read_to(&last, SortBy::Name);
                }
                self.paging.arrived(page.next_page_token, now);
                self.read_at = Some(now);
                if self.paging.is_whole() {
                    self.rows.drop_stale();
                }
            }
            Err(refusal) => {
                self.paging.failed(false, now);
                self.refusal = Some(refusal);
            }
        }
    }

    pub(crate) fn take_movements(
        &mut self,
        user_id: &str,
        number: u64,
        result: Result<Box<v1::ListLedgerEntriesResponse>, Refusal>,
        now: Timestamp,
    ) {
        // The answer to a question that nobody waits for any more.
        if self.ledger_asked != Some(number) {
            return;
        }
        self.ledger_asked = None;
        if let Some(ledger) = self.ledger.as_mut().filter(|it| it.user_id == user_id) {
            ledger.take_page(number, result, now);
        }
    }

    /// The question before something is done to the user under the cursor; `me` is the one who asks.
    pub(crate) fn ask(&self, action: Action, me: &str) -> Option<Ask> {
        use v1::user::Role;
        let user = Box::new(self.rows.current()?.clone());
        let me = user.id == me;
        Some(match action {
            Action::DisableUser => Ask::Disable { user, me },
            Action::ChangeRole => {
                let role = match user.role() {
                    Role::Admin => Role::User,
                    Role::User | Role::Unspecified => Role::Admin,
                };
                Ask::Role { user, role, me }
            }
            Action::ResetPassword => Ask::ResetPassword { user, me },
            _ => return None,
        })
    }

    /// A user has changed: the row is shown as it is now, and what is known of its movements is read again.
    pub(crate) fn changed(&mut self, user: v1::User) {
        if let Some(ledger) = self.ledger.as_mut().filter(|it| it.user_id == user.id) {
            ledger.refresh();
        }
        self.rows.update(vec![user]);
    }
}
