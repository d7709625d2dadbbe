//! How often and how late: every span of the dispatcher's rules, with its source.

use std::time::Duration;

/// Failed attempts of one round before the item fails.
pub const ATTEMPTS_A_ROUND: u32 = 3;

/// An item's task may take this long, counted from its committed task id as time in which the upstream
/// answered. The default; twice the upstream's own limit of a run.
pub const ITEM_DEADLINE: Duration = Duration::from_secs(2 * 3600);

/// A wish to cancel that the upstream does not confirm in this time is granted all the same.
pub const CANCEL_PATIENCE: Duration = Duration::from_secs(120);

/// A task is believed vanished after the upstream has denied it for this long.
pub const UNKNOWN_PATIENCE: Duration = Duration::from_secs(600);

/// A list proves the absence of a task when it was read at least this long after the submit.
pub const LIST_AFTER: Duration = Duration::from_secs(60);

/// A submit without an answer is matched against lists for this long.
pub const WATCH_FOR: Duration = Duration::from_secs(24 * 3600);

/// Running items of an account without a usable token fail after this long.
pub const ACCOUNT_LOST_AFTER: Duration = Duration::from_secs(2 * 3600);

/// The upstream counts tasks over this span (its sample configuration).
pub const DAILY_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// How late the next try comes after `failures` of them in a row (from 1): from `base`, doubled each time, at
/// most `cap`, and of that a random share between a half and the whole.
///
/// `random` is any number; equal jitter keeps many waiters from coming back together.
pub fn back_off(failures: u32, base: Duration, cap: Duration, random: u64) -> Duration {
    let doubled = base.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let half = doubled.min(cap) / 2;
    let share = (random % 1024) as u32;
    half + half * share / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_its_cap() {
        let base = Duration::from_secs(2);
        let cap = Duration::from_secs(60);
        for (failures, least, most) in [
            (1, 1, 2),
            (2, 2, 4),
            (3, 4, 8),
            (10, 30, 60),
            (u32::MAX, 30, 60),
        ] {
            for random in [0, 1, 511, 1023, u64::MAX] {
                let pause = back_off(failures, base, cap, random);
                assert!(
                    pause >= Duration::from_secs(least),
                    "{failures} {random}: {pause:?}"
                );
                assert!(
                    pause <= Duration::from_secs(most),
                    "{failures} {random}: {pause:?}"
                );
            }
        }
    }
}
