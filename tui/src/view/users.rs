//! Draws the users, and below them the newest movements of the credits of the one under the cursor.

use ratatui::layout::Rect;
use vision_batch::v1;

use super::batches::{draw_titles, shown_of};
use super::chrome;
use super::columns::{Column, Placed, fixed, growing, number, place};
use super::cut::clean;
use super::ledger;
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::geometry::UsersParts;
use crate::state::{SortBy, State, moment};
use crate::text::{count, span};

/// Cells at the left of a row: what needs a look.
const GUTTER: u16 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Username,
    DisplayName,
    Role,
    State,
    Credits,
    Held,
    Active,
    Videos,
    LastSignIn,
}

fn columns(pen: &Pen) -> Vec<Column<Key>> {
    let words = pen.words.admin;
    vec![
        growing(Key::Username, words.col_username, 14),
        fixed(Key::DisplayName, words.col_display_name, 14, 8),
        fixed(Key::Role, words.col_role, 6, 6),
        fixed(Key::State, words.col_state, 8, 0),
        number(Key::Credits, words.col_credits, 8, 0),
        number(Key::Held, words.col_held, 6, 5),
        number(Key::Active, words.col_active, 6, 9),
        number(Key::Videos, words.col_videos, 7, 7),
        number(Key::LastSignIn, words.col_last_sign_in, 12, 4),
    ]
}

fn sorted_column(by: SortBy) -> Option<Key> {
    Some(match by {
        SortBy::Name => Key::Username,
        SortBy::State => Key::State,
        SortBy::Credits => Key::Credits,
        SortBy::Progress => Key::Active,
        SortBy::Videos => Key::Videos,
        SortBy::SignIn => Key::LastSignIn,
        _ => return None,
    })
}

pub(crate) fn draw(state: &State, pen: &mut Pen, parts: UsersParts) {
    let users = &state.users;
    let words = pen.words;
    chrome::header(state, pen, parts.header, false, words.admin.users);
    if !chrome::banner(state, pen, parts.counts) {
        draw_counts(state, pen, parts.counts);
    }
    let x = parts.list.x + GUTTER;
    let width = parts.list.width.saturating_sub(GUTTER + 1);
    let placed = place(columns(pen), x, width);
    let order = users.rows.order();
    let sorted = sorted_column(order.by).map(|key| (key, order.reversed));
    draw_titles(pen, parts.titles, &placed, sorted);
    let cursor = users.rows.position().cursor;
    let height = usize::from(parts.list.height);
    for (y, (index, user)) in (parts.list.y..).zip(users.rows.on_screen(height)) {
        let area = Rect::new(parts.list.x, y, parts.list.width, 1);
        draw_row(state, pen, area, user, &placed, index == cursor);
    }
    pen.scroll_bar(parts.list, users.rows.position().top, users.rows.len());
    if users.rows.len() == 0 {
        let text = if users.rows.total() > 0 {
            words.nothing_matches
        } else {
            words.loading
        };
        pen.put(x, parts.list.y + 1, text, Role::Dim, width);
    }
    let name = users.rows.current().map_or("", |user| &user.username);
    let title = if name.is_empty() {
        String::new()
    } else {
        (words.admin.ledger_of)(&clean(name))
    };
    pen.rule(parts.rule, &title, Role::Text);
    if let Some(ledger) = users.ledger.as_ref().filter(|_| !name.is_empty()) {
        ledger::draw_rows(pen, ledger, parts.ledger, None, false);
    }
    if users.filtering {
        let matches = shown_of(pen, users.rows.shown_of());
        let title = format!("/ {}", words.filter);
        chrome::filter_line(pen, parts.footer, &title, &users.filter, &matches);
        return;
    }
    let actions = [
        Action::Open,
        Action::NewUser,
        Action::GiveCredits,
        Action::SetCredits,
        Action::DisableUser,
        Action::ResetPassword,
        Action::ChangeRole,
        Action::Filter,
        Action::Sort,
        Action::AuditOf,
        Action::System,
        Action::Batches,
        Action::Palette,
        Action::Help,
    ];
    chrome::footer(state, pen, parts.footer, Mode::Users, &actions);
}

