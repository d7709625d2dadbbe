//! What can be done with the user's own keys for programs.

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
use crate::state::{Overlay, State};

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
            let admin = state.is_admin();
            open(state, Purpose::NewKey { admin });
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
