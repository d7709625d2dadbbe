//! Owns how commands say states, times, sizes and errors in plain English.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::video_item::{Stage, State};

use super::exit::CommandError;
use super::table::printable;
use crate::state::{Language, Refusal};
use crate::text::texts;

/// The last 8 digits of an id, by which people know it.
#[must_use]
pub fn short(id: &str) -> &str {
    id.len()
        .checked_sub(8)
        .and_then(|start| id.get(start..))
        .unwrap_or(id)
}

/// The name of a value of an enum without the prefix its siblings share.
#[must_use]
pub fn plain<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).unwrap_or(name)
}

/// The state of a batch, with a partial failure marked.
#[must_use]
pub fn batch_state(batch: &v1::Batch) -> String {
    let state = plain(batch.state().as_str_name(), "STATE_");
    if batch.needs_attention {
        format!("{state} !")
    } else {
        state.to_owned()
    }
}

/// The engine; the built-in preview is never shown as if it were the real thing.
#[must_use]
pub fn engine(name: &str) -> &str {
    if name == "preview" { "PREVIEW" } else { name }
}

/// What is waited for, after "waits for".
#[must_use]
pub const fn wait_reason(reason: v1::wait::Reason) -> &'static str {
    use v1::wait::Reason as Wait;
    match reason {
        Wait::Unspecified => "an unknown reason",
        Wait::Slot => "a slot",
        Wait::Turn => "its turn",
        Wait::Paused => "an admin to resume dispatch",
        Wait::BackOff => "the pause before another attempt",
        Wait::UpstreamToken => "an upstream token",
        Wait::UpstreamDailyLimit => "the upstream's daily limit",
        Wait::UpstreamBusy => "the upstream, which is busy or silent",
        Wait::Cleanup => "the end of its old upstream task",
        Wait::StorageFull => "room on the server's disk",
    }
}

/// A wait in words, with when it is expected to end.
#[must_use]
pub fn wait(wait: &v1::Wait, now: Timestamp) -> String {
    let reason = wait_reason(wait.reason());
    match time(wait.until.as_ref()) {
        Some(until) if until > now => format!("waits for {reason}, {}", span_until(now, until)),
        _ => format!("waits for {reason}"),
    }
}

/// Where an item is: its state, its stage, and what is known of it.
#[must_use]
pub fn item_state(item: &v1::VideoItem, now: Timestamp) -> String {
    match item.state() {
        State::Pending => match &item.wait {
            Some(reason) => format!("pending, {}", wait(reason, now)),
            None => "pending".to_owned(),
        },
        State::Processing => stage(item),
        State::Completed => match &item.result {
            Some(result) if result.removed_time.is_some() => "completed, file removed".to_owned(),
            Some(result) => format!("completed, {}", size(result.size_bytes)),
            None => "completed".to_owned(),
        },
        State::Failed => match &item.failure {
            Some(failure) => format!("failed: {}", failure_words(failure)),
            None => "failed".to_owned(),
        },
        State::Cancelled => "cancelled".to_owned(),
        State::Unspecified => "unknown".to_owned(),
    }
}

fn stage(item: &v1::VideoItem) -> String {
    match item.stage() {
        Stage::Submitting => "submitting".to_owned(),
        Stage::UpstreamQueued => match item.queue_position {
            Some(position) => format!("upstream queue {position}"),
            None => "upstream queue".to_owned(),
        },
        Stage::Generating => match item.progress_estimate {
            Some(share) => format!("generating ~{}", percent(share)),
            None => "generating".to_owned(),
        },
        Stage::Fetching => match (item.fetched_bytes, item.total_bytes) {
            (Some(fetched), Some(total)) => format!("fetching {}/{}", size(fetched), size(total)),
            _ => "fetching".to_owned(),
        },
        Stage::Cancelling => "cancelling".to_owned(),
        Stage::Unspecified => "processing".to_owned(),
    }
}

/// Why an item or an attempt failed.
#[must_use]
pub fn failure_words(failure: &v1::ItemFailure) -> String {
    let reason = plain(failure.reason().as_str_name(), "REASON_");
    if failure.message.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}, {}", printable(&failure.message))
    }
}

/// A share from 0 to 1 as whole per cent.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.0}%", (share.clamp(0.0, 1.0) * 100.0).floor())
}

/// A number of bytes, as the screen writes it.
#[must_use]
pub fn size(bytes: i64) -> String {
    crate::text::bytes(u64::try_from(bytes).unwrap_or_default())
}

