//! Requests to answers, in the exact words and shapes of the real upstream.
//!
//! Not here: tokens, faults, records; those come before.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::book::{Host, RefusedSubmit};
use super::config::{CancelVerb, Echo, ListStatus, ListTimes, ResultAddress, UpstreamConfig};
use super::faults::{Call, Scripted};
use super::tasks::{Limit, Status, Task, Tasks};

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Head {
    /// `GET`, …
    pub verb: String,
    /// Which host it came to.
    pub host: Host,
    /// Begins with a slash.
    pub path: String,
    /// Decoded.
    pub query: BTreeMap<String, String>,
    /// The header, whole.
    pub authorization: Option<String>,
    /// All header names, in lower case.
    pub header_names: Vec<String>,
    /// Of the request.
    pub content_length: Option<u64>,
    /// Which connection; 0 without sockets.
    pub connection: u64,
}

impl Head {
    /// Which call it is.
    pub fn call(&self) -> Call {
        match (self.host, self.path.as_str()) {
            (Host::Bucket, _) => Call::Presigned,
            (Host::Api, "/api/v1/task/submit") => Call::Submit,
            (Host::Api, "/api/v1/task/query") if self.query.contains_key("task_ids") => Call::BulkQuery,
            (Host::Api, "/api/v1/task/query") => Call::Query,
            (Host::Api, "/api/v1/task/list") => Call::List,
            (Host::Api, "/api/v1/task/result_url") => Call::ResultUrl,
            (Host::Api, "/api/v1/task/input_url") => Call::InputUrl,
            (Host::Api, "/assets/task/result") => Call::Result,
            (Host::Api, "/api/v1/task/cancel") => Call::Cancel,
            (Host::Api, "/api/v1/task/resume") => Call::Resume,
            (Host::Api, "/api/v1/task/delete") => Call::Delete,
            (Host::Api, "/api/v1/model/list") => Call::Models,
            (Host::Api, _) => Call::Other,
        }
    }

    /// The task or tasks in the query.
    pub fn task(&self) -> Option<&String> {
        self.query.get("task_id").or_else(|| self.query.get("task_ids"))
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default).max(1)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub media_type: &'static str,
    /// `Retry-After`, where there is one.
    pub retry_after: Option<String>,
    /// `Location`, where there is one.
    pub location: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            media_type: "application/json",
            retry_after: None,
            location: None,
            body: value.to_string().into(),
        }
    }

    /// `{"message": "error: <words>!"}`.
    pub fn error(status: u16, words: &str) -> Self {
        Self::json(status, &json!({"message": format!("error: {words}!")}))
    }

    /// A redirect.
    pub fn redirect(location: String) -> Self {
        Self {
            location: Some(location),
            ..Self::json(302, &Value::Null)
        }
    }

    fn video(video: &Bytes) -> Self {
        Self {
            media_type: "application/octet-stream",
            body: video.clone(),
            ..Self::json(200, &Value::Null)
        }
    }
}

impl From<&Scripted> for Reply {
    fn from(scripted: &Scripted) -> Self {
        Self {
            status: scripted.status,
            media_type: scripted.media_type,
            retry_after: scripted.retry_after.clone(),
            location: None,
            body: scripted.body.clone().into(),
        }
    }
}

/// What the answers are made from.
pub struct Api<'a> {
    /// How the upstream behaves.
    pub config: &'a UpstreamConfig,
    /// Its tasks, played until now.
    pub tasks: &'a mut Tasks,
    /// Since the start.
    pub now: Duration,
    /// Where presigned addresses point, without a slash at the end.
    pub bucket: &'a str,
}

/// What a submit came to.
pub enum Submission {
    /// The id of the new task, and the answer.
    Made(String, Reply),
    /// No task.
    Refused(RefusedSubmit, Reply),
}

