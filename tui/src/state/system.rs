//! Owns the service as admins see it, live while it is looked at.

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;
use vision_batch::v1::watch_system_response::Event;

use super::confirm::Ask;
use super::live::Live;

/// The service as it is now.
#[derive(Debug, Default)]
pub(crate) struct System {
    pub(crate) status: Option<Box<v1::SystemStatus>>,
    pub(crate) live: Live,
}

impl System {
    /// The screen was opened: what was known is shown until the stream says what is.
    pub(crate) fn open(&mut self) {
        self.live = Live::default();
    }

    /// Takes an event of the stream in.
    pub(crate) fn hear(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::Status(status) => {
                self.status = Some(Box::new(status));
                self.live.completed(now);
            }
            Event::Heartbeat(_) | Event::End(_) => self.live.heard(now),
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
