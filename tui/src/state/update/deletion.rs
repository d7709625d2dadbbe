//! Batches that are taken away for good: the question before, and what is left of them after.

use std::collections::HashSet;

use super::lists::leave_batch;
use crate::state::effect::Effect;
use crate::state::notice::{Notice, Shown};
use crate::state::{Screen, State};

/// A batch was taken away, as was asked for.
pub(super) fn deleted(state: &mut State, id: &str, freed_bytes: i64, effects: &mut Vec<Effect>) {
    leave(state, id, effects);
    // Of several that were asked for together the answers come one after the other.
    let (count, bytes) = match &state.notice {
        Some(Shown {
            notice: Notice::Deleted { count, bytes },
            ..
        }) => (*count, *bytes),
        _ => (0, 0),
    };
    state.say(Notice::Deleted {
        count: count + 1,
        bytes: bytes.saturating_add(freed_bytes.unsigned_abs()),
    });
}

/// The batch on the screen was taken away, here or elsewhere.
pub(super) fn gone(state: &mut State, id: &str, effects: &mut Vec<Effect>) {
    if state.batch.as_ref().is_some_and(|open| open.id == id) {
        state.say(Notice::BatchGone);
        leave(state, id, effects);
    }
}

/// Nothing of a batch is shown any more that is not there.
fn leave(state: &mut State, id: &str, effects: &mut Vec<Effect>) {
    if state.batch.as_ref().is_some_and(|open| open.id == id) {
        leave_batch(state, effects);
        if state.screen == Screen::Batch {
            state.screen = Screen::Batches;
        }
    }
    state.left = state.left.take().filter(|left| left.id != id);
    state.batches.rows.remove(&HashSet::from([id.to_owned()]));
}
