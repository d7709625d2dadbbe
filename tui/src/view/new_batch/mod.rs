//! Draws the draft of a new batch. Never cut: the cost, the balance, and why a file is refused.

mod files;
mod sums;

use ratatui::layout::Rect;

use super::chrome;
use super::cut::{width, wrap};
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::geometry::NewBatchParts;
use crate::state::{Audio, Field, Focus, State, engines};
use crate::text::{bytes, count, play_time};

fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

pub(crate) fn draw(state: &State, pen: &mut Pen, parts: NewBatchParts) {
    let draft = &state.new_batch;
    let words = pen.words;
    chrome::header(state, pen, parts.header, true, words.new_batch);
    let labels = [words.name, words.engine, words.audio, words.prompt];
    let label_width = cells(labels.iter().map(|it| width(it)).max().unwrap_or(0)) + 3;
    let typing = draft.upload.is_none() && draft.glob.is_none();
    let active = |focus: Focus| typing && draft.focus == focus;

    label(pen, parts.name, words.name, active(Focus::Name));
    let place = beside(parts.name, label_width, parts.name.width - label_width - 1);
    pen.field(
        place,
        &draft.name,
        active(Focus::Name),
        false,
        words.name_hint,
    );

    label(pen, parts.engine, words.engine, active(Focus::Engine));
    draw_engines(state, pen, parts.engine, label_width, active(Focus::Engine));

    label(pen, parts.audio, words.audio, active(Focus::Audio));
    draw_audio(state, pen, parts.audio, label_width, active(Focus::Audio));

    label(pen, parts.prompt, words.prompt, active(Focus::Prompt));
    let place = beside(
        parts.prompt,
        label_width,
        parts.prompt.width - label_width - 1,
    );
    let default = state
        .service
        .as_ref()
        .map_or("", |it| it.default_prompt.as_str());
    draw_prompt(pen, place, &draft.prompt, active(Focus::Prompt), default);

    files::draw(state, pen, parts, active(Focus::Files));
    chrome::picture(state, pen, parts.picture);
    sums::draw(state, pen, parts, label_width);
    draw_footer(state, pen, parts.footer);
}

fn beside(row: Rect, x: u16, width: u16) -> Rect {
    Rect::new(row.x + x, row.y, width, row.height)
}

fn label(pen: &mut Pen, row: Rect, text: &str, active: bool) {
    let role = if active { Role::Accent } else { Role::Text };
    if active {
        pen.put(row.x, row.y, symbols::running(pen.symbols), Role::Accent, 1);
    }
    pen.put(row.x + 1, row.y, text, role, row.width);
}

fn draw_engines(state: &State, pen: &mut Pen, row: Rect, x: u16, active: bool) {
    let service = state.service.as_ref();
    let chosen = state.new_batch.engine_name(service);
    let mut x = row.x + x;
    for engine in engines(service) {
        let is_chosen = engine.name == chosen;
        let mark = if is_chosen { "(*)" } else { "( )" };
        let role = match (is_chosen, active) {
            (true, true) => Role::Accent,
            (true, false) => Role::Strong,
            (false, _) => Role::Dim,
        };
        let name = (pen.words.engine_name)(&engine.name);
        let price = (pen.words.price)(engine.credits_per_item, engine.seconds_per_credit);
        let text = format!("{mark} {name}");
        let room = row.right().saturating_sub(x);
        x = pen.put(x, row.y, &text, role, room) + 1;
        x = pen.put(x, row.y, &price, Role::Dim, row.right().saturating_sub(x)) + 1;
        let health = (pen.words.engine_health)(engine.health());
        if is_chosen && !health.is_empty() {
            let text = format!("! {health}");
            x = pen.put(x, row.y, &text, Role::Warn, row.right().saturating_sub(x)) + 1;
        }
        x += 2;
    }
    if engines(service).is_empty() {
        pen.put(
            x,
            row.y,
            pen.words.loading,
            Role::Dim,
            row.right().saturating_sub(x),
        );
    }
}

fn draw_audio(state: &State, pen: &mut Pen, row: Rect, x: u16, active: bool) {
    let words = pen.words;
    let (verdict, role) = match &state.new_batch.audio_state {
        Audio::None => (String::new(), Role::Dim),
        Audio::Checking(_) => (words.checking.to_owned(), Role::Dim),
        Audio::Usable(_, facts) => {
            let time = play_time(facts.duration);
            let size = bytes(facts.size_bytes);
            let ok = symbols::done(pen.symbols);
            (format!("{ok} {} {time} {size}", facts.kind), Role::Good)
        }
        Audio::Refused(unusable) => {
            let why = (words.unusable)(unusable);
            (format!("{} {why}", symbols::failed(pen.symbols)), Role::Bad)
        }
    };
    // The verdict is never cut; the path gives way.
    let verdict_width = cells(width(&verdict));
    let room = row.width.saturating_sub(x + 1);
    let field_width = room.saturating_sub(verdict_width + 2).max(12);
    let field_width = if verdict.is_empty() {
        room
    } else {
        field_width
    };
    let place = beside(row, x, field_width);
    pen.field(
        place,
        &state.new_batch.audio,
        active,
        false,
        words.audio_hint,
    );
    pen.put(place.right() + 2, row.y, &verdict, role, row.width);
}

/// The prompt takes several lines when there is room for them.
fn draw_prompt(pen: &mut Pen, area: Rect, field: &Field, active: bool, default: &str) {
    let one = Rect { height: 1, ..area };
    let room = usize::from(area.width.saturating_sub(2));
    if active || width(field.text()) <= room {
        pen.field(one, field, active, false, default);
        return;
    }
    pen.ground(area, Role::Field);
    for (y, line) in (area.y..area.bottom()).zip(wrap(field.text(), room)) {
        pen.put(area.x + 1, y, &line, Role::Field, area.width - 2);
    }
}

fn draw_footer(state: &State, pen: &mut Pen, area: Rect) {
    let draft = &state.new_batch;
    if let Some(glob) = &draft.glob {
        let shown = count(i64::try_from(draft.files.len()).unwrap_or(i64::MAX));
        let title = pen.words.pattern;
        chrome::filter_line(pen, area, title, glob, &shown);
        return;
    }
    let (mode, actions): (Mode, &[Action]) = if draft.focus == Focus::Files {
        (
            Mode::FileList,
            &[
                Action::Mark,
                Action::MarkAll,
                Action::Open,
                Action::ParentDirectory,
                Action::Glob,
                Action::NextField,
                Action::Submit,
                Action::Back,
                Action::Help,
            ],
        )
    } else if draft.focus == Focus::Engine {
        (
            Mode::Engine,
            &[
                Action::NextChoice,
                Action::NextField,
                Action::PreviousField,
                Action::Submit,
                Action::Back,
                Action::Help,
            ],
        )
    } else {
        (
            Mode::Fields,
            &[
                Action::NextField,
                Action::PreviousField,
                Action::Submit,
                Action::Back,
                Action::Help,
            ],
        )
    };
    chrome::footer(state, pen, area, mode, actions);
}
