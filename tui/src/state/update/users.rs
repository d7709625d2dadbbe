//! What admins do to users, and to their credits.

use vision_batch::v1;

use super::form::{self, close, open, question};
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
use crate::state::{Field, Overlay, Screen, State};

pub(super) fn in_users(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if let Some(step) = step_of(action) {
        return state.users.rows.step(step);
    }
    match action {
        Action::Back if state.users.filter.text().is_empty() => {
            screens::go(state, Screen::Batches, effects);
        }
        Action::Back => {
            state.users.filter = Field::default();
            state.users.rows.set_filter("");
        }
        Action::Filter => state.users.filtering = true,
        Action::Open if state.users.rows.current().is_some() => state.screen = Screen::Ledger,
        Action::NewUser => open(state, Purpose::NewUser),
        Action::GiveCredits | Action::SetCredits => credits(state, action),
        Action::DisableUser | Action::ChangeRole | Action::ResetPassword => {
            let me = state.user.as_ref().map_or("", |me| me.id.as_str());
            let ask = state.users.ask(action, me);
            question(state, ask);
        }
        Action::CopyId => {
            let id = state.users.rows.current().map(|user| user.id.clone());
            super::lists::copy(state, id, effects);
        }
        _ => {}
    }
}

pub(super) fn in_ledger(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(ledger) = &mut state.users.ledger else {
        state.screen = Screen::Users;
        return;
    };
    if let Some(step) = step_of(action) {
        return ledger.rows.step(step);
    }
    match action {
        Action::Back => state.screen = Screen::Users,
        Action::GiveCredits | Action::SetCredits => credits(state, action),
        Action::CopyId => {
            // Of what a movement is about, the batch is what one looks for.
            let id = ledger
                .rows
                .current()
                .and_then(|it| it.entry.batch_id.clone());
            super::lists::copy(state, id, effects);
        }
        _ => {}
    }
}

fn credits(state: &mut State, action: Action) {
    if let Some(user) = state.users.rows.current().cloned().map(Box::new) {
        let purpose = match action {
            Action::GiveCredits => Purpose::Give(user),
            _ => Purpose::Set(user),
        };
        open(state, purpose);
    }
}

pub(super) fn user_made(
    state: &mut State,
    ticket: Ticket,
    result: Result<Box<v1::CreateUserResponse>, Refusal>,
) {
    let response = match result {
        Ok(response) => *response,
        Err(refusal) => return form::refused(state, ticket, refusal),
    };
    close(state, ticket);
    let user = response.user.unwrap_or_default();
    let username = user.username.clone();
    state.users.changed(user);
    // Shown this once: it must not be lost because another window is open.
    state.overlay = Some(Overlay::Note(Note {
        what: Disclosed::NewUser,
        name: username,
        secret: Secret(response.one_time_password),
        until: response.one_time_password_expire_time.as_ref().map(moment),
    }));
}

pub(super) fn password_reset(
    state: &mut State,
    result: Result<Box<v1::ResetPasswordResponse>, Refusal>,
) {
    let response = match result {
        Ok(response) => *response,
        Err(refusal) => return state.say(Notice::Refused(refusal)),
    };
    let user = response.user.unwrap_or_default();
    let name = user.username.clone();
    state.users.changed(user);
    state.overlay = Some(Overlay::Note(Note {
        what: Disclosed::Reset,
        name,
        secret: Secret(response.one_time_password),
        until: response.one_time_password_expire_time.as_ref().map(moment),
    }));
}

pub(super) fn user_changed(state: &mut State, result: Result<Box<v1::User>, Refusal>) {
    match result {
        Ok(user) => {
            let known = state.users.rows.get(&user.id);
            let other_role = known.is_some_and(|known| known.role != user.role);
            let username = user.username.clone();
            state.say(if other_role {
                Notice::RoleIs {
                    username,
                    role: user.role(),
                }
            } else {
                Notice::UserIs {
                    username,
                    disabled: user.disabled,
                }
            });
            state.users.changed(*user);
        }
        Err(refusal) => {
            // Whoever else changed the user: the list shows it at once.
            state.users.open();
            state.say(Notice::Refused(refusal));
        }
    }
}

pub(super) fn credits_moved(
    state: &mut State,
    ticket: Ticket,
    result: Result<Box<v1::User>, Refusal>,
) {
    let user = match result {
        Ok(user) => *user,
        Err(refusal) => return form::refused(state, ticket, refusal),
    };
    close(state, ticket);
    if state.user.as_ref().is_some_and(|me| me.id == user.id) {
        state.batches.balance = Some(user.credit_balance);
    }
    state.say(Notice::CreditsAre {
        username: user.username.clone(),
        balance: user.credit_balance,
    });
    state.users.changed(user);
}
