//! Draws the service as it is now: in two columns, or one below the other when the terminal is narrow. What must always be
//! seen: warnings, state, slots, token.

mod facts;

use ratatui::layout::Rect;
use vision_batch::v1;

use self::facts::Fact;
use super::chrome;
use super::cut::{cut_middle, width};
use super::pen::Pen;
use super::theme::Role;
use super::throughput;
use crate::keymap::{Action, Mode};
use crate::state::State;
use crate::state::geometry::SystemParts;

/// From this width on two columns stand side by side.
const BESIDE_FROM: u16 = 76;

pub(crate) fn draw(state: &State, pen: &mut Pen, parts: SystemParts) {
    let words = pen.words;
    chrome::header(state, pen, parts.header, false, words.admin.system);
    let actions = [
        Action::PauseResume,
        Action::Drain,
        Action::MoreSlots,
        Action::FewerSlots,
        Action::Token,
        Action::Audit,
        Action::Users,
        Action::Batches,
        Action::Palette,
        Action::Help,
    ];
    chrome::footer(state, pen, parts.footer, Mode::System, &actions);
    let mut body = parts.body;
    if chrome::banner(state, pen, Rect { height: 1, ..body }) {
        body = below(body, 1);
    }
    let Some(status) = &state.system.status else {
        pen.put(
            body.x + 2,
            body.y + 1,
            words.loading,
            Role::Dim,
            body.width - 3,
        );
        return;
    };
    let body = draw_warnings(pen, status, body);
    let dispatch = facts::dispatch(pen, status);
    let upstream = facts::upstream(pen, status);
    let server = facts::server(pen, status);
    let titles = [
        words.admin.dispatch.to_owned(),
        status.upstream.as_ref().map_or_else(
            || words.admin.upstream.to_owned(),
            |it| format!("{}  {}", words.admin.upstream, it.host),
        ),
        words.admin.server.to_owned(),
    ];
    let [first, second, third] = titles;
    if body.width >= BESIDE_FROM {
        let half = body.width / 2;
        let server_height = u16::try_from(server.len()).unwrap_or(0) + 1;
        let wanted = dispatch.len().max(upstream.len());
        let wanted = u16::try_from(wanted).unwrap_or(u16::MAX) + 1;
        let chart_height = throughput::height(body.height.saturating_sub(wanted + server_height));
        let room = body.height.saturating_sub(chart_height + server_height);
        let height = wanted.min(room);
        let left = Rect::new(body.x, body.y, half - 1, height);
        let right = Rect::new(body.x + half, body.y, body.width - half, height);
        draw_block(pen, left, &first, dispatch);
        draw_block(pen, right, &second, upstream);
        let rest = below(body, height);
        let chart = Rect {
            height: chart_height.min(rest.height),
            ..rest
        };
        throughput::draw(pen, chart, &status.throughput);
        let rest = below(rest, chart.height);
        let height = server_height.min(rest.height);
        draw_block(pen, Rect { height, ..rest }, &third, server);
        return;
    }
    // One column: what matters most of each.
    let heights = share(
        body.height,
        [dispatch.len() + 1, upstream.len() + 1, server.len() + 1],
    );
    let mut rest = body;
    for ((title, facts), height) in [(first, dispatch), (second, upstream), (third, server)]
        .into_iter()
        .zip(heights)
    {
        draw_block(pen, Rect { height, ..rest }, &title, facts);
        rest = below(rest, height);
    }
}

fn below(area: Rect, height: u16) -> Rect {
    let height = height.min(area.height);
    Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    }
}

/// How many rows each block gets: as many as it wants, the last one giving way first, but the first two never less than 4.
fn share(rows: u16, wanted: [usize; 3]) -> [u16; 3] {
    let mut heights = wanted.map(|it| u16::try_from(it).unwrap_or(u16::MAX));
    for (index, least) in [(2, 0), (1, 4), (0, 4)] {
        let all: u16 = heights.iter().sum();
        let over = all.saturating_sub(rows);
        heights[index] = heights[index]
            .saturating_sub(over)
            .max(least.min(heights[index]));
    }
    heights
}

/// The warnings, worst first; the rest of the body.
fn draw_warnings(pen: &mut Pen, status: &v1::SystemStatus, body: Rect) -> Rect {
    use v1::warning::Severity;
    let most = usize::from((body.height / 6).max(1));
    let mut y = body.y;
    let hidden = status.warnings.len().saturating_sub(most);
    for (index, warning) in status.warnings.iter().take(most).enumerate() {
        let role = match warning.severity() {
            Severity::Critical => Role::Bad,
            Severity::Warning => Role::Warn,
            Severity::Info | Severity::Unspecified => Role::Dim,
        };
        let mut words = format!("! {}", (pen.words.admin.warning)(warning, &pen.clock));
        if hidden > 0 && index + 1 == most {
            words = format!("{words}  +{hidden}");
        }
        pen.put(body.x + 1, y, &words, role, body.width - 2);
        y += 1;
    }
    below(body, y - body.y)
}

/// A block under its title; what does not fit goes by rank.
fn draw_block(pen: &mut Pen, area: Rect, title: &str, mut facts: Vec<Fact>) {
    if area.height == 0 {
        return;
    }
    pen.rule(Rect { height: 1, ..area }, title, Role::Accent);
    let room = usize::from(area.height - 1);
    while facts.len() > room {
        let last = facts
            .iter()
            .enumerate()
            .filter(|(_, fact)| fact.rank > 0)
            .max_by_key(|(index, fact)| (fact.rank, *index))
            .map(|(index, _)| index);
        match last {
            Some(index) => drop(facts.remove(index)),
            None => facts.truncate(room),
        }
    }
    let name_width = facts.iter().map(|it| width(it.name)).max().unwrap_or(0);
    let gap = if name_width == 0 { 0 } else { 2 };
    let x = area.x + 1 + u16::try_from(name_width).unwrap_or(0) + gap;
    for (y, fact) in (area.y + 1..area.bottom()).zip(facts) {
        pen.put(area.x + 1, y, fact.name, Role::Dim, area.width);
        let mut x = x;
        if let Some((share, role)) = fact.bar {
            pen.bar(x, y, 10, share, role);
            x += 12;
        }
        let mut parts = fact.parts;
        // Of a long list the beginning tells most.
        if let Some((last, _)) = parts.last_mut() {
            let room = usize::from(area.right().saturating_sub(x));
            if width(last) > room {
                *last = cut_middle(last, room);
            }
        }
        pen.put_parts(x, y, area.right(), &parts);
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn the_last_block_gives_way_first() {
        assert_eq!(share(30, [8, 7, 4]), [8, 7, 4]);
        assert_eq!(share(16, [8, 7, 4]), [8, 7, 1]);
        assert_eq!(share(12, [8, 7, 4]), [8, 4, 0]);
        assert_eq!(share(8, [8, 7, 4]), [4, 4, 0]);
    }
}
