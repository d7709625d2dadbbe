//! Refusals in the audit, bounded: whoever is refused a million times writes a few records, not a million.
//!
//! Within an hour, the first refusal of one sort and reason, of one user from one network, is written at once; those after
//! it are counted and told in one record when the hour is over. At most [`EVENTS_PER_WINDOW`] such groups are told apart in an
//! hour, [`UNKNOWN_PER_WINDOW`] of them of names that nobody has, so that trying made-up names hides nothing that is tried
//! on a user; what is beyond is one count. So all refusals of an hour write at most `2 × EVENTS_PER_WINDOW + 1` records.
//!
//! Written by a task of its own: the answer of a refusal takes no longer for a name that exists. What a crash loses is the
//! count of repeats, never the first of them.
//!
//! Not here: what is refused (`accounts`, `rpc::gate`). A typed name is never written unless it is a user's: people type
//! passwords into the wrong field.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::auth::throttle::network;
use crate::clock::Clock;
use crate::domain::audit::{AuditEvent, Outcome, Target};
use crate::domain::ids::UserId;
use crate::domain::ledger::Actor;
use crate::service::error::Reason;
use crate::store::Store;

/// How long repeats are counted before they are told.
pub const WINDOW: Duration = Duration::from_secs(60 * 60);
/// Groups of refusals that are told apart within a window.
pub const EVENTS_PER_WINDOW: usize = 32;
/// Those of them that are about nobody known.
pub const UNKNOWN_PER_WINDOW: usize = 8;

/// Something that was refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Who asked.
    pub actor: Actor,
    /// What, as the audit names it.
    pub action: &'static str,
    /// Whose account it was about; absent when nobody's.
    pub user: Option<UserId>,
    /// On what.
    pub target: Option<Target>,
    /// By which refusals of a user are told apart; those of nobody known are not, so that they take little room.
    pub reason: Reason,
    /// Why, without anything that was typed.
    pub detail: String,
}

/// The refusals of a server. Clones share it.
#[derive(Clone)]
pub struct Refusals {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    clock: Clock,
    book: Mutex<Book>,
    /// Held while records are written, so that who waits for it finds all written.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Book {
    window_start: Option<Timestamp>,
    groups: HashMap<Group, Counted>,
    unknown: usize,
    beyond: u64,
    pending: Vec<AuditEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Group {
    action: &'static str,
    user: Option<UserId>,
    reason: Option<Reason>,
    network: Option<IpAddr>,
}

struct Counted {
    first: AuditEvent,
    repeats: u64,
}

impl Refusals {
    /// Of what this store keeps.
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                clock,
                book: Mutex::default(),
                writing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Takes a refusal in; what is to be written of it is written soon.
    pub fn note(&self, refusal: Refusal) {
        let now = self.shared.clock.now();
        let has_news = {
            let mut book = self.book();
            book.turn(now);
            book.take_in(refusal, now);
            !book.pending.is_empty()
        };
        if has_news {
            let refusals = self.clone();
            tokio::spawn(async move { refusals.flush().await });
        }
    }

    /// Writes what is to be written by now; when it returns, the audit has it.
    pub async fn flush(&self) {
        let _writing = self.shared.writing.lock().await;
        let due = {
            let mut book = self.book();
            book.turn(self.shared.clock.now());
            std::mem::take(&mut book.pending)
        };
        for event in due {
            if let Err(error) = self.shared.store.record_audit(event).await {
                tracing::error!(%error, "a refusal is missing in the audit");
            }
        }
    }

