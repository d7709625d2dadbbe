//! What an admin should know, each with what to do about it.

use std::time::Duration;

use jiff::Timestamp;

use super::system::SystemReport;
use super::upstream::{AccountUse, Standing};
use crate::domain::batch::EngineKind;
use crate::domain::dispatching::DispatchState;
use crate::domain::failure::WaitReason;
use crate::domain::ledger::Actor;
use crate::domain::restored::Restored;
use crate::feed::engine_status::{Health, TokenState};
use crate::service::overview::Overview;

/// How long before its end a token is warned of.
pub const EXPIRES_SOON: Duration = Duration::from_secs(24 * 60 * 60);
/// Less room than this is little: a thousand videos of the usual size.
pub const LITTLE_ROOM_BYTES: u64 = 5 << 30;
/// Less room than this is none: one upload may need as much.
pub const NO_ROOM_BYTES: u64 = 256 << 20;

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the names are the contract's, which explains them"
)]
pub enum WarningReason {
    DefaultPassword,
    UpstreamTokenNotSet,
    UpstreamTokenExpiring,
    UpstreamTokenExpired,
    UpstreamTokenRefused,
    UpstreamUnreachable,
    UpstreamDailyLimit,
    UpstreamAccountLost,
    DispatchPaused,
    DispatchDraining,
    DiskLow,
    StorageFull,
    VerifyFailed,
    UpstreamAddressWrong,
    RestoredCopy,
}

/// How much a warning matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Hurts now.
    Critical,
    /// Will hurt if nobody does anything.
    Warning,
    /// Good to know.
    Info,
}

/// Something an admin should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is about.
    pub reason: WarningReason,
    /// How much it matters.
    pub severity: Severity,
    /// Since when it holds, where that is known.
    pub since: Option<Timestamp>,
    /// What to do about it.
    pub message: String,
    /// Facts for a translation.
    pub metadata: Vec<(&'static str, String)>,
}

impl Warning {
    fn new(reason: WarningReason, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            reason,
            severity,
            since: None,
            message: message.into(),
            metadata: Vec::new(),
        }
    }

    fn since(mut self, time: impl Into<Option<Timestamp>>) -> Self {
        self.since = time.into();
        self
    }

    fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.metadata.push((key, value.to_string()));
        self
    }
}

/// The warnings that a report gives reason for, worst first.
pub fn of(report: &SystemReport, default_password_stands: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if default_password_stands {
        let message = "The admin's first password stands, and everyone knows it. Change it.";
        warnings.push(
            Warning::new(WarningReason::DefaultPassword, Severity::Critical, message)
                .since(report.start_time),
        );
    }
    warnings.extend(dispatch(report));
    if report.overview.offer.upstream_host.is_some() {
        warnings.extend(token(report));
        warnings.extend(upstream(report));
    }
    warnings.extend(disk(report));
    warnings.extend(verify(report));
    warnings.sort_by_key(|warning| warning.severity);
    warnings
}

/// What everyone should know who uses the paid engine, from what everyone may know: how its token is.
pub fn for_everyone(overview: &Overview, now: Timestamp) -> Vec<Warning> {
    let status = overview.statuses.engines.get(&EngineKind::LightX2v);
    let Some(status) = status.filter(|_| overview.offer.upstream_host.is_some()) else {
        return Vec::new();
    };
    let expire_time = status.token_expire_time;
    let warned_from = expire_time.and_then(|time| time.saturating_sub(EXPIRES_SOON).ok());
    let (reason, severity, since, message) = match status.token {
        TokenState::NotNeeded => return Vec::new(),
        TokenState::Missing => (
            WarningReason::UpstreamTokenNotSet,
            Severity::Critical,
            None,
            "The paid engine has no token: its items wait. Ask an administrator to set one.",
        ),
        TokenState::Ok | TokenState::Refused if expire_time.is_some_and(|time| time <= now) => (
            WarningReason::UpstreamTokenExpired,
            Severity::Critical,
            expire_time,
            "The paid engine's token has expired: its items wait. Ask an administrator to set a new one.",
        ),
        TokenState::Refused => (
            WarningReason::UpstreamTokenRefused,
            Severity::Critical,
            None,
            "The upstream refuses the paid engine's token: its items wait. Ask an administrator to set a new one.",
        ),
        TokenState::Ok if warned_from.is_some_and(|time| time <= now) => (
            WarningReason::UpstreamTokenExpiring,
            Severity::Warning,
            warned_from,
            "The paid engine's token expires within a day; its items will wait then. Ask an administrator to set a new one in time.",
        ),
        TokenState::Ok => return Vec::new(),
    };
    let warning = Warning::new(reason, severity, message).since(since);
    vec![match expire_time {
        Some(time) => warning.with("expire_time", time),
        None => warning,
    }]
}

