//! The `lightx2v` engine: LightX2V's S2V HTTP API.
//!
//! | room | owns |
//! |---|---|
//! | `config` | the address, the model, the bounds on silence |
//! | `transport`, `http` | requests and whole answers; the one place that names reqwest's client |
//! | `body` | the streamed body of a submit |
//! | `errors` | what each answer means: the error table |
//! | `wire` | the upstream's JSON |
//! | `words` | the upstream's words, made safe |
//! | `fetch` | the way to a video and its bytes |
//! | `account` | whom a token belongs to |
//!
//! Invariants: memory does not grow with file sizes; a token goes to the base URL's own host and nowhere else;
//! neither tokens nor presigned URLs are in any error, log line or `Debug`.
//!
//! Two facts are remembered, both only to spare calls: the verb with which a cancel was last understood, and
//! the tasks that an account did not know, which are asked about singly so that they do not spoil the bulk.
//!
//! Not here: retries, waiting, what an answer means for an item.

pub mod account;
pub mod body;
pub mod config;
pub mod errors;
pub mod fetch;
pub mod http;
pub mod transport;
pub mod wire;
pub mod words;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream;

use self::body::SubmitBody;
use self::config::{Address, ConfigError, LightX2vConfig};
use self::http::HttpTransport;
use self::transport::{Answer, Failure, Request, Transport, Verb};
use super::{
    CancelAnswer, Credentials, Engine, FetchError, NewTask, QueryAnswer, ReadError, SubmitError,
    Submitted, TaskPage, VideoSink,
};
use crate::domain::ids::{Account, TaskId};

/// Most ids in one bulk query: with 36 characters each its URL stays under 4 KiB.
const BULK_IDS: usize = 50;

/// Single queries on their way at once; 30 were fine with the upstream.
const PARALLEL_QUERIES: usize = 8;

/// Tasks asked for in one page of a list.
const LIST_PAGE_SIZE: u32 = 50;

/// A page of a list, or a bulk query, may be larger than other answers.
const MAX_TASKS_BYTES: usize = 8 * 1024 * 1024;

/// Unknown tasks that are remembered; when there are more, all are forgotten.
const MAX_STRANGERS: usize = 1000;

/// See the module's page.
pub struct LightX2v {
    config: LightX2vConfig,
    address: Address,
    transport: Arc<dyn Transport>,
    cancel_by_post: AtomicBool,
    strangers: Mutex<HashSet<(Account, TaskId)>>,
}

impl fmt::Debug for LightX2v {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LightX2v({})", self.config.base_url)
    }
}

/// What a bulk query gave.
enum Bulk {
    Answered(Vec<(TaskId, QueryAnswer)>),
    /// One bad id may have spoiled it.
    Spoiled,
}

impl LightX2v {
    /// The engine over HTTP.
    pub fn new(config: LightX2vConfig) -> Result<Self, ConfigError> {
        let address = Address::parse(&config.base_url)?;
        let transport = HttpTransport::new(address, config.timeouts)?;
        Self::over(config, Arc::new(transport))
    }

    /// The engine over another way to an upstream.
    pub fn over(
        config: LightX2vConfig,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, ConfigError> {
        for (name, value) in [
            ("cfg_scale", config.cfg_scale),
            ("duration", config.duration),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(ConfigError::Number { name });
            }
        }
        Ok(Self {
            address: Address::parse(&config.base_url)?,
            config,
            transport,
            cancel_by_post: AtomicBool::new(false),
            strangers: Mutex::default(),
        })
    }

    async fn call(&self, credentials: &Credentials, request: Request) -> Result<Answer, Failure> {
        let answer = self.transport.call(&credentials.token, request).await?;
        Ok(answer.without_token(&credentials.token))
    }

