//! What can be done in the list of batches and in one batch.

use vision_batch::v1;

use super::draft::open_draft;
use super::saving::{download, export};
use super::{net, step_of};
use crate::keymap::Action;
use crate::state::confirm::{Ask, Confirm};
use crate::state::message::{Effect, NetEffect, TerminalEffect};
use crate::state::notice::Notice;
use crate::state::{Field, OpenBatch, Overlay, Screen, State, counts};

pub(super) fn in_batches(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if let Some(step) = step_of(action) {
        return state.batches.rows.step(step);
    }
    let me = state.user.clone().unwrap_or_default();
    match action {
        Action::Open => {
            if let Some(batch) = state.batches.rows.current().cloned() {
                open_batch(state, batch.id.clone(), Some(batch), effects);
            }
        }
        Action::Back => {
            state.batches.rows.unmark();
            state.batches.filter = Field::default();
            state.batches.rows.set_filter("");
        }
        Action::Filter => state.batches.filtering = true,
        Action::Mark => state.batches.rows.toggle_mark(),
        Action::MarkAll => state.batches.rows.toggle_all_marks(),
        Action::NewBatch => open_draft(state, effects),
        Action::Cancel => {
            let ask = state.batches.ask_cancel(&me);
            question(state, ask, Notice::NothingToCancel);
        }
        Action::Retry => {
            let ask = state.batches.ask_retry(&me);
            question(state, ask, Notice::NothingToRetry);
        }
        Action::Export => {
            let chosen = state.batches.rows.chosen();
            let wanted: Vec<(String, String)> = chosen
                .into_iter()
                .filter(|batch| counts(batch).completed > 0)
                .map(|batch| (batch.id.clone(), batch.name.clone()))
                .collect();
            export(state, wanted, effects);
            state.batches.rows.unmark();
        }
        Action::CopyId => {
            let id = state.batches.rows.current().map(|batch| batch.id.clone());
            copy(state, id, effects);
        }
        _ => {}
    }
}

pub(super) fn in_batch(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let me = state.user.clone().unwrap_or_default();
    let balance = state.balance();
    let Some(batch) = &mut state.batch else {
        state.screen = Screen::Batches;
        return;
    };
    if let Some(step) = step_of(action) {
        return batch.rows.step(step);
    }
    match action {
        Action::Back => {
            if batch.rows.mark_count() > 0 {
                batch.rows.unmark();
            } else if batch.filter.text().is_empty() {
                state.batch = None;
                state.screen = Screen::Batches;
                net(effects, [NetEffect::UnwatchBatch]);
            } else {
                batch.filter = Field::default();
                batch.rows.set_filter("");
            }
        }
        Action::Filter => batch.filtering = true,
        Action::Mark => batch.rows.toggle_mark(),
        Action::MarkAll => batch.rows.toggle_all_marks(),
        Action::Cancel => {
            let ask = batch.ask_cancel(&me);
            question(state, ask, Notice::NothingToCancel);
        }
        Action::CancelBatch => {
            let ask = batch.ask_cancel_batch(&me);
            question(state, ask, Notice::NothingToCancel);
        }
        Action::Retry | Action::RetryAll => {
            let ask = batch.ask_retry(action == Action::RetryAll, &me, balance);
            question(state, ask, Notice::NothingToRetry);
        }
        Action::Download => download(state, effects),
        Action::Export => {
            let completed = batch.batch.as_ref().map_or(0, |it| counts(it).completed);
            let name = batch.batch.as_ref().map_or("", |it| it.name.as_str());
            let wanted = (completed > 0).then(|| (batch.id.clone(), name.to_owned()));
            export(state, wanted.into_iter().collect(), effects);
        }
        Action::CopyId => {
            let id = batch.rows.current().map(|item| item.id.clone());
            copy(state, id, effects);
        }
        _ => {}
    }
}

fn question(state: &mut State, ask: Option<Ask>, otherwise: Notice) {
    match ask {
        Some(ask) => state.overlay = Some(Overlay::Confirm(Confirm::new(ask))),
        None => state.say(otherwise),
    }
}

fn copy(state: &mut State, id: Option<String>, effects: &mut Vec<Effect>) {
    if let Some(id) = id {
        effects.push(Effect::Terminal(TerminalEffect::Copy(id.clone())));
        state.say(Notice::Copied(id));
    }
}

pub(super) fn open_batch(
    state: &mut State,
    id: String,
    batch: Option<v1::Batch>,
    effects: &mut Vec<Effect>,
) {
    let open = OpenBatch::new(id, batch);
    net(effects, [open.watch()]);
    state.batch = Some(open);
    state.screen = Screen::Batch;
}
