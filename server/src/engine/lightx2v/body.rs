//! The body of a submit: JSON whose two long strings are base64 made while the sources are read.
//!
//! Invariants:
//! - At most one piece of 64 KiB is in memory.
//! - The length is exact and known before the first byte, so the upstream can tell a cut body from a whole one.
//! - A source that cannot be read, or is shorter or longer than it was said to be, ends the body before its
//!   last byte. The upstream can then never have a whole request: that is why such an end is definite.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream::{self, Stream};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::config::LightX2vConfig;
use crate::engine::{NewTask, Source, SourceReader};

/// Raw bytes read at once: a multiple of 3, so that pieces join without padding between them.
const PIECE_BYTES: usize = 48 * 1024;

/// A body ready to be sent once.
pub struct SubmitBody {
    length: u64,
    parts: Vec<Part>,
    progress: Arc<Progress>,
}

enum Part {
    Text(Bytes),
    File(File),
}

struct File {
    name: &'static str,
    reader: SourceReader,
    left: u64,
}

impl SubmitBody {
    /// Opens both sources and fixes the length. The error says which source could not be opened.
    pub async fn open(config: &LightX2vConfig, task: &NewTask) -> io::Result<Self> {
        let image = open("source image", &task.image).await?;
        let audio = open("audio", &task.audio).await?;
        let head = head(config, task);
        let length = [&task.image, &task.audio]
            .into_iter()
            .map(|source| base64_length(source.size_bytes))
            .chain([head.len(), BETWEEN.len(), TAIL.len()].map(|length| length as u64))
            .sum();
        // The audio is checked to its end before the tail goes out, so no error can follow the last byte.
        let parts = vec![
            Part::Text(Bytes::from_static(TAIL.as_bytes())),
            Part::File(audio),
            Part::Text(Bytes::from_static(BETWEEN.as_bytes())),
            Part::File(image),
            Part::Text(head.into()),
        ];
        Ok(Self {
            length,
            parts,
            progress: Arc::default(),
        })
    }

    /// Bytes that the stream will give.
    pub fn content_length(&self) -> u64 {
        self.length
    }

    /// How far the stream has come, to be asked while somebody else reads it.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// The bytes.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold(
            (self.parts, self.progress),
            |(mut parts, progress)| async move {
                let next = next_piece(&mut parts).await;
                match &next {
                    Ok(piece) => progress.moved(piece.is_none() || parts.is_empty()),
                    Err(error) => progress.failed(error),
                }
                Ok(next?.map(|piece| (piece, (parts, progress))))
            },
        )
    }
}

const BETWEEN: &str = r#""},"input_audio":{"type":"base64","data":""#;
const TAIL: &str = r#""}}"#;

/// Everything before the image's data.
fn head(config: &LightX2vConfig, task: &NewTask) -> String {
    let fields = json!({
        "task": "s2v",
        "model_cls": config.model_cls,
        "stage": config.stage,
        "prompt": task.prompt,
        "negative_prompt": task.negative_prompt,
        "seed": task.seed,
        "cfg_scale": number(config.cfg_scale),
        "duration": number(config.duration),
        "client_ref": task.client_ref,
    });
    let mut text = fields.to_string();
    text.pop();
    text.push_str(r#","input_image":{"type":"base64","data":""#);
    text
}

/// The upstream's own page sends whole numbers without a point.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

fn base64_length(bytes: u64) -> u64 {
    bytes.div_ceil(3) * 4
}

async fn open(name: &'static str, source: &Source) -> io::Result<File> {
    let reader = source
        .opener
        .open()
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
    Ok(File {
        name,
        reader,
        left: source.size_bytes,
    })
}

/// The next bytes of the first part that has any; `parts` is a stack whose top is next.
async fn next_piece(parts: &mut Vec<Part>) -> io::Result<Option<Bytes>> {
    while let Some(part) = parts.last_mut() {
        match part {
            Part::Text(text) => {
                let text = std::mem::take(text);
                parts.pop();
                return Ok(Some(text));
            }
            Part::File(file) => {
                let piece = file.next_piece().await?;
                if file.left == 0 {
                    file.expect_end().await?;
                    parts.pop();
                }
                if !piece.is_empty() {
                    return Ok(Some(piece));
                }
            }
        }
    }
    Ok(None)
}

impl File {
    async fn next_piece(&mut self) -> io::Result<Bytes> {
        let wanted = self.left.min(PIECE_BYTES as u64) as usize;
        let mut raw = vec![0; wanted];
        self.reader
            .read_exact(&mut raw)
            .await
            .map_err(|error| match error.kind() {
                kind @ io::ErrorKind::UnexpectedEof => {
                    self.broken(kind, "is shorter than it was when it was stored")
                }
                kind => self.broken(kind, &error.to_string()),
            })?;
        self.left -= wanted as u64;
        Ok(STANDARD.encode(raw).into())
    }

    async fn expect_end(&mut self) -> io::Result<()> {
        match self.reader.read(&mut [0]).await {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.broken(
                io::ErrorKind::InvalidData,
                "is longer than it was when it was stored",
            )),
            Err(error) => Err(self.broken(error.kind(), &error.to_string())),
        }
    }

    fn broken(&self, kind: io::ErrorKind, problem: &str) -> io::Error {
        io::Error::new(kind, format!("{}: {problem}", self.name))
    }
}

