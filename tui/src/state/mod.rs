//! Owns [`State`], what the operator sees and may do, and [`update`], the only thing that changes it.
//!
//! Invariants: nothing here waits, draws, reads a clock or a file, or speaks to a network; the time comes in with
//! [`Message::Tick`], and everything to be done outside goes out as an [`Effect`]. The streams are the truth for what rows
//! show; a reply only brings a notice. The mode of the keyboard follows from the state alone.
//!
//! Not here: words (`text`), colours and cells (`view`).

mod api_keys;
mod audit;
mod batch;
mod batches;
mod confirm;
mod dialog;
mod effect;
mod field;
mod file_list;
mod fuzzy;
pub(crate) mod geometry;
mod ledger;
mod live;
pub(crate) mod look;
mod message;
mod natural;
mod new_batch;
mod note;
mod notice;
mod paging;
mod palette;
mod pictures;
mod position;
mod refusal;
mod rows;
mod screen;
mod sign_in;
mod sort;
mod start;
mod system;
mod time;
mod transfers;
mod unanswered;
mod update;
mod users;
mod warning;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use vision_batch::v1;

pub(crate) use api_keys::ApiKeys;
pub(crate) use audit::{Audit, MOST as AUDIT_MOST, Only};
pub(crate) use batch::{OpenBatch, filename, has_video};
pub(crate) use batches::{Batches, counts, is_open};
pub(crate) use confirm::{Ask, Confirm, Rerun};
pub(crate) use dialog::{DAYS_MOST, Dialog, Entry, Flaw, Purpose, ROLES, SCOPES};
pub use effect::{Effect, Effects, FilesEffect, NetEffect, TerminalEffect};
pub(crate) use field::Field;
pub(crate) use file_list::looks_like_audio;
pub(crate) use fuzzy::Fuzzy;
pub(crate) use ledger::{Ledger, Movement};
pub(crate) use live::{Freshness, Live};
pub use look::{AmbiguousWidth, ColorDepth, Ground, Language, Look, SymbolSet};
pub use message::{Message, Metadata, Mouse, NetMessage, Stream, Ticket, TransferId};
pub(crate) use new_batch::{Audio, Focus, NewBatch, Problem, Sums, engines};
pub(crate) use note::{Disclosed, Note};
pub(crate) use notice::{Notice, Shown};
pub(crate) use palette::Palette;
pub(crate) use pictures::{PictureOf, Pictures, Wanted};
pub use refusal::{Cause, Refusal};
pub(crate) use screen::{Overlay, Screen};
pub(crate) use sign_in::{Gate, NewPassword, PasswordProblem, SignIn};
pub(crate) use sort::{Order, SortBy, SortMenu};
pub use start::{Directories, Start};
pub(crate) use system::System;
pub(crate) use time::{moment, seconds};
pub(crate) use transfers::{Carries, Transfers};
pub(crate) use unanswered::Unanswered;
pub use update::update;
pub(crate) use users::Users;
pub(crate) use warning::Warning;

/// Everything the operator sees and may do.
#[derive(Debug)]
pub struct State {
    pub(crate) look: Look,
    pub(crate) now: Timestamp,
    /// How far the server's clock is ahead of ours.
    pub(crate) server_ahead: SignedDuration,
    pub(crate) time_zone: TimeZone,
    pub(crate) size: (u16, u16),
    pub(crate) read_only: bool,
    pub(crate) player: bool,
    /// Whether the end of a batch rings.
    pub(crate) bell: bool,
    /// Whether the mouse selects and scrolls.
    pub(crate) mouse: bool,
    pub(crate) directories: Option<Directories>,
    /// How a command begins that does what cannot be done without a disk; see [`Start::way_here`].
    pub(crate) way_here: Option<String>,
    pub(crate) server: String,
    /// Who is signed in.
    pub(crate) user: Option<v1::User>,
    pub(crate) gate: Option<Gate>,
    pub(crate) screen: Screen,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) batches: Batches,
    pub(crate) batch: Option<OpenBatch>,
    /// The batch that was open before: whoever comes back finds it as it was.
    left: Option<OpenBatch>,
    /// What the items of every batch are ordered by.
    item_order: Order,
    pub(crate) new_batch: NewBatch,
    pub(crate) users: Users,
    pub(crate) system: System,
    pub(crate) audit: Audit,
    pub(crate) api_keys: ApiKeys,
    pub(crate) pictures: Pictures,
    pub(crate) service: Option<v1::GetServiceInfoResponse>,
    /// When what the service takes and costs is asked again, after the answer was lost.
    service_again: Option<Timestamp>,
    pub(crate) transfers: Transfers,
    unanswered: Unanswered,
    pub(crate) notice: Option<Shown>,
    /// The password of the sign-in just made, until it is known whether it must be changed.
    password: String,
    seed: u128,
    requests: u128,
    /// The ticket that was given last.
    last_ticket: u64,
    /// Questions what making a preview for real costs; their numbers go down from the highest, those of drafts up.
    rerun_quotes: u64,
    ended: bool,
}

