//! A ZIP of the finished videos, written while it is read.
//!
//! Videos are stored, not deflated: they are compressed already. The writer runs where blocking is allowed and hands its
//! bytes over through a channel of `CHANNEL_CHUNKS` chunks; when that is full it waits, and when the reader goes away it
//! ends, so memory stays the same however large the ZIP is.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use sha2::Digest;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::change::check_ids;
use super::download::video_name;
use super::page::state_name;
use super::upload::CHUNK_BYTES;
use super::{Batches, refusal};
use crate::domain::batch::Batch;
use crate::domain::failure::cut;
use crate::domain::ids::{BatchId, ItemId};
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::media::Video;
use crate::media::{Media, MediaError};
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};
use crate::store::query::{ItemSelection, ItemStateName};

/// Chunks of a ZIP that wait for their reader.
const CHANNEL_CHUNKS: usize = 2;

/// The manifest's name in the ZIP.
pub const MANIFEST: &str = "manifest.json";

/// Longest name in the ZIP, in bytes: room for a number and an ending within what file systems take.
const NAME_BYTES: usize = 200;

/// A reader that takes nothing for this long is given up, for its export keeps a thread.
const PATIENCE: Duration = Duration::from_secs(60);

/// A ZIP that is about to be sent.
pub struct Export {
    /// The name to save it under.
    pub filename: String,
    /// Videos in it.
    pub video_count: usize,
    /// About how large it will be.
    pub estimated_size_bytes: u64,
    chunks: mpsc::Receiver<Result<Bytes, ServiceError>>,
    /// Whether the last chunk was handed over; an end before it is no end of the ZIP.
    whole: Arc<AtomicBool>,
}

struct Exported {
    name: String,
    video: Video,
}

#[derive(Serialize)]
struct Manifest<'a> {
    batch_id: String,
    name: &'a str,
    prompt: &'a str,
    negative_prompt: &'a str,
    engine: &'a str,
    audio: &'a str,
    item_count: u32,
    videos: Vec<ManifestVideo>,
}

#[derive(Serialize)]
struct ManifestVideo {
    position: u32,
    item_id: String,
    file: String,
    source_image: String,
    media_type: String,
    size_bytes: u64,
    sha256: String,
    duration_seconds: f64,
    width_px: u32,
    height_px: u32,
}

impl Batches {
    /// Begins an export.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, ITEM_NOT_FOUND, FIELD_INVALID, VIDEO_NOT_READY (an item that was named), NOTHING_TO_EXPORT,
    /// FILE_REMOVED, BLOB_CORRUPT, TOO_MANY_STREAMS.
    pub async fn export(
        &self,
        caller: &Caller,
        id: BatchId,
        items: Vec<ItemId>,
    ) -> Result<Export, ServiceError> {
        let batch = self.batch(caller, id).await?;
        check_ids(&items)?;
        let finished = self.finished_items(id, &items).await?;
        if finished.is_empty() {
            return Err(ServiceError::new(
                Reason::NothingToExport,
                "No item has a video yet.",
            ));
        }
        let mut names = Names::default();
        let mut videos = Vec::with_capacity(finished.len());
        let mut entries = Vec::with_capacity(finished.len());
        for (item, video) in finished {
            let name = names.unique(&video_name(&item.source_image.filename, &video.media_type));
            self.media()
                .check(video.blob)
                .await
                .map_err(|error| refusal::of_media(error, &name))?;
            entries.push(manifest_video(&item, &video, &name));
            videos.push(Exported { name, video });
        }
        let video_count = videos.len();
        let manifest = manifest(&batch, entries)?;
        let estimated_size_bytes = estimate(&videos, manifest.len());
        let (sender, chunks) = mpsc::channel(CHANNEL_CHUNKS);
        let media = self.media().clone();
        let slot = self.shared.exports.take(caller.user)?;
        let reader = Reader {
            sender,
            runtime: Handle::current(),
        };
        let whole = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&whole);
        tokio::task::spawn_blocking(move || {
            let written = write(&media, &videos, &manifest, &reader);
            end.store(written, Ordering::Release);
            // Before the channel closes: who sees its end may begin another export.
            drop(slot);
            drop(reader);
        });
        Ok(Export {
            filename: format!("{}.zip", safe_name(&batch.name)),
            video_count,
            estimated_size_bytes,
            chunks,
            whole,
        })
    }

    async fn finished_items(
        &self,
        batch: BatchId,
        ids: &[ItemId],
    ) -> Result<Vec<(VideoItem, Video)>, ServiceError> {
        let selection = ItemSelection {
            ids: ids.to_vec(),
            states: if ids.is_empty() {
                vec![ItemStateName::Completed]
            } else {
                Vec::new()
            },
        };
        let items = self.all_items(batch, &selection).await?;
        if let Some(missing) = ids
            .iter()
            .find(|id| !items.iter().any(|item| item.id == **id))
        {
            return Err(refusal::item_not_found(*missing));
        }
        items
            .into_iter()
            .map(|item| match &item.state {
                ItemState::Completed { video, .. } => Ok((item.clone(), video.clone())),
                state => Err(ServiceError::new(
                    Reason::VideoNotReady,
                    "A named item has no video yet.",
                )
                .with("item_id", item.id)
                .with("state", state_name(state))),
            })
            .collect()
    }
}

