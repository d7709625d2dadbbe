//! The SSH face: the screen and the commands for whoever has nothing but `ssh`.
//!
//! | room | owns |
//! |---|---|
//! | `host_key` | the server's own key, made once |
//! | `connection`, `line` | signing in, which channels there are, and the bytes below, which can be cut off |
//! | `channel` | what a channel is asked for: a terminal, the screen, a command; refusals in words |
//! | `screen`, `command` | the library of `vbatch` on a channel |
//! | `ending` | why a session ends that its user did not end |
//!
//! Invariants: a session is a user with a token, and whatever it asks goes through the gate like any call; it reads and
//! writes no file of this machine; nothing grows with a client that does not read; a panic ends its session alone.
//!
//! Not here: rules (`service`), what the screen shows and the commands do (`vbatch_tui`).

mod channel;
mod command;
mod connection;
mod ending;
pub mod host_key;
mod line;
mod screen;
mod words;

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use russh::keys::PrivateKey;
use russh::server::Config;
use russh::{MethodKind, MethodSet, SshId};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vbatch_tui::net::Client;
use vbatch_tui::remote;
use vbatch_tui::screen::Options;

use crate::service::accounts::Accounts;
use crate::transport::within::Within;
use connection::Connection;
use line::Line;

/// A connection whose user is not known by then is closed.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(60);
/// Connections at a time whose user is not known yet.
const NOT_SIGNED_IN: usize = 64;
/// Commands at a time, of everyone: each has a thread.
const COMMANDS: usize = 64;
/// After the system could not give a connection (too many open files), it is left in peace for this long.
const PAUSE: Duration = Duration::from_millis(100);
/// A client that says nothing for so long is asked whether it still lives.
const ALIVE_EVERY: Duration = Duration::from_secs(30);
/// How often it may be asked in vain.
const ALIVE_ASKED: usize = 3;
/// A client that reads nothing for so long, or answers nothing, is gone.
const GONE_AFTER: Duration = Duration::from_secs(150);
/// When the server ends, sessions get this long to be told.
const GOODBYE: Duration = Duration::from_secs(4);
/// Wrong passwords and keys on one connection.
const TRIES: usize = 12;
/// How long a refused sign-in takes at least, whatever was wrong.
const REFUSAL_TAKES: Duration = Duration::from_secs(1);

/// Shows the screen on a line until it ends; handed in, so that a test can have one that breaks.
pub type Screen =
    Arc<dyn Fn(Client, remote::Line) -> BoxFuture<'static, io::Result<()>> + Send + Sync>;

/// The screen of `vbatch`.
#[must_use]
pub fn screen() -> Screen {
    Arc::new(|client, line| Box::pin(remote::run(client, line, Options::default())))
}

/// What sessions are served with.
pub struct Parts {
    /// Where they come in.
    pub listener: TcpListener,
    /// What clients know the server by.
    pub host_key: PrivateKey,
    /// Sessions at a time.
    pub sessions: usize,
    /// Signing in.
    pub accounts: Arc<Accounts>,
    /// The services.
    pub within: Within,
    /// What is shown on terminals.
    pub screen: Screen,
    /// Where archives that are streamed in wait until they are whole.
    pub data_dir: PathBuf,
    /// Cancelled when the server ends: nobody gets in, and sessions are told.
    pub shutdown: CancellationToken,
}

