//! Draws one batch: its progress, its items, and the details of the one under the cursor.

use ratatui::layout::Rect;
use vision_batch::v1;
use vision_batch::v1::video_item::{Stage, State as ItemState};

use super::batches::{bar_role, draw_titles, shown_of};
use super::chrome;
use super::columns::{Column, Placed, fixed, growing, number, place};
use super::cut::clean;
use super::detail;
use super::pen::Pen;
use super::summary::times;
use super::symbols;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::geometry::BatchParts;
use crate::state::{OpenBatch, SortBy, State, counts, filename, moment, seconds};
use crate::text::{bytes, count, span, span_seconds};

/// Cells at the left of a row: mark, state.
const GUTTER: u16 = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Number,
    Image,
    Stage,
    Progress,
    Clock,
    Attempts,
    Size,
}

fn columns(pen: &Pen, total: i32) -> Vec<Column<Key>> {
    let words = pen.words;
    let digits = u16::try_from(count(total).len()).unwrap_or(5).max(2);
    vec![
        number(Key::Number, "#", digits, 0),
        growing(Key::Image, words.col_image, 22),
        fixed(Key::Stage, words.col_stage, 18, 0),
        fixed(Key::Progress, words.col_progress, 10, 3),
        number(Key::Size, words.col_size, 8, 5),
        number(Key::Clock, words.col_clock, 6, 2),
        number(Key::Attempts, words.col_try, 4, 4),
    ]
}

pub(crate) fn draw(state: &State, open: &OpenBatch, pen: &mut Pen, parts: BatchParts) {
    let name = open.batch.as_ref().map_or("", |batch| batch.name.as_str());
    chrome::header(state, pen, parts.header, true, name);
    if !chrome::banner(state, pen, parts.progress)
        && let Some(batch) = &open.batch
    {
        draw_progress(pen, open, batch, parts.progress);
    }
    let total = open.batch.as_ref().map_or(0, |batch| counts(batch).total);
    let width = parts.list.width.saturating_sub(GUTTER + 1);
    let placed = place(columns(pen, total), parts.list.x + GUTTER, width);
    let order = open.rows.order();
    let sorted = sorted_column(order.by).map(|key| (key, order.reversed));
    draw_titles(pen, parts.titles, &placed, sorted);
    let cursor = open.rows.position().cursor;
    for (y, (index, item)) in
        (parts.list.y..).zip(open.rows.on_screen(usize::from(parts.list.height)))
    {
        let area = Rect::new(parts.list.x, y, parts.list.width, 1);
        draw_row(pen, open, area, item, &placed, index == cursor);
    }
    pen.scroll_bar(parts.list, open.rows.position().top, open.rows.len());
    if open.rows.len() == 0 {
        let words = if open.live.complete {
            pen.words.nothing_matches
        } else {
            pen.words.loading
        };
        pen.put(
            parts.list.x + GUTTER,
            parts.list.y + 1,
            words,
            Role::Dim,
            width,
        );
    }
    detail::draw(pen, open, parts.detail, parts.beside);
    chrome::picture(state, pen, parts.picture);
    if open.filtering {
        let matches = shown_of(pen, open.rows.shown_of());
        let title = format!("/ {}", pen.words.filter);
        chrome::filter_line(pen, parts.footer, &title, &open.filter, &matches);
        return;
    }
    let actions = [
        Action::Back,
        Action::Mark,
        Action::Retry,
        Action::RetryAll,
        Action::Cancel,
        Action::Download,
        Action::Play,
        Action::Rerun,
        Action::Export,
        Action::Filter,
        Action::Sort,
        Action::CopyId,
        Action::DeleteBatch,
        Action::Palette,
        Action::Help,
    ];
    chrome::footer(state, pen, parts.footer, Mode::Batch, &actions);
}

fn draw_progress(pen: &mut Pen, open: &OpenBatch, batch: &v1::Batch, area: Rect) {
    let words = pen.words;
    let numbers = counts(batch);
    let bar_width = (area.width / 4).clamp(12, 40);
    pen.bar(
        area.x + 1,
        area.y,
        bar_width,
        batch.progress_estimate,
        bar_role(batch),
    );
    let (symbol, role) = symbols::batch(pen.symbols, batch);
    let word = if batch.state() == v1::batch::State::Completed && batch.has_failures {
        words.partial
    } else {
        (words.batch_state)(batch.state())
    };
    let mut parts = vec![
        (format!("{symbol} {word}"), role),
        (
            format!("{}/{}", numbers.completed, numbers.total),
            Role::Text,
        ),
    ];
    if numbers.failed > 0 {
        parts.push(((words.n_failed)(numbers.failed), Role::Bad));
    }
    parts.push((times(pen, batch), Role::Text));
    if batch.engine == "preview" {
        // Before anything that a narrow screen cuts: nobody may take a preview for the real thing.
        parts.insert(1, (words.preview_mark.to_owned(), Role::Warn));
    } else {
        let charged = (words.charged)(batch.credits_charged, batch.credits_refunded);
        parts.push((charged, Role::Dim));
    }
    if open.rows.mark_count() > 0 {
        parts.insert(
            0,
            ((words.count_marked)(open.rows.mark_count()), Role::Accent),
        );
    }
    if !open.rows.filter().is_empty() {
        parts.insert(
            0,
            (
                format!("/{}", clean(open.rows.filter().text())),
                Role::Accent,
            ),
        );
    }
    pen.put_parts(area.x + bar_width + 3, area.y, area.right() - 1, &parts);
}

