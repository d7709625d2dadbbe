//! Requests to answers, in the exact words and shapes of the real upstream.
//!
//! Not here: tokens, faults, records; those come before.

use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::book::RefusedSubmit;
use super::config::{CancelVerb, Echo, ListStatus, ListTimes, ResultAddress, UpstreamConfig};
use super::faults::Call;
use super::intake::{checked, model};
use super::message::{Head, Reply};
use super::tasks::{Limit, Status, Task, Tasks};

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
        let id = head
            .query
            .get("task_id")
            .map(String::as_str)
            .unwrap_or_default();
        match (head.call(), head.verb.as_str()) {
            (Call::Query, "GET") => match self.tasks.known(account, id, self.now) {
                Some(task) if task.is_mute => Reply::error(500, "database is down"),
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
                true if self.tasks.delete(id) => {
                    Reply::json(200, &json!({"msg": "Task deleted successfully"}))
                }
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
        let id = head
            .query
            .get("task_id")
            .map(String::as_str)
            .unwrap_or_default();
        let signed = head
            .query
            .get("X-Signature")
            .is_some_and(|signature| *signature == signature_of(id));
        let known = self
            .tasks
            .all()
            .iter()
            .any(|task| task.id == id && task.status == Status::Succeed);
        match signed && known {
            true => Reply::video(self.config.video_of(id)),
            false => Reply {
                media_type: "application/xml",
                body: Bytes::from_static(b"<Error><Code>AccessDenied</Code></Error>"),
                ..Reply::json(403, &Value::Null)
            },
        }
    }

    /// The presigned address of a task's video.
    pub fn presigned_address(&self, id: &str) -> String {
        format!(
            "{}/videos/output.mp4?task_id={id}&X-Signature={}",
            self.bucket,
            signature_of(id)
        )
    }

    /// A submit by an account whose token is good.
    pub fn submit(&mut self, account: &str, body: &[u8]) -> Submission {
        if let Err(limit) = self.tasks.admit(account, self.now) {
            let (reason, words) = match limit {
                Limit::Pace(since) => {
                    let pace = self.config.limits.pace.as_secs_f64();
                    let words = format!(
                        "visit too frequently, {:.2} s vs {pace:.2} s",
                        since.as_secs_f64()
                    );
                    (RefusedSubmit::Pace, words)
                }
                Limit::Active(active) => (
                    RefusedSubmit::Active,
                    format!("has too many active tasks, {active} vs {active}"),
                ),
                Limit::Daily(daily) => (
                    RefusedSubmit::Daily,
                    format!("has too many daily tasks, {daily} vs {daily}"),
                ),
            };
            return Submission::Refused(
                reason,
                Reply::error(400, &format!("User {account} {words}")),
            );
        }
        let params = match checked(body, self.config.check_media) {
            Ok(params) => params,
            Err(reply) => return Submission::Refused(RefusedSubmit::BadInput, reply),
        };
        let id = self.tasks.create(account, params, self.now).id.clone();
        let task = self
            .tasks
            .known(account, &id, self.now)
            .expect("the task was just made");
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
        let found: Option<Vec<&Task>> = ids
            .split(',')
            .map(|id| self.tasks.known(account, id, self.now))
            .collect();
        let told = |tasks: Vec<&Task>| -> Vec<Value> {
            let told = tasks.into_iter().filter(|task| !task.is_mute);
            told.map(|task| self.task(task)).collect()
        };
        match found.map(told) {
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
        let on_page = tasks
            .into_iter()
            .skip((page - 1).saturating_mul(page_size))
            .take(page_size);
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
            ResultAddress::Relative => {
                format!("./assets/task/result?task_id={id}&name=output_video")
            }
            ResultAddress::Absolute => self.presigned_address(id),
        };
        Reply::json(200, &json!({"url": url}))
    }

    fn result(&self, account: &str, id: &str) -> Reply {
        match self.tasks.known(account, id, self.now) {
            Some(task) if task.status == Status::Succeed => Reply::video(self.config.video_of(id)),
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
            Reply::error(
                400,
                &format!("Task {id} is not in active status, current status: {status}"),
            )
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
        let local: Timestamp =
            self.config.epoch + SignedDuration::try_from(since + east).unwrap_or_default();
        local.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

fn signature_of(id: &str) -> String {
    format!(
        "signed-{}",
        id.len() + id.bytes().map(usize::from).sum::<usize>()
    )
}
