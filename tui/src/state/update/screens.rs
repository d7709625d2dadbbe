//! Going to the screens that stand side by side.

use super::net;
use crate::state::effect::{Effect, NetEffect};
use crate::state::{Screen, State};

/// Goes to one of the screens that stand side by side; what was open there is as it was.
pub(super) fn go(state: &mut State, screen: Screen, effects: &mut Vec<Effect>) {
    if state.screen == Screen::Batch && screen != Screen::Batch {
        super::lists::leave_batch(state, effects);
    }
    if state.screen == screen {
        return;
    }
    let from = match state.screen {
        Screen::Ledger => Screen::Users,
        // The batch was left: its list is where it was opened from.
        Screen::Batch => Screen::Batches,
        from => from,
    };
    match screen {
        Screen::Audit if from != Screen::ApiKeys => state.audit.from = from,
        Screen::ApiKeys if from != Screen::Audit => state.api_keys.from = from,
        _ => {}
    }
    if state.screen == Screen::System {
        net(effects, [NetEffect::UnwatchSystem]);
    }
    state.screen = screen;
    match screen {
        Screen::Users => state.users.open(),
        Screen::System => {
            state.system.open();
            net(effects, [NetEffect::WatchSystem]);
        }
        Screen::Audit => state.audit.open(),
        Screen::ApiKeys => state.api_keys.open(),
        _ => {}
    }
}
