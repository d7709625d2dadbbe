//! The audit, page by page, newest first.

use std::time::Duration;

use jiff::Timestamp;

use super::{Admin, check_length, require_admin};
use crate::domain::audit::{AuditEvent, Outcome};
use crate::domain::ids::UserId;
use crate::service::Caller;
use crate::service::error::ServiceError;
use crate::service::page_token::{self, PageScope};
use crate::store::query::SCAN_BUDGET;
use crate::store::{Store, StoreError};

/// Longest action or target that is asked for, in characters.
pub const FILTER_CHARACTERS: usize = 200;

/// Events that are read at a time.
const CHUNK: usize = 200;

/// The record follows the clock, which may have been set back between two starts of the server, by this at most.
const DISORDER: Duration = Duration::from_secs(24 * 60 * 60);

/// Which events; what is absent or empty does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this user.
    pub actor: Option<UserId>,
    /// This action, or with a dot at the end all that begin so.
    pub action: String,
    /// About the object of this id.
    pub target_id: String,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// At this time or after it.
    pub after: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

impl AuditFilter {
    fn admits(&self, event: &AuditEvent) -> bool {
        let target_id = event.target.as_ref().map(|target| target.id.as_str());
        self.admits_action(&event.action)
            && (self.actor.is_none() || self.actor == event.actor.user())
            && (self.target_id.is_empty() || Some(self.target_id.as_str()) == target_id)
            && self.outcome.is_none_or(|outcome| outcome == event.outcome)
            && self.after.is_none_or(|time| event.time >= time)
            && self.before.is_none_or(|time| event.time < time)
    }

    fn admits_action(&self, action: &str) -> bool {
        if self.action.ends_with('.') {
            action.starts_with(&self.action)
        } else {
            self.action.is_empty() || self.action == action
        }
    }

    fn scope(&self) -> PageScope {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        PageScope::new("ListAuditEvents")
            .with(self.actor.map(|id| id.to_string()).unwrap_or_default())
            .with(&self.action)
            .with(&self.target_id)
            .with(match self.outcome {
                None => [0],
                Some(Outcome::Succeeded) => [1],
                Some(Outcome::Refused) => [2],
                Some(Outcome::Failed) => [3],
            })
            .with(time(self.after))
            .with(time(self.before))
    }
}

impl Admin {
    /// A page of the audit, newest first, and the token of the next (empty at the end). A filtered page may be short and
    /// still have a successor. Refusals that are on their way are in it.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, FIELD_INVALID, PAGE_TOKEN_INVALID.
    pub async fn list_audit_events(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<AuditEvent>, String), ServiceError> {
        require_admin(caller)?;
        check_length("action", &filter.action, FILTER_CHARACTERS)?;
        check_length("target_id", &filter.target_id, FILTER_CHARACTERS)?;
        let limit = page_token::page_size(page_size)?;
        let scope = filter.scope();
        let place = scope
            .place(page_token)?
            .map(|place| <[u8; 8]>::try_from(place).map(u64::from_be_bytes))
            .transpose()
            .map_err(|_| page_token::invalid())?;
        self.parts.accounts.refusals().flush().await;
        let store = self.parts.store.as_ref();
        let mut before = match (place, filter.before) {
            (Some(sequence), _) => Some(sequence),
            (None, Some(time)) => first_after(store, shifted(time, true)).await?,
            (None, None) => None,
        };
        let oldest = filter.after.map(|time| shifted(time, false));

        let mut events = Vec::new();
        let mut scanned = 0;
        loop {
            let chunk = store.audit(before, CHUNK).await?;
            let is_last = chunk.len() < CHUNK;
            for event in chunk {
                if oldest.is_some_and(|oldest| event.time < oldest) {
                    return Ok((events, String::new()));
                }
                if events.len() == limit || scanned == SCAN_BUDGET {
                    let next = before.map(|before| scope.token(&before.to_be_bytes()));
                    return Ok((events, next.unwrap_or_default()));
                }
                scanned += 1;
                before = Some(event.sequence);
                if filter.admits(&event) {
                    events.push(event);
                }
            }
            if is_last {
                return Ok((events, String::new()));
            }
        }
    }
}

fn shifted(time: Timestamp, later: bool) -> Timestamp {
    if later {
        time.saturating_add(DISORDER).unwrap_or(Timestamp::MAX)
    } else {
        time.saturating_sub(DISORDER).unwrap_or(Timestamp::MIN)
    }
}

/// The sequence of the first event after a time, so that the past is not reached by reading all since; absent when there
/// is none.
async fn first_after(store: &dyn Store, time: Timestamp) -> Result<Option<u64>, StoreError> {
    let newest = store.audit(None, 1).await?;
    let Some(newest) = newest.first().filter(|event| event.time > time) else {
        return Ok(None);
    };
    // The event of the upper sequence is after the time, all below the lower one are not.
    let (mut lower, mut upper) = (1, newest.sequence);
    while lower < upper {
        let middle = lower + (upper - lower) / 2;
        let found = store.audit(Some(middle + 1), 1).await?;
        match found.first() {
            Some(event) if event.time > time => upper = middle,
            _ => lower = middle + 1,
        }
    }
    Ok(Some(upper))
}
