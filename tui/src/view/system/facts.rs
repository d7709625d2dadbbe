//! Owns what is said of the service, fact by fact.

use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;
use vision_batch::v1::engine_info::Health;
use vision_batch::v1::upstream::TokenState;

use crate::state::{moment, seconds};
use crate::text::{bytes, count, span};
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// One fact: its name, a bar when it is a share, its words.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) bar: Option<(f64, Role)>,
    pub(super) parts: Vec<(String, Role)>,
    /// When room is short those with the highest number go first; 0 stays.
    pub(super) rank: u8,
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

#[expect(clippy::cast_precision_loss, reason = "a share for a bar")]
fn part_of(part: i64, whole: i64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Of what is dispatched, and what waits.
pub(super) fn dispatch(pen: &Pen, status: &v1::SystemStatus) -> Vec<Fact> {
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
        let mut parts = vec![text(part)];
        if let Some(upstream) = status.upstream.as_ref().filter(|it| it.daily_limit > 0) {
            parts.push(dim((words.a_day)(upstream.daily_limit)));
        }
        facts.push(fact(2, words.drains_in, parts));
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

/// Of the paid engine's upstream and its accounts.
pub(super) fn upstream(pen: &Pen, status: &v1::SystemStatus) -> Vec<Fact> {
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

/// Of the server itself and its disk.
pub(super) fn server(pen: &Pen, status: &v1::SystemStatus) -> Vec<Fact> {
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
    let mut parts = vec![backup, dim(words.balances), (verified, role)];
    if let Some(disagrees) = status.last_verify.as_ref().filter(|it| !it.ok) {
        parts.push((disagrees.detail.clone(), Role::Bad));
    }
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
