//! When an upstream account may be asked for another task, by what it has answered so far. Pure.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::failure::{Wait, WaitReason};
use crate::domain::retry::back_off;
use crate::engine::Refusal;

/// Between two submits of one account: twice what the upstream asks for in its sample configuration (0.05 s),
/// because it measures when a request arrives and not when it was sent.
pub const PACE: Duration = Duration::from_millis(100);

/// Pauses after refusals for reasons that pass: from the first to the last.
const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(60);

/// All slots taken by somebody else: looked at again this often at most.
const SLOT_CAP: Duration = Duration::from_secs(15);

/// The daily limit is tried again at least this often: others' tasks may free it earlier than ours.
const DAILY_RECHECK: Duration = Duration::from_secs(15 * 60);

/// What keeps an account from being asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gate {
    /// Not before this time, and why.
    closed: Option<Closed>,
    /// Refusals in a row.
    failures: u32,
    /// The next submit's turn under the pace.
    next_submit: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Closed {
    reason: WaitReason,
    until: Timestamp,
    /// What people are told, where it is later than the next look.
    said: Option<Timestamp>,
}

impl Gate {
    /// The time for the next submit, if the account may be asked; takes the pace's next turn.
    pub fn enter(&mut self, now: Timestamp) -> Timestamp {
        let turn = self.next_submit.map_or(now, |next| next.max(now));
        self.next_submit = Some(later(turn, PACE));
        turn
    }

    /// Whether the account may be asked.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.closed.is_none_or(|closed| closed.until <= now)
    }

    /// When it opens by itself.
    pub fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        self.closed
            .map(|closed| closed.until)
            .filter(|until| *until > now)
    }

    /// What people are told.
    pub fn wait(&self, now: Timestamp) -> Option<Wait> {
        let closed = self.closed.filter(|closed| closed.until > now)?;
        Some(Wait {
            reason: closed.reason,
            until: closed
                .said
                .or(Some(closed.until))
                .filter(|_| closed.reason != WaitReason::Slot),
        })
    }

    /// A submit was taken.
    pub fn accepted(&mut self) {
        self.failures = 0;
        self.closed = None;
    }

    /// One of our tasks ended: a slot may be free.
    pub fn slot_came_free(&mut self) {
        if self
            .closed
            .is_some_and(|closed| closed.reason == WaitReason::Slot)
        {
            self.closed = None;
        }
    }

    /// A submit was refused for a reason that says nothing about the item. `daily_free` is when the oldest of our
    /// tasks of the last 24 h leaves the window.
    pub fn refused(
        &mut self,
        refusal: &Refusal,
        daily_free: Option<Timestamp>,
        now: Timestamp,
        random: u64,
    ) -> WaitReason {
        self.failures = self.failures.saturating_add(1);
        let pause = |base, cap| back_off(self.failures, base, cap, random);
        let (reason, after, said) = match refusal {
            Refusal::Pace { .. } => (WaitReason::UpstreamBusy, pause(PACE, BASE), None),
            Refusal::Slots { .. } => (WaitReason::Slot, pause(BASE, SLOT_CAP), None),
            Refusal::Daily { .. } => {
                let recheck = later(now, DAILY_RECHECK);
                let free = daily_free.filter(|free| *free > now);
                let next = free.map_or(recheck, |free| free.min(recheck));
                self.close(WaitReason::UpstreamDailyLimit, next, free);
                return WaitReason::UpstreamDailyLimit;
            }
            Refusal::Busy { retry_after, .. } => {
                let own = pause(BASE, CAP);
                (
                    WaitReason::UpstreamBusy,
                    retry_after.map_or(own, |asked| asked.max(own)),
                    None,
                )
            }
            // The token's own state keeps the account closed; this is only the pause before it is tried again.
            Refusal::Token { .. } => (WaitReason::UpstreamToken, pause(BASE, CAP), None),
            Refusal::Unavailable { .. } | Refusal::BadInput { .. } => {
                (WaitReason::UpstreamBusy, pause(BASE * 5, CAP), None)
            }
        };
        self.close(reason, later(now, after), said);
        reason
    }

    /// The upstream was not reached.
    pub fn not_reached(&mut self, now: Timestamp, random: u64) -> WaitReason {
        self.failures = self.failures.saturating_add(1);
        let after = back_off(self.failures, BASE, CAP, random);
        self.close(WaitReason::UpstreamBusy, later(now, after), None);
        WaitReason::UpstreamBusy
    }

    fn close(&mut self, reason: WaitReason, until: Timestamp, said: Option<Timestamp>) {
        self.closed = Some(Closed {
            reason,
            until,
            said,
        });
    }
}

/// `time` and a span after it.
pub fn later(time: Timestamp, span: Duration) -> Timestamp {
    // Stored times have microseconds, and watchers are told what is stored.
    let span = Duration::from_micros(span.as_micros().try_into().unwrap_or(u64::MAX));
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn submits_keep_their_pace() {
        let mut gate = Gate::default();
        let turns: Vec<_> = (0..3).map(|_| gate.enter(at(0)).as_millisecond()).collect();
        assert_eq!(turns, [0, 100, 200]);
        assert_eq!(gate.enter(at(9)), at(9));
    }

    #[test]
    fn the_daily_limit_says_when_it_ends_and_is_looked_at_before() {
        let mut gate = Gate::default();
        let daily = Refusal::Daily {
            message: String::new(),
            counts: None,
        };
        gate.refused(&daily, Some(at(7200)), at(0), 0);
        assert_eq!(
            gate.wait(at(1)),
            Some(Wait {
                reason: WaitReason::UpstreamDailyLimit,
                until: Some(at(7200))
            })
        );
        assert_eq!(gate.opens(at(1)), Some(at(900)));
        assert!(gate.is_open(at(900)));
    }

    #[test]
    fn a_free_slot_opens_at_once_what_was_closed_for_a_slot_only() {
        let mut gate = Gate::default();
        gate.refused(
            &Refusal::Slots {
                message: String::new(),
                counts: None,
            },
            None,
            at(0),
            0,
        );
        assert!(!gate.is_open(at(0)));
        gate.slot_came_free();
        assert!(gate.is_open(at(0)));

        gate.not_reached(at(0), 0);
        gate.slot_came_free();
        assert!(!gate.is_open(at(0)));
    }

    #[test]
    fn an_asked_pause_is_honoured() {
        let mut gate = Gate::default();
        let asked = Some(Duration::from_secs(300));
        gate.refused(
            &Refusal::Busy {
                message: String::new(),
                retry_after: asked,
            },
            None,
            at(0),
            7,
        );
        assert!(!gate.is_open(at(299)));
        assert!(gate.is_open(at(300)));
        gate.accepted();
        assert_eq!(gate, Gate::default());
    }
}
