//! Draws what lies over a screen: the help, a question, the palette.

use ratatui::layout::Rect;

use super::cut::{width, wrap};
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::keymap::{self, Mode};
use crate::state::{Confirm, Palette, State};

fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// The keys of a mode, made from the keymap.
pub(crate) fn help(pen: &mut Pen, area: Rect, mode: Mode, top: usize) {
    let rows: Vec<(String, &str)> = keymap::of_mode(mode)
        .map(|binding| {
            let keys: Vec<String> = binding.keys.iter().map(ToString::to_string).collect();
            (keys.join("  "), (pen.words.action)(binding.action))
        })
        .collect();
    let key_width = rows.iter().map(|(keys, _)| width(keys)).max().unwrap_or(0);
    let name_width = rows.iter().map(|(_, name)| width(name)).max().unwrap_or(0);
    let wanted = (
        cells(key_width + name_width + 9).max(40),
        cells(rows.len()).saturating_add(3),
    );
    let title = format!("{}: {}", pen.words.keys, (pen.words.mode)(mode));
    let inside = pen.window(area, wanted, &title);
    // The end of the list stays at the foot of the window.
    let top = top.min(rows.len().saturating_sub(usize::from(inside.height)));
    for (y, (keys, name)) in (inside.y..inside.bottom()).zip(rows.iter().skip(top)) {
        pen.put(inside.x, y, keys, Role::Accent, inside.width);
        let x = inside.x + cells(key_width) + 3;
        pen.put(x, y, name, Role::Text, inside.right().saturating_sub(x));
    }
    let below = rows.len().saturating_sub(top + usize::from(inside.height));
    if below > 0 || top > 0 {
        let position = format!(" {}/{} ", top + usize::from(inside.height), rows.len());
        pen.put_right(inside.right(), inside.y - 2, &position, Role::Dim);
    }
}

/// A question with its two answers.
pub(crate) fn confirm(pen: &mut Pen, area: Rect, question: &Confirm) {
    let words = pen.words;
    let room = usize::from(area.width.min(64)) - 10;
    let title = (words.ask_title)(&question.ask);
    let lines: Vec<String> = (words.ask_lines)(&question.ask)
        .iter()
        .flat_map(|line| wrap(line, room))
        .collect();
    let wanted = (cells(room + 6), cells(lines.len()) + 6);
    let inside = pen.window(area, wanted, &title);
    let mut y = inside.y;
    for line in &lines {
        pen.put(inside.x, y, line, Role::Text, inside.width);
        y += 1;
    }
    y += 1;
    let mut x = inside.x;
    for (label, key, chosen) in [
        (words.no, "n", !question.yes),
        (words.yes, "y", question.yes),
    ] {
        let text = if chosen {
            format!("[ {label} ]")
        } else {
            format!("  {label}  ")
        };
        let role = if chosen { Role::Selection } else { Role::Text };
        x = pen.put(x, y, &text, role, inside.width) + 1;
        x = pen.put(x, y, key, Role::Accent, 1) + 4;
    }
}

/// The actions that have the typed letters in their names.
pub(crate) fn palette(state: &State, pen: &mut Pen, area: Rect, palette: &Palette) {
    let offered = palette.offered(state.look.language);
    let height = area.height.saturating_sub(4).min(18);
    let inside = pen.window(area, (52, height), (pen.words.mode)(Mode::Palette));
    let line = Rect::new(inside.x, inside.y, inside.width, 1);
    pen.field(line, &palette.field, true, false, pen.words.palette_hint);
    let rows = usize::from(inside.height.saturating_sub(2));
    let top = (palette.cursor + 1).saturating_sub(rows);
    for (y, (index, (action, key))) in
        (inside.y + 2..).zip(offered.iter().enumerate().skip(top).take(rows))
    {
        let row = Rect::new(inside.x, y, inside.width, 1);
        if index == palette.cursor {
            pen.ground(row, Role::Selection);
            pen.put(inside.x, y, symbols::running(pen.symbols), Role::Accent, 1);
        }
        let name = (pen.words.action)(*action);
        pen.put(
            inside.x + 2,
            y,
            name,
            Role::Text,
            inside.width.saturating_sub(10),
        );
        pen.put_right(inside.right(), y, key, Role::Accent);
    }
    if offered.is_empty() {
        pen.put(
            inside.x,
            inside.y + 2,
            pen.words.nothing_matches,
            Role::Dim,
            inside.width,
        );
    }
}