fn dispatch(report: &SystemReport) -> Option<Warning> {
    let settings = &report.overview.dispatch;
    let restored = report.restored.as_ref();
    let warning = match settings.state {
        DispatchState::Running => return None,
        // Only restoring pauses without a person.
        DispatchState::Paused if settings.changed_by == Actor::System && restored.is_some() => {
            let message = "This is a restored copy and paused. Stop the server that it is a copy of, then set dispatch to run.";
            let warning = Warning::new(WarningReason::RestoredCopy, Severity::Warning, message);
            match restored {
                Some(restored) => warning.with("backup_time", restored.backup_time),
                None => warning,
            }
        }
        DispatchState::Paused => Warning::new(
            WarningReason::DispatchPaused,
            Severity::Warning,
            "Dispatch is paused: no item is started. Set it to run again.",
        ),
        DispatchState::Draining => Warning::new(
            WarningReason::DispatchDraining,
            Severity::Warning,
            "Dispatch is draining: what runs finishes, nothing new is started.",
        ),
    };
    Some(warning.since(settings.change_time))
}

fn token(report: &SystemReport) -> Option<Warning> {
    let Some(current) = report.accounts.iter().find(|account| account.is_current) else {
        let message = "The paid engine has no token: its items wait. Set one.";
        return Some(
            Warning::new(
                WarningReason::UpstreamTokenNotSet,
                Severity::Warning,
                message,
            )
            .since(report.start_time),
        );
    };
    let with_expiry = |warning: Warning| match current.expire_time {
        Some(time) => warning.with("expire_time", time),
        None => warning,
    };
    match current.standing {
        Standing::Expired => {
            let message = "The upstream token has expired: items wait. Set a new one.";
            let warning = Warning::new(
                WarningReason::UpstreamTokenExpired,
                Severity::Critical,
                message,
            );
            Some(with_expiry(warning.since(current.expire_time)))
        }
        Standing::Refused => {
            let message = "The upstream refuses its token: items wait. Set a new one.";
            let warning = Warning::new(
                WarningReason::UpstreamTokenRefused,
                Severity::Critical,
                message,
            );
            Some(with_expiry(warning.since(current.refused_since)))
        }
        Standing::Good | Standing::Untried => {
            let expire_time = current.expire_time?;
            let warned_from = expire_time.saturating_sub(EXPIRES_SOON).ok()?;
            let message = "The upstream token expires within a day. Set a new one in time.";
            (warned_from <= report.now).then(|| {
                let warning = Warning::new(
                    WarningReason::UpstreamTokenExpiring,
                    Severity::Warning,
                    message,
                );
                with_expiry(warning.since(warned_from))
            })
        }
    }
}

fn upstream(report: &SystemReport) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let statuses = &report.overview.statuses;
    if let Some(status) = statuses.engines.get(&EngineKind::LightX2v) {
        if status.health == Health::Unreachable {
            let message = "The upstream does not answer. Look at the network and its own state.";
            let host = report.overview.offer.upstream_host.as_deref();
            warnings.push(
                Warning::new(
                    WarningReason::UpstreamUnreachable,
                    Severity::Critical,
                    message,
                )
                .since(status.last_success_time)
                .with("host", host.unwrap_or_default()),
            );
        }
        if status.unavailable_since.is_some() {
            let message = "The upstream answers 403, 404 or 405 to everything. Look at its base URL (LIGHTX2V_BASE_URL), or whether it is of a version that is not known here.";
            let host = report.overview.offer.upstream_host.as_deref();
            warnings.push(
                Warning::new(
                    WarningReason::UpstreamAddressWrong,
                    Severity::Critical,
                    message,
                )
                .since(status.unavailable_since)
                .with("host", host.unwrap_or_default()),
            );
        }
        let wait = status.wait.map(|wait| wait.reason);
        if wait == Some(WaitReason::UpstreamDailyLimit) {
            let message = "The upstream account's tasks of 24 h are used up: items wait.";
            let warning = Warning::new(
                WarningReason::UpstreamDailyLimit,
                Severity::Warning,
                message,
            );
            warnings.push(match status.next_free_time {
                Some(time) => warning.with("next_free_time", time),
                None => warning,
            });
        }
    }
    warnings.extend(report.accounts.iter().filter(|account| is_lost(account, report.restored.as_ref())).map(|account| {
        let message = "An account set before still has work upstream and no usable token. Set a token of it once more.";
        Warning::new(
            WarningReason::UpstreamAccountLost,
            Severity::Critical,
            message,
        )
        .since(account.refused_since.or(account.expire_time))
        .with("account", &account.account)
    }));
    warnings
}