impl Export {
    /// The next bytes of the ZIP; nothing at the end.
    ///
    /// # Errors
    ///
    /// FILE_REMOVED, BLOB_CORRUPT; RATE_LIMITED when nothing was read for too long: what was sent is of no use.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        match self.chunks.recv().await {
            Some(chunk) => chunk.map(Some),
            None if self.whole.load(Ordering::Acquire) => Ok(None),
            None => Err(ServiceError::new(
                Reason::RateLimited,
                "The export was not read for too long and was ended. Begin it again.",
            )
            .with("limit", PATIENCE.as_secs())),
        }
    }
}

fn manifest(batch: &Batch, videos: Vec<ManifestVideo>) -> Result<Vec<u8>, ServiceError> {
    serde_json::to_vec_pretty(&Manifest {
        batch_id: batch.id.to_string(),
        name: &batch.name,
        prompt: &batch.prompt,
        negative_prompt: &batch.negative_prompt,
        engine: batch.engine.name(),
        audio: &batch.audio.filename,
        item_count: batch.counts.total(),
        videos,
    })
    .map_err(|error| ServiceError::new(Reason::Internal, error.to_string()))
}

fn manifest_video(item: &VideoItem, video: &Video, name: &str) -> ManifestVideo {
    ManifestVideo {
        position: item.position,
        item_id: item.id.to_string(),
        file: name.to_owned(),
        source_image: item.source_image.filename.clone(),
        media_type: video.media_type.clone(),
        size_bytes: video.blob.size_bytes,
        sha256: video.blob.sha256.to_string(),
        duration_seconds: video.duration.as_secs_f64(),
        width_px: video.width_px,
        height_px: video.height_px,
    }
}

/// Content, and for each file about as much as its two headers and its trailing sizes take.
fn estimate(videos: &[Exported], manifest: usize) -> u64 {
    let names: usize = videos.iter().map(|video| 2 * video.name.len() + 100).sum();
    let content: u64 = videos.iter().map(|video| video.video.blob.size_bytes).sum();
    content + (names + manifest + 2 * MANIFEST.len() + 122) as u64
}

/// Writes the whole ZIP and says that it did, or hands over why it cannot be. Blocks.
fn write(media: &Media, videos: &[Exported], manifest: &[u8], reader: &Reader) -> bool {
    let abandoned = Arc::new(AtomicBool::new(false));
    let mut zip = ZipWriter::new_stream(Chunks {
        reader: reader.clone(),
        buffer: Vec::with_capacity(CHUNK_BYTES),
        abandoned: Arc::clone(&abandoned),
    });
    let written = match write_files(&mut zip, media, videos, manifest, &abandoned) {
        Ok(()) => zip.finish().map_err(zip_failed).map(|rest| {
            rest.into_inner().send();
        }),
        // Nobody reads: there is nothing to tell either.
        Err(_) if abandoned.load(Ordering::Relaxed) => return false,
        Err(error) => {
            // Dropping the ZIP writer would still write its directory.
            abandoned.store(true, Ordering::Relaxed);
            drop(zip);
            Err(error)
        }
    };
    if let Err(error) = written {
        // A reader that went away has nobody to tell.
        let _ = reader.hand(Err(error));
        return false;
    }
    !abandoned.load(Ordering::Relaxed)
}

fn write_files(
    zip: &mut ZipWriter<zip::write::StreamWriter<Chunks>>,
    media: &Media,
    videos: &[Exported],
    manifest: &[u8],
    abandoned: &AtomicBool,
) -> Result<(), ServiceError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o644);
    let mut buffer = vec![0; 64 << 10];
    for Exported { name, video } in videos {
        let blob = video.blob;
        let large = blob.size_bytes >= u64::from(u32::MAX);
        zip.start_file(name, options.large_file(large))
            .map_err(zip_failed)?;
        let mut file = media
            .open_blocking(blob)
            .map_err(|error| refusal::of_media(error, name))?;
        let mut digest = sha2::Sha256::new();
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(io_failed(error)),
            };
            if abandoned.load(Ordering::Relaxed) {
                return Err(io_failed(io::ErrorKind::BrokenPipe.into()));
            }
            digest.update(&buffer[..count]);
            zip.write_all(&buffer[..count]).map_err(io_failed)?;
        }
        if <[u8; 32]>::from(digest.finalize()) != blob.sha256.0 {
            return Err(refusal::of_media(MediaError::Corrupt(blob), name));
        }
    }
    zip.start_file(MANIFEST, options).map_err(zip_failed)?;
    zip.write_all(manifest).map_err(io_failed)
}

