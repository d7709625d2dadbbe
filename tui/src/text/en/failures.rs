//! Owns the English words for what holds items up, why they failed, and what to do.

use vision_batch::v1::item_failure::Reason as Failure;

use super::items;
use crate::state::Warning;
use crate::text::{Clock, span};

pub(super) fn failure(reason: Failure) -> &'static str {
    match reason {
        Failure::Unspecified => "unknown reason",
        Failure::UpstreamBadInput => "bad input",
        Failure::WorkerLost => "worker lost",
        Failure::UpstreamFailed => "engine failed",
        Failure::UpstreamCancelled => "ended upstream",
        Failure::UpstreamAccountLost => "account lost",
        Failure::TaskVanished => "task vanished",
        Failure::ItemDeadline => "took too long",
        Failure::ResultInvalid => "bad video",
        Failure::EngineFailed => "preview failed",
        Failure::SourceLost => "source lost",
    }
}

pub(super) fn advice(reason: Failure) -> &'static str {
    match reason {
        Failure::Unspecified => "Retry; if it fails again, tell an admin what is said above.",
        Failure::UpstreamBadInput => {
            "Export the picture again as PNG or JPEG and submit it in a new batch; retrying sends the same file."
        }
        Failure::WorkerLost => {
            "The engine lost its workers several times. Retry (r) when it has calmed down; the files are fine."
        }
        Failure::UpstreamFailed => {
            "The engine gave up on it. Retry (r) once; if it fails again, try another picture or prompt."
        }
        Failure::UpstreamCancelled => {
            "Somebody ended the task at the engine itself, not here. Retry (r) starts it anew."
        }
        Failure::UpstreamAccountLost => {
            "The engine's account had no usable token for too long. Retry (r) once an admin has put in a new one."
        }
        Failure::TaskVanished => "The engine forgot the task. Retry (r) starts a new one.",
        Failure::ItemDeadline => {
            "The engine did not finish in time. Retry (r) later, or use a shorter audio."
        }
        Failure::ResultInvalid => {
            "What the engine delivered does not play. Retry (r); tell an admin if it happens again."
        }
        Failure::EngineFailed => {
            "The preview could not be drawn. Retry (r); if it fails again, export the picture anew."
        }
        Failure::SourceLost => {
            "The stored files are gone or damaged. Submit them again in a new batch, and tell an admin."
        }
    }
}

pub(super) fn warning(warning: &Warning, clock: &Clock) -> String {
    let wait = |waiting: i32| match waiting {
        0 => String::new(),
        1 => " 1 item waits, nothing is lost.".to_owned(),
        _ => format!(" {} wait, none is lost.", items(waiting)),
    };
    let since = |since: &Option<jiff::Timestamp>| {
        since.map_or(String::new(), |it| format!(" since {}", clock.at(it)))
    };
    match warning {
        Warning::TokenMissing { waiting } => {
            format!("The upstream token is not set.{}", wait(*waiting))
        }
        Warning::TokenRefused { since: it, waiting } => {
            format!("Upstream refuses its token{}.{}", since(it), wait(*waiting))
        }
        Warning::TokenExpired { since: it, waiting } => {
            format!(
                "The upstream token has expired{}.{}",
                since(it),
                wait(*waiting)
            )
        }
        Warning::DailyLimit { until, waiting } => match until {
            Some(until) => format!(
                "The upstream's daily limit is reached; it goes on at {}.{}",
                clock.at(*until),
                wait(*waiting)
            ),
            None => format!("The upstream's daily limit is reached.{}", wait(*waiting)),
        },
        Warning::Unreachable { since: it } => {
            format!(
                "The upstream has not answered{}. Items wait, none is lost.",
                since(it)
            )
        }
        Warning::TokenExpires { at } => {
            let when = at.map_or("soon".to_owned(), |at| {
                format!("in {} ({})", span(clock.seconds_until(at)), clock.at(at))
            });
            format!("The upstream token ends {when}; then items wait for a new one.")
        }
        Warning::StorageFull { waiting } => {
            format!("The server's disk is full.{}", wait(*waiting))
        }
        Warning::Paused { waiting } => format!("Dispatch is paused.{}", wait(*waiting)),
        Warning::Draining { waiting } => {
            format!(
                "Dispatch is draining: running items finish, none begins.{}",
                wait(*waiting)
            )
        }
    }
}
