//! Draws the files of the directory, what they are, and which are marked.

use ratatui::layout::Rect;

use super::cells;
use crate::files::Entry;
use crate::state::geometry::NewBatchParts;
use crate::state::{Audio, State, looks_like_audio};
use crate::text::bytes;
use crate::view::cut::{cut_middle, width};
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// The directory under its rule.
pub(super) fn draw(state: &State, pen: &mut Pen, parts: NewBatchParts, active: bool) {
    let draft = &state.new_batch;
    let files = &draft.files;
    let words = pen.words;
    let pattern = if files.glob.is_empty() {
        String::new()
    } else {
        format!("  {}: {}", words.pattern, files.glob)
    };
    let room = usize::from(parts.directory.width).saturating_sub(width(&pattern) + 8);
    let title = format!(
        "{}{pattern}",
        cut_middle(&draft.short(&files.directory), room)
    );
    let role = if active { Role::Accent } else { Role::Text };
    pen.rule(parts.directory, &title, role);
    if let Some(error) = &files.error {
        let text = (words.cannot_list)(error);
        pen.put(
            parts.list.x + 2,
            parts.list.y,
            &text,
            Role::Bad,
            parts.list.width - 3,
        );
        return;
    }
    if files.is_empty() {
        let text = if files.loading {
            words.loading
        } else {
            words.empty_directory
        };
        let y = parts.list.y + 1;
        pen.put(parts.list.x + 5, y, text, Role::Dim, parts.list.width - 6);
    }
    let height = usize::from(parts.list.height);
    let shown = files
        .shown()
        .enumerate()
        .skip(files.position.top)
        .take(height);
    for (y, (index, entry)) in (parts.list.y..).zip(shown) {
        let row = Rect::new(parts.list.x, y, parts.list.width, 1);
        let selected = active && index == files.position.cursor;
        draw_entry(state, pen, row, entry, selected);
    }
}

fn draw_entry(state: &State, pen: &mut Pen, row: Rect, entry: &Entry, selected: bool) {
    let words = pen.words;
    let files = &state.new_batch.files;
    if selected {
        pen.ground(row, Role::Selection);
    }
    let y = row.y;
    let (name_x, end) = (row.x + 5, row.right() - 1);
    if entry.is_directory {
        let name = format!(
            "{}/",
            cut_middle(&entry.name, usize::from(end - name_x) - 1)
        );
        pen.put(name_x, y, &name, Role::Busy, end - name_x);
        return;
    }
    let marked = files.is_marked(&entry.path);
    let audio = looks_like_audio(&entry.name);
    let is_chosen_audio = matches!(
        &state.new_batch.audio_state,
        Audio::Usable(path, _) if *path == entry.path
    );
    // What is known of the file, at the right; a refusal is never cut.
    let (facts, facts_role) = match files.facts(&entry.path) {
        _ if audio && is_chosen_audio => (words.audio.to_owned(), Role::Good),
        _ if audio => (words.use_as_audio.to_owned(), Role::Dim),
        Some(Ok(facts)) => (
            format!("{}x{} {:>4}", facts.width_px, facts.height_px, facts.kind),
            Role::Dim,
        ),
        Some(Err(unusable)) => ((words.unusable)(unusable), Role::Bad),
        None => (words.checking.to_owned(), Role::Dim),
    };
    let (mark, mark_role) = match (files.facts(&entry.path), marked) {
        (Some(Err(_)), _) if !audio => (" ! ", Role::Bad),
        (_, true) => ("[x]", Role::Accent),
        _ if audio => (if is_chosen_audio { "(*)" } else { "   " }, Role::Good),
        _ => ("[ ]", Role::Dim),
    };
    pen.put(row.x + 1, y, mark, mark_role, 3);
    let size = bytes(entry.size_bytes);
    let size_x = end.saturating_sub(9);
    pen.put_right(end, y, &size, Role::Dim);
    let facts_x = size_x
        .saturating_sub(cells(width(&facts)) + 1)
        .max(name_x + 10);
    pen.put(
        facts_x,
        y,
        &facts,
        facts_role,
        size_x.saturating_sub(facts_x),
    );
    let room = facts_x.saturating_sub(name_x + 1);
    let role = match (selected, marked) {
        (true, _) => Role::Strong,
        _ => Role::Text,
    };
    pen.put(
        name_x,
        y,
        &cut_middle(&entry.name, usize::from(room)),
        role,
        room,
    );
}
