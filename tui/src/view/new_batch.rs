//! Draws the draft of a new batch. Never cut: the cost, the balance, and why a file is refused.

use ratatui::layout::Rect;
use vision_batch::v1;

use super::chrome;
use super::cut::{cut_middle, width, wrap};
use super::pen::Pen;
use super::symbols;
use super::theme::Role;
use crate::files::Entry;
use crate::keymap::{Action, Mode};
use crate::state::geometry::NewBatchParts;
use crate::state::{Audio, Field, Focus, State, engines, looks_like_audio, moment};
use crate::text::{bytes, count, play_time, rate, span};

fn cells(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

pub(crate) fn draw(state: &State, pen: &mut Pen, parts: NewBatchParts) {
    let draft = &state.new_batch;
    let words = pen.words;
    chrome::header(state, pen, parts.header, true, words.new_batch);
    let labels = [words.name, words.engine, words.audio, words.prompt];
    let label_width = cells(labels.iter().map(|it| width(it)).max().unwrap_or(0)) + 3;
    let typing = draft.upload.is_none() && draft.glob.is_none();
    let active = |focus: Focus| typing && draft.focus == focus;

    label(pen, parts.name, words.name, active(Focus::Name));
    let place = beside(parts.name, label_width, parts.name.width - label_width - 1);
    pen.field(
        place,
        &draft.name,
        active(Focus::Name),
        false,
        words.name_hint,
    );

    label(pen, parts.engine, words.engine, active(Focus::Engine));
    draw_engines(state, pen, parts.engine, label_width, active(Focus::Engine));

    label(pen, parts.audio, words.audio, active(Focus::Audio));
    draw_audio(state, pen, parts.audio, label_width, active(Focus::Audio));

    label(pen, parts.prompt, words.prompt, active(Focus::Prompt));
    let place = beside(
        parts.prompt,
        label_width,
        parts.prompt.width - label_width - 1,
    );
    let default = state
        .service
        .as_ref()
        .map_or("", |it| it.default_prompt.as_str());
    draw_prompt(pen, place, &draft.prompt, active(Focus::Prompt), default);

    draw_directory(state, pen, parts, active(Focus::Files));
    chrome::picture(state, pen, parts.picture);
    draw_sums(state, pen, parts, label_width);
    draw_footer(state, pen, parts.footer);
}

fn beside(row: Rect, x: u16, width: u16) -> Rect {
    Rect::new(row.x + x, row.y, width, row.height)
}

fn label(pen: &mut Pen, row: Rect, text: &str, active: bool) {
    let role = if active { Role::Accent } else { Role::Text };
    if active {
        pen.put(row.x, row.y, symbols::running(pen.symbols), Role::Accent, 1);
    }
    pen.put(row.x + 1, row.y, text, role, row.width);
}

fn draw_engines(state: &State, pen: &mut Pen, row: Rect, x: u16, active: bool) {
    let service = state.service.as_ref();
    let chosen = state.new_batch.engine_name(service);
    let mut x = row.x + x;
    for engine in engines(service) {
        let is_chosen = engine.name == chosen;
        let mark = if is_chosen { "(*)" } else { "( )" };
        let role = match (is_chosen, active) {
            (true, true) => Role::Accent,
            (true, false) => Role::Strong,
            (false, _) => Role::Dim,
        };
        let name = (pen.words.engine_name)(&engine.name);
        let price = (pen.words.price)(engine.credits_per_item, engine.seconds_per_credit);
        let text = format!("{mark} {name}");
        let room = row.right().saturating_sub(x);
        x = pen.put(x, row.y, &text, role, room) + 1;
        x = pen.put(x, row.y, &price, Role::Dim, row.right().saturating_sub(x)) + 1;
        let health = (pen.words.engine_health)(engine.health());
        if is_chosen && !health.is_empty() {
            let text = format!("! {health}");
            x = pen.put(x, row.y, &text, Role::Warn, row.right().saturating_sub(x)) + 1;
        }
        x += 2;
    }
    if engines(service).is_empty() {
        pen.put(
            x,
            row.y,
            pen.words.loading,
            Role::Dim,
            row.right().saturating_sub(x),
        );
    }
}

fn draw_audio(state: &State, pen: &mut Pen, row: Rect, x: u16, active: bool) {
    let words = pen.words;
    let (verdict, role) = match &state.new_batch.audio_state {
        Audio::None => (String::new(), Role::Dim),
        Audio::Checking(_) => (words.checking.to_owned(), Role::Dim),
        Audio::Usable(_, facts) => {
            let time = play_time(facts.duration);
            let size = bytes(facts.size_bytes);
            let ok = symbols::done(pen.symbols);
            (format!("{ok} {} {time} {size}", facts.kind), Role::Good)
        }
        Audio::Refused(unusable) => {
            let why = (words.unusable)(unusable);
            (format!("{} {why}", symbols::failed(pen.symbols)), Role::Bad)
        }
    };
    // The verdict is never cut; the path gives way.
    let verdict_width = cells(width(&verdict));
    let room = row.width.saturating_sub(x + 1);
    let field_width = room.saturating_sub(verdict_width + 2).max(12);
    let field_width = if verdict.is_empty() {
        room
    } else {
        field_width
    };
    let place = beside(row, x, field_width);
    pen.field(
        place,
        &state.new_batch.audio,
        active,
        false,
        words.audio_hint,
    );
    pen.put(place.right() + 2, row.y, &verdict, role, row.width);
}

/// The prompt takes several lines when there is room for them.
fn draw_prompt(pen: &mut Pen, area: Rect, field: &Field, active: bool, default: &str) {
    let one = Rect { height: 1, ..area };
    let room = usize::from(area.width.saturating_sub(2));
    if active || width(field.text()) <= room {
        pen.field(one, field, active, false, default);
        return;
    }
    pen.ground(area, Role::Field);
    for (y, line) in (area.y..area.bottom()).zip(wrap(field.text(), room)) {
        pen.put(area.x + 1, y, &line, Role::Field, area.width - 2);
    }
}

fn draw_directory(state: &State, pen: &mut Pen, parts: NewBatchParts, active: bool) {
    let draft = &state.new_batch;
    let files = &draft.files;
    let words = pen.words;
    let pattern = if files.glob.is_empty() {
        String::new()
    } else {
        format!("  {}: {}", words.pattern, files.glob)
    };
    let room = usize::from(parts.directory.width).saturating_sub(width(&pattern) + 8);
    let title = format!(
        "{}{pattern}",
        cut_middle(&draft.short(&files.directory), room)
    );
    let role = if active { Role::Accent } else { Role::Text };
    pen.rule(parts.directory, &title, role);
    if let Some(error) = &files.error {
        let text = (words.cannot_list)(error);
        pen.put(
            parts.list.x + 2,
            parts.list.y,
            &text,
            Role::Bad,
            parts.list.width - 3,
        );
        return;
    }
    if files.is_empty() {
        let text = if files.loading {
            words.loading
        } else {
            words.empty_directory
        };
        let y = parts.list.y + 1;
        pen.put(parts.list.x + 5, y, text, Role::Dim, parts.list.width - 6);
    }
    let height = usize::from(parts.list.height);
    let shown = files
        .shown()
        .enumerate()
        .skip(files.position.top)
        .take(height);
    for (y, (index, entry)) in (parts.list.y..).zip(shown) {
        let row = Rect::new(parts.list.x, y, parts.list.width, 1);
        let selected = active && index == files.position.cursor;
        draw_entry(state, pen, row, entry, selected);
    }
}

fn draw_entry(state: &State, pen: &mut Pen, row: Rect, entry: &Entry, selected: bool) {
    let words = pen.words;
    let files = &state.new_batch.files;
    if selected {
        pen.ground(row, Role::Selection);
    }
    let y = row.y;
    let (name_x, end) = (row.x + 5, row.right() - 1);
    if entry.is_directory {
        let name = format!(
            "{}/",
            cut_middle(&entry.name, usize::from(end - name_x) - 1)
        );
        pen.put(name_x, y, &name, Role::Busy, end - name_x);
        return;
    }
    let marked = files.is_marked(&entry.path);
    let audio = looks_like_audio(&entry.name);
    let is_chosen_audio = matches!(
        &state.new_batch.audio_state,
        Audio::Usable(path, _) if *path == entry.path
    );
    // What is known of the file, at the right; a refusal is never cut.
    let (facts, facts_role) = match files.facts(&entry.path) {
        _ if audio && is_chosen_audio => (words.audio.to_owned(), Role::Good),
        _ if audio => (words.use_as_audio.to_owned(), Role::Dim),
        Some(Ok(facts)) => (
            format!("{}x{} {:>4}", facts.width_px, facts.height_px, facts.kind),
            Role::Dim,
        ),
        Some(Err(unusable)) => ((words.unusable)(unusable), Role::Bad),
        None => (words.checking.to_owned(), Role::Dim),
    };
    let (mark, mark_role) = match (files.facts(&entry.path), marked) {
        (Some(Err(_)), _) if !audio => (" ! ", Role::Bad),
        (_, true) => ("[x]", Role::Accent),
        _ if audio => (if is_chosen_audio { "(*)" } else { "   " }, Role::Good),
        _ => ("[ ]", Role::Dim),
    };
    pen.put(row.x + 1, y, mark, mark_role, 3);
    let size = bytes(entry.size_bytes);
    let size_x = end.saturating_sub(9);
    pen.put_right(end, y, &size, Role::Dim);
    let facts_x = size_x
        .saturating_sub(cells(width(&facts)) + 1)
        .max(name_x + 10);
    pen.put(
        facts_x,
        y,
        &facts,
        facts_role,
        size_x.saturating_sub(facts_x),
    );
    let room = facts_x.saturating_sub(name_x + 1);
    let role = match (selected, marked) {
        (true, _) => Role::Strong,
        _ => Role::Text,
    };
    pen.put(
        name_x,
        y,
        &cut_middle(&entry.name, usize::from(room)),
        role,
        room,
    );
}

fn draw_sums(state: &State, pen: &mut Pen, parts: NewBatchParts, x: u16) {
    let draft = &state.new_batch;
    let words = pen.words;
    let marked = draft.files.marked();
    let mut title = (words.marked_images)(marked.usable, &bytes(marked.bytes));
    if marked.checking > 0 {
        title = format!("{title}, {}", (words.n_checking)(marked.checking));
    }
    pen.rule(parts.marked, &title, Role::Text);
    if let Some(upload) = draft.upload.and_then(|id| state.transfers.get(id)) {
        pen.put(
            parts.cost.x + 1,
            parts.cost.y,
            words.uploading,
            Role::Busy,
            parts.cost.width,
        );
        let width = parts.cost.width.saturating_sub(x + 32).max(10);
        let total = upload.total_bytes.unwrap_or(0).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a share of bytes for a bar")]
        let share = upload.done_bytes as f64 / total as f64;
        pen.bar(
            parts.cost.x + x + 2,
            parts.cost.y,
            width,
            share,
            Role::BarFill,
        );
        let seconds = state.now.duration_since(upload.started).as_secs();
        let text = format!(
            "{} / {}  {}",
            bytes(upload.done_bytes),
            bytes(total),
            rate(upload.done_bytes, seconds)
        );
        pen.put(
            parts.cost.x + x + width + 4,
            parts.cost.y,
            &text,
            Role::Text,
            30,
        );
        let hint = words.upload_goes_on;
        pen.put(
            parts.finish.x + 1,
            parts.finish.y,
            hint,
            Role::Dim,
            parts.finish.width - 2,
        );
        return;
    }
    pen.put(parts.cost.x + 1, parts.cost.y, words.cost, Role::Text, x);
    pen.put(
        parts.finish.x + 1,
        parts.finish.y,
        words.finish,
        Role::Text,
        x,
    );
    let at = parts.cost.x + x;
    let current = draft.quote_is_current(state.service.as_ref());
    match &draft.quote {
        Some(Ok(quote)) => draw_quote(pen, parts, at, quote, current),
        Some(Err(refusal)) => {
            let text = (words.refusal)(refusal);
            pen.put(at, parts.cost.y, &text, Role::Bad, parts.cost.width - x - 1);
        }
        None => {
            let ready = marked.usable > 0 && matches!(draft.audio_state, Audio::Usable(..));
            let text = if ready {
                words.quoting
            } else {
                words.quote_needs
            };
            pen.put(at, parts.cost.y, text, Role::Dim, parts.cost.width - x - 1);
        }
    }
    let problem = match &draft.problem {
        Some(problem) => Some(((words.problem)(problem), Role::Bad)),
        None if marked.refused > 0 => Some(((words.left_out)(marked.refused), Role::Warn)),
        None => None,
    };
    if let Some((text, role)) = problem {
        let row = parts.problem;
        pen.put(row.x + 1, row.y, &format!("! {text}"), role, row.width - 2);
    }
}

/// While a newer quote is on its way the old one is shown dimmed.
fn draw_quote(
    pen: &mut Pen,
    parts: NewBatchParts,
    x: u16,
    quote: &v1::QuoteBatchResponse,
    current: bool,
) {
    let words = pen.words;
    let role = |role: Role| if current { role } else { Role::Dim };
    let end = parts.cost.right() - 1;
    let images = if quote.credits_per_item > 0 {
        quote.credits / quote.credits_per_item
    } else {
        0
    };
    let cost = if quote.credits == 0 {
        words.free.to_owned()
    } else {
        (words.cost_of)(images, quote.credits_per_item, quote.credits)
    };
    let balance = format!(
        "{} {} -> {}",
        words.balance,
        count(quote.balance_before),
        count(quote.balance_after)
    );
    let mut line = vec![
        (cost, role(Role::Strong)),
        (
            balance,
            role(if quote.affordable {
                Role::Text
            } else {
                Role::Bad
            }),
        ),
    ];
    if !quote.affordable {
        line.push((format!("! {}", words.not_enough), Role::Bad));
    }
    pen.put_parts(x, parts.cost.y, end, &line);
    let mut line = Vec::new();
    match &quote.expected_finish_time {
        Some(time) => {
            let time = moment(time);
            let left = span(pen.clock.seconds_until(time).max(60));
            line.push((
                (words.finish_about)(&pen.clock.at(time), &left),
                role(Role::Strong),
            ));
        }
        None => line.push((words.no_estimate.to_owned(), role(Role::Text))),
    }
    if let Some(wait) = &quote.wait {
        let text = (words.waits_for)((words.wait_long)(wait.reason()));
        line.push((text, role(Role::Warn)));
    }
    line.push(((words.slots_are)(quote.slot_limit), role(Role::Dim)));
    line.push(((words.ahead)(quote.items_ahead), role(Role::Dim)));
    if let Some(left) = quote.daily_tasks_left {
        line.push(((words.tasks_left)(left), role(Role::Dim)));
    }
    pen.put_parts(x, parts.finish.y, end, &line);
}

fn draw_footer(state: &State, pen: &mut Pen, area: Rect) {
    let draft = &state.new_batch;
    if let Some(glob) = &draft.glob {
        let shown = count(i64::try_from(draft.files.len()).unwrap_or(i64::MAX));
        let title = pen.words.pattern;
        chrome::filter_line(pen, area, title, glob, &shown);
        return;
    }
    let (mode, actions): (Mode, &[Action]) = if draft.focus == Focus::Files {
        (
            Mode::FileList,
            &[
                Action::Mark,
                Action::MarkAll,
                Action::Open,
                Action::ParentDirectory,
                Action::Glob,
                Action::NextField,
                Action::Submit,
                Action::Back,
                Action::Help,
            ],
        )
    } else {
        (
            Mode::Fields,
            &[
                Action::NextField,
                Action::PreviousField,
                Action::Submit,
                Action::Back,
                Action::Help,
            ],
        )
    };
    chrome::footer(state, pen, area, mode, actions);
}
