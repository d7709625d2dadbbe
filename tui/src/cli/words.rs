//! Owns how commands say states, times, sizes and errors. Not here: the words themselves ([`crate::text`]).

use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::video_item::{Stage, State};

use super::exit::CommandError;
use super::table::printable;
use crate::credentials::CredentialsError;
use crate::net::download::TransferError;
use crate::state::{Language, Refusal};
use crate::text::commands::CommandTexts;
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

/// The state of a batch, with what needs attention marked.
#[must_use]
pub fn batch_state(texts: &CommandTexts, batch: &v1::Batch) -> String {
    let state = (texts.batch_state)(batch.state());
    if batch.needs_attention {
        format!("{state} !")
    } else {
        state.to_owned()
    }
}

/// A wait in words, with when it is expected to end.
#[must_use]
pub fn wait(texts: &CommandTexts, wait: &v1::Wait, now: Timestamp) -> String {
    let left = time(wait.until.as_ref())
        .filter(|until| *until > now)
        .map(|until| span(until.as_second() - now.as_second()));
    (texts.waits)(wait.reason(), left.as_deref())
}

/// Where an item is: its state, its stage, and what is known of it.
#[must_use]
pub fn item_state(texts: &CommandTexts, item: &v1::VideoItem, now: Timestamp) -> String {
    match item.state() {
        State::Pending => match &item.wait {
            Some(reason) => format!(
                "{}{}{}",
                texts.pending,
                texts.comma,
                wait(texts, reason, now)
            ),
            None => texts.pending.to_owned(),
        },
        State::Processing => stage(texts, item),
        State::Completed => match &item.result {
            Some(result) if result.removed_time.is_some() => texts.file_removed.to_owned(),
            Some(result) => (texts.completed)(&size(result.size_bytes)),
            None => (texts.completed)(""),
        },
        State::Failed => match &item.failure {
            Some(failure) => (texts.failed_for)(&failure_words(texts, failure)),
            None => texts.failed.to_owned(),
        },
        State::Cancelled => texts.item_cancelled.to_owned(),
        State::Unspecified => texts.unknown.to_owned(),
    }
}

fn stage(texts: &CommandTexts, item: &v1::VideoItem) -> String {
    let plain = || (texts.stage)(item.stage()).to_owned();
    match item.stage() {
        Stage::UpstreamQueued => item.queue_position.map_or_else(plain, texts.queue_position),
        Stage::Generating => item
            .progress_estimate
            .map_or_else(plain, |share| (texts.generating)(&percent(share))),
        Stage::Fetching => match (item.fetched_bytes, item.total_bytes) {
            (Some(fetched), Some(total)) => (texts.fetching)(&size(fetched), &size(total)),
            _ => plain(),
        },
        Stage::Submitting | Stage::Cancelling | Stage::Unspecified => plain(),
    }
}

/// Why an item or an attempt failed.
#[must_use]
pub fn failure_words(texts: &CommandTexts, failure: &v1::ItemFailure) -> String {
    (texts.failure)(failure.reason(), &printable(&failure.message))
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
    let words = texts(language);
    let texts = words.commands;
    let Some(net) = error.net() else {
        return printable_lines(&own_error(error, texts));
    };
    // Of an address it is told what is wrong with it; there is no more to say than that in any language.
    let mut text = match language {
        Language::Chinese => printable(&(words.refusal)(&Refusal::from(net.clone()))),
        Language::English if net.message.is_empty() => net.code_name().to_owned(),
        Language::English => printable(&net.message),
    };
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
        Some(Reason::PasswordChangeRequired) => Some(texts.set_password_first),
        Some(
            Reason::TokenMissing
            | Reason::TokenInvalid
            | Reason::TokenExpired
            | Reason::TokenRevoked,
        ) => Some(texts.sign_in_first),
        _ => None,
    };
    if let Some(hint) = hint {
        text += &format!("\n{hint}");
    }
    if net.class == crate::net::error::Class::Unreachable {
        text = (texts.unreachable)(server, &text);
    }
    if let Some(wait) = net.retry_after {
        let wait = span(i64::try_from(wait.as_secs_f64().ceil() as u64).unwrap_or(i64::MAX));
        text += &format!("\n{}", (texts.try_again_in)(&wait));
    }
    text
}

/// What happened here, in words.
fn own_error(error: &CommandError, texts: &CommandTexts) -> String {
    let shown = |path: &std::path::Path| path.display().to_string();
    match error {
        CommandError::Transfer(TransferError::Local { path, source, .. })
            if source.kind() == io::ErrorKind::AlreadyExists =>
        {
            format!("{}: {}", path.display(), texts.another_file)
        }
        CommandError::Transfer(TransferError::Local {
            doing,
            path,
            source,
        }) => (texts.local_file)(doing, &shown(path), &source.to_string()),
        CommandError::Transfer(TransferError::Changed { path }) => {
            (texts.file_changed)(&shown(path))
        }
        CommandError::Transfer(TransferError::Digest {
            file,
            expected,
            actual,
        }) => (texts.file_differs)(file, actual, expected),
        CommandError::Credentials(CredentialsError::File {
            doing,
            path,
            source,
        }) => (texts.local_file)(doing, &shown(path), &source.to_string()),
        CommandError::Credentials(CredentialsError::Malformed { path, source }) => {
            (texts.sessions_malformed)(&shown(path), &source.to_string())
        }
        other => other.to_string(),
    }
}

/// Our own ends of lines stay.
fn printable_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n")
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
        let texts = texts(Language::English).commands;
        let mut item = v1::VideoItem {
            state: State::Processing.into(),
            stage: Stage::Generating.into(),
            progress_estimate: Some(0.625),
            ..v1::VideoItem::default()
        };
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(item_state(texts, &item, now), "generating ~62%");
        item.state = State::Pending.into();
        item.wait = Some(v1::Wait {
            reason: v1::wait::Reason::BackOff.into(),
            until: Some(prost_types::Timestamp {
                seconds: 40,
                nanos: 0,
            }),
        });
        assert_eq!(
            item_state(texts, &item, now),
            "pending, waits for the pause before another attempt, about 40s"
        );
        let chinese = crate::text::texts(Language::Chinese).commands;
        assert_eq!(
            item_state(chinese, &item, now),
            "排队，等待失败后的间歇，约 40s"
        );
    }
}