/// How far a body has come. Shared between the one who sends it and the one who watches the time.
#[derive(Default)]
pub struct Progress {
    come: Mutex<Come>,
    moved: Notify,
}

#[derive(Default)]
struct Come {
    last: Option<Instant>,
    whole: bool,
    source_error: Option<(io::ErrorKind, String)>,
}

impl Progress {
    /// When a piece was last taken, and whether it was the last one of all.
    pub fn last(&self) -> (Option<Instant>, bool) {
        let come = self.come.lock().unwrap_or_else(PoisonError::into_inner);
        (come.last, come.whole)
    }

    /// Why the body was cut by our own side, if it was.
    pub fn source_error(&self) -> Option<(io::ErrorKind, String)> {
        self.come
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .source_error
            .clone()
    }

    /// Ends when the next piece is taken.
    pub async fn next_move(&self) {
        self.moved.notified().await;
    }

    fn moved(&self, whole: bool) {
        {
            let mut come = self.come.lock().unwrap_or_else(PoisonError::into_inner);
            come.last = Some(Instant::now());
            come.whole |= whole;
        }
        self.moved.notify_one();
    }

    fn failed(&self, error: &io::Error) {
        self.come
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .source_error = Some((error.kind(), error.to_string()));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use async_trait::async_trait;
    use futures::TryStreamExt;

    use super::*;
    use crate::engine::{OpenSource, SubmitError};

    struct Memory(Vec<u8>);

    #[async_trait]
    impl OpenSource for Memory {
        async fn open(&self) -> io::Result<SourceReader> {
            Ok(Box::pin(io::Cursor::new(self.0.clone())))
        }
    }

    fn source(bytes: Vec<u8>, size_bytes: u64) -> Source {
        Source {
            size_bytes,
            media_type: "image/png".to_owned(),
            opener: Arc::new(Memory(bytes)),
        }
    }

    fn task(image: Source, audio: Source) -> NewTask {
        NewTask {
            client_ref: "00000000-0000-0000-0000-000000000007/3".to_owned(),
            seed: 77,
            prompt: "say \"hi\"\n\u{0} 根据音频".to_owned(),
            negative_prompt: String::new(),
            image,
            audio,
        }
    }

    async fn sent(task: &NewTask) -> io::Result<(u64, Vec<u8>)> {
        let config = LightX2vConfig::at("http://127.0.0.1/");
        let body = SubmitBody::open(&config, task).await.unwrap();
        let length = body.content_length();
        let pieces: Vec<Bytes> = body.into_stream().try_collect().await?;
        assert!(
            pieces
                .iter()
                .all(|piece| piece.len() <= PIECE_BYTES / 3 * 4)
        );
        Ok((length, pieces.concat()))
    }

    #[tokio::test]
    async fn the_length_is_exact_and_the_sources_come_back_whole() {
        for size in [
            0,
            1,
            2,
            3,
            PIECE_BYTES - 1,
            PIECE_BYTES,
            PIECE_BYTES + 1,
            3 * PIECE_BYTES + 2,
        ] {
            let bytes: Vec<u8> = (0..size).map(|index| index as u8).collect();
            let task = task(
                source(bytes.clone(), size as u64),
                source(b"RIFF".to_vec(), 4),
            );
            let (length, body) = sent(&task).await.unwrap();
            assert_eq!(length, body.len() as u64, "{size}");
            let value: Value = serde_json::from_slice(&body).unwrap();
            let image = value["input_image"]["data"].as_str().unwrap();
            assert_eq!(STANDARD.decode(image).unwrap(), bytes, "{size}");
            assert_eq!(
                value["input_audio"],
                json!({"type": "base64", "data": "UklGRg=="})
            );
            assert_eq!(value["prompt"], task.prompt);
            assert_eq!(value["client_ref"], task.client_ref);
            assert_eq!(value["seed"], 77);
            assert_eq!(value["cfg_scale"].to_string(), "5");
            assert_eq!(value["duration"].to_string(), "7");
            assert_eq!(value["task"], "s2v");
        }
    }

    #[tokio::test]
    async fn a_source_of_another_length_never_makes_a_whole_body() {
        for (image, audio, said) in [
            (
                source(vec![1; 9], 10),
                source(vec![1; 4], 4),
                "source image: is shorter",
            ),
            (
                source(vec![1; 11], 10),
                source(vec![1; 4], 4),
                "source image: is longer",
            ),
            (
                source(vec![1; 9], 9),
                source(vec![1; 3], 4),
                "audio: is shorter",
            ),
            (
                source(vec![1; 9], 9),
                source(vec![1; 5], 4),
                "audio: is longer",
            ),
        ] {
            let config = LightX2vConfig::at("http://127.0.0.1/");
            let body = SubmitBody::open(&config, &task(image, audio))
                .await
                .unwrap();
            let (length, progress) = (body.content_length(), body.progress());
            let mut stream = std::pin::pin!(body.into_stream());
            let mut given = 0;
            let error = loop {
                match stream.try_next().await {
                    Ok(piece) => given += piece.unwrap().len() as u64,
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.starts_with(said), "{error}");
            assert!(given < length, "{said}");
            let (kind, message) = progress.source_error().unwrap();
            assert_eq!(message, error);
            // Neither becomes the right one by waiting.
            let lost = SubmitError::of_source(kind, message);
            assert!(matches!(lost, SubmitError::SourceLost { .. }), "{said}");
            assert!(!progress.last().1, "{said}");
        }
    }
}
