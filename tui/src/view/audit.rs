//! Draws what was done and tried, and below it all that is known of the event under the cursor.

use ratatui::layout::Rect;
use vision_batch::v1;
use vision_batch::v1::audit_event::Outcome;

use super::batches::{draw_titles, shown_of};
use super::chrome;
use super::columns::{Column, Placed, fixed, growing, place};
use super::cut::{clean, wrap};
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::geometry::AuditParts;
use crate::state::{AUDIT_MOST, State, moment};

/// Cells at the left of a row: how it came out.
const GUTTER: u16 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Time,
    By,
    What,
    About,
    Outcome,
    From,
}

fn columns(pen: &Pen) -> Vec<Column<Key>> {
    let (words, admin) = (pen.words.records, pen.words.admin);
    vec![
        fixed(Key::Time, admin.col_time, 11, 2),
        fixed(Key::By, admin.col_by, 10, 0),
        fixed(Key::What, words.col_what, 16, 0),
        growing(Key::About, admin.col_about, 11),
        fixed(Key::Outcome, words.col_outcome, 8, 0),
        fixed(Key::From, words.col_from, 15, 3),
    ]
}

pub(crate) fn draw(state: &State, pen: &mut Pen, parts: AuditParts) {
    let words = pen.words;
    let audit = &state.audit;
    chrome::header(state, pen, parts.header, false, words.records.audit);
    if !chrome::banner(state, pen, parts.counts) {
        draw_counts(state, pen, parts.counts);
    }
    let x = parts.list.x + GUTTER;
    let width = parts.list.width.saturating_sub(GUTTER + 1);
    let placed = place(columns(pen), x, width);
    draw_titles(pen, parts.titles, &placed, None);
    let cursor = audit.rows.position().cursor;
    let height = usize::from(parts.list.height);
    for (y, (index, event)) in (parts.list.y..).zip(audit.rows.on_screen(height)) {
        let area = Rect::new(parts.list.x, y, parts.list.width, 1);
        draw_row(state, pen, area, event, &placed, index == cursor);
    }
    pen.scroll_bar(parts.list, audit.rows.position().top, audit.rows.len());
    if audit.rows.len() == 0 {
        let ended = audit.paging.is_whole() || audit.rows.total() >= AUDIT_MOST;
        let (text, role) = match &audit.refusal {
            Some(refusal) => ((words.refusal)(refusal), Role::Bad),
            None if !ended => (words.loading.to_owned(), Role::Dim),
            None if audit.rows.total() > 0 => (words.nothing_matches.to_owned(), Role::Dim),
            None => (words.records.no_events.to_owned(), Role::Dim),
        };
        pen.put(x, parts.list.y + 1, &text, role, width);
    }
    draw_detail(state, pen, parts.detail);
    if audit.filtering {
        let matches = shown_of(pen, audit.rows.shown_of());
        let title = format!("/ {}", words.filter);
        chrome::filter_line(pen, parts.footer, &title, &audit.filter, &matches);
        return;
    }
    let actions = [
        Action::Back,
        Action::Filter,
        Action::OnlyOutcome,
        Action::OnlyActor,
        Action::OnlyAction,
        Action::OnlyTarget,
        Action::CopyId,
        Action::Open,
        Action::Palette,
        Action::Help,
    ];
    chrome::footer(state, pen, parts.footer, Mode::Audit, &actions);
}

fn draw_counts(state: &State, pen: &mut Pen, area: Rect) {
    let words = pen.words.records;
    let audit = &state.audit;
    let rows = &audit.rows;
    let total = i64::try_from(rows.total()).unwrap_or(i64::MAX);
    let more = !audit.paging.is_whole();
    let mut parts = vec![((words.count_events)(total, more), Role::Text)];
    let only = &audit.only;
    let narrowed = [
        only.outcome.map(|it| (words.outcome)(it).to_owned()),
        only.actor.as_ref().map(|it| (words.only_by)(&clean(&it.1))),
        only.action.as_ref().map(|it| (words.only_kind)(it)),
        only.target
            .as_ref()
            .map(|it| (words.only_about)(&clean(&it.1))),
    ];
    parts.extend(narrowed.into_iter().flatten().map(|it| (it, Role::Accent)));
    if !rows.filter().is_empty() {
        let shown = shown_of(pen, rows.shown_of());
        let filter = clean(rows.filter().text()).into_owned();
        parts.push((format!("/{filter}  {shown}"), Role::Accent));
    }
    if rows.total() >= AUDIT_MOST {
        parts.push(((words.only_newest)(total), Role::Warn));
    }
    if let Some(refusal) = &audit.refusal {
        parts.push((format!("! {}", (pen.words.refusal)(refusal)), Role::Bad));
    }
    pen.put_parts(area.x + 1, area.y, area.right() - 1, &parts);
}