/// The column a list ordered by this is ordered by, if it is one.
fn sorted_column(by: SortBy) -> Option<Key> {
    Some(match by {
        SortBy::Number => Key::Number,
        SortBy::Name => Key::Image,
        SortBy::State => Key::Stage,
        SortBy::Progress => Key::Progress,
        SortBy::Clock => Key::Clock,
        SortBy::Attempts => Key::Attempts,
        SortBy::Size => Key::Size,
        _ => return None,
    })
}

/// What an item is doing, in words.
fn stage(pen: &Pen, item: &v1::VideoItem) -> (String, Role) {
    let words = pen.words;
    match item.state() {
        ItemState::Failed => {
            let reason = item.failure.as_ref().map(v1::ItemFailure::reason);
            let reason = reason.unwrap_or(v1::item_failure::Reason::Unspecified);
            ((words.failed_because)(reason), Role::Bad)
        }
        ItemState::Completed => (words.item_completed.to_owned(), Role::Good),
        ItemState::Cancelled => (words.item_cancelled.to_owned(), Role::Dim),
        ItemState::Processing => match (item.stage(), item.queue_position) {
            (Stage::UpstreamQueued, Some(position)) => {
                ((words.queue_position)(position), Role::Busy)
            }
            (stage, _) => ((words.stage)(stage).to_owned(), Role::Busy),
        },
        ItemState::Pending | ItemState::Unspecified => match &item.wait {
            Some(wait) => ((words.wait)(wait.reason()).to_owned(), Role::Dim),
            None => (words.pending.to_owned(), Role::Dim),
        },
    }
}

fn draw_row(
    pen: &mut Pen,
    open: &OpenBatch,
    area: Rect,
    item: &v1::VideoItem,
    placed: &[Placed<Key>],
    selected: bool,
) {
    pen.rows += 1;
    let y = area.y;
    if selected {
        pen.ground(area, Role::Selection);
    }
    if open.rows.is_marked(&item.id) {
        pen.put(area.x + 1, y, "*", Role::Accent, 1);
    }
    let (symbol, role) = symbols::item(pen.symbols, item);
    pen.put(area.x + 2, y, symbol, role, 1);
    for column in placed {
        let (x, room) = (column.x, column.width);
        let end = x + room;
        match column.key {
            Key::Number => {
                pen.put_right(end, y, &item.position.to_string(), Role::Dim);
            }
            Key::Image => {
                let role = if selected { Role::Strong } else { Role::Text };
                pen.put_matched(x, y, filename(item), open.rows.filter(), role, room);
            }
            Key::Stage if open.rows.is_asked(item) => {
                pen.put(x, y, pen.words.asked, Role::Warn, room);
            }
            Key::Stage => {
                let (words, role) = stage(pen, item);
                pen.put(x, y, &words, role, room);
            }
            Key::Progress => draw_item_progress(pen, item, x, y, room, selected),
            Key::Size => {
                if let Some(result) = &item.result {
                    let size = bytes(result.size_bytes.unsigned_abs());
                    pen.put_right(end, y, &size, Role::Dim);
                }
            }
            Key::Clock => {
                if let Some(clock) = clock(pen, item, selected) {
                    pen.put_right(end, y, &clock, Role::Dim);
                }
            }
            Key::Attempts => {
                if item.attempt_count > 0 {
                    let role = if item.attempt_count > 1 {
                        Role::Warn
                    } else {
                        Role::Dim
                    };
                    pen.put_right(end, y, &item.attempt_count.to_string(), role);
                }
            }
        }
    }
}

/// The share done while it is known, else when it goes on.
fn draw_item_progress(
    pen: &mut Pen,
    item: &v1::VideoItem,
    x: u16,
    y: u16,
    room: u16,
    selected: bool,
) {
    let fetched = item
        .fetched_bytes
        .zip(item.total_bytes)
        .filter(|(_, total)| *total > 0);
    #[expect(clippy::cast_precision_loss, reason = "a share of bytes for a bar")]
    let share = fetched
        .map(|(fetched, total)| fetched as f64 / total as f64)
        .or(item.progress_estimate);
    if let (ItemState::Processing, Some(share)) = (item.state(), share) {
        pen.bar(x, y, room, share, Role::BarFill);
        return;
    }
    let words = pen.words;
    let until = item.wait.as_ref().and_then(|wait| wait.until.as_ref());
    let text = if let Some(until) = until {
        let left = pen.clock.seconds_until(moment(until));
        let left = if selected { span(left) } else { minutes(left) };
        (words.about)(&left)
    } else if let (ItemState::Processing, Some(wait)) = (item.state(), &item.expected_wait) {
        (words.about)(&minutes(seconds(wait)))
    } else {
        String::new()
    };
    pen.put(x, y, &text, Role::Dim, room);
}

/// Without seconds, which only the selected row shows.
fn minutes(seconds: i64) -> String {
    if seconds < 60 {
        "<1m".to_owned()
    } else {
        span(seconds)
    }
}

/// How long the item has been worked on, or took.
fn clock(pen: &Pen, item: &v1::VideoItem, selected: bool) -> Option<String> {
    let start = moment(item.start_time.as_ref()?);
    if let Some(finish) = &item.finish_time {
        return Some(span_seconds(moment(finish).duration_since(start).as_secs()));
    }
    let running = pen.clock.seconds_since(start);
    Some(if selected {
        span_seconds(running)
    } else {
        minutes(running)
    })
}
