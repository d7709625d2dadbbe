//! What admins do to the running of the service.

use vision_batch::v1;

use super::form::{self, close, open, question, waiting};
use super::screens;
use crate::keymap::Action;
use crate::state::confirm::{Ask, Confirm, Secret};
use crate::state::dialog::Purpose;
use crate::state::effect::Effect;
use crate::state::message::Ticket;
use crate::state::notice::Notice;
use crate::state::refusal::{Cause, Refusal};
use crate::state::{Overlay, Screen, State};

pub(super) fn in_system(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let system = &state.system;
    let ask = match action {
        Action::Back => return screens::go(state, Screen::Batches, effects),
        Action::Token => return open(state, Purpose::Token),
        Action::PauseResume => system.ask_pause_resume(),
        Action::Drain => system.ask_drain(),
        Action::MoreSlots => system.ask_slots(true),
        Action::FewerSlots => system.ask_slots(false),
        _ => None,
    };
    question(state, ask);
}

pub(super) fn dispatched(state: &mut State, result: Result<Box<v1::Dispatch>, Refusal>) {
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
    ticket: Ticket,
    result: Result<Box<v1::UpdateUpstreamTokenResponse>, Refusal>,
) {
    let rejected = Cause::Server(v1::refusal::Reason::UpstreamTokenRejected);
    match result {
        Ok(response) => {
            close(state, ticket);
            state.say(Notice::TokenIsIn {
                account: response.account.clone(),
                said: response.upstream_message.clone(),
            });
        }
        Err(refusal) if refusal.cause == rejected => {
            let token = waiting(state, ticket).map(|dialog| dialog.token());
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
        Err(refusal) => form::refused(state, ticket, refusal),
    }
}