impl State {
    /// The first state, and what to start with it.
    #[must_use]
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let directories = start.directories;
        let new_batch = NewBatch::new(directories.as_ref());
        let (gate, mut effects) = if start.resume {
            (Gate::Resuming, vec![Effect::Net(NetEffect::Resume)])
        } else {
            let form = SignIn::new(&start.server, &start.username, false);
            (Gate::SignIn(form), Vec::new())
        };
        let mut state = Self {
            look: start.look,
            now: start.now,
            server_ahead: SignedDuration::ZERO,
            time_zone: start.time_zone,
            size: start.size,
            read_only: start.read_only,
            player: start.player,
            bell: start.bell,
            mouse: start.mouse,
            directories,
            way_here: start.way_here,
            server: start.server,
            user: (!start.username.is_empty()).then(|| v1::User {
                username: start.username,
                ..v1::User::default()
            }),
            gate: Some(gate),
            screen: Screen::default(),
            overlay: None,
            batches: Batches::default(),
            batch: None,
            left: None,
            item_order: Order::default(),
            new_batch,
            users: Users::default(),
            system: System::default(),
            audit: Audit::default(),
            api_keys: ApiKeys::default(),
            pictures: Pictures::default(),
            service: None,
            service_again: None,
            transfers: Transfers::default(),
            unanswered: Unanswered::default(),
            notice: None,
            password: String::new(),
            seed: start.seed,
            requests: 0,
            last_ticket: 0,
            rerun_quotes: 0,
            ended: false,
        };
        state.fit();
        if state.mouse {
            effects.push(Effect::Terminal(TerminalEffect::Mouse(true)));
        }
        (state, effects)
    }

    /// Whether the user has asked to leave.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Size of the terminal in cells, width and height.
    #[must_use]
    pub const fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Nothing of the user who was here is left for the next one: not what was seen, not what was typed or asked, not what
    /// runs. Answers with what is to be stopped.
    fn forget_user(&mut self) -> Vec<NetEffect> {
        self.screen = Screen::Batches;
        self.overlay = None;
        self.batches = self.batches.of_another();
        self.batch = None;
        self.left = None;
        self.new_batch = self.new_batch.of_another(self.directories.as_ref());
        self.users = self.users.of_another();
        self.system = System::default();
        self.audit = self.audit.of_another();
        self.api_keys = self.api_keys.of_another();
        self.pictures = Pictures::default();
        self.unanswered = Unanswered::default();
        self.notice = None;
        self.transfers.drop_all()
    }

    /// The time on the server.
    pub(crate) fn server_now(&self) -> Timestamp {
        self.now.checked_add(self.server_ahead).unwrap_or(self.now)
    }

    /// The user's balance, as new as it is known.
    pub(crate) fn balance(&self) -> Option<i32> {
        self.batches
            .balance
            .or_else(|| self.user.as_ref().map(|user| user.credit_balance))
    }

    /// Whether everyone's batches are seen.
    pub(crate) fn is_admin(&self) -> bool {
        self.user
            .as_ref()
            .is_some_and(|user| user.role() == v1::user::Role::Admin)
    }

    /// How the service is, as new as it is known.
    pub(crate) fn service_status(&self) -> Option<&v1::ServiceStatus> {
        self.batches
            .status
            .as_ref()
            .or_else(|| self.service.as_ref().and_then(|it| it.status.as_ref()))
    }

    /// The number of the next question what making a preview for real costs.
    fn rerun_number(&mut self) -> u64 {
        self.rerun_quotes += 1;
        u64::MAX - self.rerun_quotes
    }

    fn say(&mut self, notice: Notice) {
        self.notice = Some(Shown::new(notice, self.now));
    }

    /// The ticket of the next call.
    fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }

    /// A fresh UUID for a request.
    fn request_id(&mut self) -> String {
        self.requests += 1;
        // An odd multiplier spreads the counter over all bits; the seed makes it different in every session.
        let bits = self.seed
            ^ self
                .requests
                .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .to_string()
    }

    /// Tells the lists how many rows of them are seen.
    fn fit(&mut self) {
        let size = (
            self.size.0.max(geometry::SMALLEST.0),
            self.size.1.max(geometry::SMALLEST.1),
        );
        let height = |rect: ratatui::layout::Rect| usize::from(rect.height);
        let warning = self.batches.warning().is_some();
        let list = geometry::batches(size, warning).list;
        self.batches.rows.set_height(height(list));
        if let Some(batch) = &mut self.batch {
            batch.rows.set_height(height(geometry::batch(size).list));
        }
        let parts = geometry::users(size);
        self.users.rows.set_height(height(parts.list));
        if let Some(ledger) = &mut self.users.ledger {
            let whole = geometry::ledger(size).list;
            let part = match self.screen {
                Screen::Ledger => whole,
                _ => parts.ledger,
            };
            ledger.rows.set_height(height(part));
        }
        let list = geometry::audit(size).list;
        self.audit.rows.set_height(height(list));
        let list = geometry::api_keys(size).list;
        self.api_keys.rows.set_height(height(list));
        let list = geometry::new_batch(size).list;
        self.new_batch.files.set_height(height(list));
    }
}