fn draw_counts(state: &State, pen: &mut Pen, area: Rect) {
    let words = pen.words;
    let rows = &state.users.rows;
    let total = i64::try_from(rows.total()).unwrap_or(i64::MAX);
    let mut parts = vec![((words.admin.count_users)(total), Role::Text)];
    if !rows.filter().is_empty() {
        let shown = shown_of(pen, rows.shown_of());
        let filter = clean(rows.filter().text()).into_owned();
        parts.push((format!("/{filter}  {shown}"), Role::Accent));
    }
    if let Some(refusal) = &state.users.refusal {
        parts.push((format!("! {}", (words.refusal)(refusal)), Role::Bad));
    }
    pen.put_parts(area.x + 1, area.y, area.right() - 1, &parts);
}

fn draw_row(
    state: &State,
    pen: &mut Pen,
    area: Rect,
    user: &v1::User,
    placed: &[Placed<Key>],
    selected: bool,
) {
    pen.rows += 1;
    let words = pen.words.admin;
    let filter = state.users.rows.filter();
    let y = area.y;
    if selected {
        pen.ground(area, Role::Selection);
    }
    let (symbol, state_word, role) = if user.disabled {
        (symbols::failed(pen.symbols), words.disabled, Role::Bad)
    } else if user.password_change_required {
        let expires = user.one_time_password_expire_time.as_ref().map(moment);
        if expires.is_some_and(|at| at <= pen.clock.now) {
            ("!", words.password_expired, Role::Bad)
        } else {
            ("!", words.first_password, Role::Warn)
        }
    } else if user.online {
        (symbols::live(pen.symbols), words.active, Role::Good)
    } else {
        (" ", words.active, Role::Good)
    };
    pen.put(area.x + 1, y, symbol, role, 1);
    for column in placed {
        let (x, room) = (column.x, column.width);
        let end = x + room;
        match column.key {
            Key::Username => {
                let role = if selected { Role::Strong } else { Role::Text };
                pen.put_matched(x, y, &user.username, filter, role, room);
            }
            Key::DisplayName => {
                pen.put_matched(x, y, &user.display_name, filter, Role::Dim, room);
            }
            Key::Role => {
                let is_admin = user.role() == v1::user::Role::Admin;
                let role = if is_admin { Role::Accent } else { Role::Dim };
                pen.put(x, y, (words.role)(user.role()), role, room);
            }
            Key::State => {
                pen.put(x, y, state_word, role, room);
            }
            Key::Credits => {
                pen.put_right(end, y, &count(user.credit_balance), Role::Text);
            }
            Key::Held => put_count(pen, end, y, user.credits_held),
            Key::Active => put_count(pen, end, y, user.active_item_count),
            Key::Videos => put_count(pen, end, y, user.completed_video_count),
            Key::LastSignIn => {
                pen.put_right(end, y, &last_sign_in(pen, user), Role::Dim);
            }
        }
    }
}

fn put_count(pen: &mut Pen, end: u16, y: u16, number: i32) {
    let role = if number == 0 { Role::Faint } else { Role::Dim };
    pen.put_right(end, y, &count(number), role);
}

fn last_sign_in(pen: &Pen, user: &v1::User) -> String {
    let words = pen.words.admin;
    let how = (words.by_method)(user.last_sign_in_method());
    let when = match &user.last_sign_in_time {
        _ if user.online => words.now.to_owned(),
        None => return words.never.to_owned(),
        Some(time) => {
            let seconds = pen.clock.seconds_since(moment(time));
            // Seconds would tick in every row.
            let ago = if seconds < 60 {
                "<1m".to_owned()
            } else {
                span(seconds)
            };
            (words.ago)(&ago)
        }
    };
    if how.is_empty() {
        when
    } else {
        format!("{when} {how}")
    }
}
