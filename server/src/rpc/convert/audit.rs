//! Audit events, as the contract says them.

use vision_batch::v1;

use super::{optional_id, read_time, time, wide};
use crate::domain::audit::{AuditEvent, Outcome, Target};
use crate::rpc::convert::ledger::actor;
use crate::service::admin::audit::AuditFilter;
use crate::service::error::ServiceError;

/// An event.
pub fn event(event: AuditEvent) -> v1::AuditEvent {
    let address = event.actor.address();
    v1::AuditEvent {
        id: event.id().to_string(),
        sequence: wide(event.sequence),
        create_time: Some(time(event.time)),
        actor: Some(actor(event.actor)),
        action: event.action,
        target: event.target.map(target),
        address: address
            .map(|address| address.to_canonical().to_string())
            .unwrap_or_default(),
        outcome: outcome(event.outcome).into(),
        detail: event.detail,
    }
}

fn target(target: Target) -> v1::audit_event::Target {
    v1::audit_event::Target {
        kind: target.kind.name().to_owned(),
        id: target.id,
        name: target.name,
    }
}

fn outcome(outcome: Outcome) -> v1::audit_event::Outcome {
    match outcome {
        Outcome::Succeeded => v1::audit_event::Outcome::Succeeded,
        Outcome::Refused => v1::audit_event::Outcome::Refused,
        Outcome::Failed => v1::audit_event::Outcome::Failed,
    }
}

/// Which events a request asks for.
///
/// # Errors
///
/// FIELD_INVALID.
pub fn read_filter(request: &v1::ListAuditEventsRequest) -> Result<AuditFilter, ServiceError> {
    use v1::audit_event::Outcome as Wire;
    let outcome = match request.outcome.map(Wire::try_from) {
        None => None,
        Some(Ok(Wire::Succeeded)) => Some(Outcome::Succeeded),
        Some(Ok(Wire::Refused)) => Some(Outcome::Refused),
        Some(Ok(Wire::Failed)) => Some(Outcome::Failed),
        Some(Ok(Wire::Unspecified) | Err(_)) => {
            let message = "outcome is SUCCEEDED, REFUSED or FAILED, or absent.";
            return Err(ServiceError::field("outcome", message));
        }
    };
    let time = |field: &str, time: &Option<prost_types::Timestamp>| {
        time.map(|time| read_time(field, time)).transpose()
    };
    Ok(AuditFilter {
        actor: optional_id("actor_id", &request.actor_id)?,
        action: request.action.clone(),
        target_id: request.target_id.clone(),
        outcome,
        after: time("create_time_after", &request.create_time_after)?,
        before: time("create_time_before", &request.create_time_before)?,
    })
}
