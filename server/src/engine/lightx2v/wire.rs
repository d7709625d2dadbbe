//! The upstream's JSON, read tolerantly: what is missing, null, of another type or absurd is simply not known.
//!
//! Invariants:
//! - A task whose status we do not know counts as waiting: nothing ends by a word that we cannot read.
//! - Estimates of an hour or more are not known: 3600 is the upstream's own way to say so, and with no worker
//!   ready it multiplies that.
//! - A time without a zone is not known: one backend's list gives the local time of a machine we know nothing of.
//! - The order of subtasks says nothing; they are told apart by `worker_name`.
//!
//! Not here: HTTP and errors.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;

use super::words;
use crate::domain::ids::TaskId;
use crate::engine::{Submitted, TaskPage, TaskReport, TaskState};

/// What the upstream answers where it knows no estimate; at and above it nothing is believed.
const UNKNOWN_ESTIMATE_SECONDS: f64 = 3600.0;

/// More tasks than this ahead of one are not believed.
const MAX_QUEUE_POSITION: f64 = 1_000_000.0;

/// Longest task id that is kept; a longer one is none.
const MAX_TASK_ID_BYTES: usize = 256;

/// The answer to an accepted submit. The error says what is missing.
pub fn submitted(value: &Value) -> Result<Submitted, String> {
    let task = task_id(value).ok_or("HTTP 200 without a task_id")?;
    Ok(Submitted {
        task,
        expected_wait: value.get("wait_time").and_then(estimate),
    })
}

/// One task of `query` or `list`; absent where it has no id.
pub fn task(value: &Value) -> Option<TaskReport> {
    let parsed;
    let params = match value.get("params") {
        // One backend keeps what was sent as text.
        Some(Value::String(text)) => {
            parsed = serde_json::from_str(text).unwrap_or(Value::Null);
            &parsed
        }
        Some(params) => params,
        None => &Value::Null,
    };
    Some(TaskReport {
        task: task_id(value)?,
        client_ref: params
            .get("client_ref")
            .and_then(Value::as_str)
            .map(str::to_owned),
        seed: params.get("seed").and_then(integer),
        created: value.get("create_t").and_then(time),
        state: state(value),
    })
}

/// One page of `list`; the page that was asked for counts where the answer names none.
pub fn page(value: &Value, asked: u32) -> Option<TaskPage> {
    let listed = value.get("tasks")?.as_array()?;
    let pagination = value.get("pagination").unwrap_or(&Value::Null);
    let number = |name: &str| pagination.get(name).and_then(integer);
    let page = i64::from(asked);
    let has_more = match (number("total_pages"), number("total"), number("page_size")) {
        (Some(pages), _, _) => page < pages,
        (None, Some(total), Some(size)) => page.saturating_mul(size) < total,
        _ => true,
    };
    Some(TaskPage {
        // An empty page is the last one, whatever the numbers say.
        has_more: has_more && !listed.is_empty(),
        tasks: listed.iter().filter_map(task).collect(),
    })
}

/// The address in an answer of `result_url`.
pub fn address(value: &Value) -> Option<&str> {
    value
        .get("url")?
        .as_str()
        .map(str::trim)
        .filter(|url| !url.is_empty())
}

/// The two numbers of `…, 3 vs 3`.
pub fn counts(words: &str) -> Option<(u32, u32)> {
    let (before, after) = words.split_once(" vs ")?;
    let used = before.rsplit([' ', ',']).next()?;
    let limit = after.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((used.parse().ok()?, limit.parse().ok()?))
}

fn task_id(value: &Value) -> Option<TaskId> {
    let text = match value.get("task_id")? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let usable =
        !text.is_empty() && text.len() <= MAX_TASK_ID_BYTES && !text.contains(char::is_control);
    usable.then_some(TaskId(text))
}

