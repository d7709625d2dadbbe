//! Owns [`Warning`]: what holds up everyone's items, said over the list.

use jiff::Timestamp;
use vision_batch::v1;

use super::time::moment;

/// Something that holds up everyone's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    TokenMissing {
        waiting: i32,
    },
    TokenRefused {
        since: Option<Timestamp>,
        waiting: i32,
    },
    TokenExpired {
        since: Option<Timestamp>,
        waiting: i32,
    },
    DailyLimit {
        until: Option<Timestamp>,
        waiting: i32,
    },
    Unreachable {
        since: Option<Timestamp>,
    },
    /// The token ends within a day.
    TokenExpires {
        at: Option<Timestamp>,
    },
    StorageFull {
        waiting: i32,
    },
    Paused {
        waiting: i32,
    },
    Draining {
        waiting: i32,
    },
}

impl Warning {
    /// What holds up everyone's items, worst first.
    pub(crate) fn of(status: &v1::ServiceStatus) -> Option<Self> {
        use v1::upstream::TokenState;
        use v1::wait::Reason;
        let waiting = |reason: Reason| {
            status
                .waiting
                .iter()
                .filter(|count| count.reason() == reason)
                .map(|count| count.count)
                .sum::<i32>()
        };
        if let Some(upstream) = &status.upstream {
            let since = upstream.token_state_since.as_ref().map(moment);
            let held = waiting(Reason::UpstreamToken);
            match upstream.token_state() {
                TokenState::Refused => {
                    return Some(Self::TokenRefused {
                        since,
                        waiting: held,
                    });
                }
                TokenState::Expired => {
                    return Some(Self::TokenExpired {
                        since,
                        waiting: held,
                    });
                }
                TokenState::NotSet if held > 0 => {
                    return Some(Self::TokenMissing { waiting: held });
                }
                _ => {}
            }
        }
        let full = waiting(Reason::StorageFull);
        if full > 0 {
            return Some(Self::StorageFull { waiting: full });
        }
        let pending = status.waiting.iter().map(|count| count.count).sum();
        match status.dispatch_state() {
            v1::dispatch::State::Paused => return Some(Self::Paused { waiting: pending }),
            v1::dispatch::State::Draining => return Some(Self::Draining { waiting: pending }),
            _ => {}
        }
        let upstream = status.upstream.as_ref()?;
        let limited = waiting(Reason::UpstreamDailyLimit);
        if limited > 0 {
            let until = upstream.next_free_time.as_ref().map(moment);
            return Some(Self::DailyLimit {
                until,
                waiting: limited,
            });
        }
        if upstream.health() == v1::engine_info::Health::Unreachable && pending > 0 {
            let since = upstream.last_success_time.as_ref().map(moment);
            return Some(Self::Unreachable { since });
        }
        let ends = status
            .warnings
            .iter()
            .any(|it| it.reason() == v1::warning::Reason::UpstreamTokenExpiring);
        let at = upstream.token_expire_time.as_ref().map(moment);
        ends.then_some(Self::TokenExpires { at })
    }
}
