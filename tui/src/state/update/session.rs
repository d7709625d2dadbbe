//! Signing in and out.

use vision_batch::v1;

use super::net;
use crate::state::effect::{Effect, NetEffect};
use crate::state::refusal::{Cause, Refusal};
use crate::state::sign_in::{Gate, NewPassword, SignIn};
use crate::state::{Overlay, Screen, State};

pub(super) fn leave_form(state: &mut State, effects: &mut Vec<Effect>) {
    go_on(state, effects);
    if matches!(state.gate, Some(Gate::NewPassword(_))) {
        net(effects, [NetEffect::SignOut]);
        let form = sign_in_form(state, false);
        state.gate = Some(Gate::SignIn(form));
    }
}

fn sign_in_form(state: &State, session_ended: bool) -> SignIn {
    let username = state
        .user
        .as_ref()
        .map_or("", |user| user.username.as_str());
    SignIn::new(&state.server, username, session_ended)
}

pub(super) fn signed_in(state: &mut State, user: v1::User, effects: &mut Vec<Effect>) {
    if let Some(Gate::SignIn(form)) = &mut state.gate
        && !form.busy
        && !form.password.text().is_empty()
    {
        form.refusal = None;
        form.resumed = Some(Box::new(user));
        return;
    }
    enter(state, user, effects);
}

/// Goes on with a kept session that was good again, when there is one and it was asked for.
fn go_on(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(Gate::SignIn(form)) = &mut state.gate
        && let Some(user) = form.resumed.take()
    {
        enter(state, *user, effects);
    }
}

fn enter(state: &mut State, user: v1::User, effects: &mut Vec<Effect>) {
    let password = std::mem::take(&mut state.password);
    let due = user.password_change_required;
    let another = state
        .user
        .as_ref()
        .is_some_and(|known| !known.id.is_empty() && known.id != user.id);
    if another {
        net(effects, state.forget_user());
    }
    state.user = Some(user);
    if due {
        state.gate = Some(Gate::NewPassword(NewPassword::new(&password)));
        return;
    }
    state.gate = None;
    let admin = state.is_admin();
    let for_admins = matches!(
        state.screen,
        Screen::Users | Screen::Ledger | Screen::System | Screen::Audit
    );
    if for_admins && !admin {
        // Was one until now.
        state.screen = Screen::Batches;
    }
    state.service_again = None;
    let watch = state.batches.watch(admin);
    net(effects, [NetEffect::LoadServiceInfo, watch]);
    // What was on its way when the session ended does not come any more.
    state.users.open();
    if state.screen == Screen::System {
        state.system.open();
        net(effects, [NetEffect::WatchSystem]);
    }
    state.audit.open();
    state.api_keys.open();
    state.pictures.forget_asked();
    if let Some(batch) = &mut state.batch {
        batch.forget_detail();
        net(effects, [batch.watch()]);
    }
}

pub(super) fn session_ended(state: &mut State, refusal: Refusal) {
    let resuming = matches!(state.gate, Some(Gate::Resuming));
    if let Some(Gate::SignIn(form)) = &mut state.gate {
        // What comes after the question is no news, but that the answer did not help is.
        if refusal.cause == Cause::Untrusted {
            form.refusal = Some(refusal);
        }
        return;
    }
    let mut form = sign_in_form(state, !resuming);
    // That there is no stored session is no news; that a server cannot be reached is.
    let silent = matches!(
        refusal.cause,
        Cause::Server(v1::refusal::Reason::TokenMissing)
    );
    if !(resuming && silent) {
        form.refusal = Some(refusal);
    }
    // A secret that is shown once stays until it was read: whoever resets the own password needs it to come back.
    if !matches!(state.overlay, Some(Overlay::Note(_))) {
        state.overlay = None;
    }
    state.gate = Some(Gate::SignIn(form));
}
