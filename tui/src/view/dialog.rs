//! Draws a form over a screen, and a password that is shown once.

use ratatui::layout::Rect;

use super::cut::{width, wrap};
use super::pen::Pen;
use super::theme::Role;
use crate::state::{Dialog, Entry, Note, ROLES, SCOPES};

fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

pub(crate) fn draw(pen: &mut Pen, area: Rect, dialog: &Dialog) {
    let words = pen.words.admin;
    let fields = cells(dialog.fields.len());
    // A gap, what comes of it, and two lines for what went wrong.
    let title = (words.dialog_title)(&dialog.purpose);
    let inside = pen.window(area, (64, fields + 7), &title);
    let labels = dialog.fields.iter();
    let label_width = labels
        .map(|(entry, _)| width((words.entry)(*entry)))
        .max()
        .unwrap_or(0);
    let x = inside.x + cells(label_width) + 2;
    for (y, (index, (entry, field))) in (inside.y..).zip(dialog.fields.iter().enumerate()) {
        let active = index == dialog.focus && !dialog.busy;
        let role = if active { Role::Accent } else { Role::Text };
        pen.put(inside.x, y, (words.entry)(*entry), role, inside.width);
        let place = Rect::new(x, y, inside.right().saturating_sub(x), 1);
        if entry.is_choice() {
            let labels: Vec<&str> = match entry {
                Entry::Scope => SCOPES.map(pen.words.records.scope).to_vec(),
                _ => ROLES.map(words.role).to_vec(),
            };
            let labels = &labels[..dialog.purpose.choices()];
            draw_choice(pen, place, labels, dialog.choice, active);
            continue;
        }
        let hint = match (entry, &dialog.purpose) {
            (Entry::Credits, crate::state::Purpose::Set(_)) => "",
            _ => (words.entry_hint)(*entry),
        };
        pen.field(place, field, active, *entry == Entry::Token, hint);
    }
    let mut y = inside.y + fields + 1;
    if let Some((from, to)) = dialog.balance_after() {
        let role = if to < 0 { Role::Bad } else { Role::Strong };
        let text = (words.balance_from_to)(from, to);
        pen.put(inside.x, y, &text, role, inside.width);
    }
    y += 1;
    let below = match &dialog.flaw {
        _ if dialog.busy => Some((words.sending.to_owned(), Role::Busy)),
        Some(flaw) => Some(((words.flaw)(flaw), Role::Bad)),
        None => None,
    };
    if let Some((text, role)) = below {
        let lines = wrap(&text, usize::from(inside.width));
        for (y, line) in (y..inside.bottom()).zip(lines) {
            pen.put(inside.x, y, &line, role, inside.width);
        }
    } else {
        let y = inside.bottom().saturating_sub(1);
        let mut x = inside.x;
        for (key, name) in [
            (
                "Enter",
                (pen.words.action_short)(crate::keymap::Action::Submit),
            ),
            ("Esc", (pen.words.action_short)(crate::keymap::Action::Back)),
        ] {
            x = pen.put(x, y, key, Role::Accent, inside.width) + 1;
            x = pen.put(x, y, name, Role::Dim, inside.width) + 3;
        }
    }
}

fn draw_choice(pen: &mut Pen, place: Rect, labels: &[&str], choice: usize, active: bool) {
    let mut x = place.x + 1;
    for (index, label) in labels.iter().enumerate() {
        let chosen = index == choice;
        let mark = if chosen { "(*)" } else { "( )" };
        let style = match (chosen, active) {
            (true, true) => Role::Accent,
            (true, false) => Role::Strong,
            (false, _) => Role::Dim,
        };
        let text = format!("{mark} {label}");
        x = pen.put(x, place.y, &text, style, place.right().saturating_sub(x)) + 3;
    }
    if active {
        let hint = (pen.words.admin.entry_hint)(Entry::Role);
        let room = place.right().saturating_sub(x);
        if width(hint) <= usize::from(room) {
            pen.put(x, place.y, hint, Role::Dim, room);
        }
    }
}

/// A secret that is shown once.
pub(crate) fn note(pen: &mut Pen, area: Rect, note: &Note) {
    let words = pen.words.admin;
    let room = usize::from(area.width.min(66)) - 10;
    let lines: Vec<String> = (words.note_lines)(note, &pen.clock)
        .iter()
        .flat_map(|line| {
            if line.is_empty() {
                vec![String::new()]
            } else {
                wrap(line, room)
            }
        })
        .collect();
    let wanted = (cells(room + 6), cells(lines.len()) + 5);
    let inside = pen.window(area, wanted, (words.note_title)(note.what));
    for (y, line) in (inside.y..).zip(&lines) {
        let is_secret = line == note.secret();
        let role = if is_secret { Role::Accent } else { Role::Text };
        let x = inside.x + if is_secret { 4 } else { 0 };
        pen.put(x, y, line, role, inside.width);
    }
    let y = inside.bottom().saturating_sub(1);
    let mut x = inside.x;
    for (key, name) in [
        ("y", words.copy),
        ("Esc", (pen.words.action_short)(crate::keymap::Action::Back)),
    ] {
        x = pen.put(x, y, key, Role::Accent, inside.width) + 1;
        x = pen.put(x, y, name, Role::Dim, inside.width) + 3;
    }
}
