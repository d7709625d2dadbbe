//! Draws the movements of one user's credits.

use ratatui::layout::Rect;

use super::batches::draw_titles;
use super::chrome;
use super::columns::{Column, Placed, fixed, growing, number, place};
use super::cut::{clean, cut_middle};
use super::pen::Pen;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::geometry::LedgerParts;
use crate::state::{Ledger, Movement, State, moment};
use crate::text::count;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Time,
    Kind,
    Delta,
    Balance,
    By,
    About,
}

fn columns(pen: &Pen) -> Vec<Column<Key>> {
    let words = pen.words.admin;
    vec![
        fixed(Key::Time, words.col_time, 14, 4),
        fixed(Key::Kind, words.col_kind, 8, 2),
        number(Key::Delta, words.col_delta, 8, 0),
        number(Key::Balance, words.col_balance, 8, 1),
        fixed(Key::By, words.col_by, 10, 3),
        growing(Key::About, words.col_about, 16),
    ]
}

pub(crate) fn draw(state: &State, pen: &mut Pen, parts: LedgerParts) {
    let words = pen.words.admin;
    let user = state.users.rows.current();
    let name = user.map_or("", |user| &user.username);
    let title = (words.ledger_of)(&clean(name));
    chrome::header(state, pen, parts.header, true, &title);
    if let (false, Some(user)) = (chrome::banner(state, pen, parts.summary), user) {
        let text = (words.balance_and_held)(user.credit_balance, user.credits_held);
        pen.put(
            1,
            parts.summary.y,
            &text,
            Role::Text,
            parts.summary.width - 2,
        );
    }
    if let Some(ledger) = &state.users.ledger {
        draw_rows(pen, ledger, parts.list, Some(parts.titles), true);
        pen.scroll_bar(parts.list, ledger.rows.position().top, ledger.rows.len());
    }
    let actions = [
        Action::Back,
        Action::GiveCredits,
        Action::SetCredits,
        Action::CopyId,
        Action::Palette,
        Action::Help,
    ];
    chrome::footer(state, pen, parts.footer, Mode::Ledger, &actions);
}

/// The movements on the screen; with a cursor where one can go through them.
pub(crate) fn draw_rows(
    pen: &mut Pen,
    ledger: &Ledger,
    area: Rect,
    titles: Option<Rect>,
    cursor: bool,
) {
    let words = pen.words;
    let x = area.x + 1;
    let placed = place(columns(pen), x, area.width.saturating_sub(2));
    if let Some(titles) = titles {
        draw_titles(pen, titles, &placed, None);
    }
    if ledger.rows.len() == 0 {
        let (text, role) = match &ledger.refusal {
            Some(refusal) => ((words.refusal)(refusal), Role::Bad),
            None if ledger.is_read => (words.admin.no_movements.to_owned(), Role::Dim),
            None => (words.loading.to_owned(), Role::Dim),
        };
        pen.put(x, area.y, &text, role, area.width.saturating_sub(2));
    }
    let selected = ledger.rows.position().cursor;
    let height = usize::from(area.height);
    for (y, (index, movement)) in (area.y..).zip(ledger.rows.on_screen(height)) {
        let row = Rect::new(area.x, y, area.width, 1);
        if cursor && index == selected {
            pen.ground(row, Role::Selection);
        }
        draw_row(pen, row.y, movement, &placed);
    }
}

fn draw_row(pen: &mut Pen, y: u16, movement: &Movement, placed: &[Placed<Key>]) {
    pen.rows += 1;
    let words = pen.words.admin;
    let entry = &movement.entry;
    for column in placed {
        let (x, room) = (column.x, column.width);
        let end = x + room;
        match column.key {
            Key::Time => {
                let at = entry.create_time.as_ref().map(moment);
                let text = at.map_or(String::new(), |at| pen.clock.at(at));
                pen.put(x, y, &text, Role::Dim, room);
            }
            Key::Kind => {
                pen.put(x, y, (words.kind)(entry.kind()), Role::Text, room);
            }
            Key::Delta => {
                let sign = if movement.delta > 0 { "+" } else { "" };
                let role = match movement.delta {
                    1.. => Role::Good,
                    0 => Role::Dim,
                    ..0 => Role::Warn,
                };
                pen.put_right(end, y, &format!("{sign}{}", count(movement.delta)), role);
            }
            Key::Balance => {
                pen.put_right(end, y, &count(entry.balance_after), Role::Text);
            }
            Key::By => {
                let actor = entry.actor.as_ref();
                let name = match actor.map(|it| (it.kind(), it.name.as_str())) {
                    Some((vision_batch::v1::actor::Kind::System, _)) => words.the_system,
                    Some((_, name)) => name,
                    None => "",
                };
                pen.put(x, y, &cut_middle(name, usize::from(room)), Role::Dim, room);
            }
            Key::About => {
                let mut about = entry.batch_name.clone().unwrap_or_default();
                match (movement.count, entry.item_position) {
                    (1, Some(position)) => about = format!("{about} #{position}"),
                    (2.., _) => about = format!("{about}, {}", (words.n_items)(movement.count)),
                    _ => {}
                }
                let about = format!("{about} {}", entry.note);
                pen.put(x, y, about.trim(), Role::Text, room);
            }
        }
    }
}
