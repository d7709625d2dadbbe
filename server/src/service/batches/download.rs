//! Downloading one stored file from some byte on.

use jiff::Timestamp;

use super::page::state_name;
use super::{Batches, refusal};
use crate::domain::ids::{BatchId, ItemId};
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::media::{Blob, BlobKind};
use crate::media::blob_reader::BlobReader;
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};

/// A file that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct FileRequest {
    /// The batch.
    pub batch: BatchId,
    /// The item; absent for the audio.
    pub item: Option<ItemId>,
    /// Which of the files.
    pub kind: BlobKind,
    /// The first byte wanted.
    pub offset: i64,
}

/// A file that is about to be sent.
pub struct Download {
    /// The name to save it under.
    pub filename: String,
    /// By content.
    pub media_type: String,
    /// The content.
    pub blob: Blob,
    /// The byte it begins at.
    pub offset: u64,
    reader: BlobReader,
}

impl Batches {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, ITEM_NOT_FOUND, FIELD_INVALID, VIDEO_NOT_READY, FILE_REMOVED, OFFSET_INVALID, BLOB_CORRUPT.
    pub async fn download(
        &self,
        caller: &Caller,
        request: FileRequest,
    ) -> Result<Download, ServiceError> {
        let batch = self.batch(caller, request.batch).await?;
        let (filename, media_type, blob, removed_time) = match (request.kind, request.item) {
            (BlobKind::Audio, None) => {
                let audio = batch.audio;
                let gone = audio.removed_time;
                (audio.filename, audio.media_type, audio.blob, gone)
            }
            (BlobKind::Audio, Some(_)) => {
                return Err(ServiceError::field(
                    "item_id",
                    "The audio belongs to the batch: leave item_id empty.",
                ));
            }
            (_, None) => {
                return Err(ServiceError::field("item_id", "Say which item."));
            }
            (kind, Some(item)) => {
                let (_, item) = self.item(caller, batch.id, item).await?;
                file_of(kind, item)?
            }
        };
        if let Some(time) = removed_time {
            return Err(refusal::removed(&filename, time));
        }
        let offset = u64::try_from(request.offset)
            .ok()
            .filter(|offset| *offset <= blob.size_bytes)
            .ok_or_else(|| {
                ServiceError::new(
                    Reason::OffsetInvalid,
                    format!("{filename} has {} bytes.", blob.size_bytes),
                )
                .with("offset", request.offset)
                .with("limit", blob.size_bytes)
            })?;
        let reader = self
            .media()
            .read(blob, offset)
            .await
            .map_err(|error| refusal::of_media(error, &filename))?;
        Ok(Download {
            filename,
            media_type,
            blob,
            offset,
            reader,
        })
    }
}

impl Download {
    /// The next bytes, at most `most`; nothing at the end.
    ///
    /// # Errors
    ///
    /// BLOB_CORRUPT when the file is not what was stored.
    pub async fn next(&mut self, most: usize) -> Result<Option<bytes::Bytes>, ServiceError> {
        self.reader
            .next(most)
            .await
            .map_err(|error| refusal::of_media(error, &self.filename))
    }
}

/// Name, media type, content, and when that was removed.
type Found = (String, String, Blob, Option<Timestamp>);

fn file_of(kind: BlobKind, item: VideoItem) -> Result<Found, ServiceError> {
    let image = item.source_image;
    if kind == BlobKind::Image {
        return Ok((
            image.filename,
            image.media_type,
            image.blob,
            image.removed_time,
        ));
    }
    match item.state {
        ItemState::Completed { video, .. } => Ok((
            video_name(&image.filename, &video.media_type),
            video.media_type,
            video.blob,
            video.removed_time,
        )),
        state => Err(
            ServiceError::new(Reason::VideoNotReady, "The item has no video yet.")
                .with("item_id", item.id)
                .with("state", state_name(&state)),
        ),
    }
}

/// The source image's name with the video's ending.
pub(super) fn video_name(image: &str, media_type: &str) -> String {
    let stem = match image.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => image,
    };
    let ending = if media_type == "video/webm" {
        "webm"
    } else {
        "mp4"
    };
    format!("{stem}.{ending}")
}
