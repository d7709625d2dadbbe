//! What the service offers and what it is doing: for every user, and the base of what admins see.
//!
//! Not here: accounts, storage, warnings (`admin`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::Config;
use crate::domain::batch::EngineKind;
use crate::domain::dispatching::DispatchSettings;
use crate::domain::failure::WaitReason;
use crate::domain::pricing::Pricing;
use crate::feed::Feed;
use crate::feed::engine_status::{EngineStatuses, TokenState};
use crate::service::forecast;
use crate::store::{Store, StoreError};

/// What this server offers, by its configuration.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The engine of batches that name none, where the configuration says.
    pub default_engine: Option<EngineKind>,
    /// Host and port of the paid upstream; absent when it is not configured here.
    pub upstream_host: Option<String>,
    /// What videos cost.
    pub pricing: Pricing,
}

impl Offer {
    /// What a configuration offers.
    pub fn of(config: &Config) -> Self {
        Self {
            default_engine: config.default_engine,
            upstream_host: config
                .upstream
                .as_ref()
                .map(|upstream| host(&upstream.base_url)),
            pricing: config.pricing,
        }
    }

    /// Whether batches may name an engine. One that only lacks its token takes batches, which wait.
    pub fn is_configured(&self, engine: EngineKind) -> bool {
        engine == EngineKind::Preview || self.upstream_host.is_some()
    }

    /// The engine of batches that name none: the configured one, else the paid one when it has a token.
    pub fn default_engine(&self, statuses: &EngineStatuses) -> EngineKind {
        let paid = statuses.engines.get(&EngineKind::LightX2v);
        let has_token = paid.is_some_and(|status| status.token != TokenState::Missing);
        self.default_engine
            .unwrap_or(if self.upstream_host.is_some() && has_token {
                EngineKind::LightX2v
            } else {
                EngineKind::Preview
            })
    }
}

/// Scheme, user and path of a base URL are left out.
fn host(base_url: &str) -> String {
    let rest = base_url
        .split_once("://")
        .map_or(base_url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    host.to_owned()
}

/// What the service is doing now.
#[derive(Debug, Clone)]
pub struct Overview {
    /// What is offered.
    pub offer: Offer,
    /// The engines, as the dispatcher last said.
    pub statuses: Arc<EngineStatuses>,
    /// What the dispatcher was told.
    pub dispatch: DispatchSettings,
    /// Waiting items of everyone by reason; no reason without items.
    pub waiting: BTreeMap<WaitReason, u64>,
    /// When the longest waiting item was made.
    pub oldest_pending_time: Option<Timestamp>,
    /// Until all waiting items are expected to have ended; absent when none waits or unknown.
    pub expected_drain: Option<Duration>,
}

impl Overview {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn read(
        store: &dyn Store,
        feed: &Feed,
        offer: &Offer,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let statuses = feed.engines().borrow().clone();
        let mut waiting = BTreeMap::<WaitReason, u64>::new();
        let mut oldest_pending_time = None;
        let mut by_engine = Vec::new();
        for engine in EngineKind::ALL {
            let backlog = store.backlog(engine, now).await?;
            by_engine.push((engine, backlog.total()));
            // Items without a wait of their own wait for what keeps the whole engine.
            // Those of the batch that is to have the next slot, and those whose turn comes after.
            let next = backlog.next.map(|next| next.ready.min(backlog.ready));
            let next = next.unwrap_or(backlog.ready);
            let reason = statuses.wait_for(engine).reason;
            let status = statuses.engines.get(&engine);
            let has_next = status.is_some_and(|status| status.next_batch.is_some());
            let later = match reason {
                WaitReason::Slot if has_next => WaitReason::Turn,
                reason => reason,
            };
            let ready = [(reason, next), (later, backlog.ready - next)];
            for (reason, count) in backlog.held.into_iter().chain(ready) {
                if count > 0 {
                    *waiting.entry(reason).or_default() += count;
                }
            }
            oldest_pending_time = [oldest_pending_time, backlog.oldest_create_time]
                .into_iter()
                .flatten()
                .min();
        }
        let expected_drain = forecast::expected_drain(&statuses, by_engine, now);
        Ok(Self {
            offer: offer.clone(),
            statuses,
            dispatch: store.dispatch_settings().await?,
            waiting,
            oldest_pending_time,
            expected_drain,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::engine_status::EngineStatus;

    #[test]
    fn a_host_shows_neither_user_nor_path() {
        for (url, shown) in [
            ("https://x2v.example.com", "x2v.example.com"),
            ("http://user:secret@10.0.0.4:8080/api/", "10.0.0.4:8080"),
            ("https://[::1]:8000?x=1", "[::1]:8000"),
        ] {
            assert_eq!(host(url), shown);
        }
    }

    #[test]
    fn the_paid_engine_is_the_default_once_it_has_a_token() {
        let mut offer = Offer {
            default_engine: None,
            upstream_host: Some("x2v.example.com".to_owned()),
            pricing: Pricing::default(),
        };
        let mut statuses = EngineStatuses::default();
        assert_eq!(offer.default_engine(&statuses), EngineKind::Preview);
        for (token, engine) in [
            (TokenState::Missing, EngineKind::Preview),
            (TokenState::Ok, EngineKind::LightX2v),
            (TokenState::Refused, EngineKind::LightX2v),
        ] {
            let status = EngineStatus::new(3, token);
            statuses.engines.insert(EngineKind::LightX2v, status);
            assert_eq!(offer.default_engine(&statuses), engine);
        }
        offer.default_engine = Some(EngineKind::Preview);
        assert_eq!(offer.default_engine(&statuses), EngineKind::Preview);
    }
}
