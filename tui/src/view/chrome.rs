//! Owns the head and the foot of every screen.

use ratatui::layout::Rect;

use super::cut::{cut_end, cut_middle, width};
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use super::thumbnail;
use crate::keymap::{self, Action, Mode};
use crate::state::{Freshness, Notice, Screen, State, moment};
use crate::text::{bytes, count, span};

/// How fresh the screen is: symbol, words, colour.
pub(crate) fn freshness(state: &State, pen: &Pen) -> (String, Role) {
    let ago = |since| span(state.now.duration_since(since).as_secs().max(0));
    match state.live().freshness(state.now) {
        Freshness::Live => (
            format!("{} {}", symbols::live(pen.symbols), pen.words.live),
            Role::Good,
        ),
        Freshness::Connecting => (format!(". {}", pen.words.connecting), Role::Warn),
        Freshness::Stale(since) => (format!("! {}", (pen.words.stale)(&ago(since))), Role::Warn),
        Freshness::Lost(lost) => {
            let retry = lost
                .retry_at
                .map(|at| span(at.duration_since(state.now).as_secs().max(0)));
            let words = (pen.words.offline)(&ago(lost.since), retry.as_deref());
            (format!("! {words}"), Role::Bad)
        }
    }
}

/// The bar at the head: a title at the left; at the right who, how much, and how fresh, the least wanted going first.
pub(crate) fn header(state: &State, pen: &mut Pen, area: Rect, back: bool, title: &str) {
    pen.ground(area, Role::Bar);
    let mut right: Vec<(String, Role, u8)> = Vec::new();
    if state.read_only {
        right.push((pen.words.read_only.to_owned(), Role::Warn, 1));
    }
    if let Some(user) = &state.user {
        right.push((user.username.clone(), Role::Bar, 3));
    }
    if let Some(balance) = state.balance() {
        right.push(((pen.words.credits)(balance), Role::Accent, 2));
    }
    if let Some(slots) = slots(state) {
        right.push(((pen.words.slots)(slots.0, slots.1), Role::Bar, 4));
    }
    let (words, role) = freshness(state, pen);
    right.push((words, role, 0));
    let wanted_title = width(title).min(24) + 6;
    let needed = |parts: &[(String, Role, u8)]| {
        parts
            .iter()
            .map(|(text, ..)| width(text) + 2)
            .sum::<usize>()
            + wanted_title
    };
    while needed(&right) > usize::from(area.width)
        && let Some(index) = right
            .iter()
            .enumerate()
            .filter(|(_, part)| part.2 > 0)
            .max_by_key(|(_, part)| part.2)
            .map(|(index, _)| index)
    {
        right.remove(index);
    }
    let mut end = area.right().saturating_sub(1);
    for (text, role, _) in right.iter().rev() {
        end = pen.put_right(end, area.y, text, *role).saturating_sub(2);
    }
    let mut x = area.x + 1;
    if back {
        x = pen.put(x, area.y, symbols::back(pen.symbols), Role::Bar, 1) + 1;
    }
    let room = usize::from(end.saturating_sub(x));
    if !back && state.is_admin() && tabs(state, pen, x, end) {
        return;
    }
    pen.put(
        x,
        area.y,
        &cut_middle(title, room),
        Role::Accent,
        area.width,
    );
}

/// The screens that stand side by side, with their keys; `false` when there is no room for them.
fn tabs(state: &State, pen: &mut Pen, x: u16, end: u16) -> bool {
    let words = pen.words;
    let mut tabs = vec![
        (Screen::Batches, "1", words.batches),
        (Screen::Users, "2", words.admin.users),
        (Screen::System, "3", words.admin.system),
        (Screen::Audit, "4", words.records.audit),
    ];
    let room = usize::from(end.saturating_sub(x));
    let needed = |tabs: &[(Screen, &str, &str)]| -> usize {
        let cells = tabs
            .iter()
            .map(|(_, key, name)| width(key) + width(name) + 3);
        cells.sum()
    };
    if needed(&tabs) > room && state.screen != Screen::Audit {
        // One goes there from the service, too.
        tabs.pop();
    }
    if needed(&tabs) > room {
        return false;
    }
    let mut x = x;
    for (screen, key, name) in tabs {
        let role = if screen == state.screen {
            Role::Accent
        } else {
            Role::Bar
        };
        x = pen.put(x, 0, key, Role::BarDim, 1) + 1;
        x = pen.put(x, 0, name, role, end) + 2;
    }
    true
}

/// Why the connection is lost and how old the picture is, in place of a line that may be old too; `false` when all is well.
pub(crate) fn banner(state: &State, pen: &mut Pen, area: Rect) -> bool {
    let live = state.live();
    let Freshness::Lost(lost) = live.freshness(state.now) else {
        return false;
    };
    let why = (pen.words.refusal)(&lost.refusal);
    let words = match live.heard_at().filter(|_| live.complete) {
        Some(heard) => (pen.words.offline_because)(&why, &pen.clock.at(heard)),
        None => why,
    };
    pen.put(
        area.x + 1,
        area.y,
        &format!("! {words}"),
        Role::Bad,
        area.width - 2,
    );
    true
}

/// Taken and all slots of the engine that has the fewest free: the paid one when it is there.
fn slots(state: &State) -> Option<(i32, i32)> {
    let status = state.service_status()?;
    let engine = status
        .engines
        .iter()
        .find(|engine| engine.is_default)
        .or_else(|| status.engines.first())?;
    let slots = engine.slots?;
    Some((slots.running + slots.cleanup + slots.foreign, slots.limit))
}

