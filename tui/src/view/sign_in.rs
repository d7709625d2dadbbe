//! Draws the gate: signing in, and setting a new password.

use ratatui::layout::Rect;

use super::chrome;
use super::cut::{width, wrap};
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::keymap::{Action, Mode};
use crate::state::{Field, Gate, NewPassword, SignIn, State};

/// Width of the form, its margins included.
const WIDTH: u16 = 56;

/// Height of a screen from which on there is room to spare.
const ROOMY: u16 = 22;

/// One line of a form: its label, its field, and whether it is secret.
type Line<'a> = (&'static str, &'a Field, bool);

pub(crate) fn draw(state: &State, gate: &Gate, pen: &mut Pen, area: Rect) {
    match gate {
        Gate::Resuming => {
            let words = pen.words.resuming;
            let x = (area
                .width
                .saturating_sub(u16::try_from(width(words)).unwrap_or(0)))
                / 2;
            pen.put(x, area.height / 2, words, Role::Dim, area.width);
        }
        Gate::SignIn(form) => sign_in(pen, area, form),
        Gate::NewPassword(form) => new_password(pen, area, form),
    }
    if !matches!(gate, Gate::SignIn(form) if form.session_ended) {
        let foot = Rect::new(0, area.height - 1, area.width, 1);
        let keys = [
            Action::NextField,
            Action::Submit,
            Action::Language,
            Action::Quit,
            Action::Help,
        ];
        chrome::footer(state, pen, foot, Mode::Form, &keys);
    }
}

fn sign_in(pen: &mut Pen, area: Rect, form: &SignIn) {
    let words = pen.words;
    let (title, lead) = if form.session_ended {
        (words.sign_in_again, words.session_ended)
    } else {
        (words.sign_in, words.slogan)
    };
    let mut lines: Vec<Line> = Vec::new();
    lines.extend(
        form.server
            .as_ref()
            .map(|field| (words.server, field, false)),
    );
    lines.push((words.username, &form.username, false));
    lines.push((words.password, &form.password, true));
    let focus = form.focus + lines.len() - 3;
    let below = if form.busy {
        Some((words.signing_in.to_owned(), Role::Busy))
    } else if let Some(shown) = form.untrusted() {
        let server = form.server.as_ref().map_or("", |field| field.text().trim());
        // In two halves, which fit into a line each.
        let halves = shown.split_at_checked(48);
        let shown = halves.map_or(shown.to_owned(), |(one, two)| format!("{one} {two}"));
        let question = (words.trust_question)(server, &shown);
        Some((format!("{question} [y/N]"), Role::Warn))
    } else if form.resumed.is_some() {
        Some((words.session_resumed.to_owned(), Role::Accent))
    } else {
        form.refusal
            .as_ref()
            .map(|refusal| ((words.refusal)(refusal), Role::Bad))
    };
    draw_form(pen, area, title, lead, &lines, focus, below, form.busy);
}

fn new_password(pen: &mut Pen, area: Rect, form: &NewPassword) {
    let words = pen.words;
    let lines: [Line; 3] = [
        (words.current_password, &form.current, true),
        (words.new_password, &form.new, true),
        (words.new_password_again, &form.again, true),
    ];
    let skipped = usize::from(form.current_known);
    let below = if form.busy {
        Some((words.changing_password.to_owned(), Role::Busy))
    } else {
        form.problem
            .as_ref()
            .map(|problem| ((words.password_problem)(problem), Role::Bad))
    };
    draw_form(
        pen,
        area,
        words.new_password_title,
        words.new_password_why,
        &lines[skipped..],
        form.focus - skipped,
        below,
        form.busy,
    );
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of a form, each used once"
)]
fn draw_form(
    pen: &mut Pen,
    area: Rect,
    title: &str,
    lead: &str,
    lines: &[Line],
    focus: usize,
    below: Option<(String, Role)>,
    busy: bool,
) {
    let below = below.map(|(words, role)| (wrap(&words, usize::from(WIDTH - 6)), role));
    // Where a long question leaves no room, the lead gives way: the answer has to be in sight.
    let asks_much = below.as_ref().is_some_and(|(lines, _)| lines.len() > 2);
    let lead = match asks_much && area.height < ROOMY {
        true => Vec::new(),
        false => wrap(lead, usize::from(WIDTH - 6)),
    };
    let fields = u16::try_from(lines.len()).unwrap_or(0);
    // With the gap below it.
    let lead_height = match lead.len() {
        0 => 0,
        lines => u16::try_from(lines + 1).unwrap_or(0),
    };
    // Two lines for what went wrong, and as many as a question takes.
    let said = below
        .as_ref()
        .map_or(2, |(lines, _)| lines.len().clamp(2, 7));
    let said_height = u16::try_from(said).unwrap_or(2);
    // Title, lead, a gap, the fields, a gap, what went wrong.
    let height = 2 + lead_height + fields + 1 + said_height + 1;
    // On high screens there is room between the fields.
    let spread = area.height >= ROOMY;
    let height = height + if spread { fields - 1 } else { 0 };
    let title = format!(
        "AI Vision Batch  {}  {title}",
        symbols::running(pen.symbols)
    );
    let inside = pen.window(area, (WIDTH, height), &title);
    for (y, line) in (inside.y..).zip(&lead) {
        pen.put(inside.x, y, line, Role::Dim, inside.width);
    }
    let mut y = inside.y + lead_height;
    let label_width = lines.iter().map(|line| width(line.0)).max().unwrap_or(0);
    let field_x = inside.x + u16::try_from(label_width).unwrap_or(0) + 2;
    for (index, (label, field, secret)) in lines.iter().enumerate() {
        let active = index == focus && !busy;
        let role = if active { Role::Accent } else { Role::Text };
        pen.put(inside.x, y, label, role, inside.width);
        let room = inside.right().saturating_sub(field_x);
        let place = Rect::new(field_x, y, room, 1);
        pen.field(place, field, active, *secret, "");
        y += if spread { 2 } else { 1 };
    }
    y += if spread { 0 } else { 1 };
    if let Some((lines, role)) = below {
        for line in lines.iter().take(said) {
            pen.put(inside.x, y, line, role, inside.width);
            y += 1;
        }
    }
}
