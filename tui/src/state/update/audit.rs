//! What can be done in the list of what was done and tried.

use super::lists::{copy, open_batch};
use super::{screens, step_of};
use crate::keymap::Action;
use crate::state::effect::Effect;
use crate::state::notice::Notice;
use crate::state::{Field, Only, Screen, State};

pub(super) fn in_audit(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let audit = &mut state.audit;
    if let Some(step) = step_of(action) {
        return audit.rows.step(step);
    }
    match action {
        Action::Back if !audit.filter.text().is_empty() => {
            audit.filter = Field::default();
            audit.rows.set_filter("");
        }
        Action::Back if !audit.only.is_all() => audit.show_only(Only::default()),
        Action::Back => {
            let from = audit.from;
            screens::go(state, from, effects);
        }
        Action::Filter => audit.filtering = true,
        Action::OnlyActor | Action::OnlyAction | Action::OnlyTarget | Action::OnlyOutcome => {
            narrow(state, action);
        }
        Action::Open => {
            let target = audit.rows.current().and_then(|it| it.target.as_ref());
            let batch = target.filter(|it| it.kind == "batch" && !it.id.is_empty());
            if let Some(id) = batch.map(|it| it.id.clone()) {
                open_batch(state, id, None, effects);
            }
        }
        Action::CopyId => {
            // Of what an event is about, the object is what one looks for.
            let event = audit.rows.current();
            let target = event.and_then(|it| it.target.as_ref());
            let object = target.map(|it| &it.id).filter(|id| !id.is_empty());
            let id = object.or_else(|| event.map(|it| &it.id)).cloned();
            copy(state, id, effects);
        }
        _ => {}
    }
}

fn narrow(state: &mut State, action: Action) {
    if !state.audit.narrow(action) {
        state.say(Notice::NothingToNarrow);
    }
}

/// To what the user under the cursor did and tried.
pub(super) fn of_user(state: &mut State, effects: &mut Vec<Effect>) {
    let user = state.users.rows.current();
    let actor = user.map(|user| (user.id.clone(), user.username.clone()));
    if actor.is_none() {
        return;
    }
    screens::go(state, Screen::Audit, effects);
    state.audit.show_only(Only {
        actor,
        ..Only::default()
    });
}
