//! Owns [`draw`]: one picture of one state. `state/x.rs` is drawn by `view/x.rs`.
//!
//! Invariants: nothing is changed and nothing is waited for here; every line fits its width, whatever names contain;
//! only the rows on the screen are built.

mod api_keys;
mod audit;
mod batch;
mod batches;
mod chrome;
mod columns;
mod cut;
mod detail;
mod dialog;
mod ledger;
mod new_batch;
mod overlay;
mod pen;
mod sign_in;
mod summary;
mod symbols;
mod system;
mod theme;
mod throughput;
mod thumbnail;
mod transfers;
mod users;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::state::{Gate, Overlay, Screen, State, geometry};
use pen::Pen;
use theme::Role;

/// What drawing one picture took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Rows of lists that were built.
    pub rows: usize,
    /// Texts that were measured and written.
    pub texts: usize,
}

/// Draws the state.
pub fn draw(state: &State, frame: &mut Frame) {
    paint(state, frame);
}

/// Draws the state, and tells what it took.
pub fn paint(state: &State, frame: &mut Frame) -> Work {
    let area = frame.area();
    let size = (area.width, area.height);
    let mut pen = Pen::new(frame.buffer_mut(), state);
    if geometry::too_small(size) {
        let (width, height) = geometry::SMALLEST;
        let words = (pen.words.too_small)(width, height);
        for (y, line) in (0..area.height).zip(cut::wrap(&words, usize::from(area.width))) {
            pen.put(0, y, &line, Role::Text, area.width);
        }
        return Work::default();
    }
    // A session that ended asks over the view it ended in; before the first sign-in there is no view.
    let behind = match &state.gate {
        None => true,
        Some(Gate::SignIn(form)) => form.session_ended,
        Some(_) => false,
    };
    if behind {
        draw_screen(state, &mut pen, size);
    }
    if let Some(gate) = &state.gate {
        pen.cursor = None;
        sign_in::draw(state, gate, &mut pen, area);
    }
    if let Some(overlay) = &state.overlay {
        pen.cursor = None;
        draw_overlay(state, overlay, &mut pen, area);
    }
    let work = Work {
        rows: pen.rows,
        texts: pen.texts,
    };
    if let Some(cursor) = pen.cursor {
        frame.set_cursor_position(cursor);
    }
    work
}

fn draw_screen(state: &State, pen: &mut Pen, size: (u16, u16)) {
    match (&state.screen, &state.batch) {
        (Screen::Batch, Some(open)) => batch::draw(state, open, pen, geometry::batch(size)),
        (Screen::Users, _) => users::draw(state, pen, geometry::users(size)),
        (Screen::Ledger, _) => ledger::draw(state, pen, geometry::ledger(size)),
        (Screen::Audit, _) => audit::draw(state, pen, geometry::audit(size)),
        (Screen::ApiKeys, _) => api_keys::draw(state, pen, geometry::api_keys(size)),
        (Screen::System, _) => system::draw(state, pen, geometry::system(size)),
        (Screen::NewBatch, _) => new_batch::draw(state, pen, geometry::new_batch(size)),
        _ => {
            let warning = state.batches.warning();
            let parts = geometry::batches(size, warning.is_some());
            batches::draw(state, warning, pen, parts);
        }
    }
}

fn draw_overlay(state: &State, overlay: &Overlay, pen: &mut Pen, area: Rect) {
    match overlay {
        Overlay::Help { mode, top, .. } => overlay::help(state, pen, area, *mode, *top),
        Overlay::Confirm(question) => overlay::confirm(pen, area, question),
        Overlay::Palette(palette) => overlay::palette(state, pen, area, palette),
        Overlay::Dialog(form) => dialog::draw(pen, area, form),
        Overlay::Note(note) => dialog::note(pen, area, note),
        Overlay::Sort(menu) => overlay::sort(pen, area, menu),
        Overlay::Transfers { cursor } => transfers::draw(state, pen, area, *cursor),
    }
}
