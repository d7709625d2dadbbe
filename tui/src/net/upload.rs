//! Owns the upload of a batch: reads the files twice (once for their digests, once to send them), never holds more than a
//! few chunks, and sends a broken upload again under the same `request_id`, so that it is charged once.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use vision_batch::v1;
use vision_batch::v1::create_batch_request::Part;

use super::backoff::{Backoff, jitter};
use super::client::Client;
use super::download::{TransferError, hex};
use super::error::NetError;
use crate::files::LocalFiles;

/// Bytes of one chunk: the largest multiple of 3 the contract takes, so that the base64 of chunks joins.
pub const CHUNK_BYTES: usize = 262_143;
/// Chunks that wait for the transport; when they are full, reading waits.
const CHUNKS_AHEAD: usize = 2;
/// How often an upload that broke is sent again.
const RETRIES: u32 = 4;
/// How long an upload may stand still, and how long the server may take for its answer when all is sent.
const STALL: Duration = Duration::from_secs(90);

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadProgress {
    /// What is being done.
    pub step: UploadStep,
    /// The file it is done to, from 1: the audio, then the images.
    pub file_number: usize,
    /// How many files there are, from 2.
    pub file_count: usize,
    /// Bytes done of all files in this step.
    pub done_bytes: u64,
    /// Bytes of all files; of what is known so far while they are being read.
    pub total_bytes: u64,
}

/// What an upload is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadStep {
    /// The files are read for their digests.
    Reading,
    /// The files are being sent.
    Sending,
    /// All is sent; the server looks at it.
    Checking,
    /// The connection broke; it is sent again after a moment.
    WaitingToRetry,
}

/// Uploads a batch. Fills in `image_count`, `file_digests`, and `request_id` when that is empty.
///
/// # Errors
/// When a file cannot be read or changes while it is read, when the server refuses the batch, or when the network fails
/// more often than an upload is tried.
pub async fn create_batch(
    client: &Client,
    files: Arc<dyn LocalFiles>,
    mut spec: v1::BatchSpec,
    audio: &Path,
    images: &[PathBuf],
    progress: &(dyn Fn(UploadProgress) + Send + Sync),
) -> Result<v1::CreateBatchResponse, TransferError> {
    if spec.request_id.is_empty() {
        spec.request_id = uuid::Uuid::new_v4().to_string();
    }
    spec.image_count = i32::try_from(images.len()).unwrap_or(i32::MAX);
    let paths: Vec<&Path> = std::iter::once(audio)
        .chain(images.iter().map(PathBuf::as_path))
        .collect();
    spec.file_digests = digests(&*files, &paths, progress).await?;

    let mut backoff = Backoff::default();
    let mut tries_left = RETRIES;
    loop {
        let error = match send(client, &*files, &spec, &paths, progress).await {
            Err(TransferError::Net(error)) if error.is_retryable() && tries_left > 0 => error,
            other => return other,
        };
        tries_left -= 1;
        progress(UploadProgress {
            step: UploadStep::WaitingToRetry,
            file_number: 1,
            file_count: paths.len(),
            done_bytes: 0,
            total_bytes: total(&spec.file_digests),
        });
        tokio::time::sleep(backoff.next(jitter(), error.retry_after)).await;
    }
}

fn total(digests: &[v1::FileDigest]) -> u64 {
    digests
        .iter()
        .map(|digest| u64::try_from(digest.size_bytes).unwrap_or_default())
        .sum()
}

async fn digests(
    files: &dyn LocalFiles,
    paths: &[&Path],
    progress: &(dyn Fn(UploadProgress) + Send + Sync),
) -> Result<Vec<v1::FileDigest>, TransferError> {
    let mut digests: Vec<v1::FileDigest> = Vec::with_capacity(paths.len());
    let mut done_bytes = 0;
    for (index, path) in paths.iter().enumerate() {
        let (mut reader, size_bytes) = open(files, path).await?;
        let mut hasher = Sha256::new();
        let mut read_bytes = 0;
        loop {
            let chunk = chunk(&mut reader, path).await?;
            if chunk.is_empty() {
                break;
            }
            read_bytes += chunk.len() as u64;
            done_bytes += chunk.len() as u64;
            hasher.update(&chunk);
            progress(UploadProgress {
                step: UploadStep::Reading,
                file_number: index + 1,
                file_count: paths.len(),
                done_bytes,
                total_bytes: done_bytes + size_bytes.saturating_sub(read_bytes),
            });
        }
        digests.push(v1::FileDigest {
            kind: kind(index).into(),
            filename: filename(path),
            size_bytes: i64::try_from(read_bytes).unwrap_or(i64::MAX),
            sha256: hex(&hasher.finalize()),
        });
    }
    Ok(digests)
}