impl Api<'_> {
    /// Any call but a submit, by an account whose token is good.
    pub fn answer(&mut self, account: &str, head: &Head) -> Reply {
        let id = head.query.get("task_id").map(String::as_str).unwrap_or_default();
        match (head.call(), head.verb.as_str()) {
            (Call::Query, "GET") => match self.tasks.known(account, id, self.now) {
                Some(task) => Reply::json(200, &self.task(task)),
                None => Reply::error(500, "cannot unpack non-iterable NoneType object"),
            },
            (Call::BulkQuery, "GET") => self.bulk(account, &head.query["task_ids"]),
            (Call::List, "GET") => self.list(account, head),
            (Call::ResultUrl | Call::InputUrl, "GET") => self.result_url(account, id),
            (Call::Result, "GET") => self.result(account, id),
            (Call::Cancel, verb) => self.cancel(account, id, verb),
            (Call::Resume, "GET") => match self.tasks.known(account, id, self.now).is_some() {
                true if self.tasks.resume(id, self.now) => Reply::json(200, &json!({"msg": "ok"})),
                true => Reply::error(400, &format!("Task {id} is not in failed or cancel status")),
                false => Reply::error(500, &format!("Task {id} not found")),
            },
            (Call::Delete, "DELETE") => match self.tasks.known(account, id, self.now).is_some() {
                true if self.tasks.delete(id) => Reply::json(200, &json!({"msg": "Task deleted successfully"})),
                true => Reply::error(400, &format!("Task {id} is not finished")),
                false => Reply::error(500, &format!("Task {id} not found")),
            },
            (Call::Models, "GET") => Reply::json(200, &json!({"models": [model()]})),
            (Call::Other, _) => Reply::json(404, &json!({"detail": "Not Found"})),
            _ => Reply::json(405, &json!({"detail": "Method Not Allowed"})),
        }
    }

    /// A video by a presigned address: no token, but the right signature.
    pub fn presigned(&self, head: &Head) -> Reply {
        let id = head.query.get("task_id").map(String::as_str).unwrap_or_default();
        let signed = head.query.get("X-Signature").is_some_and(|signature| *signature == signature_of(id));
        let known = self.tasks.all().iter().any(|task| task.id == id && task.status == Status::Succeed);
        match signed && known {
            true => Reply::video(&self.config.video),
            false => Reply {
                media_type: "application/xml",
                body: Bytes::from_static(b"<Error><Code>AccessDenied</Code></Error>"),
                ..Reply::json(403, &Value::Null)
            },
        }
    }

    /// The presigned address of a task's video.
    pub fn presigned_address(&self, id: &str) -> String {
        format!("{}/videos/output.mp4?task_id={id}&X-Signature={}", self.bucket, signature_of(id))
    }

    /// A submit by an account whose token is good.
    pub fn submit(&mut self, account: &str, body: &[u8]) -> Submission {
        if let Err(limit) = self.tasks.admit(account, self.now) {
            let (reason, words) = match limit {
                Limit::Pace(since) => {
                    let pace = self.config.limits.pace.as_secs_f64();
                    let words = format!("visit too frequently, {:.2} s vs {pace:.2} s", since.as_secs_f64());
                    (RefusedSubmit::Pace, words)
                }
                Limit::Active(active) => {
                    (RefusedSubmit::Active, format!("has too many active tasks, {active} vs {active}"))
                }
                Limit::Daily(daily) => (RefusedSubmit::Daily, format!("has too many daily tasks, {daily} vs {daily}")),
            };
            return Submission::Refused(reason, Reply::error(400, &format!("User {account} {words}")));
        }
        let params = match checked(body, self.config.check_media) {
            Ok(params) => params,
            Err(reply) => return Submission::Refused(RefusedSubmit::BadInput, reply),
        };
        let id = self.tasks.create(account, params, self.now).id.clone();
        let task = self.tasks.known(account, &id, self.now).expect("the task was just made");
        let wait = match self.tasks.ahead_of(task) {
            0 => Some(0.0),
            ahead => self.config.estimates.told(self.wait(ahead)),
        };
        let reply = Reply::json(
            200,
            &json!({"task_id": id, "workers": {"pipeline": {}}, "params": self.params(task), "wait_time": wait}),
        );
        Submission::Made(id, reply)
    }

    fn bulk(&self, account: &str, ids: &str) -> Reply {
        let found: Option<Vec<Value>> = ids
            .split(',')
            .map(|id| self.tasks.known(account, id, self.now).map(|task| self.task(task)))
            .collect();
        match found {
            Some(tasks) => Reply::json(200, &json!({"tasks": tasks})),
            None => Reply::error(500, "cannot unpack non-iterable NoneType object"),
        }
    }

    fn list(&self, account: &str, head: &Head) -> Reply {
        let (page, page_size) = (head.number("page", 1), head.number("page_size", 10));
        let wanted = head.query.get("status");
        let tasks: Vec<&Task> = self
            .tasks
            .listed(account, self.now)
            .into_iter()
            .filter(|task| wanted.is_none_or(|wanted| wanted == task.status.word()))
            .collect();
        let total = tasks.len();
        let on_page = tasks.into_iter().skip((page - 1).saturating_mul(page_size)).take(page_size);
        let listed: Vec<Value> = on_page.map(|task| self.listed(task)).collect();
        let pagination = json!({"page": page, "page_size": page_size, "total": total,
            "total_pages": total.div_ceil(page_size)});
        Reply::json(200, &json!({"tasks": listed, "pagination": pagination}))
    }

    fn result_url(&self, account: &str, id: &str) -> Reply {
        let Some(task) = self.tasks.known(account, id, self.now) else {
            return Reply::error(500, &format!("Task {id} not found"));
        };
        if task.status != Status::Succeed {
            return Reply::error(400, &format!("Task {id} is not in succeed status"));
        }
        let url = match self.config.result_address {
            ResultAddress::Relative => format!("./assets/task/result?task_id={id}&name=output_video"),
            ResultAddress::Absolute => self.presigned_address(id),
        };
        Reply::json(200, &json!({"url": url}))
    }

    fn result(&self, account: &str, id: &str) -> Reply {
        match self.tasks.known(account, id, self.now) {
            Some(task) if task.status == Status::Succeed => Reply::video(&self.config.video),
            _ => Reply::error(500, &format!("Task {id} not found")),
        }
    }

    fn cancel(&mut self, account: &str, id: &str, verb: &str) -> Reply {
        let wanted = match self.config.cancel_verb {
            CancelVerb::Get => "GET",
            CancelVerb::Post => "POST",
        };
        if verb != wanted {
            return Reply::json(405, &json!({"detail": "Method Not Allowed"}));
        }
        let Some(task) = self.tasks.known(account, id, self.now) else {
            return Reply::error(400, "cancel failed: None");
        };
        let status = task.status.word();
        if self.tasks.cancel(id, self.now) {
            Reply::json(200, &json!({"msg": "Task cancelled successfully"}))
        } else {
            Reply::error(400, &format!("Task {id} is not in active status, current status: {status}"))
        }
    }

    /// A task as `query` tells it.
    fn task(&self, task: &Task) -> Value {
        json!({
            "task_id": task.id,
            "task_type": "s2v",
            "status": task.status.word(),
            "params": self.params(task),
            "create_t": self.epoch_seconds(task.created),
            "update_t": self.epoch_seconds(task.updated),
            "subtasks": self.subtasks(task),
        })
    }

    /// A task as `list` tells it.
    fn listed(&self, task: &Task) -> Value {
        let status = match self.config.list_status {
            ListStatus::Words => json!(task.status.word()),
            ListStatus::Numbers => json!(task.status.number()),
        };
        let time = |since: Duration| match self.config.list_times {
            ListTimes::Epoch => json!(self.epoch_seconds(since)),
            ListTimes::LocalText => json!(self.local_text(since)),
        };
        json!({
            "task_id": task.id,
            "status": status,
            "params": self.params(task),
            "create_t": time(task.created),
            "update_t": time(task.updated),
        })
    }

    /// One for each stage. All but the last are done when a task runs; they come in another order each second.
    fn subtasks(&self, task: &Task) -> Vec<Value> {
        let last = self.config.stages.len().saturating_sub(1);
        let mut subtasks: Vec<Value> = (0..=last)
            .zip(&self.config.stages)
            .map(|(index, worker)| self.subtask(task, worker, index == last))
            .collect();
        if self.now.as_secs() % 2 == 1 {
            subtasks.reverse();
        }
        subtasks
    }

    fn subtask(&self, task: &Task, worker: &str, is_last: bool) -> Value {
        if !is_last && task.status >= Status::Running {
            return json!({"worker_name": worker, "status": "SUCCEED", "fail_msg": null,
                "elapses": {"PENDING-RUNNING": 0.0, "RUNNING-SUCCEED": 0.0}, "estimated_pending_order": null,
                "estimated_pending_secs": null, "estimated_running_secs": null, "ready_worker_count": 1});
        }
        let mut elapses = json!(task.elapses);
        if task.status.is_active() {
            let current = self.now.saturating_sub(task.updated).as_secs_f64();
            elapses[format!("{}-", task.status.word())] = json!(current);
        }
        let estimates = self.config.estimates;
        let waits = matches!(task.status, Status::Created | Status::Pending);
        let ahead = self.tasks.ahead_of(task);
        json!({
            "worker_name": worker,
            "status": task.status.word(),
            "fail_msg": task.fail_msg,
            "elapses": elapses,
            "estimated_pending_order": waits.then_some(ahead),
            "estimated_pending_secs": waits.then(|| estimates.told(self.wait(ahead))).flatten(),
            "estimated_running_secs": task.status.is_active().then(|| estimates.told(self.tasks.run_of(task))).flatten(),
            "ready_worker_count": self.config.workers,
        })
    }

    /// A guess: everything ahead runs as long as configured, on all workers.
    fn wait(&self, ahead: usize) -> Duration {
        let rounds = (ahead / self.config.workers.max(1)) as u32;
        self.config.queue + self.config.run * rounds
    }

    fn params(&self, task: &Task) -> Value {
        let mut params = task.params.clone();
        match (self.config.echo, params.as_object_mut()) {
            (Echo::Nothing, _) => return json!({}),
            (Echo::KnownKeys, Some(object)) => {
                object.remove("client_ref");
            }
            _ => {}
        }
        params
    }

    fn epoch_seconds(&self, since: Duration) -> f64 {
        self.config.epoch.as_microsecond() as f64 / 1e6 + since.as_secs_f64()
    }

    fn local_text(&self, since: Duration) -> String {
        let east = Duration::from_secs(8 * 60 * 60);
        let local: Timestamp = self.config.epoch + SignedDuration::try_from(since + east).unwrap_or_default();
        local.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// What a submit said, without the media; or the words in which it is refused.
fn checked(body: &[u8], check_media: bool) -> Result<Value, Reply> {
    let Ok(Value::Object(mut params)) = serde_json::from_slice(body) else {
        let problem = json!({"loc": ["body"], "msg": "JSON decode error", "type": "json_invalid"});
        return Err(Reply::json(422, &json!({"detail": [problem]})));
    };
    let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default();
    let asked = json!({"task": text("task"), "model_cls": text("model_cls"), "stage": text("stage")});
    if asked != model() {
        let asked = (text("task"), text("model_cls"), text("stage"));
        let words = format!("{asked:?} are not in /workspace/configs/model_pipeline.json");
        return Err(Reply::error(500, &words));
    }
    if text("prompt").is_empty() {
        return Err(Reply::error(500, "valid prompt is required"));
    }
    for name in ["input_image", "input_audio"] {
        let Some(input) = params.remove(name) else {
            return Err(Reply::error(500, &format!("Input {name} not found in params")));
        };
        let data = input["data"].as_str().unwrap_or_default();
        let decoded = (input["type"] == "base64").then(|| STANDARD.decode(data).ok()).flatten();
        let Some(bytes) = decoded else {
            return Err(Reply::error(500, &format!("Failed to read {name}, type=base64, val=...")));
        };
        if check_media && let Some(words) = unusable(name, &bytes) {
            return Err(Reply::error(500, words));
        }
        params.insert(name.to_owned(), json!({"type": "base64", "size": bytes.len()}));
    }
    Ok(Value::Object(params))
}

/// The words for bytes that are no picture or no sound; only the first bytes are looked at.
fn unusable(name: &str, bytes: &[u8]) -> Option<&'static str> {
    let begins = |signatures: &[&[u8]]| signatures.iter().any(|signature| bytes.starts_with(signature));
    let is_mp4 = bytes.get(4..8) == Some(b"ftyp");
    match name {
        "input_image" => (!begins(&[b"\x89PNG", b"\xff\xd8", b"RIFF"]))
            .then_some("cannot identify image file <_io.BytesIO object at 0x7f3a>"),
        _ if bytes.len() < 16 => Some("Audio file too short"),
        _ => (!begins(&[b"RIFF", b"ID3", b"\xff", b"fLaC", b"OggS"]) && !is_mp4).then_some("media to wav failed"),
    }
}

fn model() -> Value {
    json!({"task": "s2v", "model_cls": "SekoTalk", "stage": "single_stage"})
}

fn signature_of(id: &str) -> String {
    format!("signed-{}", id.len() + id.bytes().map(usize::from).sum::<usize>())
}
