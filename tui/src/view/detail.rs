//! Draws the details of the item under the cursor: its picture, its attempts, and what to do when it failed.

use ratatui::layout::Rect;
use vision_batch::v1;

use super::cut::{cut_middle, wrap};
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::state::{OpenBatch, filename, moment};
use crate::text::{bytes, play_time};

/// A line of details, and how much it matters: when room is short, the lines with the highest number go first.
struct Line {
    parts: Vec<(String, Role)>,
    rank: u8,
}

fn line(rank: u8, parts: impl IntoIterator<Item = (String, Role)>) -> Line {
    Line {
        parts: parts.into_iter().collect(),
        rank,
    }
}

pub(crate) fn draw(pen: &mut Pen, open: &OpenBatch, area: Rect, beside: bool) {
    let Some(item) = open.rows.current() else {
        pen.rule(area, "", Role::Dim);
        let below = Rect::new(area.x + 1, area.y + 1, area.width, 1);
        pen.put(below.x, below.y, pen.words.no_item, Role::Dim, below.width);
        return;
    };
    pen.rule(area, &(pen.words.item)(item.position), Role::Accent);
    let (symbol, role) = symbols::item(pen.symbols, item);
    let left = if beside { area.x + 2 } else { area.x + 1 };
    let inside = Rect::new(
        left,
        area.y + 1,
        area.right().saturating_sub(left + 1),
        area.height.saturating_sub(1),
    );
    let width = usize::from(inside.width);
    // The name is shown whole here: it may take several lines.
    let mut lines: Vec<Line> = wrap(filename(item), width.saturating_sub(2))
        .into_iter()
        .enumerate()
        .map(|(index, text)| {
            let symbol = if index == 0 { symbol } else { " " };
            let parts = [(symbol.to_owned(), role), (text, Role::Strong)];
            line(u8::from(index > 0) * 4, parts)
        })
        .collect();
    lines.extend(facts(pen, item, beside, width));
    lines.extend(attempts(pen, open, item, width));
    lines.extend(advice(pen, item, width));
    while lines.len() > usize::from(inside.height) {
        let Some(index) = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.rank > 0)
            .max_by_key(|(index, line)| (line.rank, std::cmp::Reverse(*index)))
            .map(|(index, _)| index)
        else {
            break;
        };
        lines.remove(index);
    }
    for (y, line) in (inside.y..inside.bottom()).zip(lines) {
        let mut x = inside.x;
        for (text, role) in &line.parts {
            let room = inside.right().saturating_sub(x);
            x = pen.put(x, y, text, *role, room) + 1;
        }
    }
}

fn facts(pen: &Pen, item: &v1::VideoItem, beside: bool, width: usize) -> Vec<Line> {
    let words = pen.words;
    let mut lines = Vec::new();
    let mut parts = Vec::new();
    if let Some(image) = &item.source_image {
        let kind = image.media_type.strip_prefix("image/").unwrap_or("");
        let size = bytes(image.size_bytes.unsigned_abs());
        let facts = format!(
            "{}x{} {} {size}",
            image.width_px,
            image.height_px,
            kind.to_uppercase()
        );
        parts.push((facts, Role::Dim));
    }
    if let Some(result) = &item.result {
        let time = result
            .duration
            .and_then(|it| std::time::Duration::try_from(it).ok())
            .map_or("?".to_owned(), play_time);
        let text = if result.removed_time.is_some() {
            words.video_removed.to_owned()
        } else {
            let size = bytes(result.size_bytes.unsigned_abs());
            format!(
                "{} {}x{} {time} {size}",
                words.video, result.width_px, result.height_px
            )
        };
        if beside {
            lines.push(line(2, parts.drain(..)));
        } else {
            parts.push((" ".to_owned(), Role::Dim));
        }
        parts.push((text, Role::Good));
    }
    lines.push(line(2, parts));
    if let Some(wait) = &item.wait {
        let mut parts = vec![(
            (words.waits_for)((words.wait_long)(wait.reason())),
            Role::Warn,
        )];
        if let Some(until) = &wait.until {
            let left = pen.clock.seconds_until(moment(until));
            parts.push(((words.again_in)(&crate::text::span(left)), Role::Text));
        }
        lines.push(line(0, parts));
    }
    if item.stage() == v1::video_item::Stage::Cancelling {
        lines.extend(wrapped(words.cancelling_what, width, 2));
    }
    lines
}

