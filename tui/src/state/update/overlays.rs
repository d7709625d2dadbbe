//! What lies over a screen: help, questions, the palette, the filter; and leaving.

use super::{net, perform};
use crate::keymap::{self, Action};
use crate::state::confirm::{Ask, Confirm};
use crate::state::effect::{Effect, NetEffect};
use crate::state::message::TransferId;
use crate::state::notice::Notice;
use crate::state::sort::{self, SortBy, SortMenu};
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
        ask_abort(state, id, false, effects);
    }
}

/// Breaks off at once what waits for its turn, for nothing is lost with it; of what runs it is asked first.
fn ask_abort(state: &mut State, id: TransferId, in_list: bool, effects: &mut Vec<Effect>) {
    match state.transfers.get(id) {
        Some(running) => {
            let ask = Ask::Abort {
                id,
                carries: running.carries,
                label: running.label.clone(),
                in_list,
            };
            state.overlay = Some(Overlay::Confirm(Confirm::new(ask)));
        }
        None => abort(state, id, effects),
    }
}

fn abort(state: &mut State, id: TransferId, effects: &mut Vec<Effect>) {
    let (ended, wanted) = state.transfers.abort(id, state.now);
    net(effects, wanted);
    if let Some(transfer) = ended {
        if state.new_batch.upload == Some(id) {
            state.new_batch.upload = None;
        }
        state.say(Notice::Aborted(transfer.label));
    }
}

