//! An engine whose calls are counted and told in the log. Whatever it is asked it asks the engine, and answers the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Metrics;
use crate::domain::batch::EngineKind;
use crate::domain::ids::TaskId;
use crate::engine::{
    CancelAnswer, Credentials, Engine, FetchError, NewTask, QueryAnswer, ReadError, Refusal,
    SubmitError, Submitted, TaskPage, VideoSink,
};

/// See the module's page.
pub struct CountedEngine {
    kind: EngineKind,
    engine: Arc<dyn Engine>,
    metrics: Metrics,
}

impl CountedEngine {
    /// Counts the calls to an engine.
    pub fn over(engine: Arc<dyn Engine>, kind: EngineKind, metrics: Metrics) -> Arc<dyn Engine> {
        Arc::new(Self {
            kind,
            engine,
            metrics,
        })
    }

    fn note(&self, operation: &'static str, result: &'static str, took: Duration) {
        let engine = self.kind.name();
        tracing::debug!(engine, operation, result, ?took, "an engine was called");
        self.metrics
            .upstream_called(engine, operation, result, took);
    }
}

fn submit_result(result: &Result<Submitted, SubmitError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(SubmitError::Refused(refusal)) => match refusal {
            Refusal::Token { .. } => "token",
            Refusal::Unavailable { .. } => "unavailable",
            Refusal::Pace { .. } => "pace",
            Refusal::Slots { .. } => "slots",
            Refusal::Daily { .. } => "daily_limit",
            Refusal::Busy { .. } => "busy",
            Refusal::BadInput { .. } => "bad_input",
        },
        Err(SubmitError::NotSent { .. }) => "not_sent",
        Err(SubmitError::SourceLost { .. }) => "source_lost",
        Err(SubmitError::SourceUnreadable { .. }) => "source_unreadable",
        Err(SubmitError::Unresolved { .. }) => "unresolved",
    }
}

fn read_error(error: &ReadError) -> &'static str {
    match error {
        ReadError::Token { .. } => "token",
        ReadError::Unavailable { .. } => "unavailable",
        ReadError::Unknown { .. } => "unknown",
        ReadError::Busy { .. } => "busy",
        ReadError::Weather { reached: true, .. } => "weather",
        ReadError::Weather { reached: false, .. } => "not_reached",
    }
}

fn read_result<T>(result: &Result<T, ReadError>) -> &'static str {
    result.as_ref().map_or_else(read_error, |_| "ok")
}

fn fetch_result(result: &Result<(), FetchError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(FetchError::Read(error)) => read_error(error),
        Err(FetchError::CutOff { .. }) => "cut_off",
        Err(FetchError::Sink(_)) => "not_kept",
    }
}

#[async_trait]
impl Engine for CountedEngine {
    async fn submit(
        &self,
        credentials: &Credentials,
        task: NewTask,
    ) -> Result<Submitted, SubmitError> {
        let begun = Instant::now();
        let result = self.engine.submit(credentials, task).await;
        self.note("submit", submit_result(&result), begun.elapsed());
        result
    }

    async fn query(
        &self,
        credentials: &Credentials,
        tasks: &[TaskId],
    ) -> Result<Vec<(TaskId, QueryAnswer)>, ReadError> {
        let begun = Instant::now();
        let result = self.engine.query(credentials, tasks).await;
        self.note("query", read_result(&result), begun.elapsed());
        result
    }

    async fn list(&self, credentials: &Credentials, page: u32) -> Result<TaskPage, ReadError> {
        let begun = Instant::now();
        let result = self.engine.list(credentials, page).await;
        self.note("list", read_result(&result), begun.elapsed());
        result
    }

    async fn cancel(
        &self,
        credentials: &Credentials,
        task: &TaskId,
    ) -> Result<CancelAnswer, ReadError> {
        let begun = Instant::now();
        let result = self.engine.cancel(credentials, task).await;
        self.note("cancel", read_result(&result), begun.elapsed());
        result
    }

    async fn fetch(
        &self,
        credentials: &Credentials,
        task: &TaskId,
        sink: &mut dyn VideoSink,
    ) -> Result<(), FetchError> {
        let begun = Instant::now();
        let result = self.engine.fetch(credentials, task, sink).await;
        self.note("fetch", fetch_result(&result), begun.elapsed());
        result
    }

    async fn check(&self, credentials: &Credentials) -> Result<(), ReadError> {
        let begun = Instant::now();
        let result = self.engine.check(credentials).await;
        self.note("check", read_result(&result), begun.elapsed());
        result
    }
}
