//! Owns the service as admins see it: asked for again and again while it is looked at, for there is no stream of it yet.

use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;

use super::confirm::Ask;
use super::effect::NetEffect;
use super::refusal::Refusal;

/// How often it is asked for.
const REFRESH: SignedDuration = SignedDuration::from_secs(2);

/// The service as it is now.
#[derive(Debug, Default)]
pub(crate) struct System {
    pub(crate) status: Option<Box<v1::SystemStatus>>,
    /// Why it could not be told lately.
    pub(crate) refusal: Option<Refusal>,
    asked: bool,
    told_at: Option<Timestamp>,
}

impl System {
    /// The screen was opened, or something was changed: it is asked for at once.
    pub(crate) fn open(&mut self) {
        self.asked = false;
        self.told_at = None;
    }

    pub(crate) fn want(&mut self, now: Timestamp) -> Option<NetEffect> {
        let fresh = self
            .told_at
            .is_some_and(|at| now.duration_since(at) < REFRESH);
        if self.asked || fresh {
            return None;
        }
        self.asked = true;
        Some(NetEffect::LoadSystem)
    }

    pub(crate) fn take(
        &mut self,
        result: Result<Box<v1::GetSystemStatusResponse>, Refusal>,
        now: Timestamp,
    ) {
        self.asked = false;
        self.told_at = Some(now);
        match result {
            Ok(response) => {
                self.refusal = None;
                self.status = response.status.map(Box::new);
            }
            Err(refusal) => self.refusal = Some(refusal),
        }
    }

    pub(crate) fn dispatch(&self) -> Option<&v1::Dispatch> {
        self.status.as_ref()?.dispatch.as_ref()
    }

    /// Items being worked on.
    fn running(&self) -> i32 {
        let engines = self.status.as_ref().map(|status| &status.engines);
        engines
            .into_iter()
            .flatten()
            .filter_map(|engine| engine.slots)
            .map(|slots| slots.running)
            .sum()
    }

    /// The question before dispatch is paused, or runs again.
    pub(crate) fn ask_pause_resume(&self) -> Option<Ask> {
        let state = match self.dispatch()?.state() {
            Dispatch::Running => Dispatch::Paused,
            _ => Dispatch::Running,
        };
        Some(Ask::Dispatch {
            state,
            running: self.running(),
        })
    }

    /// The question before dispatch drains; none when it does already.
    pub(crate) fn ask_drain(&self) -> Option<Ask> {
        (self.dispatch()?.state() != Dispatch::Draining).then(|| Ask::Dispatch {
            state: Dispatch::Draining,
            running: self.running(),
        })
    }

    /// The question before there is one slot more, or fewer; never fewer than one.
    pub(crate) fn ask_slots(&self, more: bool) -> Option<Ask> {
        let from = self.dispatch()?.concurrency;
        let to = if more { from + 1 } else { from - 1 };
        (to >= 1).then_some(Ask::Concurrency { from, to })
    }
}
