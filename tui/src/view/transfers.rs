//! Draws the transfers: how far each is, how fast it goes, and how long it still takes.

use ratatui::layout::Rect;

use super::chrome;
use super::pen::Pen;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::State;
use crate::text::{bytes, span};

pub(crate) fn draw(state: &State, pen: &mut Pen, area: Rect, cursor: usize) {
    let words = pen.words;
    let count = u16::try_from(state.transfers.count()).unwrap_or(u16::MAX);
    let wanted = (
        area.width.saturating_sub(6).min(96),
        count.max(1).saturating_add(5),
    );
    let inside = pen.window(area, wanted, words.transfers);
    let rows = usize::from(inside.height.saturating_sub(2)).max(1);
    let cursor = cursor.min(state.transfers.count().saturating_sub(1));
    let top = (cursor + 1).saturating_sub(rows);
    if count == 0 {
        pen.put(
            inside.x,
            inside.y,
            words.no_transfers,
            Role::Dim,
            inside.width,
        );
    }
    let shown = state.transfers.all().enumerate().skip(top).take(rows);
    for (y, (index, transfer)) in (inside.y..).zip(shown) {
        if index == cursor {
            pen.ground(Rect::new(inside.x, y, inside.width, 1), Role::Selection);
        }
        let bar_width = 10;
        let numbers_width = inside.width.saturating_sub(bar_width + 2).min(40);
        let name_width = inside.width.saturating_sub(bar_width + numbers_width + 4);
        let role = if index == cursor {
            Role::Strong
        } else {
            Role::Text
        };
        let name = super::cut::cut_middle(&transfer.label, usize::from(name_width));
        pen.put(inside.x, y, &name, role, name_width);
        let x = inside.x + name_width + 2;
        let numbers_x = x + bar_width + 2;
        if !state.transfers.is_running(transfer.id) {
            pen.put(numbers_x, y, words.transfer_waits, Role::Dim, numbers_width);
            continue;
        }
        let total = transfer.total_bytes.unwrap_or(0);
        if total > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a share of bytes for a bar")]
            let share = transfer.done_bytes as f64 / total as f64;
            pen.bar(x, y, bar_width, share, Role::BarFill);
        }
        let mut numbers = vec![if total > 0 {
            format!("{} / {}", bytes(transfer.done_bytes), bytes(total))
        } else {
            bytes(transfer.done_bytes)
        }];
        numbers.extend(transfer.rate.map(|rate| format!("{}/s", bytes(rate))));
        let left = transfer
            .seconds_left()
            .map(|left| (words.left)(&span(left)));
        numbers.extend(left);
        pen.put(numbers_x, y, &numbers.join("  "), Role::Dim, numbers_width);
    }
    let y = inside.bottom().saturating_sub(1);
    let actions = [Action::AbortTransfer, Action::Back];
    chrome::keys(
        state,
        pen,
        (inside.x, y),
        inside.right(),
        Mode::Transfers,
        &actions,
    );
}
