//! Draws the user's own keys for programs, and what such a key is for.

use ratatui::layout::Rect;
use vision_batch::v1;
use vision_batch::v1::api_key::Scope;

use super::batches::draw_titles;
use super::chrome;
use super::columns::{Column, Placed, fixed, growing, number, place};
use super::cut::clean;
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::geometry::ApiKeysParts;
use crate::state::{State, moment};
use crate::text::span;

/// Cells at the left of a row: whether the key has ended.
const GUTTER: u16 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Name,
    Begins,
    May,
    Made,
    Used,
    Ends,
}

fn columns(pen: &Pen) -> Vec<Column<Key>> {
    let words = pen.words.records;
    vec![
        growing(Key::Name, pen.words.col_name, 16),
        fixed(Key::Begins, words.col_begins, 13, 3),
        fixed(Key::May, words.col_may, 6, 0),
        number(Key::Made, words.col_made, 8, 2),
        number(Key::Used, words.col_used, 8, 1),
        number(Key::Ends, words.col_ends, 10, 0),
    ]
}

pub(crate) fn draw(state: &State, pen: &mut Pen, parts: ApiKeysParts) {
    let words = pen.words;
    let keys = &state.api_keys;
    let title = match &keys.of {
        Some(user) => (words.records.api_keys_of)(&clean(&user.username)),
        None => words.records.api_keys.to_owned(),
    };
    chrome::header(state, pen, parts.header, true, &title);
    if !chrome::banner(state, pen, parts.counts) {
        draw_counts(state, pen, parts.counts);
    }
    let x = parts.list.x + GUTTER;
    let width = parts.list.width.saturating_sub(GUTTER + 1);
    let placed = place(columns(pen), x, width);
    draw_titles(pen, parts.titles, &placed, None);
    let cursor = keys.rows.position().cursor;
    let height = usize::from(parts.list.height);
    for (y, (index, key)) in (parts.list.y..).zip(keys.rows.on_screen(height)) {
        let area = Rect::new(parts.list.x, y, parts.list.width, 1);
        draw_row(pen, area, key, &placed, index == cursor);
    }
    pen.scroll_bar(parts.list, keys.rows.position().top, keys.rows.len());
    if keys.rows.len() == 0 && keys.refusal.is_none() {
        let text = match (keys.is_read(), &keys.of) {
            (false, _) => words.loading.to_owned(),
            (true, Some(user)) => (words.records.no_keys_of)(&clean(&user.username)),
            (true, None) if state.read_only => words.records.no_keys_here.to_owned(),
            (true, None) => words.records.no_keys.to_owned(),
        };
        pen.put(x, parts.list.y + 1, &text, Role::Dim, width);
    }
    pen.rule(parts.about, "", Role::Text);
    for (y, line) in (parts.about.y + 1..).zip(words.records.about_keys) {
        pen.put(parts.about.x + 1, y, line, Role::Dim, parts.about.width - 2);
    }
    let actions = [
        Action::Back,
        Action::NewKey,
        Action::RevokeKey,
        Action::CopyId,
        Action::Batches,
        Action::Palette,
        Action::Help,
    ];
    chrome::footer(state, pen, parts.footer, Mode::ApiKeys, &actions);
}

fn draw_counts(state: &State, pen: &mut Pen, area: Rect) {
    let keys = &state.api_keys;
    let total = i64::try_from(keys.rows.total()).unwrap_or(i64::MAX);
    let mut parts = Vec::new();
    if keys.is_read() {
        parts.push(((pen.words.records.count_keys)(total), Role::Text));
    }
    if let Some(refusal) = &keys.refusal {
        parts.push((format!("! {}", (pen.words.refusal)(refusal)), Role::Bad));
    }
    pen.put_parts(area.x + 1, area.y, area.right() - 1, &parts);
}

/// The most a key may do: what comes before it is in it.
fn scope(key: &v1::ApiKey) -> Scope {
    key.scopes().max().unwrap_or(Scope::Unspecified)
}

/// The day a key ends on.
fn day(pen: &Pen, time: Option<&prost_types::Timestamp>) -> String {
    time.map_or(String::new(), |time| pen.clock.day(moment(time)))
}

fn draw_row(pen: &mut Pen, area: Rect, key: &v1::ApiKey, placed: &[Placed<Key>], selected: bool) {
    pen.rows += 1;
    let (words, admin) = (pen.words.records, pen.words.admin);
    let y = area.y;
    if selected {
        pen.ground(area, Role::Selection);
    }
    let left = key
        .expire_time
        .as_ref()
        .map(|time| pen.clock.seconds_until(moment(time)));
    if left == Some(0) {
        let symbol = symbols::failed(pen.symbols);
        pen.put(area.x + 1, y, symbol, Role::Bad, 1);
    }
    // Seconds would tick in every row.
    let minutes = |seconds: i64| match seconds {
        ..60 => "<1m".to_owned(),
        _ => span(seconds),
    };
    let ago = |pen: &Pen, time: Option<&prost_types::Timestamp>| match time {
        Some(time) => (admin.ago)(&minutes(pen.clock.seconds_since(moment(time)))),
        None => admin.never.to_owned(),
    };
    for column in placed {
        let (x, room) = (column.x, column.width);
        let end = x + room;
        match column.key {
            Key::Name => {
                let role = if selected { Role::Strong } else { Role::Text };
                pen.put(x, y, &key.name, role, room);
            }
            Key::Begins => {
                pen.put(x, y, &key.secret_prefix, Role::Dim, room);
            }
            Key::May => {
                let role = match scope(key) {
                    Scope::Admin => Role::Accent,
                    _ => Role::Text,
                };
                pen.put(x, y, (words.scope)(scope(key)), role, room);
            }
            Key::Made => {
                let text = ago(pen, key.create_time.as_ref());
                pen.put_right(end, y, &text, Role::Dim);
            }
            Key::Used => {
                let text = ago(pen, key.last_used_time.as_ref());
                pen.put_right(end, y, &text, Role::Dim);
            }
            Key::Ends => {
                let (text, role) = match left {
                    None => (words.for_ever.to_owned(), Role::Dim),
                    Some(0) => (words.ended.to_owned(), Role::Bad),
                    Some(left @ ..86_400) => ((words.in_span)(&minutes(left)), Role::Warn),
                    Some(_) => (day(pen, key.expire_time.as_ref()), Role::Text),
                };
                pen.put_right(end, y, &text, role);
            }
        }
    }
}
