//! What the upstream's answers mean: one pure function, [`meaning`], and what it comes to for each call.
//!
//! The body counts, not only the code: a bad picture is a 500, a full queue too, and so is an unknown task.
//!
//! Invariant: a submit is `Refused` only by an answer that this upstream gives before it makes a task. Half
//! an answer, an HTML page, a code or words that we do not know are no refusal: they leave it unresolved.
//!
//! Not here: what is done about it (`dispatch`).

use bytes::Bytes;
use serde_json::Value;
use std::io;

use super::transport::{Answer, Failure};
use super::{wire, words};
use crate::engine::{CancelAnswer, ReadError, Refusal, SubmitError, Submitted};

/// What an answer says, whatever was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// 2xx, whole.
    Fine,
    /// The token is not taken.
    Token,
    /// Wrong base URL or a newer server.
    Unavailable,
    /// Submits came too fast.
    Pace,
    /// All slots taken.
    Slots,
    /// The tasks of 24 h used up.
    Daily,
    /// Full, or asked too often.
    Busy,
    /// What we sent cannot be used.
    BadInput,
    /// This account does not know the task.
    UnknownTask,
    /// The task to be cancelled had ended.
    NotActive,
    /// The task could not be cancelled, it is not said why.
    NotCancelled,
    /// Nothing that can be relied upon.
    Weather,
}

/// What an answer means. Looks at the code, then at the words.
pub fn meaning(answer: &Answer) -> Meaning {
    match answer.status {
        200..=299 if answer.whole => return Meaning::Fine,
        100..=299 => return Meaning::Weather,
        // The request itself was not performed there. A 302 or 303 may follow a request that was.
        301 | 307 | 308 => return Meaning::Unavailable,
        300..=399 => return Meaning::Weather,
        401 => return Meaning::Token,
        _ => {}
    }
    let said = answer.whole.then(|| words::of_body(&answer.body)).flatten();
    if let Some(by_words) = said.as_deref().and_then(meaning_of_words) {
        // A limit told with 429 and a time to wait is best answered by waiting for that time.
        return match by_words {
            Meaning::Pace | Meaning::Slots | Meaning::Daily if answer.retry_after.is_some() => {
                Meaning::Busy
            }
            other => other,
        };
    }
    match answer.status {
        403..=405 => Meaning::Unavailable,
        413 | 422 => Meaning::BadInput,
        429 => Meaning::Busy,
        // A proxy's own time-outs and "too early": the upstream behind it may have heard us.
        408 | 425 | 499 => Meaning::Weather,
        // A 4xx in the API's own shape is a refusal, in words of a newer server.
        400..=499 if answer.whole && words::is_api_error(&answer.body) => Meaning::Unavailable,
        _ => Meaning::Weather,
    }
}

/// The words of the upstream's source, as observed. Compared without regard to case.
fn meaning_of_words(said: &str) -> Option<Meaning> {
    let said = said.to_lowercase();
    let has = |part: &str| said.contains(part);
    let meaning = if has("visit too frequently") {
        Meaning::Pace
    } else if has("has too many active tasks") {
        Meaning::Slots
    } else if has("has too many daily tasks") {
        Meaning::Daily
    } else if has("queue busy") {
        Meaning::Busy
    } else if has("is not in active status") {
        Meaning::NotActive
    } else if has("cancel failed") || has("unknown cancel error") {
        Meaning::NotCancelled
    } else if has("cannot unpack non-iterable nonetype")
        || (said.starts_with("task ") && has("not found"))
    {
        Meaning::UnknownTask
    } else if has("failed to read input_")
        || has("cannot identify image file")
        || has("media to wav failed")
        || has("audio file too short")
        || has("valid prompt is required")
        || (has("are not in") && has("model_pipeline.json"))
        || (has("input ") && has("not found in params"))
    {
        Meaning::BadInput
    } else if has("could not validate credentials")
        || has("token has expired")
        || has("not authenticated")
    {
        Meaning::Token
    } else {
        return None;
    };
    Some(meaning)
}

