//! The built-in engine: preview videos, rendered in this process.
//!
//! A task's life: it takes one of the slots, its two sources are read into memory, it is rendered on a blocking
//! thread, and its video stays in memory until it was fetched once. Nothing outlives the process: after a restart
//! every former task is unknown.
//!
//! Invariants:
//! - Never more than `slots` tasks are read or rendered at a time; one more is refused like an upstream does.
//! - A task's name is made of our own key, so no two attempts ever share one, over restarts too; the same key
//!   again, while its task is there, names that task and starts nothing.
//! - Dropping the engine stops all rendering within a frame's time.
//!
//! Not here: the rendering (`vbatch_render`), files.

mod tasks;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncReadExt;
use vbatch_render::RenderError;

use super::{
    CancelAnswer, Credentials, Engine, FetchError, NewTask, QueryAnswer, ReadError, Refusal,
    Source, SubmitError, Submitted, TaskPage, VideoSink,
};
use crate::domain::ids::TaskId;
use tasks::{Phase, Reserved, Task, Tasks};

/// Bytes that are handed to a sink at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The engine that needs no account and costs nothing.
pub struct PreviewEngine {
    tasks: Arc<Tasks>,
    slots: usize,
    largest_source: u64,
}

impl PreviewEngine {
    /// An engine that renders up to `slots` (at least one) videos at a time, each from two files of at most
    /// `largest_source` bytes, which it keeps in memory meanwhile.
    pub fn new(slots: usize, largest_source: u64) -> Self {
        Self {
            tasks: Arc::new(Tasks::default()),
            slots: slots.max(1),
            largest_source,
        }
    }

    async fn read(&self, what: &str, source: &Source) -> Result<Vec<u8>, SubmitError> {
        if source.size_bytes > self.largest_source {
            return Err(SubmitError::Refused(Refusal::BadInput {
                message: format!(
                    "the {what} has {} bytes; previews take at most {}",
                    source.size_bytes, self.largest_source
                ),
            }));
        }
        let lost = |message: String| SubmitError::SourceLost { message };
        let reader = source.opener.open().await.map_err(|error| {
            SubmitError::of_source(error.kind(), format!("open the {what}: {error}"))
        })?;
        let mut bytes = Vec::with_capacity(source.size_bytes as usize);
        // One byte more than promised is enough to see that the file is not the promised one.
        reader
            .take(source.size_bytes + 1)
            .read_to_end(&mut bytes)
            .await
            .map_err(|error| {
                SubmitError::of_source(error.kind(), format!("read the {what}: {error}"))
            })?;
        if bytes.len() as u64 != source.size_bytes {
            return Err(lost(format!(
                "the {what} has {} bytes in place of {}",
                bytes.len(),
                source.size_bytes
            )));
        }
        Ok(bytes)
    }

    fn find(&self, id: &TaskId) -> Result<Arc<Task>, ReadError> {
        self.tasks.find(id).ok_or_else(|| ReadError::Unknown {
            message: format!("no preview task {id}"),
        })
    }
}

#[async_trait]
impl Engine for PreviewEngine {
    async fn submit(&self, _: &Credentials, new: NewTask) -> Result<Submitted, SubmitError> {
        let id = TaskId(format!("preview-{}", new.client_ref));
        let submitted = Submitted {
            task: id.clone(),
            expected_wait: None,
        };
        let reserved = match self.tasks.reserve(id, new.client_ref, new.seed, self.slots) {
            Reserved::Slot(slot) => slot,
            Reserved::Known => return Ok(submitted),
            Reserved::Full { active } => {
                return Err(SubmitError::Refused(Refusal::Slots {
                    message: format!("{active} previews are being rendered"),
                    counts: Some((active as u32, self.slots as u32)),
                }));
            }
        };
        let image = self.read("image", &new.image).await?;
        let audio = self.read("audio", &new.audio).await?;
        let task = reserved.keep();
        let tasks = Arc::clone(&self.tasks);
        // The thread ends by itself, soon after the task is told to stop; nobody waits for it.
        drop(tokio::task::spawn_blocking(move || {
            task.begin();
            let end = render(&task, &image, &audio);
            task.end(end);
            tasks.drop_surplus();
        }));
        Ok(submitted)
    }

    async fn query(
        &self,
        _: &Credentials,
        tasks: &[TaskId],
    ) -> Result<Vec<(TaskId, QueryAnswer)>, ReadError> {
        let answer = |id: &TaskId| match self.tasks.find(id) {
            Some(task) => QueryAnswer::Task(task.report()),
            None => QueryAnswer::Unknown,
        };
        Ok(tasks.iter().map(|id| (id.clone(), answer(id))).collect())
    }

    async fn list(&self, _: &Credentials, page: u32) -> Result<TaskPage, ReadError> {
        let tasks = if page <= 1 {
            self.tasks.newest_first()
        } else {
            Vec::new()
        };
        Ok(TaskPage {
            tasks: tasks.iter().map(|task| task.report()).collect(),
            has_more: false,
        })
    }

    async fn cancel(&self, _: &Credentials, id: &TaskId) -> Result<CancelAnswer, ReadError> {
        Ok(match self.tasks.find(id) {
            Some(task) if task.is_active() => {
                task.stop();
                CancelAnswer::Accepted
            }
            Some(_) => CancelAnswer::NotActive,
            None => CancelAnswer::Unclear,
        })
    }

    async fn fetch(
        &self,
        _: &Credentials,
        id: &TaskId,
        sink: &mut dyn VideoSink,
    ) -> Result<(), FetchError> {
        let Some(mut video) = self.find(id)?.video() else {
            return Err(FetchError::Read(ReadError::Weather {
                message: format!("preview task {id} has no video yet"),
                reached: true,
            }));
        };
        sink.start(Some(video.len() as u64)).await?;
        while !video.is_empty() {
            let chunk = video.split_to(video.len().min(CHUNK_BYTES));
            sink.write(chunk).await?;
        }
        self.tasks.forget(id);
        Ok(())
    }

    async fn check(&self, _: &Credentials) -> Result<(), ReadError> {
        Ok(())
    }
}

impl Drop for PreviewEngine {
    fn drop(&mut self) {
        for task in self.tasks.newest_first() {
            task.stop();
        }
    }
}

/// Renders, and says how it ended.
fn render(task: &Task, image: &[u8], audio: &[u8]) -> Phase {
    // Decoders of foreign files may hit a case that their authors did not think of; that ends one task, not more.
    let result = catch_unwind(AssertUnwindSafe(|| {
        vbatch_render::render(image, audio, &mut |progress| {
            task.advance(progress.fraction);
            if task.is_stopped() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
    }));
    match result {
        Ok(Ok(video)) => Phase::Succeeded(Bytes::from(video)),
        Ok(Err(RenderError::Stopped)) => Phase::Cancelled,
        Ok(Err(error)) => Phase::Failed(error.to_string()),
        Err(panic) => Phase::Failed(format!("the renderer broke down: {}", words_of(&*panic))),
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason was given")
}
