//! Owns [`Pen`]: writing into cells by role, and the parts every screen is made of.

use std::num::NonZero;

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::cut::{self, CUT, cut_end, cut_end_in, keep_end, width, width_in};
use super::symbols;
use super::theme::{Role, Theme};
use crate::state::{AmbiguousWidth, Field, Fuzzy, State, SymbolSet};
use crate::text::{Clock, Texts, texts};

/// Writes into the cells of one frame.
pub(crate) struct Pen<'a> {
    buffer: &'a mut Buffer,
    pub(crate) theme: Theme,
    pub(crate) words: &'static Texts,
    pub(crate) symbols: SymbolSet,
    pub(crate) ambiguous: AmbiguousWidth,
    pub(crate) clock: Clock<'a>,
    /// Where the terminal's own cursor goes: into the field that is typed in.
    pub(crate) cursor: Option<Position>,
    /// Texts written so far.
    pub(crate) texts: usize,
    /// Rows of lists built so far.
    pub(crate) rows: usize,
}

fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

impl<'a> Pen<'a> {
    pub(crate) fn new(buffer: &'a mut Buffer, state: &'a State) -> Self {
        Self {
            buffer,
            theme: Theme::new(state.look),
            words: texts(state.look.language),
            symbols: state.look.symbols,
            ambiguous: state.look.ambiguous,
            clock: Clock {
                now: state.server_now(),
                time_zone: &state.time_zone,
            },
            cursor: None,
            texts: 0,
            rows: 0,
        }
    }

    /// Writes at most `room` cells and answers with the column behind.
    pub(crate) fn put(&mut self, x: u16, y: u16, text: &str, role: Role, room: u16) -> u16 {
        let inside = self.buffer.area.right().saturating_sub(x).min(room);
        if inside == 0 || y >= self.buffer.area.bottom() {
            return x;
        }
        self.texts += 1;
        let text = cut_end_in(text, usize::from(inside), self.ambiguous);
        let style = self.theme.style(role);
        let taken = cells(width_in(&text, self.ambiguous));
        if usize::from(taken) == width(&text) {
            self.buffer
                .set_stringn(x, y, &text, usize::from(inside), style);
            return x + taken;
        }
        let mut at = x;
        for grapheme in text.graphemes(true) {
            let wide = cells(width_in(grapheme, self.ambiguous));
            let counted = cells(width(grapheme));
            self.buffer
                .set_stringn(at, y, grapheme, usize::from(wide), style);
            // The terminal draws over the next cell, too; nothing of ours may be written there.
            if wide > counted
                && let (Some(cell), Some(width)) =
                    (self.buffer.cell_mut((at, y)), NonZero::new(wide))
            {
                cell.set_diff_option(CellDiffOption::ForcedWidth(width));
            }
            at += wide;
        }
        at
    }

    /// Writes a name, cut in its middle, with the letters a filter means made to stand out.
    pub(crate) fn put_matched(
        &mut self,
        x: u16,
        y: u16,
        name: &str,
        filter: &Fuzzy,
        role: Role,
        room: u16,
    ) -> u16 {
        let name = cut::clean(name);
        let (start, end) = cut::halves(&name, usize::from(room), self.ambiguous);
        let places = filter.places(&name);
        if places.is_empty() {
            let shown = match end {
                None => start.to_owned(),
                Some(end) => format!("{start}{CUT}{end}"),
            };
            return self.put(x, y, &shown, role, room);
        }
        let limit = x + room;
        let run = |pen: &mut Self, mut at: u16, text: &str, offset: usize| {
            let is_match = |index: usize| places.binary_search(&(offset + index)).is_ok();
            let mut from = 0;
            while from < text.len() {
                let matched = is_match(from);
                let to = text[from..]
                    .char_indices()
                    .map(|(index, _)| from + index)
                    .find(|index| is_match(*index) != matched)
                    .unwrap_or(text.len());
                let role = if matched { Role::Match } else { role };
                at = pen.put(at, y, &text[from..to], role, limit.saturating_sub(at));
                from = to;
            }
            at
        };
        let behind = run(self, x, start, 0);
        let Some(end) = end else { return behind };
        let tail = name.len() - end.len();
        // Letters that were cut away are meant, too.
        let is_cut = places.iter().any(|at| (start.len()..tail).contains(at));
        let role = if is_cut { Role::Match } else { role };
        self.put(behind, y, CUT, role, limit.saturating_sub(behind));
        run(self, behind + 1, end, tail)
    }

