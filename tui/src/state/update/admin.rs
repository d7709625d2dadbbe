//! What admins do: users, their credits, and the running of the service.

use vision_batch::v1;

use super::{net, step_of};
use crate::keymap::Action;
use crate::state::confirm::{Ask, Confirm, Secret};
use crate::state::dialog::{Dialog, Flaw, Purpose};
use crate::state::effect::{Effect, TerminalEffect};
use crate::state::note::{Disclosed, Note};
use crate::state::notice::Notice;
use crate::state::refusal::{Cause, Refusal};
use crate::state::time::moment;
use crate::state::{Field, Overlay, Screen, State};

/// Goes to one of the screens that stand side by side; what was open there is as it was.
pub(super) fn go(state: &mut State, screen: Screen, effects: &mut Vec<Effect>) {
    if state.screen == Screen::Batch && screen != Screen::Batch {
        super::lists::leave_batch(state, effects);
    }
    if state.screen == screen {
        return;
    }
    state.screen = screen;
    match screen {
        Screen::Users => state.users.open(),
        Screen::System => state.system.open(),
        _ => {}
    }
}

pub(super) fn in_users(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if let Some(step) = step_of(action) {
        return state.users.rows.step(step);
    }
    match action {
        Action::Back if state.users.filter.text().is_empty() => {
            go(state, Screen::Batches, effects);
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

fn open(state: &mut State, purpose: Purpose) {
    state.overlay = Some(Overlay::Dialog(Dialog::new(purpose)));
}

pub(super) fn in_system(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let system = &state.system;
    let ask = match action {
        Action::Back => return go(state, Screen::Batches, effects),
        Action::Token => return open(state, Purpose::Token),
        Action::PauseResume => system.ask_pause_resume(),
        Action::Drain => system.ask_drain(),
        Action::MoreSlots => system.ask_slots(true),
        Action::FewerSlots => system.ask_slots(false),
        _ => None,
    };
    question(state, ask);
}

fn question(state: &mut State, ask: Option<Ask>) {
    if let Some(ask) = ask {
        state.overlay = Some(Overlay::Confirm(Confirm::new(ask)));
    }
}

pub(super) fn in_dialog(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let fresh = state.request_id();
    let Some(Overlay::Dialog(dialog)) = &mut state.overlay else {
        return;
    };
    match action {
        // What is on its way goes on; its answer is told at the foot.
        Action::Decline => state.overlay = None,
        _ if dialog.busy => {}
        Action::NextField => dialog.move_focus(true),
        Action::PreviousField => dialog.move_focus(false),
        Action::Submit if dialog.is_at_end() => match dialog.submit(|| fresh) {
            Ok(effect) => net(effects, [effect]),
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

/// The form that waits for an answer, if it is still open.
fn waiting(state: &mut State) -> Option<&mut Dialog> {
    match &mut state.overlay {
        Some(Overlay::Dialog(dialog)) if dialog.busy => Some(dialog),
        _ => None,
    }
}

/// A refusal goes into the form it answers, else to the foot.
fn refused(state: &mut State, refusal: Refusal) {
    match waiting(state) {
        Some(dialog) => dialog.show(Flaw::Refused(refusal)),
        None => state.say(Notice::Refused(refusal)),
    }
}

fn close(state: &mut State) {
    if waiting(state).is_some() {
        state.overlay = None;
    }
}

pub(super) fn user_made(state: &mut State, result: Result<Box<v1::CreateUserResponse>, Refusal>) {
    let response = match result {
        Ok(response) => *response,
        Err(refusal) => return refused(state, refusal),
    };
    close(state);
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

pub(super) fn credits_moved(state: &mut State, result: Result<Box<v1::User>, Refusal>) {
    let user = match result {
        Ok(user) => *user,
        Err(refusal) => return refused(state, refusal),
    };
    close(state);
    if state.user.as_ref().is_some_and(|me| me.id == user.id) {
        state.batches.balance = Some(user.credit_balance);
    }
    state.say(Notice::CreditsAre {
        username: user.username.clone(),
        balance: user.credit_balance,
    });
    state.users.changed(user);
}

pub(super) fn dispatched(state: &mut State, result: Result<Box<v1::Dispatch>, Refusal>) {
    state.system.open();
    match result {
        Ok(dispatch) => {
            state.say(Notice::DispatchIs {
                state: dispatch.state(),
                concurrency: dispatch.concurrency,
            });
            if let Some(status) = &mut state.system.status {
                status.dispatch = Some(*dispatch);
            }
        }
        Err(refusal) => state.say(Notice::Refused(refusal)),
    }
}

pub(super) fn token_put_in(
    state: &mut State,
    result: Result<Box<v1::UpdateUpstreamTokenResponse>, Refusal>,
) {
    state.system.open();
    let rejected = Cause::Server(v1::refusal::Reason::UpstreamTokenRejected);
    match result {
        Ok(response) => {
            close(state);
            state.say(Notice::TokenIsIn {
                account: response.account.clone(),
                said: response.upstream_message.clone(),
            });
        }
        Err(refusal) if refusal.cause == rejected => {
            let token = waiting(state).map(|dialog| dialog.token());
            match token {
                Some(token) => {
                    let said = match refusal.fact("upstream_message") {
                        "" => refusal.message.clone(),
                        said => said.to_owned(),
                    };
                    let ask = Ask::ForceToken {
                        token: Secret(token),
                        said,
                    };
                    state.overlay = Some(Overlay::Confirm(Confirm::new(ask)));
                }
                None => state.say(Notice::Refused(refusal)),
            }
        }
        Err(refusal) => refused(state, refusal),
    }
}
