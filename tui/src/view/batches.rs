//! Draws the list of batches.

use ratatui::layout::Rect;
use vision_batch::v1;

use super::chrome;
use super::columns::{Column, Placed, fixed, growing, number, place};
use super::cut::{clean, width};
use super::pen::Pen;
use super::summary;
use super::symbols;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::geometry::BatchesParts;
use crate::state::{Fuzzy, Order, SortBy, State, Warning, counts, is_open, moment};
use crate::text::{count, span};

/// Cells at the left of a row: mark, attention, state.
const GUTTER: u16 = 5;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Name,
    Owner,
    State,
    Engine,
    Progress,
    Done,
    Failed,
    Eta,
    Age,
    Credits,
}

fn columns(pen: &Pen, is_admin: bool, done_width: u16) -> Vec<Column<Key>> {
    let words = pen.words;
    let mut columns = vec![growing(Key::Name, words.col_name, 16)];
    if is_admin {
        columns.push(fixed(Key::Owner, words.col_owner, 9, 7));
    }
    columns.extend([
        fixed(Key::State, words.col_state, 10, 5),
        fixed(Key::Engine, words.col_engine, 8, 10),
        fixed(Key::Progress, words.col_progress, 10, 6),
        number(Key::Done, words.col_done, done_width, 0),
        number(Key::Failed, words.col_failed, 4, 0),
        number(Key::Credits, words.col_credits, 7, 9),
        number(Key::Eta, words.col_eta, 5, 4),
        number(Key::Age, words.col_age, 4, 8),
    ]);
    columns
}

pub(crate) fn draw(state: &State, warning: Option<Warning>, pen: &mut Pen, parts: BatchesParts) {
    chrome::header(state, pen, parts.header, false, pen.words.batches);
    if !chrome::banner(state, pen, parts.counts) {
        draw_counts(state, pen, parts.counts);
    }
    if let (Some(area), Some(warning)) = (parts.warning, warning) {
        let words = (pen.words.warning)(&warning, &pen.clock);
        pen.put(
            area.x + 1,
            area.y,
            &format!("! {words}"),
            Role::Warn,
            area.width - 2,
        );
    }
    let x = parts.list.x + GUTTER;
    let rows = &state.batches.rows;
    let height = usize::from(parts.list.height);
    let done_width = rows
        .on_screen(height)
        .map(|(_, batch)| done(batch).len())
        .max()
        .map_or(0, |it| u16::try_from(it).unwrap_or(9))
        .max(5);
    let placed = place(
        columns(pen, state.is_admin(), done_width),
        x,
        parts.list.width.saturating_sub(GUTTER + 1),
    );
    let order = rows.order();
    let sorted = sorted_column(order.by).map(|key| (key, order.reversed));
    draw_titles(pen, parts.titles, &placed, sorted);
    let cursor = rows.position().cursor;
    for (y, (index, batch)) in (parts.list.y..).zip(rows.on_screen(height)) {
        let area = Rect::new(parts.list.x, y, parts.list.width, 1);
        draw_row(state, pen, area, batch, &placed, index == cursor);
    }
    let all = if rows.filter().is_empty() {
        state.batches.total()
    } else {
        rows.len()
    };
    if rows.len() > 0 {
        draw_fetching(state, pen, parts.list, x);
    }
    pen.scroll_bar(parts.list, rows.position().top, all);
    if rows.len() == 0 {
        let words = if !state.batches.live.complete {
            pen.words.loading
        } else if rows.total() == 0 {
            if state.read_only {
                pen.words.no_batches_here
            } else {
                pen.words.no_batches
            }
        } else {
            pen.words.nothing_matches
        };
        pen.put(x, parts.list.y + 1, words, Role::Dim, parts.list.width - x);
    }
    if let Some(area) = parts.summary {
        summary::draw(state, pen, area);
    }
    if state.batches.filtering {
        let matches = shown_of(pen, rows.shown_of());
        let title = format!("/ {}", pen.words.filter);
        chrome::filter_line(pen, parts.footer, &title, &state.batches.filter, &matches);
        return;
    }
    let actions = [
        Action::Open,
        Action::NewBatch,
        Action::Filter,
        Action::Mark,
        Action::Retry,
        Action::Cancel,
        Action::Export,
        Action::Sort,
        Action::Rerun,
        Action::DeleteBatch,
        Action::Palette,
        Action::Quit,
        Action::Help,
    ];
    chrome::footer(state, pen, parts.footer, Mode::Batches, &actions);
}