    /// Ends the window and writes what it counted: for the end of the server, after the last call.
    pub async fn close(&self) {
        self.book().end_window(self.shared.clock.now());
        self.flush().await;
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.shared
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Ends the window when its time is over, telling the repeats.
    fn turn(&mut self, now: Timestamp) {
        let is_over = self
            .window_start
            .is_some_and(|start| now.duration_since(start).unsigned_abs() >= WINDOW);
        if is_over {
            self.end_window(now);
        }
    }

    fn end_window(&mut self, now: Timestamp) {
        let mut repeated: Vec<Counted> = self
            .groups
            .drain()
            .map(|(_, counted)| counted)
            .filter(|counted| counted.repeats > 0)
            .collect();
        repeated.sort_by_key(|counted| counted.first.time);
        for Counted { first, repeats } in repeated {
            self.pending.push(AuditEvent {
                detail: format!("{repeats} more within the hour from {}", first.time),
                time: now,
                ..first
            });
        }
        if self.beyond > 0 {
            self.pending.push(AuditEvent {
                sequence: 0,
                time: now,
                actor: Actor::Anonymous { address: None },
                action: "refusals".to_owned(),
                target: None,
                outcome: Outcome::Refused,
                detail: format!(
                    "{} more of further users and networks within an hour",
                    self.beyond
                ),
            });
        }
        self.beyond = 0;
        self.unknown = 0;
        self.window_start = None;
    }

    fn take_in(&mut self, refusal: Refusal, now: Timestamp) {
        self.window_start.get_or_insert(now);
        let group = Group {
            action: refusal.action,
            user: refusal.user,
            reason: refusal.user.map(|_| refusal.reason),
            network: refusal.actor.address().map(network),
        };
        if let Some(counted) = self.groups.get_mut(&group) {
            counted.repeats += 1;
            return;
        }
        let is_full = self.groups.len() >= EVENTS_PER_WINDOW
            || (group.user.is_none() && self.unknown >= UNKNOWN_PER_WINDOW);
        if is_full {
            self.beyond += 1;
            return;
        }
        self.unknown += usize::from(group.user.is_none());
        let first = AuditEvent {
            sequence: 0,
            time: now,
            actor: refusal.actor,
            action: refusal.action.to_owned(),
            target: refusal.target,
            outcome: Outcome::Refused,
            detail: refusal.detail,
        };
        self.pending.push(first.clone());
        self.groups.insert(group, Counted { first, repeats: 0 });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::time::advance;
    use uuid::Uuid;

    use super::*;
    use crate::store::redb::RedbStore;

    fn refusal(user: Option<u128>, network: [u8; 4]) -> Refusal {
        Refusal {
            actor: Actor::Anonymous {
                address: Some(network.into()),
            },
            action: "sign_in",
            user: user.map(|id| UserId(Uuid::from_u128(id))),
            target: None,
            reason: Reason::CredentialsInvalid,
            detail: "wrong password".to_owned(),
        }
    }

    async fn details(store: &Arc<RedbStore>) -> Vec<String> {
        let mut events = store.audit(None, 10_000).await.unwrap();
        events.reverse();
        assert!(events.iter().all(|event| event.outcome == Outcome::Refused));
        events.into_iter().map(|event| event.detail).collect()
    }

    fn house() -> (Arc<RedbStore>, Refusals) {
        let clock = Clock::simulated(Timestamp::from_second(1_800_000_000).unwrap(), 1);
        let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
        (store.clone(), Refusals::new(store, clock))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_is_written_at_once_and_repeats_with_the_hour() {
        let (store, refusals) = house();
        for _ in 0..1_000 {
            refusals.note(refusal(Some(1), [192, 0, 2, 1]));
        }
        refusals.note(refusal(Some(2), [192, 0, 2, 1]));
        refusals.note(refusal(Some(1), [192, 0, 2, 2]));
        refusals.flush().await;
        assert_eq!(details(&store).await, ["wrong password"; 3]);
        advance(WINDOW).await;
        refusals.flush().await;
        let all = details(&store).await;
        assert_eq!(all.len(), 4);
        assert!(all[3].starts_with("999 more"), "{}", all[3]);
        // The next hour begins with its first refusal.
        refusals.note(refusal(Some(1), [192, 0, 2, 1]));
        refusals.flush().await;
        assert_eq!(details(&store).await.len(), 5);
        advance(WINDOW).await;
        refusals.flush().await;
        assert_eq!(
            details(&store).await.len(),
            5,
            "no repeats, nothing to tell"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn however_much_is_tried_an_hour_writes_a_few_records() {
        let (store, refusals) = house();
        for number in 0..100_000_u32 {
            let [_, a, b, c] = number.to_be_bytes();
            refusals.note(refusal(None, [10, a, b, c]));
            refusals.note(refusal(Some(number.into()), [10, a, b, c]));
        }
        // What is tried on a user is not hidden by made-up names before it.
        for number in 0..100_u8 {
            refusals.note(refusal(Some(1), [10, 0, 0, number % 4]));
        }
        refusals.flush().await;
        assert_eq!(details(&store).await.len(), EVENTS_PER_WINDOW);
        advance(WINDOW).await;
        refusals.flush().await;
        let all = details(&store).await;
        assert!(all.len() <= 2 * EVENTS_PER_WINDOW + 1, "{}", all.len());
        assert!(all.last().unwrap().contains("more of further users"));
    }

    #[tokio::test(start_paused = true)]
    async fn made_up_names_leave_room_for_users() {
        let (store, refusals) = house();
        for number in 0..200_u8 {
            refusals.note(refusal(None, [10, 0, 0, number]));
        }
        refusals.note(refusal(Some(1), [192, 0, 2, 1]));
        refusals.flush().await;
        assert_eq!(details(&store).await.len(), UNKNOWN_PER_WINDOW + 1);
    }
}
