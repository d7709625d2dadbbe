//! The lanes' statuses, put together for the feed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::batch::EngineKind;
use crate::domain::dispatching::DispatchSettings;
use crate::domain::failure::{Wait, WaitReason};
use crate::feed::Feed;
use crate::feed::engine_status::{EngineStatus, EngineStatuses};

use super::gate::later;

/// Where lanes write what they are doing. Clones share it.
#[derive(Clone)]
pub(super) struct Board {
    feed: Feed,
    statuses: Arc<Mutex<EngineStatuses>>,
}

impl Board {
    pub(super) fn new(feed: Feed) -> Self {
        Self {
            feed,
            statuses: Arc::default(),
        }
    }

    pub(super) fn put(&self, engine: EngineKind, status: EngineStatus, settings: DispatchSettings) {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.engines.insert(engine, status);
        statuses.settings = Some(settings);
        self.feed.set_engines(statuses.clone());
    }

    /// Nothing is begun, because there is no room on the disk.
    pub(super) fn put_full(&self, engine: EngineKind) {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = statuses.engines.get_mut(&engine) {
            status.wait = Some(Wait {
                reason: WaitReason::StorageFull,
                until: None,
            });
            self.feed.set_engines(statuses.clone());
        }
    }
}

/// Errors of the last hour by class: at most [`RecentErrors::KEPT`], the oldest go first.
#[derive(Debug, Default)]
pub(super) struct RecentErrors {
    errors: VecDeque<(Timestamp, &'static str)>,
}

impl RecentErrors {
    const KEPT: usize = 1_000;
    const SPAN: Duration = Duration::from_secs(3600);

    pub(super) fn note(&mut self, class: &'static str, now: Timestamp) {
        if self.errors.len() == Self::KEPT {
            self.errors.pop_front();
        }
        self.errors.push_back((now, class));
    }

    pub(super) fn by_class(&mut self, now: Timestamp) -> BTreeMap<&'static str, u32> {
        self.errors
            .retain(|(time, _)| later(*time, Self::SPAN) > now);
        let mut classes = BTreeMap::new();
        for (_, class) in &self.errors {
            *classes.entry(*class).or_default() += 1;
        }
        classes
    }
}
