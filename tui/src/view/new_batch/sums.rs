//! Draws what the draft comes to: the marked images, the cost, the balance, when it would be done; or how far the upload is.

use vision_batch::v1;

use crate::state::geometry::NewBatchParts;
use crate::state::{Audio, State, Sums, moment};
use crate::text::{bytes, count, rate, span};
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// The sums, beginning at their rule.
pub(super) fn draw(state: &State, pen: &mut Pen, parts: NewBatchParts, x: u16) {
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
    let sums = draft.sums(state.service.as_ref());
    match (&draft.quote, sums) {
        (Some(Ok(quote)), Some(sums)) => draw_quote(pen, parts, at, quote, sums),
        (Some(Err(refusal)), _) => {
            let text = (words.refusal)(refusal);
            pen.put(at, parts.cost.y, &text, Role::Bad, parts.cost.width - x - 1);
        }
        _ => {
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

/// While a newer quote is on its way the sums are shown dimmed, by the price that is known.
fn draw_quote(
    pen: &mut Pen,
    parts: NewBatchParts,
    x: u16,
    quote: &v1::QuoteBatchResponse,
    sums: Sums,
) {
    let words = pen.words;
    let role = |role: Role| if sums.current { role } else { Role::Dim };
    let end = parts.cost.right() - 1;
    let cost = if sums.credits == 0 {
        words.free.to_owned()
    } else {
        (words.cost_of)(sums.images, quote.credits_per_item, sums.credits)
    };
    let balance = format!(
        "{} {} -> {}",
        words.balance,
        count(quote.balance_before),
        count(sums.balance_after)
    );
    let mut line = vec![
        (cost, role(Role::Strong)),
        (
            balance,
            role(if sums.affordable {
                Role::Text
            } else {
                Role::Bad
            }),
        ),
    ];
    if !sums.affordable {
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