/// A sentence, on as many lines as it takes.
fn wrapped(text: &str, width: usize, rank: u8) -> impl Iterator<Item = Line> {
    let lines = wrap(text, width).into_iter();
    lines.map(move |text| line(rank, [(text, Role::Text)]))
}

fn attempts(pen: &Pen, open: &OpenBatch, item: &v1::VideoItem, width: usize) -> Vec<Line> {
    let words = pen.words;
    let known = open.detail.as_ref().filter(|it| it.item_id == item.id);
    let attempts = match known.map(|detail| &detail.result) {
        None if item.attempt_count == 0 => {
            return vec![line(3, [(words.no_attempts.to_owned(), Role::Dim)])];
        }
        None => return vec![line(3, [(words.loading.to_owned(), Role::Dim)])],
        Some(Err(refusal)) => {
            return vec![line(3, [((words.refusal)(refusal), Role::Warn)])];
        }
        Some(Ok(attempts)) => attempts,
    };
    let mut lines = Vec::new();
    if attempts.is_empty() {
        lines.push(line(3, [(words.no_attempts.to_owned(), Role::Dim)]));
    }
    let last = attempts.len().saturating_sub(1);
    for (index, attempt) in attempts.iter().enumerate() {
        // Of many attempts the newest matters most.
        let rank = if index == last { 1 } else { 3 };
        lines.push(line(rank, attempt_parts(pen, attempt)));
        if index == last {
            let task = attempt.upstream_task_id.as_deref().map(|task| {
                let task = cut_middle(task, width.saturating_sub(30).max(12));
                format!("{} {task}  ", words.task)
            });
            let text = format!(
                "{}{} {}",
                task.unwrap_or_default(),
                words.seed,
                attempt.seed
            );
            lines.push(line(5, [(" ".to_owned(), Role::Dim), (text, Role::Dim)]));
        }
        if attempt.unresolved {
            lines.extend(wrapped(words.unresolved_what, width, rank + 1));
        }
        let said = attempt
            .failure
            .as_ref()
            .map_or("", |failure| failure.upstream_message.as_str());
        if !said.is_empty() {
            let said = (words.upstream_said)(said);
            for text in wrap(&said, width.saturating_sub(2)).into_iter().take(3) {
                lines.push(line(
                    rank + 1,
                    [(" ".to_owned(), Role::Dim), (text, Role::Text)],
                ));
            }
        }
    }
    lines
}

fn attempt_parts(pen: &Pen, attempt: &v1::Attempt) -> Vec<(String, Role)> {
    use v1::attempt::Outcome;
    let words = pen.words;
    let time = |time: &Option<prost_types::Timestamp>| {
        time.as_ref().map_or(String::new(), |time| {
            let local = moment(time).to_zoned(pen.clock.time_zone.clone());
            format!(
                "{:02}:{:02}:{:02}",
                local.hour(),
                local.minute(),
                local.second()
            )
        })
    };
    let span = match &attempt.finish_time {
        Some(_) => format!(
            "{}-{}",
            time(&attempt.start_time),
            time(&attempt.finish_time)
        ),
        None => format!("{}-", time(&attempt.start_time)),
    };
    let role = match attempt.outcome() {
        Outcome::Completed => Role::Good,
        Outcome::Failed => Role::Bad,
        Outcome::TriedAgain => Role::Warn,
        Outcome::Running => Role::Busy,
        Outcome::Cancelled | Outcome::Unspecified => Role::Dim,
    };
    let mut outcome = (words.outcome)(attempt.outcome()).to_owned();
    if let Some(failure) = &attempt.failure {
        outcome = format!("{outcome}: {}", (words.failure)(failure.reason()));
    }
    if attempt.unresolved {
        outcome = format!("{outcome}, {}", words.unresolved);
    }
    vec![
        ((words.attempt)(attempt.number), Role::Text),
        (format!("{span} "), Role::Dim),
        (outcome, role),
    ]
}

fn advice(pen: &Pen, item: &v1::VideoItem, width: usize) -> Vec<Line> {
    let words = pen.words;
    let Some(failure) = &item.failure else {
        return Vec::new();
    };
    let mut text = format!("{}: {}", words.what_to_do, (words.advice)(failure.reason()));
    if item.credits_refunded > 0 {
        text.push(' ');
        text.push_str(&(words.given_back)(item.credits_refunded));
    }
    wrap(&text, width)
        .into_iter()
        .map(|text| line(0, [(text, Role::Warn)]))
        .collect()
}
