//! The service as it is now, as the contract says it: for every user, and for admins.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use vision_batch::v1;

use super::{count, duration, time, wide};
use crate::domain::batch::EngineKind;
use crate::domain::books::last_look::LastLook;
use crate::domain::dispatching::{DispatchSettings, DispatchState};
use crate::domain::failure::WaitReason;
use crate::domain::ledger::Actor;
use crate::feed::engine_status::{EngineStatus, Health, TokenState};
use crate::service::admin::system::SystemReport;
use crate::service::admin::upstream::{AccountUse, Standing, TokenUpdate};
use crate::service::admin::warnings::{self, Severity, Warning, WarningReason};
use crate::service::error::ServiceError;
use crate::service::overview::Overview;
use crate::store::query::HourCount;

/// The span of which it is counted how many items ended.
const HOUR: Duration = Duration::from_secs(3_600);

/// What every user may know: no host, no accounts.
pub fn service_status(overview: &Overview, now: Timestamp) -> v1::ServiceStatus {
    v1::ServiceStatus {
        dispatch_state: dispatch_state(overview.dispatch.state).into(),
        engines: engines(overview),
        waiting: waiting(&overview.waiting),
        upstream: upstream(overview, now),
        warnings: warnings::for_everyone(overview, now)
            .into_iter()
            .map(warning)
            .collect(),
    }
}

/// What an admin may know.
pub fn system_status(report: SystemReport) -> v1::SystemStatus {
    let overview = &report.overview;
    let paid = overview.statuses.engines.get(&EngineKind::LightX2v);
    let disk = report.disk;
    v1::SystemStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instance_id: report.instance.to_string(),
        start_time: Some(time(report.start_time)),
        dispatch: Some(dispatch(&overview.dispatch)),
        slots: paid.map(slots),
        engines: engines(overview),
        waiting: waiting(&overview.waiting),
        oldest_pending_time: overview.oldest_pending_time.map(time),
        expected_drain: overview.expected_drain.map(duration),
        upstream: upstream(overview, report.now).map(|upstream| v1::Upstream {
            host: overview.offer.upstream_host.clone().unwrap_or_default(),
            token_state_since: report
                .accounts
                .iter()
                .find(|account| account.is_current)
                .and_then(|account| account.refused_since)
                .map(time),
            accounts: report.accounts.iter().map(account).collect(),
            ..upstream
        }),
        recent_errors: paid.map(recent_errors).unwrap_or_default(),
        throughput: report.throughput.iter().map(throughput).collect(),
        storage: Some(v1::StorageUsage {
            images_bytes: wide(report.totals.image_bytes),
            audios_bytes: wide(report.totals.audio_bytes),
            videos_bytes: wide(report.totals.video_bytes),
            database_bytes: wide(report.totals.database_bytes),
            disk_free_bytes: disk.map_or(0, |disk| wide(disk.free_bytes)),
            disk_total_bytes: disk.map_or(0, |disk| wide(disk.total_bytes)),
        }),
        sessions: count(report.sessions),
        watchers: count(report.watchers),
        last_backup_time: report.last_backup_time.map(time),
        last_verify: report.last_verify.map(verify_result),
        warnings: report.warnings.into_iter().map(warning).collect(),
    }
}

fn verify_result(look: LastLook) -> v1::VerifyResult {
    v1::VerifyResult {
        finish_time: Some(time(look.finish_time)),
        ok: look.is_clean(),
        detail: look.detail,
    }
}

fn throughput(hour: &HourCount) -> v1::ThroughputPoint {
    v1::ThroughputPoint {
        start_time: Some(time(hour.start_time)),
        interval: Some(duration(HOUR)),
        completed: count(hour.completed),
        failed: count(hour.failed),
    }
}

/// Whether and how many items are dispatched.
pub fn dispatch(settings: &DispatchSettings) -> v1::Dispatch {
    // What the server wrote itself was never changed by anyone.
    let (changed_by, change_time) = match &settings.changed_by {
        Actor::System => (String::new(), None),
        Actor::User { name, .. } => (name.clone(), Some(time(settings.change_time))),
        Actor::Owner => ("owner".to_owned(), Some(time(settings.change_time))),
        Actor::Anonymous { .. } => (String::new(), Some(time(settings.change_time))),
    };
    v1::Dispatch {
        state: dispatch_state(settings.state).into(),
        concurrency: count(settings.concurrency),
        changed_by,
        change_time,
    }
}

