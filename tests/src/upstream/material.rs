//! Sources, a sink and a task to be asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use vbatch_server::engine::{NewTask, OpenSource, Source, SourceReader, VideoSink};

/// Begins like a picture.
pub const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and nothing that anybody could draw";

/// Begins like a recording.
pub const SOUND: &[u8] = b"RIFF\0\0\0\0WAVE and nothing that anybody could hear";

/// A source that is made of these bytes.
pub fn source(bytes: &'static [u8]) -> Source {
    Source {
        size_bytes: bytes.len() as u64,
        media_type: "application/octet-stream".to_owned(),
        opener: Arc::new(Fixed(bytes)),
    }
}

/// A task with small sources that pass for media.
pub fn new_task(client_ref: &str, seed: i32) -> NewTask {
    NewTask {
        client_ref: client_ref.to_owned(),
        seed,
        prompt: "根据音频生成对应视频 \"quoted\"\n".to_owned(),
        negative_prompt: String::new(),
        image: source(PICTURE),
        audio: source(SOUND),
    }
}

struct Fixed(&'static [u8]);

#[async_trait]
impl OpenSource for Fixed {
    async fn open(&self) -> io::Result<SourceReader> {
        Ok(Box::pin(self.0))
    }
}

/// A source that cannot be opened.
pub struct Missing;

#[async_trait]
impl OpenSource for Missing {
    async fn open(&self) -> io::Result<SourceReader> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A source made while it is read, which counts what was taken of it, and may break on the way.
#[derive(Clone, Default)]
pub struct Counting {
    begins: &'static [u8],
    size: u64,
    breaks_at: Option<u64>,
    taken: Arc<AtomicU64>,
}

impl Counting {
    /// So many bytes, of which the first are these.
    pub fn new(begins: &'static [u8], size: u64) -> Self {
        Self {
            begins,
            size,
            ..Self::default()
        }
    }

    /// The same, with an error after so many bytes.
    pub fn breaking_at(mut self, bytes: u64) -> Self {
        self.breaks_at = Some(bytes);
        self
    }

    /// Bytes that were read by anybody so far.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }

    /// As a source.
    pub fn source(&self) -> Source {
        Source {
            size_bytes: self.size,
            media_type: "application/octet-stream".to_owned(),
            opener: Arc::new(self.clone()),
        }
    }
}

#[async_trait]
impl OpenSource for Counting {
    async fn open(&self) -> io::Result<SourceReader> {
        Ok(Box::pin(CountingReader {
            source: self.clone(),
            place: 0,
        }))
    }
}

struct CountingReader {
    source: Counting,
    place: u64,
}

impl AsyncRead for CountingReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.source.breaks_at.is_some_and(|at| self.place >= at) {
            return Poll::Ready(Err(io::Error::other("the disk is gone")));
        }
        let end = self.source.breaks_at.unwrap_or(self.source.size);
        let count = buf.remaining().min((end - self.place) as usize);
        for place in self.place..self.place + count as u64 {
            let begin = self.source.begins.get(place as usize).copied();
            buf.put_slice(&[begin.unwrap_or(place as u8)]);
        }
        self.place += count as u64;
        self.source.taken.fetch_add(count as u64, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }
}

/// Keeps a video in memory and remembers how it came.
#[derive(Default)]
pub struct MemorySink {
    /// What came since the last start.
    pub bytes: Vec<u8>,
    /// The lengths that were promised, one for each start.
    pub starts: Vec<Option<u64>>,
    /// The largest piece.
    pub largest_piece: usize,
    /// Refuses more than this.
    pub room: Option<usize>,
}

#[async_trait]
impl VideoSink for MemorySink {
    async fn start(&mut self, total_bytes: Option<u64>) -> io::Result<()> {
        self.starts.push(total_bytes);
        self.bytes.clear();
        Ok(())
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        if self
            .room
            .is_some_and(|room| self.bytes.len() + chunk.len() > room)
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.largest_piece = self.largest_piece.max(chunk.len());
        self.bytes.extend_from_slice(&chunk);
        Ok(())
    }
}
