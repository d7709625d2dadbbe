//! Owns [`Backoff`]: how long to wait before the next try.

use std::time::Duration;

/// Waits that double from half a second to fifteen, each shortened at random so that many clients do not come back in step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The first wait, before jitter.
    pub(crate) const FIRST: Duration = Duration::from_millis(500);
    /// The longest wait, before jitter.
    pub(crate) const LONGEST: Duration = Duration::from_secs(15);

    /// The wait after one failure more. `jitter` is random, from 0 to 1: the wait is between half and the whole of its
    /// step. Never shorter than what the server asked for.
    pub(crate) fn next(&mut self, jitter: f64, asked: Option<Duration>) -> Duration {
        let step = Self::FIRST
            .saturating_mul(2u32.saturating_pow(self.failures.min(16)))
            .min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        let wait = step.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        wait.max(asked.unwrap_or_default())
    }

    /// It worked: the next failure begins from the first wait.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A random number from 0 to 1 for [`Backoff::next`].
pub(crate) fn jitter() -> f64 {
    rand::random::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..7)
            .map(|_| backoff.next(1.0, None).as_millis())
            .collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
        backoff.reset();
        assert_eq!(backoff.next(0.0, None), Duration::from_millis(250));
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_less() {
        let mut backoff = Backoff::default();
        let asked = Duration::from_secs(30);
        assert_eq!(backoff.next(0.5, Some(asked)), asked);
        assert_eq!(
            backoff.next(1.0, Some(Duration::from_millis(1))),
            Duration::from_secs(1)
        );
    }
}