fn is_lost(account: &AccountUse, restored: Option<&Restored>) -> bool {
    let needed = account.running + account.unresolved + account.cleanups + account.fetches;
    let mut submitters = restored
        .into_iter()
        .flat_map(Restored::unmatched_submitters);
    let unmatched = submitters.any(|(submitter, _)| *submitter == account.account);
    !account.is_current
        && (needed > 0 || unmatched)
        && matches!(account.standing, Standing::Expired | Standing::Refused)
}

fn disk(report: &SystemReport) -> Option<Warning> {
    let free = report.disk?.free_bytes;
    let warning = if free < NO_ROOM_BYTES {
        Warning::new(
            WarningReason::StorageFull,
            Severity::Critical,
            "The disk is full. Make room: uploads are refused, and items wait.",
        )
    } else if free < LITTLE_ROOM_BYTES {
        Warning::new(
            WarningReason::DiskLow,
            Severity::Warning,
            "The disk is getting full. Make room.",
        )
    } else {
        return None;
    };
    Some(warning.with("free_bytes", free))
}

fn verify(report: &SystemReport) -> Option<Warning> {
    let last = report.last_verify.as_ref().filter(|it| !it.is_clean())?;
    let message = "The last look at what is stored found data that does not agree. `vbatchd verify` names it.";
    let warning = Warning::new(WarningReason::VerifyFailed, Severity::Critical, message);
    Some(warning.since(last.finish_time).with("detail", &last.detail))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::domain::dispatching::{DEFAULT_CONCURRENCY, DispatchSettings};
    use crate::domain::ledger::Actor;
    use crate::domain::pricing::Pricing;
    use crate::feed::engine_status::{EngineStatus, EngineStatuses};
    use crate::service::overview::Offer;

    fn overview(token: TokenState, expire: Option<i64>, host: Option<&str>) -> Overview {
        let mut status = EngineStatus::new(3, token);
        status.token_expire_time = expire.map(|second| Timestamp::from_second(second).unwrap());
        let mut statuses = EngineStatuses::default();
        statuses.engines.insert(EngineKind::LightX2v, status);
        Overview {
            offer: Offer {
                default_engine: None,
                upstream_host: host.map(str::to_owned),
                pricing: Pricing::default(),
            },
            statuses: Arc::new(statuses),
            dispatch: DispatchSettings {
                state: DispatchState::Running,
                concurrency: DEFAULT_CONCURRENCY,
                changed_by: Actor::System,
                change_time: Timestamp::UNIX_EPOCH,
            },
            waiting: BTreeMap::new(),
            oldest_pending_time: None,
            expected_drain: None,
        }
    }

    #[test]
    fn everyone_is_told_a_day_ahead_that_the_token_ends_and_neither_host_nor_account() {
        const DAY: i64 = 24 * 60 * 60;
        let told = |token, expire, now| {
            let now = Timestamp::from_second(now).unwrap();
            let warnings = for_everyone(&overview(token, expire, Some("x2v.example.com")), now);
            assert!(warnings.len() <= 1);
            for warning in &warnings {
                assert!(!format!("{warning:?}").contains("example.com"));
            }
            warnings.into_iter().next().map(|warning| warning.reason)
        };
        use WarningReason::{
            UpstreamTokenExpired, UpstreamTokenExpiring, UpstreamTokenNotSet, UpstreamTokenRefused,
        };
        let ends = Some(10 * DAY);
        assert_eq!(told(TokenState::Ok, ends, 9 * DAY - 1), None);
        for (now, expected) in [
            (9 * DAY, UpstreamTokenExpiring),
            (10 * DAY - 1, UpstreamTokenExpiring),
            (10 * DAY, UpstreamTokenExpired),
        ] {
            assert_eq!(told(TokenState::Ok, ends, now), Some(expected), "{now}");
        }
        assert_eq!(told(TokenState::Ok, None, DAY), None);
        let refused = told(TokenState::Refused, ends, 1);
        assert_eq!(refused, Some(UpstreamTokenRefused));
        let missing = told(TokenState::Missing, None, 1);
        assert_eq!(missing, Some(UpstreamTokenNotSet));
        let unconfigured = overview(TokenState::Missing, None, None);
        assert_eq!(for_everyone(&unconfigured, Timestamp::UNIX_EPOCH), []);
    }
}