/// Symbol and colour of how an event came out.
fn outcome(pen: &Pen, event: &v1::AuditEvent) -> (&'static str, Role) {
    match event.outcome() {
        Outcome::Succeeded | Outcome::Unspecified => (" ", Role::Dim),
        Outcome::Refused => ("!", Role::Warn),
        Outcome::Failed => (symbols::failed(pen.symbols), Role::Bad),
    }
}

fn actor_name<'a>(pen: &Pen, event: &'a v1::AuditEvent) -> &'a str {
    use v1::actor::Kind;
    let Some(actor) = &event.actor else {
        return (pen.words.records.actor)(Kind::Unspecified);
    };
    match actor.kind() {
        Kind::User if !actor.name.is_empty() => &actor.name,
        // Who is not known may have said a name.
        Kind::Anonymous if !actor.name.is_empty() && actor.name != "anonymous" => &actor.name,
        kind => (pen.words.records.actor)(kind),
    }
}

fn action_name<'a>(pen: &Pen, action: &'a str) -> &'a str {
    (pen.words.records.action)(action).unwrap_or(action)
}

/// What an event is about: its name, else what sort of thing it is.
fn about<'a>(pen: &Pen, event: &'a v1::AuditEvent) -> &'a str {
    let Some(target) = &event.target else {
        return "";
    };
    if target.name.is_empty() {
        (pen.words.records.target_kind)(&target.kind).unwrap_or(&target.kind)
    } else {
        &target.name
    }
}

fn draw_row(
    state: &State,
    pen: &mut Pen,
    area: Rect,
    event: &v1::AuditEvent,
    placed: &[Placed<Key>],
    selected: bool,
) {
    pen.rows += 1;
    let filter = state.audit.rows.filter();
    let y = area.y;
    if selected {
        pen.ground(area, Role::Selection);
    }
    let (symbol, colour) = outcome(pen, event);
    pen.put(area.x + 1, y, symbol, colour, 1);
    for column in placed {
        let (x, room) = (column.x, column.width);
        match column.key {
            Key::Time => {
                let at = event.create_time.as_ref().map(moment);
                let text = at.map_or(String::new(), |at| pen.clock.at(at));
                pen.put(x, y, &text, Role::Dim, room);
            }
            Key::By => {
                let name = actor_name(pen, event);
                pen.put_matched(x, y, name, filter, Role::Text, room);
            }
            Key::What => {
                let role = if selected { Role::Strong } else { Role::Text };
                pen.put(x, y, action_name(pen, &event.action), role, room);
            }
            Key::About => {
                let name = about(pen, event);
                pen.put_matched(x, y, name, filter, Role::Text, room);
            }
            Key::Outcome => {
                let word = (pen.words.records.outcome)(event.outcome());
                pen.put(x, y, word, colour, room);
            }
            Key::From => {
                pen.put_matched(x, y, &event.address, filter, Role::Dim, room);
            }
        }
    }
}

/// All that is known of the event under the cursor.
fn draw_detail(state: &State, pen: &mut Pen, area: Rect) {
    let words = pen.words.records;
    let Some(event) = state.audit.rows.current() else {
        pen.rule(area, "", Role::Text);
        return;
    };
    let at = event.create_time.as_ref().map(moment);
    let title = at.map_or(String::new(), |at| pen.clock.exactly_at(at));
    pen.rule(area, &title, Role::Text);
    let (x, end) = (area.x + 1, area.right().saturating_sub(1));
    let (_, colour) = outcome(pen, event);
    let from = match event.address.as_str() {
        "" => words.from_itself.to_owned(),
        address => (words.from_address)(address),
    };
    let first = [
        (clean(actor_name(pen, event)).into_owned(), Role::Strong),
        (event.action.clone(), Role::Accent),
        ((words.outcome)(event.outcome()).to_owned(), colour),
        (from, Role::Dim),
    ];
    pen.put_parts(x, area.y + 1, end, &first);
    let mut lines = Vec::new();
    if let Some(target) = &event.target {
        let kind = (words.target_kind)(&target.kind).unwrap_or(&target.kind);
        let text = format!("{kind}  {}  {}", target.name, target.id);
        lines.push((text.trim().to_owned(), Role::Dim));
    }
    if !event.detail.is_empty() {
        lines.push((event.detail.clone(), Role::Text));
    }
    let room = usize::from(end.saturating_sub(x));
    let lines = lines.iter().flat_map(|(text, role)| {
        let wrapped = wrap(text, room).into_iter();
        wrapped.map(|line| (line, *role)).collect::<Vec<_>>()
    });
    for (y, (line, role)) in (area.y + 2..area.bottom()).zip(lines) {
        pen.put(x, y, &line, role, end.saturating_sub(x));
    }
}
