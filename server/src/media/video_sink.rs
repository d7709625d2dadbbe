//! Where a fetched video arrives, and the check that it is one.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;

use super::container::{self, NotAVideo};
use super::incoming::Incoming;
use super::{Media, MediaError, Pin, to_io};
use crate::domain::media::{BlobKind, Video};
use crate::engine::VideoSink;

/// Told after each chunk: bytes so far, and bytes in all where that is known.
pub type FetchProgress = Box<dyn FnMut(u64, Option<u64>) + Send>;

/// A video that is being fetched. Dropping it removes what has come.
pub struct ArrivingVideo {
    media: Media,
    limit: u64,
    progress: Option<FetchProgress>,
    total_bytes: Option<u64>,
    incoming: Option<Incoming>,
}

/// A stored video. The pin keeps it until it is committed that the item has it; on a commit that does not come about,
/// give the pin to [`Media::discard`].
pub struct StoredVideo {
    /// What is known of it.
    pub video: Video,
    /// Keeps it.
    pub pin: Pin,
}

/// Why what was fetched is not kept.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// It is no playable video: the result is at fault, and fetching it again may not help.
    #[error("no playable video: {0}")]
    Invalid(String),
    /// It could not be kept: nothing is said about the result.
    #[error(transparent)]
    Media(#[from] MediaError),
}

impl ArrivingVideo {
    pub(super) fn new(media: Media, limit: u64, progress: Option<FetchProgress>) -> Self {
        Self {
            media,
            limit,
            progress,
            total_bytes: None,
            incoming: None,
        }
    }

    /// Bytes that have come since the last start.
    pub fn received_bytes(&self) -> u64 {
        self.incoming.as_ref().map_or(0, Incoming::size_bytes)
    }

    /// Checks that a whole video came and stores it.
    pub async fn finish(self) -> Result<StoredVideo, VideoError> {
        let Some(incoming) = self.incoming else {
            return Err(VideoError::Invalid("nothing came".to_owned()));
        };
        if let Some(total) = self.total_bytes
            && total != incoming.size_bytes()
        {
            return Err(VideoError::Invalid(format!(
                "{} of {total} bytes came",
                incoming.size_bytes()
            )));
        }
        let staged = incoming.finish().await?;
        let facts = staged
            .inspect(container::examine)
            .await
            .map_err(|error| match error {
                NotAVideo::Content(message) => VideoError::Invalid(message),
                NotAVideo::Read(error) => MediaError::io("examine a video", error).into(),
            })?;
        let video = Video {
            media_type: facts.media_type.to_owned(),
            blob: staged.blob(),
            duration: facts.duration,
            width_px: facts.width_px,
            height_px: facts.height_px,
            removed_time: None,
        };
        let pin = self
            .media
            .adopt(vec![staged])
            .await?
            .pop()
            .expect("one file gives one pin");
        Ok(StoredVideo { video, pin })
    }
}

#[async_trait]
impl VideoSink for ArrivingVideo {
    async fn start(&mut self, total_bytes: Option<u64>) -> io::Result<()> {
        self.incoming = None;
        self.total_bytes = total_bytes;
        if total_bytes.is_some_and(|total| total > self.limit) {
            return Err(to_io(MediaError::TooLarge { limit: self.limit }));
        }
        let incoming = self
            .media
            .receive(BlobKind::Video, self.limit)
            .await
            .map_err(to_io)?;
        self.incoming = Some(incoming);
        Ok(())
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        let Some(incoming) = &mut self.incoming else {
            return Err(io::Error::other("a chunk before the start"));
        };
        incoming.write(&chunk).await.map_err(to_io)?;
        if let Some(progress) = &mut self.progress {
            progress(incoming.size_bytes(), self.total_bytes);
        }
        Ok(())
    }
}
