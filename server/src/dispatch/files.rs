//! What the dispatcher needs of `media`: sources to send, and a place for videos.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::media::{Blob, Video};
use crate::engine::{Source, VideoSink};
use crate::media::video_sink::{ArrivingVideo, VideoError};
use crate::media::{Media, Pin, to_io};
use crate::store::Store;

/// The stored files, as the dispatcher uses them.
#[async_trait]
pub trait Files: Send + Sync {
    /// A stored file as engines read it.
    fn source(&self, blob: Blob, media_type: &str) -> Source;

    /// A place for a video that is fetched; dropped unfinished, it leaves nothing.
    async fn begin_video(&self) -> io::Result<Box<dyn NewVideo>>;

    /// Removes a kept video, unless something else uses it: its item went another way.
    async fn discard_video(&self, kept: KeptVideo);
}

/// A video that is being fetched.
#[async_trait]
pub trait NewVideo: VideoSink {
    /// Checks that the bytes are a playable video and keeps them under their digest.
    async fn finish(self: Box<Self>) -> Result<KeptVideo, NewVideoError>;
}

/// A video that is kept. While this lives, nobody removes its file; it is to live until the item's end is committed.
pub struct KeptVideo {
    /// The video.
    pub video: Video,
    /// What keeps the file; absent where nobody else could remove it.
    pub pin: Option<Pin>,
}

/// A video that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum NewVideoError {
    /// The bytes are no playable video.
    #[error("not a playable video: {0}")]
    Invalid(String),
    /// The disk failed or is full.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The files of a data directory.
pub struct StoredFiles {
    media: Media,
    store: Arc<dyn Store>,
    video_bytes: u64,
}

impl StoredFiles {
    /// The files of `media`; videos of more than `video_bytes` are refused.
    pub fn new(media: Media, store: Arc<dyn Store>, video_bytes: u64) -> Self {
        Self {
            media,
            store,
            video_bytes,
        }
    }
}

#[async_trait]
impl Files for StoredFiles {
    fn source(&self, blob: Blob, media_type: &str) -> Source {
        self.media.source(blob, media_type)
    }

    async fn begin_video(&self) -> io::Result<Box<dyn NewVideo>> {
        Ok(Box::new(StoredNewVideo(
            self.media.video_sink(self.video_bytes, None),
        )))
    }

    async fn discard_video(&self, kept: KeptVideo) {
        let pins = kept.pin.into_iter().collect();
        self.media
            .discard(pins, |blob| self.store.is_referenced(blob))
            .await;
    }
}

struct StoredNewVideo(ArrivingVideo);

#[async_trait]
impl VideoSink for StoredNewVideo {
    async fn start(&mut self, total_bytes: Option<u64>) -> io::Result<()> {
        self.0.start(total_bytes).await
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        self.0.write(chunk).await
    }
}

#[async_trait]
impl NewVideo for StoredNewVideo {
    async fn finish(self: Box<Self>) -> Result<KeptVideo, NewVideoError> {
        match self.0.finish().await {
            Ok(stored) => Ok(KeptVideo {
                video: stored.video,
                pin: Some(stored.pin),
            }),
            Err(VideoError::Invalid(message)) => Err(NewVideoError::Invalid(message)),
            Err(VideoError::Media(error)) => Err(NewVideoError::Io(to_io(error))),
        }
    }
}