/// The foot: what was last said, the filter being typed, or the keys; transfers at the right.
pub(crate) fn footer(state: &State, pen: &mut Pen, area: Rect, mode: Mode, actions: &[Action]) {
    pen.ground(area, Role::Bar);
    let mut end = area.right().saturating_sub(1);
    if let Some((text, role)) = transfers(state, pen, usize::from(area.width / 2)) {
        end = pen.put_right(end, area.y, &text, role).saturating_sub(2);
    }
    if let Some(shown) = &state.notice {
        let words = (pen.words.notice)(&shown.notice);
        let (symbol, role) = match shown.notice {
            Notice::Refused(_) => (symbols::failed(pen.symbols), Role::Bad),
            Notice::NothingToCancel
            | Notice::NothingToRetry
            | Notice::NothingToSave
            | Notice::NothingToRerun
            | Notice::NothingToDelete
            | Notice::BatchGone
            | Notice::NoRealEngine
            | Notice::NothingToPlay
            | Notice::NotPlayed(_)
            | Notice::OneAtATime
            | Notice::NothingToNarrow
            | Notice::ReadOnly => ("!", Role::Warn),
            Notice::Command(_) => ("$", Role::Busy),
            _ => (symbols::done(pen.symbols), Role::Good),
        };
        let x = pen.put(area.x + 1, area.y, symbol, role, 2) + 1;
        let room = end.saturating_sub(x);
        let words = match shown.notice {
            // Of a path the end tells most.
            Notice::Saved(_) => cut_middle(&words, usize::from(room)),
            _ => words,
        };
        pen.put(x, area.y, &words, role, room);
        return;
    }
    let offered: Vec<Action> = actions
        .iter()
        .copied()
        .filter(|action| state.offers(*action))
        .collect();
    keys(state, pen, (area.x + 1, area.y), end, mode, &offered);
}

/// Keys and what they do, as many as fit; the last one (help) always.
pub(crate) fn keys(
    state: &State,
    pen: &mut Pen,
    (x, y): (u16, u16),
    end: u16,
    mode: Mode,
    actions: &[Action],
) {
    let is_out = state.users.rows.current().is_some_and(|it| it.disabled);
    let named = |pen: &Pen, action: Action| {
        let key = keymap::key_of(mode, action)?.to_string();
        // The same key does one or the other.
        let name = match action {
            Action::DisableUser if is_out => pen.words.admin.let_in,
            other => (pen.words.action_short)(other),
        };
        Some((key, name))
    };
    let cells = |(key, name): &(String, &str)| {
        u16::try_from(width(key) + 1 + width(name) + 2).unwrap_or(u16::MAX)
    };
    let Some((last, others)) = actions.split_last() else {
        return;
    };
    let last = named(pen, *last);
    let reserved = last.as_ref().map_or(0, cells);
    let mut x = x;
    let hints: Vec<_> = others
        .iter()
        .filter_map(|action| named(pen, *action))
        .collect();
    for hint in hints {
        if x + cells(&hint) + reserved > end + 2 {
            break;
        }
        x = put_key(pen, x, y, end, &hint);
    }
    if let Some(hint) = last {
        put_key(pen, x, y, end, &hint);
    }
}

fn put_key(pen: &mut Pen, x: u16, y: u16, end: u16, (key, name): &(String, &str)) -> u16 {
    let x = pen.put(x, y, key, Role::Accent, end.saturating_sub(x)) + 1;
    pen.put(x, y, name, Role::Bar, end.saturating_sub(x)) + 2
}

/// The transfer that began last, and how many there are.
fn transfers(state: &State, pen: &Pen, room: usize) -> Option<(String, Role)> {
    let newest = state.transfers.running().last()?;
    let progress = match newest.total_bytes {
        Some(total) if total > 0 => {
            let percent = newest.done_bytes.saturating_mul(100) / total;
            let pace = newest
                .rate
                .map_or(String::new(), |rate| format!(" {}/s", bytes(rate)));
            let left = newest
                .seconds_left()
                .map_or(String::new(), |left| format!(" ~{}", span(left)));
            format!("{percent}%{pace}{left}")
        }
        _ => bytes(newest.done_bytes),
    };
    let others = match state.transfers.count() {
        0 | 1 => String::new(),
        number => format!(" +{}", count(i64::try_from(number - 1).unwrap_or(i64::MAX))),
    };
    let behind = format!(" {progress}{others}");
    let label = cut_middle(&newest.label, room.saturating_sub(width(&behind) + 2));
    let text = cut_end(
        &format!("{} {label}{behind}", symbols::running(pen.symbols)),
        room,
    );
    Some((text, Role::Busy))
}

/// The line on which a filter is typed.
pub(crate) fn filter_line(
    pen: &mut Pen,
    area: Rect,
    title: &str,
    field: &crate::state::Field,
    matches: &str,
) {
    pen.ground(area, Role::Bar);
    let x = pen.put(area.x + 1, area.y, title, Role::Accent, 12) + 1;
    let end = pen.put_right(area.right().saturating_sub(1), area.y, matches, Role::Bar);
    let room = end.saturating_sub(x + 1);
    pen.field(
        Rect::new(x, area.y, room.min(50), 1),
        field,
        true,
        false,
        "",
    );
}

/// The picture of what the cursor is on.
pub(crate) fn picture(state: &State, pen: &mut Pen, area: Option<Rect>) {
    if let (Some(area), Some(wanted)) = (area, state.wanted_picture())
        && let Some(picture) = state.pictures.get(&wanted)
    {
        thumbnail::draw(pen, area, picture);
    }
}

/// How long ago something was, in its largest unit.
pub(crate) fn ago(pen: &Pen, time: Option<&prost_types::Timestamp>) -> String {
    time.map_or(String::new(), |time| pen.clock.ago(moment(time)))
}
