//! When work is expected to be done, by the pace of late, the slots, and the upstream's daily limit. Pure.
//!
//! Not here: how long one run takes at the upstream, which the dispatcher measures.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::batch::EngineKind;
use crate::domain::failure::WaitReason;
use crate::domain::retry::DAILY_WINDOW;
use crate::feed::engine_status::{EngineStatus, EngineStatuses};

/// When so many items of an engine, the running ones included, are expected to have ended: the slots take them round
/// by round, and those beyond what the daily limit leaves are submitted at the pace it allows. Unknown before a run
/// has been measured, and while something keeps them all waiting for nobody knows how long.
pub fn expected_finish(
    statuses: &EngineStatuses,
    engine: EngineKind,
    items: u64,
    now: Timestamp,
) -> Option<Timestamp> {
    let status = statuses.engines.get(&engine)?;
    let typical = status.typical_run?;
    let wait = statuses.wait_for(engine);
    let start = match (wait.reason, wait.until) {
        (_, Some(until)) => until.max(now),
        (WaitReason::Slot | WaitReason::Turn, None) => now,
        (_, None) => return None,
    };
    let rounds = items.div_ceil(u64::from(status.slot_limit.max(1)));
    let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
    let by_slots = start.checked_add(typical.saturating_mul(rounds)).ok()?;
    match last_submit(status, items) {
        Some(delay) => {
            let by_limit = now.checked_add(delay.saturating_add(typical)).ok()?;
            Some(by_slots.max(by_limit))
        }
        None => Some(by_slots),
    }
}

/// How long the daily limit keeps the last of so many items from its submit; nothing when it does not.
fn last_submit(status: &EngineStatus, items: u64) -> Option<Duration> {
    let limit = status.daily_limit?.max(1);
    let left = u64::from(limit.saturating_sub(status.daily_used));
    let to_submit = items.saturating_sub(u64::from(status.running));
    let beyond = to_submit.checked_sub(left).filter(|beyond| *beyond > 0)?;
    let beyond = u32::try_from(beyond).unwrap_or(u32::MAX);
    Some(DAILY_WINDOW.saturating_mul(beyond) / limit)
}

/// How long until everything that waits has ended, given what waits for each engine. Absent when nothing waits, and
/// when it is unknown for one engine that has something waiting.
pub fn expected_drain(
    statuses: &EngineStatuses,
    waiting: impl IntoIterator<Item = (EngineKind, u64)>,
    now: Timestamp,
) -> Option<Duration> {
    let mut last = None;
    for (engine, items) in waiting {
        if items == 0 {
            continue;
        }
        let status = statuses.engines.get(&engine)?;
        let all = items.saturating_add(u64::from(status.running));
        last = last.max(Some(expected_finish(statuses, engine, all, now)?));
    }
    Some(last?.duration_since(now).unsigned_abs())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::domain::failure::Wait;
    use crate::feed::engine_status::TokenState;

    const RUN: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// The paid engine with three slots, one of them taken, and runs of a minute.
    fn paid(edit: impl FnOnce(&mut EngineStatus)) -> EngineStatuses {
        let mut status = EngineStatus::new(3, TokenState::Ok);
        status.typical_run = Some(RUN);
        status.running = 1;
        edit(&mut status);
        let mut statuses = EngineStatuses::default();
        statuses.engines.insert(EngineKind::LightX2v, status);
        statuses
    }

    fn drain(statuses: &EngineStatuses, waiting: u64) -> Option<Duration> {
        expected_drain(statuses, [(EngineKind::LightX2v, waiting)], now())
    }

    #[test]
    fn slots_take_what_waits_and_what_runs_round_by_round() {
        let statuses = paid(|_| ());
        for (waiting, rounds) in [(1, 1), (2, 1), (3, 2), (5, 2), (6, 3)] {
            assert_eq!(drain(&statuses, waiting), Some(RUN * rounds), "{waiting}");
        }
    }

    #[test]
    fn nothing_that_waits_and_nothing_that_is_known_have_no_drain() {
        assert_eq!(drain(&paid(|_| ()), 0), None);
        assert_eq!(drain(&paid(|status| status.typical_run = None), 1), None);
        assert_eq!(drain(&EngineStatuses::default(), 1), None);
        let token = Wait {
            reason: WaitReason::UpstreamToken,
            until: None,
        };
        assert_eq!(drain(&paid(|status| status.wait = Some(token)), 1), None);
        // One engine of which nothing is known makes the whole unknown; one without work does not.
        let both = |preview| {
            let waiting = [(EngineKind::Preview, preview), (EngineKind::LightX2v, 1)];
            expected_drain(&paid(|_| ()), waiting, now())
        };
        assert_eq!((both(0), both(1)), (Some(RUN), None));
    }

    #[test]
    fn a_wait_with_an_end_comes_first() {
        let busy = Wait {
            reason: WaitReason::UpstreamBusy,
            until: now().checked_add(HOUR).ok(),
        };
        let statuses = paid(|status| status.wait = Some(busy));
        assert_eq!(drain(&statuses, 1), Some(HOUR + RUN));
    }

    #[test]
    fn what_the_daily_limit_leaves_goes_at_once_and_the_rest_at_its_pace() {
        let statuses = paid(|status| {
            status.daily_limit = Some(24);
            status.daily_used = 20;
        });
        // Four are left, so the fifth waits an hour for one of 24 a day, however many slots are free.
        assert_eq!(drain(&statuses, 4), Some(RUN * 2));
        assert_eq!(drain(&statuses, 5), Some(HOUR + RUN));
        assert_eq!(drain(&statuses, 28), Some(HOUR * 24 + RUN));
        let slower = paid(|status| {
            status.daily_limit = Some(24);
            status.daily_used = 20;
            status.typical_run = Some(HOUR);
        });
        assert_eq!(drain(&slower, 5), Some(HOUR * 2));
    }
}
