//! What the mouse does: a press selects, the wheel scrolls.

use crate::keymap::{Action, Mode};
use crate::state::message::Mouse;
use crate::state::position::Step;
use crate::state::{Overlay, State, geometry};

/// Rows the wheel goes at a time.
const WHEEL_ROWS: usize = 3;

pub(super) fn used(state: &mut State, mouse: Mouse) {
    if !state.mouse {
        return;
    }
    match mouse {
        Mouse::WheelUp => wheel(state, Step::Up),
        Mouse::WheelDown => wheel(state, Step::Down),
        Mouse::Press { x, y } => press(state, x, y),
    }
}

fn wheel(state: &mut State, step: Step) {
    for _ in 0..WHEEL_ROWS {
        match state.mode() {
            Mode::Batches => state.batches.step(step),
            Mode::Batch => {
                if let Some(batch) = &mut state.batch {
                    batch.rows.step(step);
                }
            }
            Mode::FileList => state.new_batch.files.step(step),
            Mode::Users => state.users.rows.step(step),
            Mode::Audit => state.audit.rows.step(step),
            Mode::ApiKeys => state.api_keys.rows.step(step),
            Mode::Ledger => {
                if let Some(ledger) = &mut state.users.ledger {
                    ledger.rows.step(step);
                }
            }
            Mode::Help => {
                let action = match step {
                    Step::Up => Action::Up,
                    _ => Action::Down,
                };
                super::overlays::help(state, action);
            }
            Mode::Sort => {
                if let Some(Overlay::Sort(menu)) = &mut state.overlay {
                    menu.step(step == Step::Down);
                }
            }
            _ => {}
        }
    }
}

fn press(state: &mut State, x: u16, y: u16) {
    let size = state.size;
    if geometry::too_small(size) {
        return;
    }
    let line = |list: ratatui::layout::Rect| {
        list.contains((x, y).into())
            .then(|| usize::from(y - list.y))
    };
    match state.mode() {
        Mode::Batches => {
            let warning = state.batches.warning().is_some();
            if let Some(line) = line(geometry::batches(size, warning).list) {
                state.batches.rows.point_at(line);
            }
        }
        Mode::Batch => {
            let line = line(geometry::batch(size).list);
            if let (Some(line), Some(batch)) = (line, &mut state.batch) {
                batch.rows.point_at(line);
            }
        }
        Mode::Users => {
            if let Some(line) = line(geometry::users(size).list) {
                state.users.rows.point_at(line);
            }
        }
        Mode::Ledger => {
            let line = line(geometry::ledger(size).list);
            if let (Some(line), Some(ledger)) = (line, &mut state.users.ledger) {
                ledger.rows.point_at(line);
            }
        }
        Mode::Audit => {
            if let Some(line) = line(geometry::audit(size).list) {
                state.audit.rows.point_at(line);
            }
        }
        Mode::ApiKeys => {
            if let Some(line) = line(geometry::api_keys(size).list) {
                state.api_keys.rows.point_at(line);
            }
        }
        Mode::FileList => {
            if let Some(line) = line(geometry::new_batch(size).list) {
                state.new_batch.files.point_at(line);
            }
        }
        _ => {}
    }
}
