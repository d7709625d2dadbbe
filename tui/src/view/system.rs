//! Draws the service as it is now: in two columns, or one below the other when the terminal is narrow. What must always be
//! seen: warnings, state, slots, token.

use ratatui::layout::Rect;
use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;
use vision_batch::v1::engine_info::Health;
use vision_batch::v1::upstream::TokenState;

use super::chrome;
use super::cut::{cut_middle, width};
use super::pen::Pen;
use super::theme::Role;
use super::throughput;
use crate::keymap::{Action, Mode};
use crate::state::geometry::SystemParts;
use crate::state::{State, moment, seconds};
use crate::text::{bytes, count, span};

/// From this width on two columns stand side by side.
const BESIDE_FROM: u16 = 76;

/// One fact: its name, a bar when it is a share, its words.
struct Fact {
    name: &'static str,
    bar: Option<(f64, Role)>,
    parts: Vec<(String, Role)>,
    /// When room is short those with the highest number go first; 0 stays.
    rank: u8,
}

fn fact(rank: u8, name: &'static str, parts: Vec<(String, Role)>) -> Fact {
    Fact {
        name,
        bar: None,
        parts,
        rank,
    }
}

fn text(words: impl Into<String>) -> (String, Role) {
    (words.into(), Role::Text)
}

fn dim(words: impl Into<String>) -> (String, Role) {
    (words.into(), Role::Dim)
}

