//! What the dispatcher needs of `media`: sources to send, and a place for videos.

use std::io;

use async_trait::async_trait;

use crate::domain::media::{Blob, Video};
use crate::engine::{Source, VideoSink};

/// The stored files, as the dispatcher uses them.
#[async_trait]
pub trait Files: Send + Sync {
    /// A stored file as engines read it.
    fn source(&self, blob: Blob, media_type: &str) -> Source;

    /// A place for a video that is fetched; dropped unfinished, it leaves nothing.
    async fn begin_video(&self) -> io::Result<Box<dyn NewVideo>>;

    /// Removes a stored video, unless something else uses it: its item went another way.
    async fn discard_video(&self, video: &Video);
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
    /// What keeps the file.
    pub pin: Box<dyn Send + Sync>,
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