    async fn get(
        &self,
        credentials: &Credentials,
        path: &'static str,
        query: Vec<(&'static str, String)>,
    ) -> Result<Answer, ReadError> {
        self.call(credentials, Request::get(path, query))
            .await
            .map_err(errors::read_failure)
    }

    async fn query_one(
        &self,
        credentials: &Credentials,
        task: TaskId,
    ) -> (TaskId, Result<QueryAnswer, ReadError>) {
        let asked = self.get(
            credentials,
            "api/v1/task/query",
            vec![("task_id", task.0.clone())],
        );
        let answer = match asked.await.and_then(|answer| errors::read(&answer)) {
            Ok(value) => match wire::task(&value) {
                Some(report) if report.task == task => Ok(QueryAnswer::Task(report)),
                _ => Err(errors::weather(
                    "HTTP 200 without the task that was asked about".to_owned(),
                )),
            },
            Err(ReadError::Unknown { .. }) => Ok(QueryAnswer::Unknown),
            Err(error) => Err(error),
        };
        if let Ok(answer) = &answer {
            self.remember(&credentials.account, &task, *answer == QueryAnswer::Unknown);
        }
        (task, answer)
    }

    /// Tasks that the answer leaves out are not in it: they want a question of their own.
    async fn query_bulk(
        &self,
        credentials: &Credentials,
        tasks: &[TaskId],
    ) -> Result<Bulk, ReadError> {
        let ids: Vec<&str> = tasks.iter().map(|task| task.0.as_str()).collect();
        let mut request = Request::get("api/v1/task/query", vec![("task_ids", ids.join(","))]);
        request.max_answer_bytes = MAX_TASKS_BYTES;
        let answer = self
            .call(credentials, request)
            .await
            .map_err(errors::read_failure)?;
        if errors::may_be_one_bad_id(&answer) {
            return Ok(Bulk::Spoiled);
        }
        let value = errors::read(&answer)?;
        let listed = value.get("tasks").and_then(serde_json::Value::as_array);
        let listed = listed.ok_or_else(|| errors::weather("HTTP 200 without tasks".to_owned()))?;
        let mut reports: HashMap<TaskId, QueryAnswer> = listed
            .iter()
            .filter_map(wire::task)
            .map(|report| (report.task.clone(), QueryAnswer::Task(report)))
            .collect();
        let answered = tasks.iter().filter_map(|task| reports.remove_entry(task));
        Ok(Bulk::Answered(answered.collect()))
    }

    async fn query_singly(
        &self,
        credentials: &Credentials,
        tasks: Vec<TaskId>,
        mut answers: Vec<(TaskId, QueryAnswer)>,
    ) -> Result<Vec<(TaskId, QueryAnswer)>, ReadError> {
        let mut asked = stream::iter(tasks)
            .map(|task| self.query_one(credentials, task))
            .buffered(PARALLEL_QUERIES);
        let mut weather = None;
        while let Some((task, answer)) = asked.next().await {
            match answer {
                Ok(answer) => answers.push((task, answer)),
                Err(error @ ReadError::Weather { .. }) => weather = Some(error),
                Err(error) => return Err(error),
            }
        }
        match weather {
            Some(error) if answers.is_empty() => Err(error),
            _ => Ok(answers),
        }
    }

    fn remember(&self, account: &Account, task: &TaskId, is_stranger: bool) {
        let mut strangers = self.strangers();
        let key = (account.clone(), task.clone());
        if !is_stranger {
            strangers.remove(&key);
            return;
        }
        if strangers.len() >= MAX_STRANGERS {
            strangers.clear();
        }
        strangers.insert(key);
    }

    fn strangers(&self) -> MutexGuard<'_, HashSet<(Account, TaskId)>> {
        self.strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn cancel_by(
        &self,
        credentials: &Credentials,
        task: &TaskId,
        by_post: bool,
    ) -> Result<Answer, ReadError> {
        let mut request = Request::get("api/v1/task/cancel", vec![("task_id", task.0.clone())]);
        if by_post {
            request.verb = Verb::Post;
        }
        self.call(credentials, request)
            .await
            .map_err(errors::read_failure)
    }
}

#[async_trait]
impl Engine for LightX2v {
    async fn submit(
        &self,
        credentials: &Credentials,
        task: NewTask,
    ) -> Result<Submitted, SubmitError> {
        let body = SubmitBody::open(&self.config, &task)
            .await
            .map_err(|error| {
                SubmitError::of_source(error.kind(), words::kept(&error.to_string()))
            })?;
        let progress = body.progress();
        let mut request = Request::get("api/v1/task/submit", Vec::new());
        request.verb = Verb::Post;
        request.body = Some(body);
        match self.call(credentials, request).await {
            Ok(answer) => errors::submit(&answer),
            Err(failure) => Err(errors::submit_failure(failure, progress.source_error())),
        }
    }