/// What all connections share.
struct Shared {
    accounts: Arc<Accounts>,
    within: Within,
    screen: Screen,
    data_dir: PathBuf,
    shutdown: CancellationToken,
    commands: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// How one may sign in.
fn methods() -> MethodSet {
    MethodSet::from(&[MethodKind::PublicKey, MethodKind::Password][..])
}

/// Serves sessions until the shutdown, then waits until they have ended, in a task of its own.
pub fn serve(parts: Parts) -> JoinHandle<()> {
    let config = Arc::new(Config {
        server_id: SshId::Standard(Cow::Borrowed(concat!(
            "SSH-2.0-vbatchd_",
            env!("CARGO_PKG_VERSION")
        ))),
        methods: methods(),
        auth_rejection_time: REFUSAL_TAKES,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![parts.host_key],
        window_size: 256 << 10,
        // Little is kept for a client that does not read.
        event_buffer_size: 4,
        channel_buffer_size: 16,
        max_auth_attempts: TRIES,
        inactivity_timeout: Some(GONE_AFTER),
        keepalive_interval: Some(ALIVE_EVERY),
        keepalive_max: ALIVE_ASKED,
        nodelay: true,
        ..Config::default()
    });
    // Whether there are colours is the user's terminal's to say, not this process's.
    vbatch_tui::remote::let_colours_through();
    let shared = Arc::new(Shared {
        accounts: parts.accounts,
        within: parts.within,
        screen: parts.screen,
        data_dir: parts.data_dir,
        shutdown: parts.shutdown,
        commands: Arc::new(Semaphore::new(COMMANDS)),
        tasks: TaskTracker::new(),
    });
    let door = Door {
        config,
        sessions: Arc::new(Semaphore::new(parts.sessions)),
        strangers: Arc::new(Semaphore::new(NOT_SIGNED_IN)),
        shared: Arc::clone(&shared),
    };
    let listener = parts.listener;
    tokio::spawn(async move {
        tokio::select! {
            () = door.take(listener) => {}
            () = shared.shutdown.cancelled() => {}
        }
        shared.tasks.close();
        shared.tasks.wait().await;
    })
}

struct Door {
    config: Arc<Config>,
    sessions: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Door {
    async fn take(&self, listener: TcpListener) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "an SSH connection could not be taken");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            let session = Arc::clone(&self.sessions).try_acquire_owned();
            let stranger = Arc::clone(&self.strangers).try_acquire_owned();
            let (Ok(session), Ok(stranger)) = (session, stranger) else {
                // Dropping the stream closes it.
                tracing::warn!(address = %peer.ip(), "too many SSH connections: it was closed at once");
                continue;
            };
            let Ok(local) = stream.local_addr() else {
                continue;
            };
            let (config, shared) = (Arc::clone(&self.config), Arc::clone(&self.shared));
            self.shared.tasks.spawn(async move {
                converse(config, shared, stream, (peer, local), stranger).await;
                drop(session);
            });
        }
    }
}

/// Sees one connection to its end.
async fn converse(
    config: Arc<Config>,
    shared: Arc<Shared>,
    stream: TcpStream,
    (peer, local): (SocketAddr, SocketAddr),
    stranger: OwnedSemaphorePermit,
) {
    // Keys must not wait for others to go with; a stream where that cannot be set has ended.
    let _ = stream.set_nodelay(true);
    let address = peer.ip().to_canonical();
    let cut = CancellationToken::new();
    // Whatever happens to this task, the connection does not outlive it.
    let _cut = cut.clone().drop_guard();
    let (signed_in, mut known) = watch::channel(false);
    let connection = Connection::new(Arc::clone(&shared), address, local, signed_in);
    let line = Line::new(stream, cut.clone());
    let greeted = russh::server::run_stream(config, line, connection);
    let mut running = match timeout(SIGN_IN_WITHIN, greeted).await {
        Ok(Ok(running)) => running,
        Ok(Err(error)) => return tracing::debug!(%address, %error, "no SSH client"),
        Err(_) => return,
    };
    let in_time = tokio::select! {
        _ = &mut running => return,
        known = timeout(SIGN_IN_WITHIN, known.wait_for(|known| *known)) => matches!(known, Ok(Ok(_))),
        () = shared.shutdown.cancelled() => false,
    };
    drop(stranger);
    if in_time {
        let ended = tokio::select! {
            ended = &mut running => Some(ended),
            () = shared.shutdown.cancelled() => timeout(GOODBYE, &mut running).await.ok(),
        };
        if let Some(ended) = ended {
            if let Err(error) = ended {
                tracing::debug!(%address, %error, "an SSH connection ended");
            }
            return;
        }
    }
    cut.cancel();
    let _ = running.await;
}
