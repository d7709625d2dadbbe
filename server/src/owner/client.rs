//! The side of the command: asks the server of a data directory, if one runs.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::timeout;

use super::protocol::{self, Frame, Reply, Request};
use super::socket;

/// The server says something at least this often: a frame, or the end of the connection.
const PATIENCE: Duration = Duration::from_secs(600);

/// A command that the server carries out.
pub struct Asked {
    stream: UnixStream,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it came to.
    pub said: String,
    /// Its exit code.
    pub code: u8,
}

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It says why.
    #[error("{0}")]
    Refused(String),
    /// The connection failed: the server has ended, or does not answer.
    #[error("the running server did not finish the command: {0}")]
    Broken(io::Error),
    /// What came could not be kept here.
    #[error("{0}")]
    Kept(io::Error),
}

/// Sends a request to the server of a data directory; nothing when none runs there.
///
/// # Errors
/// When there is one and it cannot be asked.
pub async fn ask(data_dir: &Path, request: &Request) -> Result<Option<Asked>, AskError> {
    let mut stream = match socket::connect(data_dir).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::InvalidInput
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(AskError::Broken(error)),
    };
    protocol::send(&mut stream, request)
        .await
        .map_err(AskError::Broken)?;
    Ok(Some(Asked { stream }))
}

impl Asked {
    /// Takes everything that comes until the end. `data` keeps a piece, `progress` is told how far it is.
    ///
    /// # Errors
    /// When the server refuses or ends, or a piece cannot be kept.
    pub async fn answer(
        &mut self,
        mut data: impl FnMut(&[u8]) -> io::Result<()>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Answer, AskError> {
        loop {
            let frame = timeout(PATIENCE, protocol::receive::<Reply>(&mut self.stream)).await;
            let frame = frame.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            match frame.map_err(AskError::Broken)? {
                None => return Err(AskError::Broken(io::ErrorKind::UnexpectedEof.into())),
                Some(Frame::Data(piece)) => data(&piece).map_err(AskError::Kept)?,
                Some(Frame::Message(Reply::Progress {
                    done_bytes,
                    total_bytes,
                })) => progress(done_bytes, total_bytes),
                Some(Frame::Message(Reply::Done { said, code })) => {
                    return Ok(Answer { said, code });
                }
                Some(Frame::Message(Reply::Refused { message })) => {
                    return Err(AskError::Refused(message));
                }
            }
        }
    }

    /// Tells the server that its archive is in its place.
    ///
    /// # Errors
    /// Those of the connection; the archive is there all the same.
    pub async fn kept(mut self) -> io::Result<()> {
        protocol::send(&mut self.stream, &Request::Kept).await
    }
}