pub(super) fn help(state: &mut State, action: Action) {
    let rows = usize::from(state.size.1);
    let Some(Overlay::Help { mode, .. }) = &state.overlay else {
        return;
    };
    let last = keymap::of_mode(*mode)
        .filter(|binding| state.offers(binding.action))
        .count()
        .saturating_sub(1);
    if let Some(Overlay::Help { top, .. }) = &mut state.overlay {
        *top = match action {
            Action::Up => top.saturating_sub(1),
            Action::Down => (*top + 1).min(last),
            Action::PageUp => top.saturating_sub(rows / 2),
            Action::PageDown => (*top + rows / 2).min(last),
            Action::Top => 0,
            Action::Bottom => last,
            _ => {
                if let Some(Overlay::Help { below, .. }) = state.overlay.take() {
                    state.overlay = below.map(|it| *it);
                }
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
        Action::Submit if question.typed.is_some() => {
            let empty = question
                .typed
                .as_ref()
                .is_some_and(|it| it.text().is_empty());
            if !empty && !question.is_typed() {
                // A number that is not the one asked for answers nothing.
                return;
            }
            !empty
        }
        Action::Submit => question.yes,
        _ => false,
    };
    if yes && !question.ask.can_be_accepted() {
        return;
    }
    let Some(Overlay::Confirm(question)) = state.overlay.take() else {
        return;
    };
    if let Ask::Abort { in_list: true, .. } = question.ask {
        state.overlay = Some(Overlay::Transfers { cursor: 0 });
    }
    if !yes {
        return;
    }
    match question.ask {
        Ask::Quit { .. } => {
            state.ended = true;
            return;
        }
        // It may have ended while it was asked; then there is nothing to break off.
        Ask::Abort { id, .. } => return abort(state, id, effects),
        _ => {}
    }
    let wanted = question
        .ask
        .effects(|| (state.ticket(), state.request_id()));
    let wanted: Vec<NetEffect> = wanted
        .into_iter()
        .map(|effect| state.unanswered.send(effect))
        .collect();
    for effect in &wanted {
        mark_asked(state, effect);
        unmark(state, effect);
    }
    net(effects, wanted);
}

/// The menu of what the list on the screen can be ordered by.
pub(super) fn open_sort(state: &mut State) {
    let menu = match state.screen {
        Screen::Batches => {
            let offered = sort::OF_BATCHES
                .iter()
                .copied()
                .filter(|by| *by != SortBy::Owner || state.is_admin());
            SortMenu::new(offered.collect(), state.batches.rows.order())
        }
        Screen::Batch => SortMenu::new(sort::OF_ITEMS.to_vec(), state.item_order),
        Screen::Users => SortMenu::new(sort::OF_USERS.to_vec(), state.users.rows.order()),
        Screen::NewBatch | Screen::Ledger | Screen::System | Screen::Audit | Screen::ApiKeys => {
            return;
        }
    };
    state.overlay = Some(Overlay::Sort(menu));
}

pub(super) fn sort(state: &mut State, action: Action) {
    let Some(Overlay::Sort(menu)) = &mut state.overlay else {
        return;
    };
    match action {
        Action::Up | Action::Down => menu.step(action == Action::Down),
        Action::Top => menu.cursor = 0,
        Action::Bottom => menu.cursor = menu.offered.len().saturating_sub(1),
        Action::Submit => {
            let order = menu.chosen();
            state.overlay = None;
            match state.screen {
                Screen::Batches => state.batches.rows.set_order(order),
                Screen::Batch => {
                    state.item_order = order;
                    if let Some(batch) = &mut state.batch {
                        batch.rows.set_order(order);
                    }
                }
                Screen::Users => state.users.rows.set_order(order),
                _ => {}
            }
        }
        Action::Decline => state.overlay = None,
        _ => {}
    }
}

pub(super) fn transfers(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let count = state.transfers.count();
    let Some(Overlay::Transfers { cursor }) = &mut state.overlay else {
        return;
    };
    let last = count.saturating_sub(1);
    *cursor = (*cursor).min(last);
    match action {
        Action::Up => *cursor = cursor.saturating_sub(1),
        Action::Down => *cursor = (*cursor + 1).min(last),
        Action::Top => *cursor = 0,
        Action::Bottom => *cursor = last,
        Action::AbortTransfer => {
            let chosen = state.transfers.all().nth(*cursor).map(|it| it.id);
            if let Some(id) = chosen {
                ask_abort(state, id, true, effects);
            }
        }
        Action::Back => state.overlay = None,
        _ => {}
    }
}

/// The rows something was asked for show it until the stream says what became of it.
fn mark_asked(state: &mut State, effect: &NetEffect) {
    let (batch_id, item_ids) = match effect {
        NetEffect::CancelBatch(request) => (&request.batch_id, None),
        NetEffect::DeleteBatch(request) => (&request.batch_id, None),
        NetEffect::CancelItems(request) => (&request.batch_id, Some(&request.item_ids)),
        NetEffect::RetryItems(_, request) => (&request.batch_id, Some(&request.item_ids)),
        _ => return,
    };
    state.batches.rows.ask([batch_id.clone()]);
    if let (Some(batch), Some(item_ids)) = (&mut state.batch, item_ids)
        && batch.id == *batch_id
    {
        batch.rows.ask(item_ids.iter().cloned());
    }
}

/// What something was done to is not marked any more; what was left out, or marked on another screen, is.
fn unmark(state: &mut State, effect: &NetEffect) {
    let (batch_id, item_ids) = match effect {
        NetEffect::CancelBatch(request) => (&request.batch_id, [].as_slice()),
        NetEffect::DeleteBatch(request) => (&request.batch_id, [].as_slice()),
        NetEffect::CancelItems(request) => (&request.batch_id, request.item_ids.as_slice()),
        NetEffect::RetryItems(_, request) => (&request.batch_id, request.item_ids.as_slice()),
        NetEffect::RerunBatch(_, request) => (&request.batch_id, request.item_ids.as_slice()),
        _ => return,
    };
    match &mut state.batch {
        Some(batch) if state.screen == Screen::Batch => batch.rows.unmark_only(item_ids),
        _ => state.batches.rows.unmark_only([batch_id]),
    }
}

pub(super) fn palette(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(Overlay::Palette(palette)) = &state.overlay else {
        return;
    };
    let offered = palette.offered(state);
    let Some(Overlay::Palette(palette)) = &mut state.overlay else {
        return;
    };
    match action {
        Action::Up | Action::Down => {
            let last = offered.len().saturating_sub(1);
            palette.step(action == Action::Down, last);
        }
        Action::Submit => {
            let chosen = offered.get(palette.cursor).map(|it| it.action);
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
        Screen::Users => {
            state.users.filtering = false;
            if !keep {
                state.users.filter = Field::default();
                state.users.rows.set_filter("");
            }
        }
        Screen::Audit => {
            state.audit.filtering = false;
            if !keep {
                state.audit.filter = Field::default();
                state.audit.rows.set_filter("");
            }
        }
        Screen::Ledger | Screen::System | Screen::ApiKeys => {}
        Screen::NewBatch => {
            state.new_batch.glob = None;
            if !keep {
                state.new_batch.files.set_glob("");
            }
        }
    }
}
