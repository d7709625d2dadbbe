//! What can be done with keys for programs: the user's own, or as an admin those of another.

use vision_batch::v1;

use super::form::{self, close, open, question};
use super::lists::copy;
use super::{screens, step_of};
use crate::keymap::Action;
use crate::state::confirm::Secret;
use crate::state::dialog::Purpose;
use crate::state::effect::Effect;
use crate::state::message::Ticket;
use crate::state::note::{Disclosed, Note};
use crate::state::notice::Notice;
use crate::state::refusal::Refusal;
use crate::state::time::moment;
use crate::state::{Overlay, Screen, State};

pub(super) fn in_api_keys(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if let Some(step) = step_of(action) {
        return state.api_keys.rows.step(step);
    }
    match action {
        Action::Back => {
            let from = state.api_keys.from;
            screens::go(state, from, effects);
        }
        Action::NewKey => {
            // A key may no more than its user.
            let of = state.api_keys.of.as_ref();
            let admin = of.map_or(state.is_admin(), |it| it.role() == v1::user::Role::Admin);
            let user_id = state.api_keys.user_id();
            open(state, Purpose::NewKey { admin, user_id });
        }
        Action::RevokeKey => {
            let ask = state.api_keys.ask_revoke();
            question(state, ask);
        }
        Action::CopyId => {
            let id = state.api_keys.rows.current().map(|key| key.id.clone());
            copy(state, id, effects);
        }
        _ => {}
    }
}

/// To the user's own keys.
pub(super) fn own(state: &mut State, effects: &mut Vec<Effect>) {
    show(state, None, effects);
}

/// To the keys of the user under the cursor.
pub(super) fn of_user(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(user) = state.users.rows.current().cloned() else {
        return;
    };
    let mine = state.user.as_ref().is_some_and(|me| me.id == user.id);
    show(state, (!mine).then(|| Box::new(user)), effects);
}

fn show(state: &mut State, of: Option<Box<v1::User>>, effects: &mut Vec<Effect>) {
    state.api_keys.show(of);
    if state.screen == Screen::ApiKeys {
        // Those of another were shown until now, or the same ones.
        state.api_keys.open();
    }
    screens::go(state, Screen::ApiKeys, effects);
}

pub(super) fn made(
    state: &mut State,
    ticket: Ticket,
    result: Result<Box<v1::CreateApiKeyResponse>, Refusal>,
) {
    let response = match result {
        Ok(response) => *response,
        Err(refusal) => return form::refused(state, ticket, refusal),
    };
    close(state, ticket);
    let key = response.api_key.unwrap_or_default();
    let note = Note {
        what: Disclosed::ApiKey,
        name: key.name.clone(),
        secret: Secret(response.secret),
        until: key.expire_time.as_ref().map(moment),
    };
    state.api_keys.rows.update(vec![key]);
    // Shown this once: it must not be lost because another window is open.
    state.overlay = Some(Overlay::Note(note));
}

pub(super) fn revoked(state: &mut State, result: Result<(), Refusal>) {
    state.api_keys.open();
    match result {
        Ok(()) => state.say(Notice::KeyRevoked),
        Err(refusal) => state.say(Notice::Refused(refusal)),
    }
}