/// The dispatch state of a request.
///
/// # Errors
///
/// FIELD_INVALID when unspecified or none of the contract's.
pub fn read_dispatch_state(field: &str, number: i32) -> Result<DispatchState, ServiceError> {
    use v1::dispatch::State;
    match State::try_from(number) {
        Ok(State::Running) => Ok(DispatchState::Running),
        Ok(State::Paused) => Ok(DispatchState::Paused),
        Ok(State::Draining) => Ok(DispatchState::Draining),
        Ok(State::Unspecified) | Err(_) => Err(ServiceError::field(
            field,
            "state is RUNNING, PAUSED or DRAINING, or absent.",
        )),
    }
}

/// A token that was put in.
pub fn token_update(update: TokenUpdate) -> v1::UpdateUpstreamTokenResponse {
    v1::UpdateUpstreamTokenResponse {
        token_state: standing(update.standing).into(),
        token_expire_time: update.expire_time.map(time),
        account: update.account.to_string(),
        upstream_message: update.upstream_message,
        previous_account: update.previous.as_ref().map(account),
    }
}

/// Why something waits.
pub fn wait_reason(reason: WaitReason) -> v1::wait::Reason {
    use v1::wait::Reason;
    match reason {
        WaitReason::Slot => Reason::Slot,
        WaitReason::Turn => Reason::Turn,
        WaitReason::Paused => Reason::Paused,
        WaitReason::BackOff => Reason::BackOff,
        WaitReason::UpstreamToken => Reason::UpstreamToken,
        WaitReason::UpstreamDailyLimit => Reason::UpstreamDailyLimit,
        WaitReason::UpstreamBusy => Reason::UpstreamBusy,
        WaitReason::Cleanup => Reason::Cleanup,
        WaitReason::StorageFull => Reason::StorageFull,
    }
}

fn waiting(waiting: &BTreeMap<WaitReason, u64>) -> Vec<v1::WaitingCount> {
    let counts = waiting.iter().map(|(reason, items)| v1::WaitingCount {
        reason: wait_reason(*reason).into(),
        count: count(*items),
    });
    counts.collect()
}

fn dispatch_state(state: DispatchState) -> v1::dispatch::State {
    match state {
        DispatchState::Running => v1::dispatch::State::Running,
        DispatchState::Paused => v1::dispatch::State::Paused,
        DispatchState::Draining => v1::dispatch::State::Draining,
    }
}

fn engines(overview: &Overview) -> Vec<v1::EngineInfo> {
    let default = overview.offer.default_engine(&overview.statuses);
    let engines = EngineKind::ALL.iter().map(|engine| {
        let status = overview.statuses.engines.get(engine);
        let is_paid = *engine == EngineKind::LightX2v;
        v1::EngineInfo {
            name: engine.name().to_owned(),
            is_default: *engine == default,
            health: if overview.offer.is_configured(*engine) {
                engine_health(status).into()
            } else {
                v1::engine_info::Health::Unavailable.into()
            },
            credits_per_item: i32::from(is_paid),
            seconds_per_credit: overview
                .offer
                .pricing
                .seconds_per_credit
                .filter(|seconds| is_paid && *seconds > 0)
                .map(count),
            slots: status.map(slots),
        }
    });
    engines.collect()
}

fn engine_health(status: Option<&EngineStatus>) -> v1::engine_info::Health {
    use v1::engine_info::Health as Wire;
    let Some(status) = status else {
        return Wire::Unspecified;
    };
    match (status.token, status.health) {
        (TokenState::Missing | TokenState::Refused, _) => Wire::TokenNeeded,
        (_, health) => health_of(health),
    }
}

fn health_of(health: Health) -> v1::engine_info::Health {
    use v1::engine_info::Health as Wire;
    match health {
        Health::Unknown => Wire::Unspecified,
        Health::Ok => Wire::Ok,
        Health::Degraded => Wire::Degraded,
        Health::Unreachable => Wire::Unreachable,
    }
}

fn slots(status: &EngineStatus) -> v1::Slots {
    v1::Slots {
        limit: count(status.slot_limit),
        running: count(status.running),
        cleanup: count(status.cleanup),
        foreign: count(status.foreign),
    }
}

