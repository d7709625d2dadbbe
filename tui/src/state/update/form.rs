//! Forms and questions over a screen, and secrets that are shown once.

use super::net;
use crate::keymap::Action;
use crate::state::confirm::{Ask, Confirm};
use crate::state::dialog::{Dialog, Flaw, Purpose};
use crate::state::effect::{Effect, TerminalEffect};
use crate::state::message::Ticket;
use crate::state::notice::Notice;
use crate::state::refusal::Refusal;
use crate::state::{Overlay, State};

pub(super) fn open(state: &mut State, purpose: Purpose) {
    state.overlay = Some(Overlay::Dialog(Dialog::new(purpose)));
}

pub(super) fn question(state: &mut State, ask: Option<Ask>) {
    if let Some(ask) = ask {
        state.overlay = Some(Overlay::Confirm(Confirm::new(ask)));
    }
}

pub(super) fn in_dialog(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let (fresh, ticket) = (state.request_id(), state.ticket());
    let now = state.server_now();
    let Some(Overlay::Dialog(dialog)) = &mut state.overlay else {
        return;
    };
    match action {
        // What is on its way goes on; its answer is told at the foot.
        Action::Decline => state.overlay = None,
        _ if dialog.busy => {}
        Action::NextField => dialog.move_focus(true),
        Action::PreviousField => dialog.move_focus(false),
        Action::NextChoice | Action::PreviousChoice => {
            dialog.choose(action == Action::NextChoice);
        }
        Action::Submit if dialog.is_at_end() => match dialog.submit(ticket, fresh, now) {
            Ok(effect) => net(effects, [state.unanswered.send(effect)]),
            Err(flaw) => dialog.show(flaw),
        },
        Action::Submit => dialog.move_focus(true),
        _ => {}
    }
}

pub(super) fn in_note(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(Overlay::Note(note)) = &state.overlay else {
        return;
    };
    match action {
        Action::CopyId => {
            let text = note.secret().to_owned();
            effects.push(Effect::Terminal(TerminalEffect::Copy(text)));
            state.say(Notice::CopiedSecret);
        }
        _ => state.overlay = None,
    }
}

/// The form that waits for this answer, if it is still open: another one has nothing to do with it.
pub(super) fn waiting(state: &mut State, ticket: Ticket) -> Option<&mut Dialog> {
    match state.overlay.as_mut()? {
        Overlay::Dialog(dialog) => Some(dialog),
        Overlay::Help { below, .. } => match below.as_deref_mut() {
            Some(Overlay::Dialog(dialog)) => Some(dialog),
            _ => None,
        },
        _ => None,
    }
    .filter(|dialog| dialog.waits_for(ticket))
}

/// A refusal goes into the form it answers, else to the foot.
pub(super) fn refused(state: &mut State, ticket: Ticket, refusal: Refusal) {
    match waiting(state, ticket) {
        Some(dialog) => dialog.show(Flaw::Refused(refusal)),
        None => state.say(Notice::Refused(refusal)),
    }
}

pub(super) fn close(state: &mut State, ticket: Ticket) {
    if waiting(state, ticket).is_none() {
        return;
    }
    match &mut state.overlay {
        Some(Overlay::Help { below, .. }) => *below = None,
        over => *over = None,
    }
}
