//! What can be done in the list of batches and in one batch.

use vision_batch::v1;

use super::draft::open_draft;
use super::saving::{download, export, play};
use super::{net, step_of};
use crate::keymap::Action;
use crate::state::batches::other_owner;
use crate::state::confirm::{Ask, Confirm, Rerun};
use crate::state::effect::{Effect, NetEffect, TerminalEffect};
use crate::state::notice::Notice;
use crate::state::{Field, OpenBatch, Overlay, Screen, State, counts, engines};

pub(super) fn in_batches(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if let Some(step) = step_of(action) {
        return state.batches.step(step);
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
        Action::DeleteBatch => {
            let ask = state.batches.ask_delete(&me);
            question(state, ask, Notice::NothingToDelete);
        }
        Action::Export => {
            let chosen = state.batches.rows.chosen();
            let wanted: Vec<(String, String)> = chosen
                .into_iter()
                .filter(|batch| counts(batch).completed > 0)
                .map(|batch| (batch.id.clone(), batch.name.clone()))
                .collect();
            let ids: Vec<String> = wanted.iter().map(|(id, _)| id.clone()).collect();
            export(state, wanted, effects);
            state.batches.rows.unmark_only(&ids);
        }
        Action::Rerun => match state.batches.rows.chosen()[..] {
            [batch] => {
                let batch = batch.clone();
                rerun(state, &batch, Vec::new(), effects);
            }
            _ => state.say(Notice::OneAtATime),
        },
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
                leave_batch(state, effects);
                state.screen = Screen::Batches;
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
        Action::Rerun => {
            if let Some(whole) = batch.batch.clone() {
                // Nothing marked means all of it, not the row under the cursor.
                let marked = batch.rows.mark_count() > 0;
                let chosen = if marked {
                    batch.rows.chosen()
                } else {
                    Vec::new()
                };
                // Those that are marked may all be hidden by a filter: that is not all of the batch.
                if marked && chosen.is_empty() {
                    state.say(Notice::NothingToRerun);
                    return;
                }
                let item_ids = chosen.iter().map(|item| item.id.clone()).collect();
                rerun(state, &whole, item_ids, effects);
            }
        }
        Action::DeleteBatch => {
            let ask = batch.ask_delete(&me);
            question(state, ask, Notice::NothingToDelete);
        }
        Action::Download => download(state, effects),
        Action::Play => play(state, effects),
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

/// Asks what making a preview for real costs, and then whether to.
fn rerun(state: &mut State, batch: &v1::Batch, item_ids: Vec<String>, effects: &mut Vec<Effect>) {
    let engines = engines(state.service.as_ref());
    let real = |engine: &&&v1::EngineInfo| engine.name != batch.engine;
    let engine = engines
        .iter()
        .filter(real)
        .find(|engine| engine.is_default)
        .or_else(|| engines.iter().find(real))
        .map(|engine| engine.name.clone());
    if batch.engine != "preview" {
        return state.say(Notice::NothingToRerun);
    }
    let Some(engine) = engine else {
        return state.say(Notice::NoRealEngine);
    };
    let me = state.user.clone().unwrap_or_default();
    let count = match item_ids.len() {
        0 => counts(batch).total,
        some => i32::try_from(some).unwrap_or(i32::MAX),
    };
    let number = state.rerun_number();
    let request = v1::QuoteBatchRequest {
        engine: engine.clone(),
        image_count: count,
        audio_duration: batch.audio.as_ref().and_then(|audio| audio.duration),
    };
    let ask = Ask::Rerun(Box::new(Rerun {
        batch_id: batch.id.clone(),
        name: batch.name.clone(),
        engine,
        item_ids,
        count,
        owner: other_owner(&[batch], &me),
        number,
        quote: None,
    }));
    state.overlay = Some(Overlay::Confirm(Confirm::new(ask)));
    net(effects, [NetEffect::Quote { number, request }]);
}

/// A preview was made for real, or not.
pub(super) fn rerun_made(
    state: &mut State,
    response: v1::RerunBatchResponse,
    effects: &mut Vec<Effect>,
) {
    let Some(batch) = response.batch else { return };
    let mine = state
        .user
        .as_ref()
        .is_some_and(|me| me.id == batch.owner_id);
    if mine {
        state.batches.balance = Some(response.credit_balance);
    }
    state.say(Notice::Submitted(batch.name.clone()));
    state.batches.rows.update(vec![batch.clone()]);
    // Whoever looks at the preview goes on to the real thing; whoever went elsewhere is not pulled away.
    let looking = state.screen == Screen::Batch
        && state.overlay.is_none()
        && state.batch.as_ref().map(|open| &open.id) == batch.source_batch_id.as_ref();
    if looking {
        open_batch(state, batch.id.clone(), Some(batch), effects);
    }
}

fn question(state: &mut State, ask: Option<Ask>, otherwise: Notice) {
    match ask {
        Some(ask) => state.overlay = Some(Overlay::Confirm(Confirm::new(ask))),
        None => state.say(otherwise),
    }
}

/// The batch is left; whoever comes back finds it as it was.
pub(super) fn leave_batch(state: &mut State, effects: &mut Vec<Effect>) {
    state.left = state.batch.take();
    net(effects, [NetEffect::UnwatchBatch]);
}

pub(super) fn copy(state: &mut State, id: Option<String>, effects: &mut Vec<Effect>) {
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
    let mut open = match state.left.take() {
        Some(mut left) if left.id == id => {
            left.come_back(batch);
            left
        }
        _ => OpenBatch::new(id, batch),
    };
    open.rows.set_order(state.item_order);
    net(effects, [open.watch()]);
    state.batch = Some(open);
    state.screen = Screen::Batch;
}
