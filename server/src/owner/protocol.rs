//! What goes over the owner's socket: frames of one kind byte, a length (u32, big-endian) and as many bytes.
//!
//! A message is JSON, [`Request`] one way and [`Reply`] the other; data is a piece of what the command makes. The client
//! sends one request; the server answers with any number of messages and pieces, the last of which is
//! [`Reply::Done`] or [`Reply::Refused`]. After a backup the client sends [`Request::Kept`] when the archive is in its place.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The version of this protocol. Both sides are of one release, unless one was replaced while the other ran.
pub const VERSION: u32 = 1;

/// Largest frame, in bytes.
pub const FRAME_BYTES: usize = 64 << 10;

const MESSAGE: u8 = 1;
const DATA: u8 = 2;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The archive of everything that is stored.
    Backup {
        /// [`VERSION`].
        version: u32,
        /// With the media, or the database alone.
        with_media: bool,
    },
    /// What does not agree in everything that is stored; the report is the data.
    Verify {
        /// [`VERSION`].
        version: u32,
        /// Differences to show at most.
        most: usize,
        /// For programs.
        json: bool,
    },
    /// Whether the server should be sent work; the exit code says it too.
    Health {
        /// [`VERSION`].
        version: u32,
    },
    /// A one-time password for `admin`, which is the data.
    ResetAdminPassword {
        /// [`VERSION`].
        version: u32,
    },
    /// The archive of this connection is written and flushed.
    Kept,
}

impl Request {
    /// The version that the client speaks.
    pub fn version(&self) -> u32 {
        match self {
            Self::Backup { version, .. }
            | Self::Verify { version, .. }
            | Self::Health { version }
            | Self::ResetAdminPassword { version } => *version,
            Self::Kept => VERSION,
        }
    }
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// How far it is, in bytes.
    Progress {
        /// So far.
        done_bytes: u64,
        /// In all.
        total_bytes: u64,
    },
    /// It is done.
    Done {
        /// What it came to, for people.
        said: String,
        /// The exit code of the command.
        code: u8,
    },
    /// It is not done.
    Refused {
        /// Why, and what to do.
        message: String,
    },
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<M> {
    /// A message.
    Message(M),
    /// A piece of what is made.
    Data(Vec<u8>),
}

/// Sends a message.
///
/// # Errors
/// Those of the connection.
pub async fn send<M: Serialize + Sync>(
    to: &mut (impl AsyncWrite + Unpin + Send),
    message: &M,
) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    frame(to, MESSAGE, &text).await
}

/// Sends a piece of at most [`FRAME_BYTES`].
///
/// # Errors
/// Those of the connection.
pub async fn send_data(to: &mut (impl AsyncWrite + Unpin + Send), piece: &[u8]) -> io::Result<()> {
    frame(to, DATA, piece).await
}

async fn frame(
    to: &mut (impl AsyncWrite + Unpin + Send),
    kind: u8,
    bytes: &[u8],
) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).ok();
    let length = length.filter(|_| bytes.len() <= FRAME_BYTES);
    let length = length.ok_or_else(|| io::Error::other("the frame is too large"))?;
    to.write_u8(kind).await?;
    to.write_u32(length).await?;
    to.write_all(bytes).await?;
    to.flush().await
}

/// The next frame; nothing when the other side has closed between two frames.
///
/// # Errors
/// Those of the connection; `InvalidData` for what is no frame.
pub async fn receive<M: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin + Send),
) -> io::Result<Option<Frame<M>>> {
    let kind = match from.read_u8().await {
        Ok(kind) => kind,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = from.read_u32().await? as usize;
    if length > FRAME_BYTES {
        return Err(invalid(format!("a frame of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    match kind {
        MESSAGE => Ok(Some(Frame::Message(serde_json::from_slice(&bytes)?))),
        DATA => Ok(Some(Frame::Data(bytes))),
        kind => Err(invalid(format!("a frame of kind {kind}"))),
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
