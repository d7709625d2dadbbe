//! What lies over a screen: help, questions, the palette, the filter; and leaving.

use super::{net, perform};
use crate::keymap::{self, Action};
use crate::state::confirm::{Ask, Confirm};
use crate::state::message::{Effect, NetEffect};
use crate::state::notice::Notice;
use crate::state::{Field, Overlay, Screen, State};

pub(super) fn quit(state: &mut State) {
    let transfers = state.transfers.count();
    let asked = matches!(
        &state.overlay,
        Some(Overlay::Confirm(Confirm {
            ask: Ask::Quit { .. },
            ..
        }))
    );
    if transfers > 0 && !asked {
        let ask = Ask::Quit { transfers };
        state.overlay = Some(Overlay::Confirm(Confirm::new(ask)));
    } else {
        state.ended = true;
    }
}

pub(super) fn abort_newest(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(id) = state.transfers.newest() {
        let (ended, wanted) = state.transfers.abort(id, state.now);
        net(effects, wanted);
        if let Some(transfer) = ended {
            if state.new_batch.upload == Some(id) {
                state.new_batch.upload = None;
            }
            state.say(Notice::Aborted(transfer.label));
        }
    }
}

pub(super) fn help(state: &mut State, action: Action) {
    let rows = usize::from(state.size.1);
    if let Some(Overlay::Help { mode, top }) = &mut state.overlay {
        let last = keymap::of_mode(*mode).count().saturating_sub(1);
        *top = match action {
            Action::Up => top.saturating_sub(1),
            Action::Down => (*top + 1).min(last),
            Action::PageUp => top.saturating_sub(rows / 2),
            Action::PageDown => (*top + rows / 2).min(last),
            Action::Top => 0,
            Action::Bottom => last,
            _ => {
                state.overlay = None;
                return;
            }
        };
    }
}

pub(super) fn confirm(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(Overlay::Confirm(question)) = &mut state.overlay else {
        return;
    };
    let yes = match action {
        Action::SwitchAnswer => {
            question.yes = !question.yes;
            return;
        }
        Action::Accept => true,
        Action::Submit => question.yes,
        _ => false,
    };
    let Some(Overlay::Confirm(question)) = state.overlay.take() else {
        return;
    };
    if !yes {
        return;
    }
    if matches!(question.ask, Ask::Quit { .. }) {
        state.ended = true;
        return;
    }
    let wanted = question.ask.effects(|| state.request_id());
    for effect in &wanted {
        mark_asked(state, effect);
    }
    state.batches.rows.unmark();
    if let Some(batch) = &mut state.batch {
        batch.rows.unmark();
    }
    net(effects, wanted);
}

/// The rows something was asked for show it until the stream says what became of it.
fn mark_asked(state: &mut State, effect: &NetEffect) {
    let (batch_id, item_ids) = match effect {
        NetEffect::CancelBatch(request) => (&request.batch_id, None),
        NetEffect::CancelItems(request) => (&request.batch_id, Some(&request.item_ids)),
        NetEffect::RetryItems(request) => (&request.batch_id, Some(&request.item_ids)),
        _ => return,
    };
    state.batches.rows.ask([batch_id.clone()]);
    if let (Some(batch), Some(item_ids)) = (&mut state.batch, item_ids)
        && batch.id == *batch_id
    {
        batch.rows.ask(item_ids.iter().cloned());
    }
}

pub(super) fn palette(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let language = state.look.language;
    let Some(Overlay::Palette(palette)) = &mut state.overlay else {
        return;
    };
    match action {
        Action::Up | Action::Down => palette.step(action == Action::Down, language),
        Action::Submit => {
            let chosen = palette.offered(language).get(palette.cursor).map(|it| it.0);
            state.overlay = None;
            if let Some(chosen) = chosen {
                let mode = state.mode();
                perform(state, mode, chosen, effects);
            }
        }
        _ => state.overlay = None,
    }
}

/// Ends the typing of a filter: it is kept, or cleared.
pub(super) fn filter(state: &mut State, keep: bool) {
    match state.screen {
        Screen::Batches => {
            state.batches.filtering = false;
            if !keep {
                state.batches.filter = Field::default();
                state.batches.rows.set_filter("");
            }
        }
        Screen::Batch => {
            if let Some(batch) = &mut state.batch {
                batch.filtering = false;
                if !keep {
                    batch.filter = Field::default();
                    batch.rows.set_filter("");
                }
            }
        }
        Screen::NewBatch => {
            state.new_batch.glob = None;
            if !keep {
                state.new_batch.files.set_glob("");
            }
        }
    }
}