/// A span in its largest unit or two: `12s`, `1m40`, `3h05`, `2d04h`.
#[must_use]
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// How long ago or until then, about.
fn span_until(now: Timestamp, until: Timestamp) -> String {
    format!("about {}", span(until.as_second() - now.as_second()))
}

/// The age of something in one unit: `5m`, `3h`, `2d`.
#[must_use]
pub fn age(now: Timestamp, then: Option<Timestamp>) -> String {
    let Some(then) = then else {
        return String::new();
    };
    let seconds = (now.as_second() - then.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A time of the contract as a time of this program.
#[must_use]
pub fn time(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}

/// A time on the clock of this machine, to the second; empty when absent.
#[must_use]
pub fn local(time: Option<Timestamp>) -> String {
    time.map(|time| {
        time.to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    })
    .unwrap_or_default()
}

/// A playing time: `0:48`.
#[must_use]
pub fn playing_time(duration: Option<&prost_types::Duration>) -> String {
    duration
        .map(|span| format!("{}:{:02}", span.seconds / 60, span.seconds % 60))
        .unwrap_or_default()
}

/// An error in one or more lines that say what to do: in Chinese by its reason and facts, else as the server said it.
#[must_use]
pub fn error(error: &CommandError, server: &str, language: Language) -> String {
    let mut text = match error.net() {
        Some(net) if net.message.is_empty() => net.code_name().to_owned(),
        _ => printable(&error.to_string()),
    };
    let Some(net) = error.net() else {
        return text;
    };
    let chinese = language == Language::Chinese;
    if chinese {
        text = printable(&(texts(language).refusal)(&Refusal::from(net.clone())));
    }
    if !net.reason.is_empty() {
        text += &format!(" [{}]", printable(&net.reason));
    }
    for (field, words) in &net.violations {
        text += &format!("\n  {}: {}", printable(field), printable(words));
    }
    let facts: Vec<String> = net
        .metadata
        .iter()
        .map(|(name, value)| format!("{} {}", printable(name), printable(value)))
        .collect();
    if !facts.is_empty() {
        text += &format!("\n  {}", facts.join(", "));
    }
    let hint = match net.known_reason() {
        Some(Reason::PasswordChangeRequired) if chinese => Some("请先设置新密码：vbatch passwd"),
        Some(Reason::PasswordChangeRequired) => Some("Set a new password first: vbatch passwd"),
        Some(
            Reason::TokenMissing
            | Reason::TokenInvalid
            | Reason::TokenExpired
            | Reason::TokenRevoked,
        ) => Some(if chinese {
            "请先登录：vbatch login"
        } else {
            "Sign in first: vbatch login"
        }),
        _ => None,
    };
    if let Some(hint) = hint {
        text += &format!("\n{hint}");
    }
    if net.class == crate::net::error::Class::Unreachable {
        text = if chinese {
            format!("{server}：{text}")
        } else {
            format!("the server at {server} is not reached: {text}")
        };
    }
    if let Some(wait) = net.retry_after {
        let wait = span(i64::try_from(wait.as_secs_f64().ceil() as u64).unwrap_or(i64::MAX));
        text += &if chinese {
            format!("\n请在 {wait} 后重试。")
        } else {
            format!("\nTry again in {wait}.")
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_shares_and_ids_are_short() {
        for (seconds, text) in [
            (0, "0s"),
            (100, "1m40"),
            (11_100, "3h05"),
            (187_200, "2d04h"),
        ] {
            assert_eq!(span(seconds), text);
        }
        assert_eq!(percent(0.999), "99%");
        assert_eq!(short("0198c0de-0000-7000-8000-0000d3a17b1f"), "d3a17b1f");
    }

    #[test]
    fn an_item_says_what_it_does() {
        let mut item = v1::VideoItem {
            state: State::Processing.into(),
            stage: Stage::Generating.into(),
            progress_estimate: Some(0.625),
            ..v1::VideoItem::default()
        };
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(item_state(&item, now), "generating ~62%");
        item.state = State::Pending.into();
        item.wait = Some(v1::Wait {
            reason: v1::wait::Reason::BackOff.into(),
            until: Some(prost_types::Timestamp {
                seconds: 40,
                nanos: 0,
            }),
        });
        assert_eq!(
            item_state(&item, now),
            "pending, waits for the pause before another attempt, about 40s"
        );
    }
}