    /// One bulk query for all but the tasks that are known to spoil it; single ones where it was spoiled.
    async fn query(
        &self,
        credentials: &Credentials,
        tasks: &[TaskId],
    ) -> Result<Vec<(TaskId, QueryAnswer)>, ReadError> {
        let mut asked = HashSet::new();
        let (mut singly, together): (Vec<TaskId>, Vec<TaskId>) = {
            let strangers = self.strangers();
            let distinct = tasks.iter().filter(|task| asked.insert(*task)).cloned();
            distinct.partition(|task| {
                // A comma would be read as two ids.
                task.0.contains(',')
                    || strangers.contains(&(credentials.account.clone(), task.clone()))
            })
        };
        let mut answers = Vec::with_capacity(tasks.len());
        for tasks in together.chunks(BULK_IDS) {
            let answered = match tasks {
                [_] => Bulk::Spoiled,
                _ => self.query_bulk(credentials, tasks).await?,
            };
            match answered {
                Bulk::Spoiled => singly.extend_from_slice(tasks),
                Bulk::Answered(found) => {
                    let missing = tasks
                        .iter()
                        .filter(|task| !found.iter().any(|(id, _)| id == *task));
                    singly.extend(missing.cloned());
                    answers.extend(found);
                }
            }
        }
        self.query_singly(credentials, singly, answers).await
    }

    async fn list(&self, credentials: &Credentials, page: u32) -> Result<TaskPage, ReadError> {
        let page = page.max(1);
        let query = vec![
            ("page", page.to_string()),
            ("page_size", LIST_PAGE_SIZE.to_string()),
        ];
        let mut request = Request::get("api/v1/task/list", query);
        request.max_answer_bytes = MAX_TASKS_BYTES;
        let answer = self
            .call(credentials, request)
            .await
            .map_err(errors::read_failure)?;
        let value = errors::read(&answer)?;
        wire::page(&value, page)
            .ok_or_else(|| errors::weather("HTTP 200 without a list of tasks".to_owned()))
    }

    async fn cancel(
        &self,
        credentials: &Credentials,
        task: &TaskId,
    ) -> Result<CancelAnswer, ReadError> {
        let by_post = self.cancel_by_post.load(Ordering::Relaxed);
        let mut answer = self.cancel_by(credentials, task, by_post).await?;
        if answer.status == 405 {
            answer = self.cancel_by(credentials, task, !by_post).await?;
            if answer.status != 405 {
                self.cancel_by_post.store(!by_post, Ordering::Relaxed);
            }
        }
        errors::cancel(&answer)
    }

    async fn fetch(
        &self,
        credentials: &Credentials,
        task: &TaskId,
        sink: &mut dyn VideoSink,
    ) -> Result<(), FetchError> {
        let query = vec![
            ("task_id", task.0.clone()),
            ("name", "output_video".to_owned()),
        ];
        let answer = self
            .get(credentials, "api/v1/task/result_url", query)
            .await?;
        let value = errors::read(&answer)?;
        let said = wire::address(&value)
            .ok_or_else(|| errors::weather("HTTP 200 without the address of a video".to_owned()))?;
        fetch::video(
            &*self.transport,
            &self.address,
            &credentials.token,
            said,
            sink,
        )
        .await
    }

    async fn check(&self, credentials: &Credentials) -> Result<(), ReadError> {
        let answer = self
            .get(credentials, "api/v1/model/list", Vec::new())
            .await?;
        match errors::read(&answer)?.get("models") {
            Some(serde_json::Value::Array(_)) => Ok(()),
            _ => Err(errors::weather(
                "HTTP 200 without a list of models".to_owned(),
            )),
        }
    }
}