fn upstream(overview: &Overview, now: Timestamp) -> Option<v1::Upstream> {
    use v1::upstream::TokenState as Wire;
    overview.offer.upstream_host.as_ref()?;
    let engine = EngineKind::LightX2v.name().to_owned();
    let Some(status) = overview.statuses.engines.get(&EngineKind::LightX2v) else {
        return Some(v1::Upstream {
            engine,
            ..v1::Upstream::default()
        });
    };
    let has_expired = status.token_expire_time.is_some_and(|time| time <= now);
    let token_state = match status.token {
        TokenState::NotNeeded => Wire::Unspecified,
        TokenState::Missing => Wire::NotSet,
        TokenState::Ok | TokenState::Refused if has_expired => Wire::Expired,
        // Not refused so far; it is good once the upstream has answered.
        TokenState::Ok if status.last_success_time.is_none() => Wire::Unspecified,
        TokenState::Ok => Wire::Ok,
        TokenState::Refused => Wire::Refused,
    };
    Some(v1::Upstream {
        engine,
        host: String::new(),
        health: health_of(status.health).into(),
        last_success_time: status.last_success_time.map(time),
        token_state: token_state.into(),
        token_state_since: None,
        token_expire_time: status.token_expire_time.map(time),
        daily_used: count(status.daily_used),
        daily_limit: status.daily_limit.map_or(0, count),
        next_free_time: status.next_free_time.map(time),
        accounts: Vec::new(),
    })
}

fn account(account: &AccountUse) -> v1::UpstreamAccount {
    v1::UpstreamAccount {
        account: account.account.to_string(),
        token_state: standing(account.standing).into(),
        token_expire_time: account.expire_time.map(time),
        running_attempts: count(account.running),
        unresolved_submits: count(account.unresolved),
        cleanups: count(account.cleanups),
        fetches: count(account.fetches),
    }
}

fn standing(standing: Standing) -> v1::upstream::TokenState {
    use v1::upstream::TokenState as Wire;
    match standing {
        Standing::Good => Wire::Ok,
        Standing::Expired => Wire::Expired,
        Standing::Refused => Wire::Refused,
        Standing::Untried => Wire::Unspecified,
    }
}

/// The dispatcher's classes, gathered into the contract's.
fn recent_errors(status: &EngineStatus) -> Vec<v1::UpstreamErrorCount> {
    use v1::upstream_error_count::Class;
    let mut classes = BTreeMap::<i32, u32>::new();
    for (name, errors) in &status.recent_errors {
        let class = match *name {
            "token" => Class::Authentication,
            "pace" | "slots" => Class::Rate,
            "daily_limit" => Class::DailyLimit,
            "busy" => Class::Busy,
            "not_reached" => Class::Unreachable,
            "unresolved" => Class::Reset,
            "unavailable" | "unknown_task" => Class::NotFound,
            "broken_answer" => Class::Malformed,
            "bad_input" => Class::BadInput,
            "timeout" => Class::Timeout,
            _ => Class::Server,
        };
        *classes.entry(class.into()).or_default() += errors;
    }
    let counts = classes
        .into_iter()
        .filter(|(_, errors)| *errors > 0)
        .map(|(class, errors)| v1::UpstreamErrorCount {
            class,
            count: count(errors),
        });
    counts.collect()
}

fn warning(warning: Warning) -> v1::Warning {
    use v1::warning::Reason as Wire;
    let reason = match warning.reason {
        WarningReason::DefaultPassword => Wire::DefaultPassword,
        WarningReason::UpstreamTokenNotSet => Wire::UpstreamTokenNotSet,
        WarningReason::UpstreamTokenExpiring => Wire::UpstreamTokenExpiring,
        WarningReason::UpstreamTokenExpired => Wire::UpstreamTokenExpired,
        WarningReason::UpstreamTokenRefused => Wire::UpstreamTokenRefused,
        WarningReason::UpstreamUnreachable => Wire::UpstreamUnreachable,
        WarningReason::UpstreamDailyLimit => Wire::UpstreamDailyLimit,
        WarningReason::UpstreamAccountLost => Wire::UpstreamAccountLost,
        WarningReason::DispatchPaused => Wire::DispatchPaused,
        WarningReason::DispatchDraining => Wire::DispatchDraining,
        WarningReason::DiskLow => Wire::DiskLow,
        WarningReason::StorageFull => Wire::StorageFull,
        WarningReason::VerifyFailed => Wire::VerifyFailed,
        WarningReason::UpstreamAddressWrong => Wire::UpstreamAddressWrong,
        WarningReason::RestoredCopy => Wire::RestoredCopy,
    };
    let severity = match warning.severity {
        Severity::Info => v1::warning::Severity::Info,
        Severity::Warning => v1::warning::Severity::Warning,
        Severity::Critical => v1::warning::Severity::Critical,
    };
    let metadata = warning.metadata.into_iter();
    v1::Warning {
        reason: reason.into(),
        severity: severity.into(),
        since: warning.since.map(time),
        message: warning.message,
        metadata: metadata
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}