/// Below the last row, when more are to come: that they come, and how many there are.
fn draw_fetching(state: &State, pen: &mut Pen, list: Rect, x: u16) {
    let batches = &state.batches;
    let shown = batches.rows.len() - batches.rows.position().top;
    if batches.paging.is_whole() || shown >= usize::from(list.height) {
        return;
    }
    let number = |it: usize| i64::try_from(it).unwrap_or(i64::MAX);
    let words = (pen.words.fetching)(number(batches.rows.total()), number(batches.total()));
    let y = list.y + u16::try_from(shown).unwrap_or(0);
    pen.put(x, y, &words, Role::Dim, list.width - x);
}

/// The column a list ordered by this is ordered by, if it is one.
fn sorted_column(by: SortBy) -> Option<Key> {
    Some(match by {
        SortBy::Newest => Key::Age,
        SortBy::Name => Key::Name,
        SortBy::Owner => Key::Owner,
        SortBy::State => Key::State,
        SortBy::Progress => Key::Progress,
        SortBy::Failed => Key::Failed,
        SortBy::Finish => Key::Eta,
        SortBy::Credits => Key::Credits,
        _ => return None,
    })
}

/// The titles of columns; `sorted` is the one the rows are ordered by, and whether the other way round.
pub(super) fn draw_titles<K: PartialEq>(
    pen: &mut Pen,
    area: Rect,
    placed: &[Placed<K>],
    sorted: Option<(K, bool)>,
) {
    for column in placed {
        let mark = match &sorted {
            Some((key, reversed)) if *key == column.key => symbols::ordered(pen.symbols, *reversed),
            _ => "",
        };
        let role = if mark.is_empty() {
            Role::Column
        } else {
            Role::Accent
        };
        let title = format!("{}{mark}", column.title);
        if column.right {
            pen.put_right(column.x + column.width, area.y, &title, role);
        } else {
            pen.put(column.x, area.y, &title, role, column.width + 1);
        }
    }
}

fn draw_counts(state: &State, pen: &mut Pen, area: Rect) {
    let words = pen.words;
    let rows = &state.batches.rows;
    let mut parts = Vec::new();
    if let Some(counts) = &state.batches.counts {
        let coloured = |number: i32, role: Role| if number > 0 { role } else { Role::Dim };
        let active = counts.created + counts.processing;
        parts.push(((words.count_all)(counts.total), Role::Text));
        parts.push(((words.count_active)(active), coloured(active, Role::Busy)));
        parts.push((
            (words.count_failures)(counts.has_failures),
            coloured(counts.has_failures, Role::Bad),
        ));
        parts.push((
            (words.count_attention)(counts.needs_attention),
            coloured(counts.needs_attention, Role::Warn),
        ));
    }
    if rows.mark_count() > 0 {
        parts.push(((words.count_marked)(rows.mark_count()), Role::Accent));
    }
    if !rows.filter().is_empty() {
        let shown = shown_of(pen, rows.shown_of());
        let filter = rows.filter().text();
        parts.push((format!("/{}  {shown}", clean(filter)), Role::Accent));
    }
    let order = rows.order();
    if order != Order::default() {
        let arrow = symbols::ordered(pen.symbols, order.reversed);
        let by = (words.sort_by)(order.by);
        parts.push((format!("{}: {by}{arrow}", words.sort), Role::Accent));
    }
    let mut end = area.right() - 1;
    if rows.len() > rows.height() {
        let all = if rows.filter().is_empty() {
            state.batches.total()
        } else {
            rows.len()
        };
        let number = |it: usize| count(i64::try_from(it).unwrap_or(i64::MAX));
        let at = format!("{}/{}", number(rows.position().cursor + 1), number(all));
        end = pen.put_right(end, area.y, &at, Role::Dim).saturating_sub(2);
    }
    pen.put_parts(area.x + 1, area.y, end, &parts);
}

/// How many are done of how many.
fn done(batch: &v1::Batch) -> String {
    let numbers = counts(batch);
    format!("{}/{}", numbers.completed, numbers.total)
}

