//! The preview engine as the dispatcher uses it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Cursor;
use std::io::{self, ErrorKind};
use std::time::Duration;

use super::*;
use crate::engine::{OpenSource, SourceReader, TaskState};

/// More than any of these takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Memory(Option<Vec<u8>>);

#[async_trait]
impl OpenSource for Memory {
    async fn open(&self) -> io::Result<SourceReader> {
        let bytes = self.0.clone().ok_or(ErrorKind::NotFound)?;
        Ok(Box::pin(Cursor::new(bytes)))
    }
}

fn source(bytes: Vec<u8>) -> Source {
    Source {
        size_bytes: bytes.len() as u64,
        media_type: "application/octet-stream".to_owned(),
        opener: Arc::new(Memory(Some(bytes))),
    }
}

fn picture() -> Source {
    let mut png = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(32, 24, image::Rgb([90, 120, 200]))
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    source(png.into_inner())
}

/// A WAV of so many seconds: 8 kHz, one channel, 16 bits.
fn recording(seconds: u32) -> Source {
    let data = (0..8_000 * seconds).flat_map(|n| ((n % 80 * 200) as i16).to_le_bytes());
    let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(8_000u32.to_le_bytes());
    wav.extend(16_000u32.to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend((16_000 * seconds).to_le_bytes());
    wav.extend(data);
    let length = wav.len() as u32 - 8;
    wav[4..8].copy_from_slice(&length.to_le_bytes());
    source(wav)
}

fn new_task(client_ref: &str, image: Source, audio: Source) -> NewTask {
    NewTask {
        client_ref: client_ref.to_owned(),
        seed: 7,
        prompt: "speak".to_owned(),
        negative_prompt: String::new(),
        image,
        audio,
    }
}

#[derive(Default)]
struct Received {
    promised: Option<u64>,
    chunks: Vec<Bytes>,
    room: Option<usize>,
}

#[async_trait]
impl VideoSink for Received {
    async fn start(&mut self, total_bytes: Option<u64>) -> io::Result<()> {
        self.promised = total_bytes;
        self.chunks.clear();
        Ok(())
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        if self.room.is_some_and(|room| self.chunks.len() >= room) {
            return Err(ErrorKind::StorageFull.into());
        }
        self.chunks.push(chunk);
        Ok(())
    }
}

async fn state(engine: &PreviewEngine, id: &TaskId) -> QueryAnswer {
    let mut answers = engine
        .query(&Credentials::local(), std::slice::from_ref(id))
        .await
        .unwrap();
    assert_eq!(answers.len(), 1);
    let (asked, answer) = answers.remove(0);
    assert_eq!(asked, *id);
    answer
}

async fn end_of(engine: &PreviewEngine, id: &TaskId) -> TaskState {
    let task = engine.tasks.find(id).unwrap();
    tokio::time::timeout(PATIENCE, task.ended()).await.unwrap();
    task.report().state
}

fn engine() -> PreviewEngine {
    PreviewEngine::new(1, 20 * 1024 * 1024)
}

#[tokio::test]
async fn a_task_is_rendered_fetched_once_and_forgotten() {
    let engine = engine();
    let credentials = Credentials::local();
    let task = new_task("item/1", picture(), recording(1));
    let submitted = engine.submit(&credentials, task.clone()).await.unwrap();
    // The same key again names the same task and takes no second slot.
    let again = engine.submit(&credentials, task).await.unwrap();
    assert_eq!(submitted, again);
    let id = submitted.task;
    assert_eq!(end_of(&engine, &id).await, TaskState::Succeeded);

    let page = engine.list(&credentials, 1).await.unwrap();
    assert_eq!(page.tasks.len(), 1);
    assert_eq!(page.tasks[0].client_ref.as_deref(), Some("item/1"));
    assert_eq!(page.tasks[0].seed, Some(7));

    // A sink without room loses nothing: the next fetch begins again.
    let mut full = Received {
        room: Some(0),
        ..Received::default()
    };
    let error = engine.fetch(&credentials, &id, &mut full).await;
    assert!(matches!(error, Err(FetchError::Sink(_))), "{error:?}");

    let mut sink = Received::default();
    engine.fetch(&credentials, &id, &mut sink).await.unwrap();
    assert!(sink.chunks.iter().all(|chunk| chunk.len() <= CHUNK_BYTES));
    let video = sink.chunks.concat();
    assert_eq!(sink.promised, Some(video.len() as u64));
    assert_eq!(&video[4..8], b"ftyp");

    assert_eq!(state(&engine, &id).await, QueryAnswer::Unknown);
    let error = engine.fetch(&credentials, &id, &mut sink).await;
    assert!(
        matches!(error, Err(FetchError::Read(ReadError::Unknown { .. }))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_cancelled_task_ends_soon_and_frees_its_slot() {
    let engine = engine();
    let credentials = Credentials::local();
    let long = new_task("item/1", picture(), recording(600));
    let id = engine.submit(&credentials, long).await.unwrap().task;

    let second = new_task("item/2", picture(), recording(1));
    let refused = engine.submit(&credentials, second.clone()).await;
    assert!(
        matches!(
            refused,
            Err(SubmitError::Refused(Refusal::Slots {
                counts: Some((1, 1)),
                ..
            }))
        ),
        "{refused:?}"
    );
    let QueryAnswer::Task(report) = state(&engine, &id).await else {
        panic!("the task is there");
    };
    assert!(report.state.is_active(), "{report:?}");

    let answer = engine.cancel(&credentials, &id).await.unwrap();
    assert_eq!(answer, CancelAnswer::Accepted);
    assert_eq!(end_of(&engine, &id).await, TaskState::Cancelled);
    let answer = engine.cancel(&credentials, &id).await.unwrap();
    assert_eq!(answer, CancelAnswer::NotActive);

    let id = engine.submit(&credentials, second).await.unwrap().task;
    assert_eq!(end_of(&engine, &id).await, TaskState::Succeeded);
}

#[tokio::test]
async fn what_cannot_be_rendered_fails_in_words() {
    let engine = engine();
    let task = new_task("item/1", source(b"no picture".to_vec()), recording(1));
    let id = engine
        .submit(&Credentials::local(), task)
        .await
        .unwrap()
        .task;
    let TaskState::Failed {
        message,
        worker_lost,
    } = end_of(&engine, &id).await
    else {
        panic!("it cannot succeed");
    };
    assert!(message.contains("not a PNG, JPEG or WebP"), "{message}");
    assert!(!worker_lost);
}

#[tokio::test]
async fn lost_and_oversized_sources_make_no_task() {
    let engine = PreviewEngine::new(1, 1000);
    let credentials = Credentials::local();
    let gone = Source {
        opener: Arc::new(Memory(None)),
        ..picture()
    };
    let shorter = Source {
        size_bytes: picture().size_bytes + 1,
        ..picture()
    };
    let longer = Source {
        size_bytes: picture().size_bytes - 1,
        ..picture()
    };
    for image in [gone, shorter, longer] {
        let error = engine
            .submit(&credentials, new_task("item/1", image, recording(0)))
            .await;
        assert!(
            matches!(error, Err(SubmitError::SourceLost { .. })),
            "{error:?}"
        );
    }
    let error = engine
        .submit(&credentials, new_task("item/1", picture(), recording(1)))
        .await;
    assert!(
        matches!(error, Err(SubmitError::Refused(Refusal::BadInput { .. }))),
        "{error:?}"
    );
    let page = engine.list(&credentials, 1).await.unwrap();
    assert_eq!(page.tasks, []);
}

#[tokio::test]
async fn unknown_tasks_are_unknown() {
    let engine = engine();
    let credentials = Credentials::local();
    let id = TaskId("preview-of-another-life/1".to_owned());
    assert_eq!(state(&engine, &id).await, QueryAnswer::Unknown);
    let answer = engine.cancel(&credentials, &id).await.unwrap();
    assert_eq!(answer, CancelAnswer::Unclear);
    assert!(!engine.list(&credentials, 2).await.unwrap().has_more);
    engine.check(&credentials).await.unwrap();
}

#[tokio::test]
async fn dropping_the_engine_stops_the_rendering() {
    let engine = engine();
    let task = new_task("item/1", picture(), recording(600));
    let id = engine
        .submit(&Credentials::local(), task)
        .await
        .unwrap()
        .task;
    let task = engine.tasks.find(&id).unwrap();
    drop(engine);
    let end = tokio::time::timeout(PATIENCE, task.ended()).await.unwrap();
    assert!(matches!(end, Phase::Cancelled), "{end:?}");
}
