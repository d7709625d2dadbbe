//! Whether a client pings too often.
//!
//! A ping is free when something was sent to the client since: clients measure the link by pings while data comes, one for
//! each piece of it that they read, maybe long after it was sent. Every other ping must leave the floor after the one
//! before it; a client that does not gets two strikes, and is turned away at the third, as gRPC's own servers do.
//!
//! Pings without a call are taken like others: whoever keeps a connection for later costs a place either way.

use std::time::Duration;

use tokio::time::Instant;

/// Pings below the floor that are borne.
const STRIKES: u32 = 2;
/// Most free pings that are remembered: as many pieces as may wait unread at a client.
const MOST_FREE: u32 = 1_024;

/// The pings of one client.
#[derive(Debug, Clone)]
pub(super) struct Pings {
    floor: Duration,
    last: Option<Instant>,
    free: u32,
    strikes: u32,
}

impl Pings {
    pub(super) fn new(floor: Duration) -> Self {
        Self {
            floor,
            last: None,
            free: 0,
            strikes: 0,
        }
    }

    /// Headers or data were sent to the client.
    pub(super) fn sent(&mut self) {
        self.free = (self.free + 1).min(MOST_FREE);
        self.strikes = 0;
    }

    /// A ping came; tells whether it is one too many.
    pub(super) fn came(&mut self, now: Instant) -> bool {
        let before = self.last.replace(now);
        if self.free > 0 {
            self.free -= 1;
        } else if before.is_some_and(|before| now < before + self.floor) {
            self.strikes += 1;
        }
        self.strikes > STRIKES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: Duration = Duration::from_secs(10);

    fn after(pings: &mut Pings, start: Instant, seconds: &[u64]) -> Vec<bool> {
        let times = seconds.iter().map(|second| Duration::from_secs(*second));
        times.map(|time| pings.came(start + time)).collect()
    }

    #[test]
    fn who_keeps_to_the_floor_may_ping_for_ever() {
        let start = Instant::now();
        let mut pings = Pings::new(FLOOR);
        let seconds: Vec<u64> = (0..1_000).map(|count| count * 10).collect();
        assert!(!after(&mut pings, start, &seconds).contains(&true));
        // And who keeps to what grpc-go's servers ask for.
        let mut pings = Pings::new(Duration::from_secs(300));
        let seconds: Vec<u64> = (0..100).map(|count| count * 300).collect();
        assert!(!after(&mut pings, start, &seconds).contains(&true));
    }

    #[test]
    fn the_third_ping_below_the_floor_is_one_too_many() {
        let mut pings = Pings::new(FLOOR);
        let found = after(&mut pings, Instant::now(), &[0, 9, 18, 27]);
        assert_eq!(found, [false, false, false, true]);
    }

    #[test]
    fn pings_for_what_was_sent_are_free_even_if_late() {
        let mut pings = Pings::new(FLOOR);
        for _ in 0..5 {
            pings.sent();
        }
        let found = after(&mut pings, Instant::now(), &[0, 0, 1, 1, 2, 3, 4, 5]);
        assert_eq!(found.iter().position(|much| *much), Some(7));
        // What is sent forgives, but does not pile up without end.
        for _ in 0..100_000 {
            pings.sent();
        }
        let now = Instant::now();
        let mut count = 0;
        while !pings.came(now) {
            count += 1;
        }
        assert_eq!(count, MOST_FREE + STRIKES);
    }
}