/// How many rows the filter lets through.
pub(super) fn shown_of(pen: &Pen, (shown, total): (i64, i64)) -> String {
    (pen.words.count_shown)(shown, total)
}

/// The state in a word; a partial failure has one of its own.
pub(super) fn state_word(pen: &Pen, batch: &v1::Batch) -> &'static str {
    if batch.state() == v1::batch::State::Completed && batch.has_failures {
        pen.words.partial
    } else {
        (pen.words.batch_state)(batch.state())
    }
}

/// The colour of a batch's bar.
pub(super) fn bar_role(batch: &v1::Batch) -> Role {
    match batch.state() {
        v1::batch::State::Failed => Role::BarBad,
        v1::batch::State::Completed if !batch.has_failures => Role::BarGood,
        _ => Role::BarFill,
    }
}

fn draw_row(
    state: &State,
    pen: &mut Pen,
    area: Rect,
    batch: &v1::Batch,
    placed: &[Placed<Key>],
    selected: bool,
) {
    pen.rows += 1;
    let y = area.y;
    let rows = &state.batches.rows;
    if selected {
        pen.ground(area, Role::Selection);
    }
    if rows.is_marked(&batch.id) {
        pen.put(area.x + 1, y, "*", Role::Accent, 1);
    }
    if batch.needs_attention {
        pen.put(area.x + 2, y, "!", Role::Warn, 1);
    }
    let (symbol, role) = symbols::batch(pen.symbols, batch);
    pen.put(area.x + 3, y, symbol, role, 1);
    let numbers = counts(batch);
    for column in placed {
        let (x, room) = (column.x, column.width);
        let end = x + room;
        match column.key {
            Key::Name => draw_name(pen, rows.filter(), batch, (x, y, room), selected),
            Key::Owner => {
                pen.put_matched(x, y, &batch.owner_name, rows.filter(), Role::Dim, room);
            }
            Key::State if rows.is_asked(batch) => {
                pen.put(x, y, pen.words.asked, Role::Warn, room);
            }
            Key::State => {
                pen.put(x, y, state_word(pen, batch), role, room);
            }
            Key::Engine => {
                let name = (pen.words.engine_name)(&batch.engine);
                pen.put(x, y, &name, Role::Dim, room);
            }
            Key::Progress if is_open(batch) => {
                pen.bar(x, y, room, batch.progress_estimate, bar_role(batch));
            }
            // What has ended needs no bar: its word says it.
            Key::Progress => {}
            Key::Done => {
                pen.put_right(end, y, &done(batch), Role::Text);
            }
            Key::Failed => {
                if numbers.failed > 0 {
                    pen.put_right(end, y, &count(numbers.failed), Role::Bad);
                }
            }
            Key::Credits => {
                let paid = batch.credits_charged - batch.credits_refunded;
                pen.put_right(end, y, &count(paid), Role::Dim);
            }
            Key::Eta => {
                if let Some(time) = &batch.expected_finish_time {
                    let left = span(pen.clock.seconds_until(moment(time)).max(60));
                    pen.put_right(end, y, &format!("~{left}"), Role::Text);
                }
            }
            Key::Age => {
                // Seconds would tick in every row.
                let seconds = batch
                    .create_time
                    .as_ref()
                    .map_or(0, |time| pen.clock.seconds_since(moment(time)));
                let age = if seconds < 60 {
                    "<1m".to_owned()
                } else {
                    span(seconds)
                };
                pen.put_right(end, y, &age, Role::Dim);
            }
        }
    }
}

/// A preview is always called one, so that nobody takes it for the real thing.
fn draw_name(
    pen: &mut Pen,
    filter: &Fuzzy,
    batch: &v1::Batch,
    (x, y, room): (u16, u16, u16),
    selected: bool,
) {
    let role = if selected { Role::Strong } else { Role::Text };
    if batch.engine != "preview" {
        pen.put_matched(x, y, &batch.name, filter, role, room);
        return;
    }
    let mark = format!("({})", pen.words.preview_mark);
    let taken = u16::try_from(width(&mark) + 1).unwrap_or(room);
    let left = room.saturating_sub(taken);
    let behind = pen.put_matched(x, y, &batch.name, filter, role, left);
    pen.put(behind + 1, y, &mark, Role::Dim, x + room - behind - 1);
}
