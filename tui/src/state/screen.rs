//! Owns which screen is shown and what lies over it, and what follows from that: what the keyboard is about, what is
//! offered, which stream the screen lives on, and when it shows something else only because time passes.

use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;

use super::message::{Message, NetMessage};
use super::{
    AmbiguousWidth, ColorDepth, Confirm, Dialog, Focus, Freshness, Live, Note, Palette, PictureOf,
    SortMenu, State, SymbolSet, Wanted, geometry, moment,
};
use crate::keymap::{Action, Mode};

/// By how much the server's clock has moved against ours when it counts as set, not as a sign of life that was long on its way.
const CLOCK_SET: SignedDuration = SignedDuration::from_secs(2);

/// Which screen is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Screen {
    #[default]
    Batches,
    Batch,
    NewBatch,
    Users,
    Ledger,
    System,
    Audit,
    ApiKeys,
}

/// What lies over the screen.
#[derive(Debug)]
pub(crate) enum Overlay {
    /// The keys of a mode, scrolled down by so many rows.
    Help {
        mode: Mode,
        top: usize,
        /// What it was asked for over, and what is there again after it.
        below: Option<Box<Overlay>>,
    },
    Confirm(Confirm),
    Palette(Palette),
    Sort(SortMenu),
    Dialog(Dialog),
    Note(Note),
    /// The transfers, the cursor on one of them.
    Transfers {
        cursor: usize,
    },
}

impl State {
    /// What the keyboard is about at the moment.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match &self.overlay {
            Some(Overlay::Help { .. }) => return Mode::Help,
            Some(Overlay::Confirm(question)) if question.typed.is_some() => return Mode::Typed,
            Some(Overlay::Confirm(_)) => return Mode::Confirm,
            Some(Overlay::Palette(_)) => return Mode::Palette,
            Some(Overlay::Sort(_)) => return Mode::Sort,
            Some(Overlay::Dialog(dialog)) if dialog.is_at_choice() => return Mode::Choice,
            Some(Overlay::Dialog(_)) => return Mode::Dialog,
            Some(Overlay::Note(_)) => return Mode::Note,
            Some(Overlay::Transfers { .. }) => return Mode::Transfers,
            None => {}
        }
        if self.gate.is_some() {
            return Mode::Form;
        }
        match self.screen {
            Screen::Batches if self.batches.filtering => Mode::Filter,
            Screen::Batches => Mode::Batches,
            Screen::Batch if self.batch.as_ref().is_some_and(|it| it.filtering) => Mode::Filter,
            Screen::Batch => Mode::Batch,
            Screen::Users if self.users.filtering => Mode::Filter,
            Screen::Users => Mode::Users,
            Screen::Ledger => Mode::Ledger,
            Screen::System => Mode::System,
            Screen::Audit if self.audit.filtering => Mode::Filter,
            Screen::Audit => Mode::Audit,
            Screen::ApiKeys => Mode::ApiKeys,
            Screen::NewBatch if self.new_batch.glob.is_some() => Mode::Filter,
            Screen::NewBatch if self.new_batch.focus == Focus::Files => Mode::FileList,
            Screen::NewBatch if self.new_batch.focus == Focus::Engine => Mode::Engine,
            Screen::NewBatch => Mode::Fields,
        }
    }

    /// Whether an action is there at all for this user on this screen.
    pub(crate) fn offers(&self, action: Action) -> bool {
        let held_back = self.read_only && action.changes_server()
            || action.is_for_admins() && !self.is_admin()
            || action == Action::Play && !self.player;
        !held_back
    }

    /// The stream the screen on top lives on.
    pub(crate) fn live(&self) -> &Live {
        match (&self.screen, &self.batch) {
            (Screen::Batch, Some(batch)) => &batch.live,
            (Screen::System, _) => &self.system.live,
            _ => &self.batches.live,
        }
    }

    /// Whether the screen shows something else when it is `now`: a second of a running item, a minute of anything.
    #[must_use]
    pub fn shows_passing(&self, now: Timestamp) -> bool {
        let minute = |time: Timestamp| time.as_second().div_euclid(60);
        let second = now.as_second() != self.now.as_second();
        if minute(now) != minute(self.now) {
            return true;
        }
        let expires = self.notice.as_ref().is_some_and(|it| it.until <= now);
        if expires || !second {
            return expires;
        }
        if self.gate.is_none() && !matches!(self.live().freshness(now), Freshness::Live) {
            return true;
        }
        let ticking = |item: &v1::VideoItem| item.finish_time.is_none();
        self.screen == Screen::Batch
            && self
                .batch
                .as_ref()
                .and_then(|batch| batch.rows.current())
                .is_some_and(ticking)
    }

    /// Whether a message may change what the screen shows: all do but signs of life of a stream that is known to be alive.
    #[must_use]
    pub fn may_show(&self, message: &Message) -> bool {
        let Message::Net(message) = message else {
            return true;
        };
        let (beat, live) = match message {
            NetMessage::Batches(event) => match &**event {
                v1::watch_batches_response::Event::Heartbeat(beat) => (beat, &self.batches.live),
                _ => return true,
            },
            NetMessage::Batch { batch_id, event } => match (&**event, &self.batch) {
                (v1::batch_status_response::Event::Heartbeat(beat), Some(batch))
                    if batch.id == *batch_id =>
                {
                    (beat, &batch.live)
                }
                (v1::batch_status_response::Event::Heartbeat(_), _) => return false,
                _ => return true,
            },
            NetMessage::System(event) => match &**event {
                v1::watch_system_response::Event::Heartbeat(beat) => (beat, &self.system.live),
                _ => return true,
            },
            _ => return true,
        };
        // Clocks that were set meanwhile are seen in every age.
        let ahead = beat
            .server_time
            .as_ref()
            .map(|time| moment(time).duration_since(self.now));
        let set = ahead.is_some_and(|ahead| (ahead - self.server_ahead).abs() >= CLOCK_SET);
        set || !matches!(live.freshness(self.now), Freshness::Live)
    }

    /// The picture that belongs beside what the cursor is on, and the cells there are for it; none where there is no room,
    /// or a terminal that cannot show it.
    pub(crate) fn wanted_picture(&self) -> Option<Wanted> {
        let can_show = matches!(self.look.depth, ColorDepth::Ansi256 | ColorDepth::TrueColor)
            && self.look.symbols == SymbolSet::Safe
            && self.look.ambiguous == AmbiguousWidth::Narrow;
        if !can_show || geometry::too_small(self.size) {
            return None;
        }
        match self.screen {
            Screen::Batch => {
                let area = geometry::batch(self.size).picture?;
                let item = self.batch.as_ref()?.rows.current()?;
                let of = PictureOf::Item {
                    item_id: item.id.clone(),
                };
                Some((of, (area.width, area.height)))
            }
            Screen::NewBatch => {
                let area = geometry::new_batch(self.size).picture?;
                let files = &self.new_batch.files;
                let path = &files.current()?.path;
                // What was not looked at yet, or cannot be used, is not decoded.
                matches!(files.facts(path), Some(Ok(_)))
                    .then(|| (PictureOf::File(path.clone()), (area.width, area.height)))
            }
            _ => None,
        }
    }
}