fn zip_failed(error: zip::result::ZipError) -> ServiceError {
    ServiceError::new(Reason::Internal, format!("write a ZIP: {error}"))
}

fn io_failed(error: io::Error) -> ServiceError {
    ServiceError::new(Reason::Internal, format!("write a ZIP: {error}"))
}

/// Whoever reads the ZIP.
#[derive(Clone)]
struct Reader {
    sender: mpsc::Sender<Result<Bytes, ServiceError>>,
    runtime: Handle,
}

/// Nobody reads any more, or not within [`PATIENCE`].
struct Gone;

impl Reader {
    /// Hands over the next chunk. Blocks for as long as the reader is given to take it.
    fn hand(&self, chunk: Result<Bytes, ServiceError>) -> Result<(), Gone> {
        let taken = timeout(PATIENCE, self.sender.send(chunk));
        match self.runtime.block_on(taken) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

/// Collects what is written into chunks of a message's size.
struct Chunks {
    reader: Reader,
    buffer: Vec<u8>,
    /// Nobody wants the rest: it is swallowed.
    abandoned: Arc<AtomicBool>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.abandoned.load(Ordering::Relaxed) {
            return Ok(bytes.len());
        }
        let room = CHUNK_BYTES - self.buffer.len();
        let taken = room.min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.send();
        }
        Ok(taken)
    }

    /// Does nothing: the ZIP writer may flush after each file, which would make small chunks. The rest is sent at the
    /// end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Chunks {
    fn send(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        if self.reader.hand(Ok(full.into())).is_err() {
            self.abandoned.store(true, Ordering::Relaxed);
        }
    }
}

/// Names that were given out, compared without case as some file systems do.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    /// The last number that a name was given: equal names are numbered on, not from the beginning.
    numbers: HashMap<String, u32>,
}

impl Names {
    /// The name made safe; with a number when it was given out before.
    fn unique(&mut self, name: &str) -> String {
        let safe = safe_name(name);
        let (stem, ending) = safe.rsplit_once('.').unwrap_or((&safe, "mp4"));
        let numbered = |number: u32| match number {
            1 => safe.clone(),
            _ => format!("{stem} ({number}).{ending}"),
        };
        let number = self.numbers.entry(safe.to_lowercase()).or_default();
        loop {
            *number += 1;
            let name = numbered(*number);
            let is_free = name != MANIFEST && self.taken.insert(name.to_lowercase());
            if is_free {
                return name;
            }
        }
    }
}

/// A file name that is one everywhere: no separators, no characters that some system forbids, no leading or trailing
/// dots and spaces, no device's name, not too long.
fn safe_name(name: &str) -> String {
    let replaced: String = name
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            c if c.is_control() || is_invisible(c) => '_',
            c => c,
        })
        .collect();
    let trimmed = replaced.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let (stem, ending) = match trimmed.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 8 => (stem, format!(".{ending}")),
        _ => (trimmed, String::new()),
    };
    let stem = cut(stem, NAME_BYTES).trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let upper = stem.to_uppercase();
    let is_device = matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (upper.len() == 4
            && (upper.starts_with("COM") || upper.starts_with("LPT"))
            && upper.ends_with(|c: char| c.is_ascii_digit()));
    match stem {
        "" => format!("video{ending}"),
        stem if is_device => format!("_{stem}{ending}"),
        stem => format!("{stem}{ending}"),
    }
}

/// Characters that turn text round, so that a name reads as another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_unique_on_every_system() {
        let mut names = Names::default();
        for (given, expected) in [
            ("王芳.mp4", "王芳.mp4"),
            ("王芳.mp4", "王芳 (2).mp4"),
            ("A.mp4", "A.mp4"),
            ("a.mp4", "a (2).mp4"),
            ("../../etc/passwd.mp4", "_.._etc_passwd.mp4"),
            ("..\\x.mp4", "_x.mp4"),
            ("...mp4", "mp4"),
            ("con.mp4", "_con.mp4"),
            ("a\u{202e}gpj.mp4", "a_gpj.mp4"),
            ("/.mp4", "_.mp4"),
        ] {
            assert_eq!(names.unique(given), expected, "{given}");
        }
        let long = names.unique(&format!("{}.mp4", "王".repeat(84)));
        assert!(long.len() <= NAME_BYTES + 4 && long.ends_with("王.mp4"));
    }
}
