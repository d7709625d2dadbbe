//! Draws what lies over a screen: the help, a question, the palette, the choice of an order.

use ratatui::layout::Rect;

use super::cut::{width, wrap};
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::keymap::{self, Mode};
use crate::state::{Confirm, Palette, SortMenu, State};

fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// The keys of a mode, made from the keymap.
pub(crate) fn help(state: &State, pen: &mut Pen, area: Rect, mode: Mode, top: usize) {
    let rows: Vec<(String, &str)> = keymap::of_mode(mode)
        .filter(|binding| state.offers(binding.action))
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

/// A question with its two answers, or with the number that is to be typed.
pub(crate) fn confirm(pen: &mut Pen, area: Rect, question: &Confirm) {
    let words = pen.words;
    let room = usize::from(area.width.min(64)) - 10;
    let title = (words.ask_title)(&question.ask);
    let lines: Vec<String> = (words.ask_lines)(&question.ask, &pen.clock)
        .iter()
        .flat_map(|line| wrap(line, room))
        .collect();
    let wanted = (cells(room + 6), cells(lines.len()) + 6);
    let inside = pen.window(area, wanted, &title);
    let mut y = inside.y;
    // The answers are seen, however much there is to say.
    let room = usize::from(inside.height.saturating_sub(2)).max(1);
    for (at, line) in lines.iter().take(room).enumerate() {
        let cut = at + 1 == room && lines.len() > room;
        let line = if cut { "..." } else { line };
        pen.put(inside.x, y, line, Role::Text, inside.width);
        y += 1;
    }
    y += 1;
    if let (Some(field), Some(number)) = (&question.typed, question.ask.number()) {
        let text = (words.type_number)(number);
        let x = pen.put(inside.x, y, &text, Role::Text, inside.width) + 1;
        let place = Rect::new(x, y, 10, 1);
        pen.field(place, field, true, false, "");
        let x = pen.put(place.right() + 2, y, "Esc", Role::Accent, 3) + 1;
        pen.put(x, y, words.no, Role::Text, inside.width);
        if question.is_typed() {
            let x = inside.right().saturating_sub(cells(width(words.yes)) + 6);
            let x = pen.put(x, y, "Enter", Role::Accent, 5) + 1;
            pen.put(x, y, words.yes, Role::Text, inside.width);
        }
        return;
    }
    let mut x = inside.x;
    let acceptable = question.ask.can_be_accepted();
    for (label, key, chosen) in [
        (words.no, "n", !question.yes),
        (words.yes, "y", question.yes),
    ] {
        let is_yes = key == "y";
        let text = if chosen {
            format!("[ {label} ]")
        } else {
            format!("  {label}  ")
        };
        let role = match (chosen, is_yes && !acceptable) {
            (_, true) => Role::Faint,
            (true, false) => Role::Selection,
            (false, false) => Role::Text,
        };
        x = pen.put(x, y, &text, role, inside.width) + 1;
        let role = if is_yes && !acceptable {
            Role::Faint
        } else {
            Role::Accent
        };
        x = pen.put(x, y, key, role, 1) + 4;
    }
}

/// The actions that fit what was typed.
pub(crate) fn palette(state: &State, pen: &mut Pen, area: Rect, palette: &Palette) {
    let offered = palette.offered(state);
    let typed = palette.typed();
    let height = area.height.saturating_sub(4).min(22);
    let inside = pen.window(area, (58, height), (pen.words.mode)(Mode::Palette));
    let line = Rect::new(inside.x, inside.y, inside.width, 1);
    pen.field(line, &palette.field, true, false, pen.words.palette_hint);
    let rows = usize::from(inside.height.saturating_sub(2));
    let top = (palette.cursor + 1).saturating_sub(rows);
    for (y, (index, offer)) in (inside.y + 2..).zip(offered.iter().enumerate().skip(top).take(rows))
    {
        let row = Rect::new(inside.x, y, inside.width, 1);
        if index == palette.cursor {
            pen.ground(row, Role::Selection);
            pen.put(inside.x, y, symbols::running(pen.symbols), Role::Accent, 1);
        }
        let keys_x = pen.put_right(inside.right(), y, &offer.keys, Role::Accent);
        let name = (pen.words.action)(offer.action);
        let room = keys_x.saturating_sub(inside.x + 3);
        pen.put_matched(inside.x + 2, y, name, &typed, Role::Text, room);
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

/// What the list can be ordered by.
pub(crate) fn sort(pen: &mut Pen, area: Rect, menu: &SortMenu) {
    let words = pen.words;
    let wanted = (
        cells(width(words.sort_hint)).max(30) + 8,
        cells(menu.offered.len()) + 5,
    );
    let inside = pen.window(area, wanted, words.sort);
    let rows = usize::from(inside.height.saturating_sub(2)).max(1);
    let top = (menu.cursor + 1).saturating_sub(rows);
    let shown = menu.offered.iter().enumerate().skip(top).take(rows);
    for (y, (index, by)) in (inside.y..).zip(shown) {
        if index == menu.cursor {
            pen.ground(Rect::new(inside.x, y, inside.width, 1), Role::Selection);
            pen.put(inside.x, y, symbols::running(pen.symbols), Role::Accent, 1);
        }
        let is_current = *by == menu.current.by;
        let role = if is_current { Role::Strong } else { Role::Text };
        let x = pen.put(inside.x + 2, y, (words.sort_by)(*by), role, inside.width) + 1;
        if is_current {
            let arrow = symbols::ordered(pen.symbols, menu.current.reversed);
            pen.put(x, y, arrow, Role::Accent, 1);
        }
    }
    let y = inside.bottom().saturating_sub(1);
    pen.put(inside.x, y, words.sort_hint, Role::Dim, inside.width);
}
