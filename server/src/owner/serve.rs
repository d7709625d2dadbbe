//! The side of the server: takes connections of its owner and carries out their commands.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::protocol::{self, FRAME_BYTES, Frame, Reply, Request, VERSION};
use super::socket::{self, OwnerSocket};
use crate::backup::{self, BackupError, LAST_BACKUP_SETTING, Options, Progress};
use crate::clock::Clock;
use crate::domain::audit::{AuditEvent, Outcome, Target, TargetKind};
use crate::domain::ids::InstanceId;
use crate::domain::ledger::Actor;
use crate::media::{Media, TEMPORARIES};
use crate::store::Store as _;
use crate::store::redb::RedbStore;
use crate::verify;

/// Connections at a time.
pub const AT_ONCE: usize = 8;

/// A connection says what it wants within this time.
const SAY_WITHIN: Duration = Duration::from_secs(10);

/// A reader that stands still for this long has gone.
const READER_PATIENCE: Duration = Duration::from_secs(600);

/// Pieces of an archive that wait for their reader.
const PIECES: usize = 4;

/// What commands work on.
pub struct Parts {
    /// What remembers.
    pub store: Arc<RedbStore>,
    /// The stored files.
    pub media: Media,
    /// Time.
    pub clock: Clock,
    /// This start of the server.
    pub instance: InstanceId,
    /// Whose socket it is.
    pub data_dir: PathBuf,
}

struct Owner {
    parts: Parts,
    /// One backup at a time: each needs room for a copy of the database.
    backups: Semaphore,
}

/// Takes commands until `shutdown`, in a task of its own. A socket that cannot be made is told in the log: the server is
/// useful without it.
pub async fn start(parts: Parts, shutdown: CancellationToken) -> JoinHandle<()> {
    let socket = match socket::listen(&parts.data_dir).await {
        Ok(socket) => Some(socket),
        Err(error) => {
            tracing::warn!(%error, "no commands of the same machine: the socket in the data directory cannot be made");
            None
        }
    };
    let owner = Arc::new(Owner {
        parts,
        backups: Semaphore::new(1),
    });
    tokio::spawn(async move {
        if let Some(socket) = socket {
            accept(owner, socket, shutdown).await;
        }
    })
}

