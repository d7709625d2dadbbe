//! Owns the list of what was done and tried, newest first: as far as it was scrolled to, by what is asked of the server,
//! and by what is typed over what is there.

use std::cmp::Ordering;
use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;
use vision_batch::v1::audit_event::Outcome;

use super::effect::NetEffect;
use super::field::Field;
use super::fuzzy::{Fuzzy, Rank};
use super::paging::{PAGE_SIZE, Paging};
use super::refusal::{Cause, Refusal};
use super::rows::{Row, Rows};
use super::screen::Screen;
use super::sort::SortBy;
use crate::keymap::Action;

/// How often newer events are looked for while the newest ones are on the screen; there is no stream of them.
const REFRESH: SignedDuration = SignedDuration::from_secs(5);
/// When fewer events than these are below what is seen, the next page is fetched.
const AHEAD: usize = 100;
/// Most events that are kept here: what is older is found by asking the server for less.
pub(crate) const MOST: usize = 20_000;

/// What was done and tried.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) rows: Rows<v1::AuditEvent>,
    pub(crate) paging: Paging,
    pub(crate) filter: Field,
    pub(crate) filtering: bool,
    pub(crate) only: Only,
    /// Why the list could not be read.
    pub(crate) refusal: Option<Refusal>,
    /// Whether anything has come yet.
    pub(crate) is_read: bool,
    /// Where to go back to.
    pub(crate) from: Screen,
    read_at: Option<Timestamp>,
    /// How far the list was read before newer events were looked for.
    before: Option<Paging>,
}

/// What the server is asked for, of everything there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Only {
    /// By this user: id and name.
    pub(crate) actor: Option<(String, String)>,
    /// This action, or with a dot at its end all that begin so.
    pub(crate) action: Option<String>,
    /// About this object: id and name.
    pub(crate) target: Option<(String, String)>,
    pub(crate) outcome: Option<Outcome>,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            rows: Rows::ordered(SortBy::Newest),
            paging: Paging::default(),
            filter: Field::default(),
            filtering: false,
            only: Only::default(),
            refusal: None,
            is_read: false,
            from: Screen::System,
            read_at: None,
            before: None,
        }
    }
}

impl Row for v1::AuditEvent {
    fn id(&self) -> &str {
        &self.id
    }

    /// An event never changes.
    fn revision(&self) -> i64 {
        0
    }

    fn compare(&self, other: &Self, _: SortBy) -> Ordering {
        other.sequence.cmp(&self.sequence)
    }

    fn rank(&self, filter: &Fuzzy) -> Option<Rank> {
        if filter.is_empty() {
            return Some(Rank::Whole);
        }
        let actor = self.actor.as_ref().map_or("", |it| it.name.as_str());
        let target = self.target.as_ref();
        let name = target.map_or("", |it| it.name.as_str());
        let kind = target.map_or("", |it| it.kind.as_str());
        let exact = [self.detail.as_str(), self.address.as_str(), kind];
        let id = target.map_or("", |it| it.id.as_str());
        filter.rank(&[actor, &self.action, name], &exact, id)
    }
}

impl Only {
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    fn request(&self, page_token: String) -> v1::ListAuditEventsRequest {
        let id =
            |it: &Option<(String, String)>| it.as_ref().map_or(String::new(), |it| it.0.clone());
        v1::ListAuditEventsRequest {
            actor_id: id(&self.actor),
            action: self.action.clone().unwrap_or_default(),
            target_id: id(&self.target),
            outcome: self.outcome.map(Into::into),
            page_size: PAGE_SIZE,
            page_token,
            ..v1::ListAuditEventsRequest::default()
        }
    }
}

/// All actions on the same sort of thing, as the server is asked for them: `user.` for `user.create`.
fn kind_of(action: &str) -> String {
    match action.split_once('.') {
        Some((noun, _)) => format!("{noun}."),
        None => action.to_owned(),
    }
}