fn state(value: &Value) -> TaskState {
    let subtasks = subtasks(value);
    match Status::of(value.get("status")) {
        Status::Waiting => waiting(&subtasks),
        Status::Running => running(&subtasks),
        Status::Succeeded => TaskState::Succeeded,
        Status::Failed => failed(value, &subtasks),
        Status::Cancelled => TaskState::Cancelled,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Waiting,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl Status {
    /// Words, or in a list 1…7 in the order CREATED, PENDING, RUNNING, SUCCEED, FAILED, CANCEL, REJECT.
    fn of(value: Option<&Value>) -> Self {
        let word = match value {
            Some(Value::String(text)) => text.trim().to_ascii_uppercase(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        match word.as_str() {
            "RUNNING" | "3" => Self::Running,
            "SUCCEED" | "SUCCEEDED" | "SUCCESS" | "4" => Self::Succeeded,
            "FAILED" | "FAIL" | "5" | "REJECT" | "REJECTED" | "7" => Self::Failed,
            "CANCEL" | "CANCELLED" | "CANCELED" | "6" => Self::Cancelled,
            _ => Self::Waiting,
        }
    }
}

/// Subtasks by worker; of two with one name the later entry counts.
fn subtasks(value: &Value) -> BTreeMap<&str, &Value> {
    let listed = value
        .get("subtasks")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    listed
        .iter()
        .map(|subtask| {
            (
                subtask
                    .get("worker_name")
                    .and_then(Value::as_str)
                    .unwrap_or_default(),
                subtask,
            )
        })
        .collect()
}

/// Of several waiting subtasks the one that waits longest decides.
fn waiting(subtasks: &BTreeMap<&str, &Value>) -> TaskState {
    let waiting = || {
        subtasks
            .values()
            .filter(|subtask| Status::of(subtask.get("status")) == Status::Waiting)
    };
    TaskState::Queued {
        position: waiting()
            .filter_map(|subtask| subtask.get("estimated_pending_order").and_then(position))
            .max(),
        expected_wait: waiting()
            .filter_map(|subtask| subtask.get("estimated_pending_secs").and_then(estimate))
            .max(),
    }
}

/// Subtasks run one after the other: their times add up. A run that was given up (`RUNNING-PENDING`) is lost
/// work and counts for nothing.
fn running(subtasks: &BTreeMap<&str, &Value>) -> TaskState {
    let mut elapsed = None;
    let mut expected = (!subtasks.is_empty()).then_some(Duration::ZERO);
    for subtask in subtasks.values() {
        let phase = |name: &str| {
            subtask
                .get("elapses")
                .and_then(|all| all.get(name))
                .and_then(seconds)
        };
        let finished = phase("RUNNING-SUCCEED");
        let current =
            phase("RUNNING-").filter(|_| Status::of(subtask.get("status")) == Status::Running);
        if let Some(time) = finished.or(current) {
            elapsed = Some(elapsed.unwrap_or(Duration::ZERO) + time);
        }
        let estimate = subtask.get("estimated_running_secs").and_then(estimate);
        expected = match (expected, finished.or(estimate)) {
            (Some(sum), Some(time)) => Some(sum + time),
            _ => None,
        };
    }
    TaskState::Running {
        elapsed,
        expected_run: expected.filter(|run| !run.is_zero()),
        progress: None,
    }
}

/// A failure is explained in the subtasks alone, and not at all in a list.
fn failed(value: &Value, subtasks: &BTreeMap<&str, &Value>) -> TaskState {
    let mut said: Vec<&str> = Vec::new();
    for part in subtasks.values().copied().chain([value]) {
        let message = part
            .get("fail_msg")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim();
        if !message.is_empty() && !said.contains(&message) {
            said.push(message);
        }
    }
    let message = words::kept(&said.join("; "));
    let lower = message.to_lowercase();
    TaskState::Failed {
        worker_lost: lower.contains("ping timeout") || lower.contains("worker failed"),
        message,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn position(value: &Value) -> Option<u32> {
    float(value)
        .filter(|order| (0.0..=MAX_QUEUE_POSITION).contains(order))
        .map(|order| order as u32)
}

fn estimate(value: &Value) -> Option<Duration> {
    float(value)
        .filter(|seconds| (0.0..UNKNOWN_ESTIMATE_SECONDS).contains(seconds))
        .map(Duration::from_secs_f64)
}

/// A time that has passed, at most a week: nothing runs longer.
fn seconds(value: &Value) -> Option<Duration> {
    float(value)
        .filter(|seconds| (0.0..=604_800.0).contains(seconds))
        .map(Duration::from_secs_f64)
}

/// Epoch seconds, or text with a zone or without. Numbers too large for seconds are taken for milliseconds.
fn time(value: &Value) -> Option<Timestamp> {
    if let Some(number) = float(value) {
        let seconds = if number > 1e11 { number / 1e3 } else { number };
        if seconds <= 0.0 || seconds > 1e11 {
            return None;
        }
        return Timestamp::from_microsecond((seconds * 1e6) as i64).ok();
    }
    let text = value.as_str()?.trim();
    text.parse().ok().or_else(|| local(text))
}

/// Text without a zone, as one backend's list has it: the latest moment that it can mean. Lists are read down to a time, and
/// one that is taken for later than it is only makes them longer.
fn local(text: &str) -> Option<Timestamp> {
    let civil: DateTime = text.parse().ok()?;
    civil
        .to_zoned(TimeZone::fixed(WESTERNMOST))
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// No zone is further behind UTC.
const WESTERNMOST: Offset = Offset::constant(-12);

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
