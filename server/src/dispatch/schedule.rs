//! When running tasks are asked about next, by what the engine expects of them. Pure.

use std::time::Duration;

use crate::domain::retry::back_off;
use crate::engine::TaskState;

/// The bounds of the interval.
pub const SHORTEST: Duration = Duration::from_millis(500);
/// See [`SHORTEST`].
pub const LONGEST: Duration = Duration::from_secs(5);

/// A task is asked about this long after it should be done, so that one question is enough.
const MARGIN: Duration = Duration::from_millis(150);

/// Tasks that should be done so shortly after the first are asked about with it: the next question would come no sooner
/// than [`SHORTEST`] later. Tasks that were submitted together end together.
const TOGETHER: Duration = Duration::from_millis(250);

/// Failed polls are repeated this late at most.
const FAILED_CAP: Duration = Duration::from_secs(30);

/// What is known of one running task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// Time it has been in its state: run, waited, or been denied.
    pub elapsed: Duration,
    /// Until it is done (running) or begins (queued), as the engine expects.
    pub expected: Option<Duration>,
}

impl Outlook {
    /// The outlook of a task in that state; `typical_run` fills in for an engine that says nothing. An engine that has
    /// promised for long that a task begins soon is believed less and less.
    pub fn of(state: &TaskState, since_submit: Duration, typical_run: Option<Duration>) -> Self {
        match state {
            TaskState::Queued { expected_wait, .. } => Self {
                elapsed: since_submit,
                expected: expected_wait.map(|wait| wait.max(since_submit / 20)),
            },
            TaskState::Running {
                elapsed,
                expected_run,
                ..
            } => {
                let elapsed = elapsed.unwrap_or_default();
                Self {
                    elapsed,
                    expected: expected_run
                        .or(typical_run)
                        .map(|whole| whole.saturating_sub(elapsed)),
                }
            }
            _ => Self {
                elapsed: Duration::ZERO,
                expected: Some(Duration::ZERO),
            },
        }
    }
}

/// The pause before the next poll: until the first task is expected to be done, and those that end with it, within the
/// bounds. Of a task that is overdue by much nothing is expected any more, so it is asked about ever more rarely.
pub fn interval(outlooks: &[Outlook]) -> Duration {
    let pauses = || {
        outlooks.iter().map(|outlook| match outlook.expected {
            Some(Duration::ZERO) => outlook.elapsed / 20,
            Some(rest) => rest + MARGIN,
            None => (outlook.elapsed / 10).max(SHORTEST * 2),
        })
    };
    let first = pauses().min().unwrap_or(LONGEST);
    pauses()
        .filter(|pause| *pause <= first + TOGETHER)
        .max()
        .unwrap_or(first)
        .clamp(SHORTEST, LONGEST)
}

/// The pause after `failures` failed polls in a row.
pub fn after_failure(failures: u32, random: u64) -> Duration {
    back_off(failures, SHORTEST * 2, FAILED_CAP, random).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_interval_follows_the_estimates_within_its_bounds() {
        let running = |elapsed, rest: Option<f64>| Outlook {
            elapsed: seconds(elapsed),
            expected: rest.map(seconds),
        };
        for (outlooks, expected) in [
            (vec![], 5.0),
            (vec![running(1.0, Some(19.0))], 5.0),
            (vec![running(18.0, Some(2.0))], 2.15),
            (
                vec![running(18.0, Some(2.0)), running(2.0, Some(0.5))],
                0.65,
            ),
            (
                vec![
                    running(18.0, Some(2.0)),
                    running(17.8, Some(2.2)),
                    running(17.0, Some(3.0)),
                ],
                2.35,
            ),
            (vec![running(19.9, Some(0.0))], 0.995),
            (vec![running(0.0, None)], 1.0),
            (vec![running(30.0, None)], 3.0),
            (vec![running(0.0, Some(3.6e6))], 5.0),
        ] {
            assert_eq!(interval(&outlooks), seconds(expected), "{outlooks:?}");
        }
    }

    #[test]
    fn a_task_that_was_to_begin_soon_for_long_is_asked_about_ever_more_rarely() {
        let queued = |wait: Option<f64>| TaskState::Queued {
            position: None,
            expected_wait: wait.map(seconds),
        };
        for (wait, since_submit, expected) in [
            (Some(0.0), 1.0, 0.5),
            (Some(0.1), 40.0, 2.15),
            (Some(0.1), 1800.0, 5.0),
            (Some(3.0), 1.0, 3.15),
            (None, 1.0, 1.0),
            (None, 30.0, 3.0),
        ] {
            let outlook = Outlook::of(&queued(wait), seconds(since_submit), None);
            assert_eq!(interval(&[outlook]), seconds(expected), "{wait:?}");
        }
    }
}
