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
    let lead = wrap(lead, usize::from(WIDTH - 6));
    let fields = u16::try_from(lines.len()).unwrap_or(0);
    let lead_height = u16::try_from(lead.len()).unwrap_or(0);
    // Title, lead, a gap, the fields, a gap, two lines for what went wrong.
    let height = 2 + lead_height + 1 + fields + 1 + 2 + 1;
    // On high screens there is room between the fields.
    let spread = area.height >= 22;
    let height = height + if spread { fields - 1 } else { 0 };
    let title = format!(
        "AI Vision Batch  {}  {title}",
        symbols::running(pen.symbols)
    );
    let inside = pen.window(area, (WIDTH, height), &title);
    let mut y = inside.y;
    for line in &lead {
        pen.put(inside.x, y, line, Role::Dim, inside.width);
        y += 1;
    }
    y += 1;
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
    if let Some((words, role)) = below {
        for line in wrap(&words, usize::from(inside.width)).iter().take(2) {
            pen.put(inside.x, y, line, role, inside.width);
            y += 1;
        }
    }
}
