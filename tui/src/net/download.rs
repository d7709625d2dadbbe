//! Owns downloads: one stored file, going on at the byte where it broke off and held against its digest, and the
//! ZIP of a batch, which can only begin anew. Bytes go to a [`Destination`] as they come; none are held.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tonic::{Response, Status, Streaming};
use vision_batch::v1;
use vision_batch::v1::{download_file_response, export_batch_response};

use super::backoff::{Backoff, jitter};
use super::client::{Client, within};
use super::error::NetError;
use crate::state::{Cause, Refusal};

/// How long the first message of a download may take.
const OPEN_DEADLINE: Duration = Duration::from_secs(15);
/// How long a download may stand still.
const STALL: Duration = Duration::from_secs(45);
/// How often a download that brought nothing new is tried again; each byte that arrives sets it back.
const RETRIES: u32 = 5;

/// Why an upload or a download did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The server refused it, or the network failed for good.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A file here could not be read or written.
    #[error("{doing} {}: {source}", path.display())]
    Local {
        /// What was tried: `read`, `write` …
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file here changed while it was being sent.
    #[error("{} changed while it was being read; try again when it is whole", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The bytes that arrived are not the file the server announced.
    #[error(
        "{file}: what arrived is not what the server announced (SHA-256 {actual} instead of {expected})"
    )]
    Digest {
        /// Name of the file.
        file: String,
        /// The digest the server announced.
        expected: String,
        /// The digest of what arrived.
        actual: String,
    },
}

impl TransferError {
    /// Whether nothing was wrong but that nobody reads what is written: the end of a pipe is closed.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Local { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<TransferError> for Refusal {
    fn from(error: TransferError) -> Self {
        let message = error.to_string();
        match error {
            TransferError::Net(error) => error.into(),
            TransferError::Local { path, .. } | TransferError::Changed { path } => {
                Self::new(Cause::LocalFile, message).with("file", path.display().to_string())
            }
            TransferError::Digest { file, .. } => {
                Self::new(Cause::LocalFile, message).with("file", file)
            }
        }
    }
}

/// Where the bytes of a download go.
#[async_trait]
pub trait Destination: Send {
    /// Called once, before the first bytes: the name to save them under, which is data from elsewhere and no path.
    ///
    /// # Errors
    /// What the system said.
    async fn begin(&mut self, filename: &str) -> io::Result<()>;

    /// Takes the next bytes.
    ///
    /// # Errors
    /// What the system said.
    async fn append(&mut self, chunk: Bytes) -> io::Result<()>;