pub(crate) fn draw(state: &State, pen: &mut Pen, parts: SystemParts) {
    let words = pen.words;
    chrome::header(state, pen, parts.header, false, words.admin.system);
    let actions = [
        Action::PauseResume,
        Action::Drain,
        Action::MoreSlots,
        Action::FewerSlots,
        Action::Token,
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
        let (text, role) = match &state.system.refusal {
            Some(refusal) => ((words.refusal)(refusal), Role::Bad),
            None => (words.loading.to_owned(), Role::Dim),
        };
        pen.put(body.x + 2, body.y + 1, &text, role, body.width - 3);
        return;
    };
    let body = draw_warnings(pen, status, body);
    let dispatch = dispatch_facts(pen, status);
    let upstream = upstream_facts(pen, status);
    let server = server_facts(pen, status);
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

#[expect(clippy::cast_precision_loss, reason = "a share for a bar")]
fn part_of(part: i64, whole: i64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn dispatch_facts(pen: &Pen, status: &v1::SystemStatus) -> Vec<Fact> {
    let words = pen.words.admin;
    let mut facts = Vec::new();
    if let Some(dispatch) = &status.dispatch {
        let role = match dispatch.state() {
            Dispatch::Running => Role::Good,
            _ => Role::Warn,
        };
        let mut parts = vec![((words.dispatch_state)(dispatch.state()).to_owned(), role)];
        if let Some(time) = dispatch
            .change_time
            .as_ref()
            .filter(|_| !dispatch.changed_by.is_empty())
        {
            let ago = minutes(pen.clock.seconds_since(moment(time)));
            parts.push(dim((words.changed_by)(&dispatch.changed_by, &ago)));
        }
        facts.push(fact(0, words.state, parts));
    }
    if let Some(slots) = &status.slots {
        let taken = slots.running + slots.cleanup + slots.foreign;
        let mut parts = vec![text((words.taken_of)(taken, slots.limit))];
        if slots.cleanup > 0 {
            parts.push(dim((words.cleanup)(slots.cleanup)));
        }
        if slots.foreign > 0 {
            parts.push((((words.foreign)(slots.foreign)), Role::Warn));
        }
        let mut slots_fact = fact(0, words.slots, parts);
        slots_fact.bar = Some((part_of(taken.into(), slots.limit.into()), Role::BarFill));
        facts.push(slots_fact);
    }
    let waiting: i32 = status.waiting.iter().map(|it| it.count).sum();
    let oldest = status
        .oldest_pending_time
        .as_ref()
        .map(|time| minutes(pen.clock.seconds_since(moment(time))));
    let parts = vec![text((words.waiting_items)(waiting, oldest.as_deref()))];
    facts.push(fact(1, words.waiting, parts));
    for reason in &status.waiting {
        let what = (pen.words.wait_long)(reason.reason());
        let part = format!("{}  {what}", count(reason.count));
        facts.push(fact(4, "", vec![dim(part)]));
    }
    if let Some(drain) = &status.expected_drain {
        let part = format!("~{}", minutes(seconds(drain)));
        facts.push(fact(2, words.drains_in, vec![text(part)]));
    }
    if let Some(engine) = status.engines.iter().find(|it| it.name == "preview") {
        let slots = engine.slots.unwrap_or_default();
        let parts = vec![
            text((words.taken_of)(slots.running, slots.limit)),
            dim((words.health)(engine.health())),
        ];
        facts.push(fact(3, words.preview, parts));
    }
    facts
}

/// Without seconds: nothing here is under a cursor.
fn minutes(seconds: i64) -> String {
    if seconds < 60 {
        "<1m".to_owned()
    } else {
        span(seconds)
    }
}

fn upstream_facts(pen: &Pen, status: &v1::SystemStatus) -> Vec<Fact> {
    let words = pen.words.admin;
    let Some(upstream) = &status.upstream else {
        return vec![fact(0, "", vec![dim(words.no_upstream)])];
    };
    let role = match upstream.health() {
        Health::Ok => Role::Good,
        Health::Unreachable => Role::Bad,
        Health::Unspecified => Role::Dim,
        _ => Role::Warn,
    };
    let mut parts = vec![((words.health)(upstream.health()).to_owned(), role)];
    if let Some(time) = &upstream.last_success_time {
        let ago = minutes(pen.clock.seconds_since(moment(time)));
        parts.push(dim((words.answered)(&ago)));
    }
    let mut facts = vec![fact(1, words.health_is, parts)];

    let role = match upstream.token_state() {
        TokenState::Ok => Role::Good,
        TokenState::Unspecified => Role::Dim,
        _ => Role::Bad,
    };
    let mut parts = vec![((words.token_state)(upstream.token_state()).to_owned(), role)];
    if let Some(time) = &upstream.token_expire_time {
        let left = pen.clock.seconds_until(moment(time));
        let role = if left < 86_400 { Role::Warn } else { Role::Dim };
        parts.push(((words.ends_in)(&minutes(left)), role));
    }
    facts.push(fact(0, words.token, parts));

    let mut use_fact = if upstream.daily_limit > 0 {
        let used = format!(
            "{}/{}",
            count(upstream.daily_used),
            count(upstream.daily_limit)
        );
        let mut parts = vec![text(used)];
        if let Some(time) = &upstream.next_free_time {
            let at = pen.clock.at(moment(time));
            parts.push(((words.next_free)(&at), Role::Warn));
        }
        fact(2, words.day_use, parts)
    } else {
        let parts = vec![text(count(upstream.daily_used)), dim(words.unlimited)];
        fact(2, words.day_use, parts)
    };
    if upstream.daily_limit > 0 {
        let share = part_of(upstream.daily_used.into(), upstream.daily_limit.into());
        let role = if share < 1.0 {
            Role::BarFill
        } else {
            Role::BarBad
        };
        use_fact.bar = Some((share.min(1.0), role));
    }
    facts.push(use_fact);

    let errors: Vec<String> = status
        .recent_errors
        .iter()
        .map(|it| format!("{} {}", count(it.count), (words.error_class)(it.class())))
        .collect();
    let part = if errors.is_empty() {
        dim(words.no_errors)
    } else {
        (errors.join(", "), Role::Warn)
    };
    facts.push(fact(3, words.errors, vec![part]));

    for (index, account) in upstream.accounts.iter().enumerate() {
        let name = if index == 0 { words.account } else { "" };
        let mut parts = vec![text(account.account.clone())];
        if account.token_state() != TokenState::Ok {
            let words = (words.token_state)(account.token_state());
            parts.push((words.to_owned(), Role::Warn));
        }
        parts.push(dim((words.account_work)(account)));
        facts.push(fact(4, name, parts));
    }
    facts
}

fn server_facts(pen: &Pen, status: &v1::SystemStatus) -> Vec<Fact> {
    let words = pen.words.admin;
    let size = |bytes_of: i64| bytes(bytes_of.unsigned_abs());
    let mut facts = Vec::new();
    if let Some(storage) = &status.storage {
        let used = storage.disk_total_bytes - storage.disk_free_bytes;
        let share = part_of(used, storage.disk_total_bytes);
        let role = if share > 0.9 {
            Role::BarBad
        } else {
            Role::BarFill
        };
        let parts = vec![
            text((words.disk_free)(
                &size(storage.disk_free_bytes),
                &size(storage.disk_total_bytes),
            )),
            dim((words.database)(&size(storage.database_bytes))),
            dim((words.files)(
                &size(storage.images_bytes),
                &size(storage.audios_bytes),
                &size(storage.videos_bytes),
            )),
        ];
        let mut disk = fact(1, words.disk, parts);
        disk.bar = Some((share, role));
        facts.push(disk);
    }
    let backup = match &status.last_backup_time {
        Some(time) => dim((words.ago)(&minutes(pen.clock.seconds_since(moment(time))))),
        None => (words.never.to_owned(), Role::Warn),
    };
    let verify = status.last_verify.as_ref().map(|verify| {
        let ago = verify.finish_time.as_ref().map_or(String::new(), |time| {
            minutes(pen.clock.seconds_since(moment(time)))
        });
        (verify.ok, ago)
    });
    let role = match &verify {
        Some((false, _)) => Role::Bad,
        _ => Role::Dim,
    };
    let verified = (words.balances_are)(verify.as_ref().map(|(ok, ago)| (*ok, ago.as_str())));
    let parts = vec![backup, dim(words.balances), (verified, role)];
    facts.push(fact(2, words.last_backup, parts));
    let mut parts = vec![text(format!("vbatchd {}", status.version))];
    if let Some(time) = &status.start_time {
        let up = minutes(pen.clock.seconds_since(moment(time)));
        parts.push(dim((words.up_for)(&up)));
    }
    parts.push(dim((words.sessions)(status.sessions, status.watchers)));
    facts.push(fact(3, words.server, parts));
    facts
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
