//! What the engines are doing, as the dispatcher publishes it: slots, health, and what keeps items waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::batch::EngineKind;
use crate::domain::dispatching::{DispatchSettings, DispatchState};
use crate::domain::failure::{Wait, WaitReason};
use crate::domain::ids::BatchId;

/// Every engine of this server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineStatuses {
    /// One each; an engine that is not configured here is absent.
    pub engines: BTreeMap<EngineKind, EngineStatus>,
    /// What an administrator has set; absent until the dispatcher has read it.
    pub settings: Option<DispatchSettings>,
}

/// One engine.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineStatus {
    /// Whether it answers.
    pub health: Health,
    /// Tasks it may have at once.
    pub slot_limit: u32,
    /// Slots held by items.
    pub running: u32,
    /// Slots held by cleanups and unmatched watches.
    pub cleanup: u32,
    /// Tasks on the account that are not ours, as far as a refusal has told.
    pub foreign: u32,
    /// What keeps every item of the engine waiting, besides slots and turns.
    pub wait: Option<Wait>,
    /// While all slots are taken, the batch whose turn it is when one comes free.
    pub next_batch: Option<BatchId>,
    /// The token of the current account.
    pub token: TokenState,
    /// When it expires, where that can be read.
    pub token_expire_time: Option<Timestamp>,
    /// Tasks submitted in the last 24 h.
    pub daily_used: u32,
    /// The daily limit, once the upstream has named it.
    pub daily_limit: Option<u32>,
    /// When a daily task comes free again, when none is left.
    pub next_free_time: Option<Timestamp>,
    /// The last answer that was no error.
    pub last_success_time: Option<Timestamp>,
    /// Since when it has answered nothing but that there is no such thing as was asked for (403, 404, 405).
    pub unavailable_since: Option<Timestamp>,
    /// What one item takes from claim to end, as lately measured; absent before the first.
    pub typical_run: Option<Duration>,
    /// Errors of the last hour by class.
    pub recent_errors: BTreeMap<&'static str, u32>,
}

/// Whether an engine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing was asked yet.
    Unknown,
    /// The last call was answered.
    Ok,
    /// Some calls fail.
    Degraded,
    /// No call was answered lately.
    Unreachable,
}

/// What the upstream says of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// The engine needs none.
    NotNeeded,
    /// None was set.
    Missing,
    /// Not refused.
    Ok,
    /// Refused, or past its expiry.
    Refused,
}

impl EngineStatus {
    /// A status before anything happened.
    pub fn new(slot_limit: u32, token: TokenState) -> Self {
        Self {
            health: Health::Unknown,
            slot_limit,
            running: 0,
            cleanup: 0,
            foreign: 0,
            wait: None,
            next_batch: None,
            token,
            token_expire_time: None,
            daily_used: 0,
            daily_limit: None,
            next_free_time: None,
            last_success_time: None,
            unavailable_since: None,
            typical_run: None,
            recent_errors: BTreeMap::new(),
        }
    }
}

impl EngineStatuses {
    /// Why a pending item of that engine that has no wait of its own does not run: what keeps all of them, else a
    /// pause, else that it waits for a slot.
    pub fn wait_for(&self, engine: EngineKind) -> Wait {
        let slot = Wait {
            reason: WaitReason::Slot,
            until: None,
        };
        let running = self
            .settings
            .as_ref()
            .is_none_or(|settings| settings.state == DispatchState::Running);
        if !running {
            return Wait {
                reason: WaitReason::Paused,
                until: None,
            };
        }
        self.engines
            .get(&engine)
            .and_then(|status| status.wait)
            .unwrap_or(slot)
    }

    /// The same for items of one batch: those that wait for a slot wait for their turn while another batch is to have
    /// the next one.
    pub fn wait_of(&self, engine: EngineKind, batch: BatchId) -> Wait {
        let wait = self.wait_for(engine);
        let status = self.engines.get(&engine);
        match status.and_then(|status| status.next_batch) {
            Some(next) if next != batch && wait.reason == WaitReason::Slot => Wait {
                reason: WaitReason::Turn,
                ..wait
            },
            _ => wait,
        }
    }

    /// Engines that only a person can let go on.
    pub fn halted(&self) -> Vec<EngineKind> {
        let needs_person = |engine: &EngineKind| self.wait_for(*engine).reason.needs_attention();
        EngineKind::ALL.into_iter().filter(needs_person).collect()
    }
}
