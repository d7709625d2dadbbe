//! Draws what is known of the batch under the cursor, below the list.

use ratatui::layout::Rect;
use vision_batch::v1;

use super::batches::state_word;
use super::chrome;
use super::cut::cut_middle;
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::state::{State, counts, is_open, moment};
use crate::text::{play_time, span};

/// What is known of the batch under the cursor.
pub(super) fn draw(state: &State, pen: &mut Pen, area: Rect) {
    let words = pen.words;
    let Some(batch) = state.batches.rows.current() else {
        pen.rule(area, "", Role::Dim);
        return;
    };
    let title = cut_middle(&batch.name, usize::from(area.width.saturating_sub(8)));
    pen.rule(area, &title, Role::Strong);
    let (x, end) = (area.x + 1, area.right() - 1);
    let audio = batch
        .audio
        .as_ref()
        .and_then(|audio| audio.duration)
        .and_then(|it| std::time::Duration::try_from(it).ok())
        .map_or("?".to_owned(), play_time);
    let (_, role) = symbols::batch(pen.symbols, batch);
    let first = [
        (state_word(pen, batch).to_owned(), role),
        (
            (words.images_by_audio)(counts(batch).total, &audio),
            Role::Text,
        ),
        (
            (words.charged)(batch.credits_charged, batch.credits_refunded),
            Role::Text,
        ),
        (times(pen, batch), Role::Text),
    ];
    pen.put_parts(x, area.y + 1, end, &first);
    let mut second = Vec::new();
    if let Some(wait) = batch.wait.as_ref().filter(|_| is_open(batch)) {
        let waits = (words.waits_for)((words.wait_long)(wait.reason()));
        second.push((waits, Role::Warn));
    }
    if let Some(last) = &batch.last_ended_item {
        let how = match last.state() {
            v1::video_item::State::Failed => (words.failed_because)(last.failure_reason()),
            v1::video_item::State::Cancelled => words.item_cancelled.to_owned(),
            _ => words.item_completed.to_owned(),
        };
        let ago = chrome::ago(pen, last.finish_time.as_ref());
        let name = cut_middle(&last.filename, 28);
        second.push(((words.last_ended)(&name, &how, &ago), Role::Dim));
    }
    let mut y = area.y + 2;
    if !second.is_empty() {
        pen.put_parts(x, y, end, &second);
        y += 1;
    }
    let prompt = (words.prompt_is)(&batch.prompt);
    pen.put(x, y, &prompt, Role::Dim, end - x);
}

/// How long the batch takes still, or took.
pub(super) fn times(pen: &Pen, batch: &v1::Batch) -> String {
    let words = pen.words;
    if let (Some(create), Some(finish)) = (&batch.create_time, &batch.finish_time) {
        let seconds = moment(finish).duration_since(moment(create)).as_secs();
        return (words.took)(&span(seconds));
    }
    match &batch.expected_finish_time {
        Some(time) => {
            let time = moment(time);
            let left = span(pen.clock.seconds_until(time).max(60));
            (words.done_in)(&left, &pen.clock.at(time))
        }
        None => words.no_estimate.to_owned(),
    }
}