/// What the answer to a submit comes to.
pub fn submit(answer: &Answer) -> Result<Submitted, SubmitError> {
    let message = describe(answer);
    let counts = || wire::counts(&message);
    let refusal = match meaning(answer) {
        Meaning::Fine => {
            return json(answer)
                .and_then(|value| wire::submitted(&value))
                .map_err(|message| SubmitError::Unresolved { message });
        }
        Meaning::Token => Refusal::Token { message },
        Meaning::Unavailable => Refusal::Unavailable { message },
        Meaning::Pace => Refusal::Pace { message },
        Meaning::Slots => Refusal::Slots {
            counts: counts(),
            message,
        },
        Meaning::Daily => Refusal::Daily {
            counts: counts(),
            message,
        },
        Meaning::Busy => Refusal::Busy {
            message,
            retry_after: answer.retry_after,
        },
        Meaning::BadInput => Refusal::BadInput { message },
        Meaning::UnknownTask if answer.status == 404 => Refusal::Unavailable { message },
        Meaning::UnknownTask | Meaning::NotActive | Meaning::NotCancelled | Meaning::Weather => {
            return Err(SubmitError::Unresolved { message });
        }
    };
    Err(SubmitError::Refused(refusal))
}

/// What no answer to a submit comes to. `source_error` says that we cut the body ourselves.
pub fn submit_failure(
    failure: Failure,
    source_error: Option<(io::ErrorKind, String)>,
) -> SubmitError {
    match (source_error, failure) {
        (Some((kind, message)), _) => SubmitError::of_source(kind, words::kept(&message)),
        (None, Failure::NotSent(message)) => SubmitError::NotSent { message },
        (None, Failure::Broken(message)) => SubmitError::Unresolved { message },
        (None, failure @ Failure::TokenUnusable) => SubmitError::Refused(Refusal::Token {
            message: failure.to_string(),
        }),
    }
}

/// The JSON of a call that reads.
pub fn read(answer: &Answer) -> Result<Value, ReadError> {
    let message = describe(answer);
    Err(match meaning(answer) {
        Meaning::Fine => return json(answer).map_err(weather),
        Meaning::Token => ReadError::Token { message },
        Meaning::Unavailable | Meaning::BadInput => ReadError::Unavailable { message },
        Meaning::UnknownTask => ReadError::Unknown { message },
        Meaning::Busy | Meaning::Pace | Meaning::Slots | Meaning::Daily => ReadError::Busy {
            message,
            retry_after: answer.retry_after,
        },
        Meaning::NotActive | Meaning::NotCancelled | Meaning::Weather => weather(message),
    })
}

/// What the answer to a cancel comes to.
pub fn cancel(answer: &Answer) -> Result<CancelAnswer, ReadError> {
    match meaning(answer) {
        Meaning::NotActive => Ok(CancelAnswer::NotActive),
        Meaning::NotCancelled | Meaning::UnknownTask => Ok(CancelAnswer::Unclear),
        // Every other 400 is about this one task, too.
        Meaning::Unavailable if answer.status == 400 => Ok(CancelAnswer::Unclear),
        _ => read(answer).map(|_| CancelAnswer::Accepted),
    }
}

/// What no answer to a call that reads comes to.
pub fn read_failure(failure: Failure) -> ReadError {
    match failure {
        Failure::NotSent(message) => ReadError::Weather {
            message,
            reached: false,
        },
        Failure::Broken(message) => weather(message),
        Failure::TokenUnusable => ReadError::Token {
            message: failure.to_string(),
        },
    }
}

/// The upstream was reached and said nothing that counts.
pub fn weather(message: String) -> ReadError {
    ReadError::Weather {
        message,
        reached: true,
    }
}

/// Whether one bad id may have spoiled a bulk query, so that each task is worth a question of its own.
pub fn may_be_one_bad_id(answer: &Answer) -> bool {
    match meaning(answer) {
        Meaning::UnknownTask => true,
        // The words for a bad id are those of a Python error and may be others in another version.
        Meaning::Weather => {
            answer.status == 500 && answer.whole && words::is_api_error(&answer.body)
        }
        _ => false,
    }
}

fn json(answer: &Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.body).map_err(|_| describe(answer))
}

/// The answer in words fit to be kept.
fn describe(answer: &Answer) -> String {
    let status = answer.status;
    let said = answer.whole.then(|| words::of_body(&answer.body)).flatten();
    match said {
        Some(words) if (400..500).contains(&status) => words,
        Some(words) if meaning_of_words(&words).is_some() => words,
        Some(words) => words::kept(&format!("HTTP {status}: {words}")),
        None if !answer.whole => format!("HTTP {status}, and only a part of the answer came"),
        None if words::is_html(&answer.body) => {
            format!("HTTP {status} with a web page instead of an answer")
        }
        None if answer.body == Bytes::new() => format!("HTTP {status} without words"),
        None => format!("HTTP {status} with an answer that cannot be read"),
    }
}

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