impl Audit {
    /// The events as another user sees them; answers to what was asked for this one are none to it.
    pub(crate) fn of_another(&self) -> Self {
        Self {
            paging: self.paging.of_another(),
            ..Self::default()
        }
    }

    /// The screen was opened: newer events are looked for at once.
    pub(crate) fn open(&mut self) {
        self.before = None;
        self.read_at = None;
        self.paging.restart();
        self.is_read = false;
    }

    /// Only what is about, or by, what is given; everything is read anew.
    pub(crate) fn show_only(&mut self, only: Only) {
        if self.only == only {
            return;
        }
        self.only = only;
        let all: HashSet<String> = self.rows.all().iter().map(|it| it.id.clone()).collect();
        self.rows.remove(&all);
        self.open();
    }

    /// Narrows what is asked for by the event under the cursor, or widens it again; `false` when the event does not say.
    pub(crate) fn narrow(&mut self, action: Action) -> bool {
        let mut only = self.only.clone();
        if action == Action::OnlyOutcome {
            only.outcome = match only.outcome {
                None => Some(Outcome::Refused),
                Some(Outcome::Refused) => Some(Outcome::Failed),
                Some(_) => None,
            };
            self.show_only(only);
            return true;
        }
        let event = self.rows.current();
        let wanted = match action {
            Action::OnlyActor if only.actor.take().is_none() => {
                let actor = event.and_then(|it| it.actor.as_ref());
                let known = actor.filter(|it| !it.id.is_empty());
                only.actor = known.map(|it| (it.id.clone(), it.name.clone()));
                only.actor.is_some()
            }
            Action::OnlyAction if only.action.take().is_none() => {
                only.action = event.map(|it| kind_of(&it.action));
                only.action.is_some()
            }
            Action::OnlyTarget if only.target.take().is_none() => {
                let target = event.and_then(|it| it.target.as_ref());
                let known = target.filter(|it| !it.id.is_empty());
                only.target = known.map(|it| (it.id.clone(), it.name.clone()));
                only.target.is_some()
            }
            _ => true,
        };
        self.show_only(only);
        wanted
    }

    /// The next page: of newer events while one looks at the newest, else of older ones when they are scrolled to.
    pub(crate) fn want(&mut self, now: Timestamp) -> Option<NetEffect> {
        let due = self
            .read_at
            .is_some_and(|at| now.duration_since(at) >= REFRESH);
        if due && self.before.is_none() && !self.paging.is_asked() && self.rows.position().top == 0
        {
            self.before = Some(self.paging.clone());
            self.paging.restart();
        }
        let newer = self.before.is_some() || !self.is_read;
        let older = self.rows.is_near_end(AHEAD) && self.rows.total() < MOST;
        if !newer && !older {
            return None;
        }
        let (number, page_token) = self.paging.want(now)?;
        Some(NetEffect::ListAudit {
            number,
            request: self.only.request(page_token),
        })
    }

    pub(crate) fn take_page(
        &mut self,
        number: u64,
        result: Result<Box<v1::ListAuditEventsResponse>, Refusal>,
        now: Timestamp,
    ) {
        if !self.paging.expects(number) {
            return;
        }
        match result {
            Ok(page) => {
                self.refusal = None;
                self.is_read = true;
                self.read_at = Some(now);
                let last = page.events.last();
                let joins = last.is_none_or(|it| self.rows.get(&it.id).is_some());
                self.rows.update(page.events);
                self.paging.arrived(page.next_page_token, now);
                // Newer events that join what was known: it goes on below where it stood. Else there is a gap to fill first.
                if let (Some(before), true) = (self.before.take(), joins) {
                    self.paging.go_on_from(before);
                }
            }
            Err(refusal) => {
                let void = Cause::Server(v1::refusal::Reason::PageTokenInvalid);
                self.paging.failed(refusal.cause == void, now);
                self.refusal = Some(refusal);
            }
        }
    }
}