/// The audio comes first.
const fn kind(index: usize) -> v1::FileKind {
    if index == 0 {
        v1::FileKind::Audio
    } else {
        v1::FileKind::SourceImage
    }
}

fn filename(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

type Reader = Box<dyn tokio::io::AsyncRead + Send + Unpin>;

async fn open(files: &dyn LocalFiles, path: &Path) -> Result<(Reader, u64), TransferError> {
    files
        .read(path)
        .await
        .map_err(|source| TransferError::Local {
            doing: "read",
            path: path.to_owned(),
            source,
        })
}

/// The next whole chunk; shorter only at the end of the file, empty after it.
async fn chunk(reader: &mut Reader, path: &Path) -> Result<Bytes, TransferError> {
    let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
    let mut reader = reader.take(CHUNK_BYTES as u64);
    loop {
        let read = reader
            .read_buf(&mut buffer)
            .await
            .map_err(|source| TransferError::Local {
                doing: "read",
                path: path.to_owned(),
                source,
            })?;
        if read == 0 || buffer.len() == CHUNK_BYTES {
            return Ok(buffer.freeze());
        }
    }
}

/// One try: feeds the request while waiting for its answer, which may come long before the end when it is a refusal.
async fn send(
    client: &Client,
    files: &dyn LocalFiles,
    spec: &v1::BatchSpec,
    paths: &[&Path],
    progress: &(dyn Fn(UploadProgress) + Send + Sync),
) -> Result<v1::CreateBatchResponse, TransferError> {
    let (parts, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let mut client = client.batches();
    let mut answer = pin!(client.create_batch(ReceiverStream::new(receiver)));
    let sent = AtomicU64::new(0);
    let mut feeding = pin!(feed(files, spec, paths, progress, &sent, parts));
    let mut fed = false;
    let mut seen = 0;
    let mut stall = tokio::time::interval(STALL);
    stall.tick().await;
    loop {
        // Dropping `feeding` or a tick loses nothing: both are pinned outside of the loop. Returning drops the call,
        // which tells the server that the upload was broken off.
        tokio::select! {
            biased;
            result = &mut answer => {
                return Ok(result.map_err(NetError::from)?.into_inner());
            }
            result = &mut feeding, if !fed => {
                result?;
                fed = true;
                stall.reset();
            }
            _ = stall.tick() => {
                let now = sent.load(Ordering::Relaxed);
                if now == seen {
                    return Err(TransferError::Net(NetError::timed_out(format!(
                        "The upload stood still for {} s.", STALL.as_secs()
                    ))));
                }
                seen = now;
            }
        }
    }
}

/// Puts the whole upload into the channel; ends early, without an error, when nobody takes it any more.
fn feed<'a>(
    files: &'a dyn LocalFiles,
    spec: &'a v1::BatchSpec,
    paths: &'a [&'a Path],
    progress: &'a (dyn Fn(UploadProgress) + Send + Sync),
    sent: &'a AtomicU64,
    parts: mpsc::Sender<v1::CreateBatchRequest>,
) -> impl Future<Output = Result<(), TransferError>> + 'a {
    let put = async move |part: Part| {
        parts
            .send(v1::CreateBatchRequest { part: Some(part) })
            .await
            .is_ok()
    };
    async move {
        if !put(Part::Spec(spec.clone())).await {
            return Ok(());
        }
        let total_bytes = total(&spec.file_digests);
        let mut done_bytes = 0;
        for (index, (path, digest)) in paths.iter().zip(&spec.file_digests).enumerate() {
            let header = v1::FileHeader {
                kind: digest.kind,
                filename: digest.filename.clone(),
                size_bytes: digest.size_bytes,
                sha256: Some(digest.sha256.clone()),
            };
            if !put(Part::File(header)).await {
                return Ok(());
            }
            let (mut reader, _) = open(files, path).await?;
            let mut left = u64::try_from(digest.size_bytes).unwrap_or_default();
            loop {
                let chunk = chunk(&mut reader, path).await?;
                let length = chunk.len() as u64;
                if length > left || (length == 0 && left > 0) {
                    return Err(TransferError::Changed {
                        path: (*path).to_owned(),
                    });
                }
                if length == 0 {
                    break;
                }
                left -= length;
                if !put(Part::Chunk(chunk)).await {
                    return Ok(());
                }
                done_bytes += length;
                sent.store(done_bytes, Ordering::Relaxed);
                progress(UploadProgress {
                    step: if done_bytes == total_bytes {
                        UploadStep::Checking
                    } else {
                        UploadStep::Sending
                    },
                    file_number: index + 1,
                    file_count: paths.len(),
                    done_bytes,
                    total_bytes,
                });
            }
        }
        Ok(())
    }
}