    /// Forgets all bytes so far, so that a download that cannot go on may begin anew; tells whether it could.
    ///
    /// # Errors
    /// What the system said.
    async fn restart(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    /// The file, to speak of it in an error.
    fn path(&self) -> PathBuf;
}

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadProgress {
    /// Bytes that are there, those of an earlier try included.
    pub done_bytes: u64,
    /// Bytes in all: of a file exact, of an export estimated.
    pub total_bytes: u64,
}

/// What a destination has already of a file: how many bytes, and their digest so far.
#[derive(Clone, Default)]
pub struct Resume {
    /// Bytes there are, from the beginning of the file.
    pub offset: u64,
    /// SHA-256 fed with exactly these bytes.
    pub hasher: Sha256,
}

fn write_error(destination: &dyn Destination, source: io::Error) -> TransferError {
    TransferError::Local {
        doing: "write",
        path: destination.path(),
        source,
    }
}

/// Downloads one stored file from where `resume` ends, and holds the whole against its digest.
///
/// # Errors
/// The server's refusal (`OFFSET_INVALID` when there are more bytes here than the file has), a network that fails again and
/// again without bringing anything, the destination, or [`TransferError::Digest`].
pub async fn download_file(
    client: &Client,
    request: &v1::DownloadFileRequest,
    destination: &mut dyn Destination,
    mut resume: Resume,
    progress: &(dyn Fn(DownloadProgress) + Send + Sync),
) -> Result<v1::FileMetadata, TransferError> {
    let mut known: Option<v1::FileMetadata> = None;
    let mut backoff = Backoff::default();
    let mut tries_left = RETRIES;
    loop {
        let before = resume.offset;
        let error = match receive(
            client,
            request,
            destination,
            &mut resume,
            &mut known,
            progress,
        )
        .await
        {
            Err(TransferError::Net(error)) if error.is_retryable() => error,
            Err(error) => return Err(error),
            Ok(metadata) => {
                let actual = hex(&resume.hasher.finalize());
                return if metadata.sha256 == actual {
                    Ok(metadata)
                } else {
                    Err(TransferError::Digest {
                        file: metadata.filename,
                        expected: metadata.sha256,
                        actual,
                    })
                };
            }
        };
        if resume.offset > before {
            tries_left = RETRIES;
            backoff.reset();
        } else if tries_left == 0 {
            return Err(error.into());
        } else {
            tries_left -= 1;
        }
        tokio::time::sleep(backoff.next(jitter(), error.retry_after)).await;
    }
}

/// One try. The metadata of a later try must be that of the first, or the halves of two files would be joined.
async fn receive(
    client: &Client,
    request: &v1::DownloadFileRequest,
    destination: &mut dyn Destination,
    resume: &mut Resume,
    known: &mut Option<v1::FileMetadata>,
    progress: &(dyn Fn(DownloadProgress) + Send + Sync),
) -> Result<v1::FileMetadata, TransferError> {
    use download_file_response::Content;

    let request = v1::DownloadFileRequest {
        offset: i64::try_from(resume.offset).unwrap_or(i64::MAX),
        ..request.clone()
    };
    let mut messages = Messages::open(client.batches().download_file(request)).await?;
    let Some(Content::Metadata(metadata)) = messages.first().await?.content else {
        return Err(NetError::broken("The server sent a file without its metadata.").into());
    };
    match known {
        None => {
            destination
                .begin(&metadata.filename)
                .await
                .map_err(|error| write_error(destination, error))?;
            *known = Some(metadata.clone());
        }
        Some(first) if first.sha256 != metadata.sha256 => {
            return Err(TransferError::Digest {
                file: metadata.filename,
                expected: first.sha256.clone(),
                actual: metadata.sha256,
            });
        }
        Some(_) => {}
    }
    let total_bytes = u64::try_from(metadata.size_bytes).unwrap_or_default();
    progress(DownloadProgress {
        done_bytes: resume.offset,
        total_bytes,
    });
    while let Some(message) = messages.next().await? {
        let Some(Content::Chunk(chunk)) = message.content else {
            continue;
        };
        resume.hasher.update(&chunk);
        resume.offset += chunk.len() as u64;
        destination
            .append(chunk)
            .await
            .map_err(|error| write_error(destination, error))?;
        progress(DownloadProgress {
            done_bytes: resume.offset,
            total_bytes,
        });
    }
    if resume.offset < total_bytes {
        return Err(NetError::broken("The download ended before the file did.").into());
    }
    Ok(metadata)
}

/// Downloads the ZIP of a batch. It is made while it is sent, so that a break means to begin anew, as often as the
/// destination can.
///
/// # Errors
/// The server's refusal, the network, or the destination.
pub async fn export_batch(
    client: &Client,
    request: &v1::ExportBatchRequest,
    destination: &mut dyn Destination,
    progress: &(dyn Fn(DownloadProgress) + Send + Sync),
) -> Result<v1::ExportMetadata, TransferError> {
    let mut backoff = Backoff::default();
    let mut begun = false;
    let mut done_bytes = 0;
    for tries_left in (0..=RETRIES).rev() {
        let error = match receive_export(
            client,
            request,
            destination,
            (&mut begun, &mut done_bytes),
            progress,
        )
        .await
        {
            Err(TransferError::Net(error)) if error.is_retryable() && tries_left > 0 => error,
            other => return other,
        };
        if done_bytes > 0 {
            let restarted = destination
                .restart()
                .await
                .map_err(|error| write_error(destination, error))?;
            if !restarted {
                return Err(error.into());
            }
            done_bytes = 0;
        }
        tokio::time::sleep(backoff.next(jitter(), error.retry_after)).await;
    }
    Err(NetError::broken("The export broke off too often.").into())
}

async fn receive_export(
    client: &Client,
    request: &v1::ExportBatchRequest,
    destination: &mut dyn Destination,
    (begun, done_bytes): (&mut bool, &mut u64),
    progress: &(dyn Fn(DownloadProgress) + Send + Sync),
) -> Result<v1::ExportMetadata, TransferError> {
    use export_batch_response::Content;

    let mut messages = Messages::open(client.batches().export_batch(request.clone())).await?;
    let Some(Content::Metadata(metadata)) = messages.first().await?.content else {
        return Err(NetError::broken("The server sent an export without its metadata.").into());
    };
    if !*begun {
        destination
            .begin(&metadata.filename)
            .await
            .map_err(|error| write_error(destination, error))?;
        *begun = true;
    }
    let total_bytes = u64::try_from(metadata.estimated_size_bytes).unwrap_or_default();
    while let Some(message) = messages.next().await? {
        let Some(Content::Chunk(chunk)) = message.content else {
            continue;
        };
        *done_bytes += chunk.len() as u64;
        destination
            .append(chunk)
            .await
            .map_err(|error| write_error(destination, error))?;
        progress(DownloadProgress {
            done_bytes: *done_bytes,
            total_bytes: total_bytes.max(*done_bytes),
        });
    }
    Ok(metadata)
}

/// The messages of a download, none of which may be waited for too long.
struct Messages<T>(Streaming<T>);

impl<T> Messages<T> {
    async fn open(
        call: impl Future<Output = Result<Response<Streaming<T>>, Status>>,
    ) -> Result<Self, NetError> {
        Ok(Self(within(OPEN_DEADLINE, call).await?))
    }

    async fn first(&mut self) -> Result<T, NetError> {
        self.next()
            .await?
            .ok_or_else(|| NetError::broken("The server sent nothing."))
    }

    async fn next(&mut self) -> Result<Option<T>, NetError> {
        match tokio::time::timeout(STALL, self.0.message()).await {
            Ok(message) => Ok(message?),
            Err(_) => Err(NetError::timed_out(format!(
                "The download stood still for {} s.",
                STALL.as_secs()
            ))),
        }
    }
}

/// Bytes as lowercase hexadecimal digits, the form of digests in the contract.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