async fn accept(owner: Arc<Owner>, socket: OwnerSocket, shutdown: CancellationToken) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if !is_owner(&stream, socket.owner) {
                        tracing::warn!("a command of another user was turned away");
                        continue;
                    }
                    // Beyond them the connection is closed at once.
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                        continue;
                    };
                    let (owner, shutdown) = (Arc::clone(&owner), shutdown.clone());
                    connections.spawn(async move {
                        let _place = place;
                        if let Err(error) = converse(&owner, stream, &shutdown).await {
                            tracing::debug!(%error, "a command was left before its end");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a command could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    // Nobody is taken any more; who is here is told within a moment, or finds the connection closed.
    drop(socket);
    let farewell = async { while connections.join_next().await.is_some() {} };
    drop(timeout(Duration::from_secs(1), farewell).await);
}

/// The server's own user, or the system's, who may do everything anyway.
fn is_owner(stream: &UnixStream, owner: u32) -> bool {
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0)
}

async fn converse(
    owner: &Owner,
    mut stream: UnixStream,
    shutdown: &CancellationToken,
) -> io::Result<()> {
    let said = timeout(SAY_WITHIN, protocol::receive::<Request>(&mut stream)).await;
    let request = match said {
        Ok(Ok(Some(Frame::Message(request)))) => request,
        Ok(Ok(None)) => return Ok(()),
        Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        Ok(Ok(Some(Frame::Data(_))) | Err(_)) => {
            let message =
                "The server does not know this command: it is of another version than vbatchd here."
                    .to_owned();
            return protocol::send(&mut stream, &Reply::Refused { message }).await;
        }
    };
    if request.version() != VERSION {
        let message = format!(
            "The server speaks version {VERSION} of the owner's protocol, not {}: use the vbatchd that it was started with.",
            request.version()
        );
        return protocol::send(&mut stream, &Reply::Refused { message }).await;
    }
    match request {
        Request::Backup { with_media, .. } => {
            tokio::select! {
                done = back_up(owner, &mut stream, with_media) => done,
                // In the middle of a frame nothing else can be said: the closed connection says it.
                () = shutdown.cancelled() => Ok(()),
            }
        }
        Request::Verify { most, json, .. } => {
            let parts = &owner.parts;
            let (store, media) = (parts.store.as_ref(), &parts.media);
            let looked = verify::look_and_note(store, media, &parts.clock, shutdown.clone());
            match looked.await {
                Ok(report) => {
                    let text = if json {
                        format!("{}\n", report.to_json(most))
                    } else {
                        report.in_words(most)
                    };
                    for piece in text.as_bytes().chunks(FRAME_BYTES) {
                        protocol::send_data(&mut stream, piece).await?;
                    }
                    let done = Reply::Done {
                        said: String::new(),
                        code: u8::from(!report.is_clean()),
                    };
                    protocol::send(&mut stream, &done).await
                }
                Err(error) => {
                    let message = error.to_string();
                    protocol::send(&mut stream, &Reply::Refused { message }).await
                }
            }
        }
        Request::Kept => Ok(()),
    }
}

enum Piece {
    Data(Bytes),
    Progress(Progress),
}

/// Hands pieces over to a connection; an error when it has gone.
struct Pieces(mpsc::Sender<Piece>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(&bytes[..bytes.len().min(FRAME_BYTES)]);
        let length = piece.len();
        let sent = self.0.blocking_send(Piece::Data(piece));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn back_up(owner: &Owner, stream: &mut UnixStream, with_media: bool) -> io::Result<()> {
    let Ok(_turn) = owner.backups.try_acquire() else {
        let message = "Another backup is being made. Try again when it is done.".to_owned();
        return protocol::send(stream, &Reply::Refused { message }).await;
    };
    let parts = &owner.parts;
    let now = parts.clock.now();
    let options = Options {
        with_media,
        instance: Some(parts.instance),
        now,
        scratch: parts.data_dir.join(TEMPORARIES),
    };
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let (store, media) = (Arc::clone(&parts.store), parts.media.clone());
    let writing = tokio::task::spawn_blocking(move || {
        let out = BufWriter::with_capacity(FRAME_BYTES, Pieces(sender.clone()));
        backup::write(&store, &media, &options, out, |progress| {
            // Whoever does not read it does not read the archive either, and that ends it.
            drop(sender.blocking_send(Piece::Progress(progress)));
        })
    });
    while let Some(piece) = pieces.recv().await {
        let sent = async {
            match piece {
                Piece::Data(bytes) => protocol::send_data(stream, &bytes).await,
                Piece::Progress(progress) => {
                    let reply = Reply::Progress {
                        done_bytes: progress.done_bytes,
                        total_bytes: progress.total_bytes,
                    };
                    protocol::send(stream, &reply).await
                }
            }
        };
        timeout(READER_PATIENCE, sent)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    }
    let written = writing.await.map_err(io::Error::other)?;
    let manifest = match written {
        Ok(manifest) => manifest,
        Err(error) => {
            if !matches!(&error, BackupError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
            {
                tracing::error!(%error, "a backup failed");
            }
            let message = error.to_string();
            return protocol::send(stream, &Reply::Refused { message }).await;
        }
    };
    let done = Reply::Done {
        said: manifest.in_words(),
        code: 0,
    };
    protocol::send(stream, &done).await?;
    // It counts when it is where it should be.
    let kept = timeout(READER_PATIENCE, protocol::receive::<Request>(stream)).await;
    if let Ok(Ok(Some(Frame::Message(Request::Kept)))) = kept {
        let time = now.as_microsecond().to_be_bytes().to_vec();
        parts
            .store
            .set_setting(LAST_BACKUP_SETTING, time)
            .await
            .map_err(io::Error::other)?;
        // A copy of every secret has left the house.
        let event = AuditEvent {
            sequence: 0,
            time: now,
            actor: Actor::Owner,
            action: "backup.make".to_owned(),
            target: Some(Target::only(TargetKind::System)),
            outcome: Outcome::Succeeded,
            detail: manifest.in_words(),
        };
        parts
            .store
            .record_audit(event)
            .await
            .map_err(io::Error::other)?;
        tracing::info!(backup = manifest.in_words(), "a backup was made");
    }
    Ok(())
}