    /// Writes so that it ends before the column `end`, and answers with the column it begins at.
    pub(crate) fn put_right(&mut self, end: u16, y: u16, text: &str, role: Role) -> u16 {
        let x = end.saturating_sub(cells(width_in(text, self.ambiguous)));
        self.put(x, y, text, role, end - x);
        x
    }

    /// The upper half of a cell in the colour of the letters, the lower in that of the ground.
    pub(crate) fn half_block(&mut self, x: u16, y: u16, style: Style) {
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.set_symbol("\u{2580}").set_style(style);
        }
    }

    /// Gives a part of the screen the ground of a role.
    pub(crate) fn ground(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        self.buffer.set_style(area, style);
    }

    /// Empties a part of the screen.
    pub(crate) fn clear(&mut self, area: Rect) {
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
            // A wide character that began left of the window would reach into it.
            if area.x > 0
                && let Some(cell) = self.buffer.cell_mut((area.x - 1, y))
                && width(cell.symbol()) > 1
            {
                cell.set_symbol(" ");
            }
        }
    }

    /// Writes parts one after the other with two cells between, and answers with the column behind.
    pub(crate) fn put_parts(
        &mut self,
        mut x: u16,
        y: u16,
        end: u16,
        parts: &[(String, Role)],
    ) -> u16 {
        for (text, role) in parts.iter().filter(|(text, _)| !text.is_empty()) {
            let room = end.saturating_sub(x);
            if room < 24 && width(text) > usize::from(room) {
                // A stump says nothing.

                break;
            }
            x = self.put(x, y, text, *role, room) + 2;
        }
        x
    }

    /// A rule with a title in it.
    pub(crate) fn rule(&mut self, area: Rect, title: &str, role: Role) {
        let mut x = area.x;
        if !title.is_empty() {
            let title = cut_end(title, usize::from(area.width.saturating_sub(6)));
            let start = symbols::rule(self.symbols).repeat(2);
            x = self.put(x, area.y, &start, Role::Faint, 2) + 1;
            x = self.put(x, area.y, &title, role, area.width) + 1;
        }
        let rest = usize::from(area.right().saturating_sub(x));
        let line = symbols::rule(self.symbols).repeat(rest);
        self.put(x, area.y, &line, Role::Faint, area.width);
    }

    /// Where the rows on the screen are among all of them, at the right edge of a list; only with coloured grounds.
    pub(crate) fn scroll_bar(&mut self, list: Rect, top: usize, all: usize) {
        let seen = usize::from(list.height);
        if all <= seen || seen == 0 || !self.theme.has_grounds() {
            return;
        }
        let length = (seen * seen / all).max(1);
        let last_top = all - seen;
        let start = top.min(last_top) * (seen - length) / last_top;
        let x = list.right().saturating_sub(1);
        self.ground(Rect::new(x, list.y, 1, list.height), Role::BarTrack);
        let thumb = Rect::new(x, list.y + cells(start), 1, cells(length));
        self.ground(thumb, Role::BarFill);
    }

    /// A progress bar with its share written in it; without coloured grounds it is drawn in letters.
    pub(crate) fn bar(&mut self, x: u16, y: u16, room: u16, share: f64, fill: Role) {
        let share = if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let percent = percent(share);
        if !self.theme.has_grounds() {
            let inner = usize::from(room.saturating_sub(2));
            let filled = filled(share, inner);
            let (hashes, dots) = ("#".repeat(filled), ".".repeat(inner - filled));
            let x = self.put(x, y, "[", Role::Dim, 1);
            let x = self.put(x, y, &hashes, fill, room);
            let x = self.put(x, y, &dots, Role::Faint, room);
            self.put(x, y, "]", Role::Dim, 1);
            return;
        }
        let filled = cells(filled(share, usize::from(room)));
        self.ground(Rect::new(x, y, room, 1), Role::BarTrack);
        self.ground(Rect::new(x, y, filled, 1), fill);
        // Written with the ground of each cell: only the letters are new.
        let label_x = x + (room.saturating_sub(cells(percent.len()))) / 2;
        for (offset, letter) in percent.chars().enumerate() {
            let position = (label_x + cells(offset), y);
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.set_char(letter);
            }
        }
    }

    /// A field being typed in, or one that shows what was typed. `secret` shows only how much.
    pub(crate) fn field(
        &mut self,
        area: Rect,
        field: &Field,
        active: bool,
        secret: bool,
        hint: &str,
    ) {
        let role = if active {
            Role::FieldActive
        } else {
            Role::Field
        };
        self.ground(area, role);
        let room = usize::from(area.width.saturating_sub(2));
        let (shown, before) = if secret {
            let dots = |text: &str| "*".repeat(text.chars().count());
            (dots(field.text()), dots(field.before_cursor()))
        } else {
            (field.text().to_owned(), field.before_cursor().to_owned())
        };
        // Without coloured grounds a field is known by its brackets.
        let brackets = !self.theme.has_grounds();
        if brackets {
            self.put(area.x, area.y, "[", Role::Dim, 1);
            self.put(area.right().saturating_sub(1), area.y, "]", Role::Dim, 1);
        }
        let x = area.x + 1;
        if shown.is_empty() {
            self.put(x, area.y, hint, Role::Dim, cells(room));
        }
        // While typing, the part around the cursor is seen; else the beginning.
        let visible_before = keep_end(&before, room.saturating_sub(1), self.ambiguous);
        let start = if active {
            before.len() - visible_before.len()
        } else {
            0
        };
        self.put(x, area.y, &shown[start..], role, cells(room));
        if active {
            let offset = cells(width_in(visible_before, self.ambiguous));
            self.cursor = Some(Position::new(x + offset, area.y));
        }
    }

    /// A window in the middle of the screen; answers with the area inside its margin.
    pub(crate) fn window(&mut self, screen: Rect, wanted: (u16, u16), title: &str) -> Rect {
        let width = wanted.0.min(screen.width.saturating_sub(4));
        let height = wanted.1.min(screen.height.saturating_sub(2));
        let area = Rect::new(
            screen.x + (screen.width - width) / 2,
            screen.y + (screen.height - height) / 2,
            width,
            height,
        );
        self.clear(area);
        self.ground(area, Role::Window);
        let (across, down, corners) = match self.symbols {
            SymbolSet::Safe if self.theme.has_grounds() => (" ", " ", " "),
            _ => ("-", "|", "+"),
        };
        let edge = format!(
            "{corners}{}{corners}",
            across.repeat(usize::from(width.saturating_sub(2)))
        );
        self.put(area.x, area.y, &edge, Role::Dim, width);
        self.put(
            area.x,
            area.bottom().saturating_sub(1),
            &edge,
            Role::Dim,
            width,
        );
        for y in area.y + 1..area.bottom().saturating_sub(1) {
            self.put(area.x, y, down, Role::Dim, 1);
            self.put(area.right().saturating_sub(1), y, down, Role::Dim, 1);
        }
        if self.theme.has_grounds() {
            self.ground(Rect::new(area.x, area.y, area.width, 1), Role::Bar);
        }
        self.put(
            area.x + 2,
            area.y,
            title,
            Role::Accent,
            width.saturating_sub(4),
        );
        Rect::new(
            area.x + 3,
            area.y + 2,
            width.saturating_sub(6),
            height.saturating_sub(3),
        )
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share between 0 and 1 of the width of a screen"
)]
fn filled(share: f64, cells: usize) -> usize {
    // Full only when it is done.
    ((share * cells as f64).floor() as usize).min(cells)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a share between 0 and 1 makes at most 100"
)]
fn percent(share: f64) -> String {
    format!("{}%", (share * 100.0).floor() as i32)
}
