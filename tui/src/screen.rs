//! Owns [`run`]: the screen on this process's own terminal, with the user's own disk.
//!
//! Not here: the loop ([`crate::app`]), and sessions whose terminal and disk are elsewhere.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use crate::app::{self, Outside};
use crate::credentials::Credentials;
use crate::files::{Disk, FileWorker, LocalFiles};
use crate::net::address::Address;
use crate::net::{Client, NetError, Network};
use crate::state::{Directories, Language, Look, Message, Start};
use crate::terminal::{self, TerminalGuard};

/// The server that the screen shows.
pub enum Server {
    /// At an address, with a token given by hand or the session that was kept.
    At {
        /// The server.
        address: Address,
        /// A token in place of the kept session.
        token: Option<String>,
    },
    /// Behind a client that was handed in with its session.
    Over(Client),
}

/// Why the screen could not be shown, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// Standard input or output is no terminal.
    #[error("the screen needs a terminal; `vbatch --help` lists the commands that do not")]
    NoTerminal,
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// The address is none.
    #[error(transparent)]
    Net(#[from] NetError),
}

/// Shows the screen until the user leaves it, in `language` or in the one of the environment.
///
/// # Errors
/// See [`ScreenError`]; the terminal is given back all the same.
pub async fn run(server: Server, language: Option<Language>) -> Result<(), ScreenError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(ScreenError::NoTerminal);
    }
    let mut look = Look::from_environment(|name| std::env::var(name).ok());
    look.language = language.unwrap_or(look.language);
    let (sender, messages) = app::channel();
    let files: Arc<dyn LocalFiles> = Arc::new(Disk);
    let shown = match &server {
        Server::At { address, .. } => address.as_str().to_owned(),
        Server::Over(_) => String::new(),
    };
    let network = network(server, &files, &sender)?;

    let mut guard = TerminalGuard::take()?;
    let start = Start {
        look,
        server: shown,
        username: String::new(),
        resume: true,
        read_only: false,
        player: false,
        directories: directories(),
        now: Timestamp::now(),
        time_zone: TimeZone::system(),
        size: crossterm::terminal::size()?,
        seed: rand::random(),
    };
    let outside = Outside {
        net: Arc::new(network),
        files: Some(FileWorker::new(files, sender)),
        copy: Box::new(terminal::copy),
        terminal: Box::new(|_| {}),
        clock: Box::new(Timestamp::now),
    };
    app::run(
        guard.terminal(),
        start,
        terminal::input()?,
        messages,
        outside,
    )
    .await?;
    Ok(())
}

fn network(
    server: Server,
    files: &Arc<dyn LocalFiles>,
    sender: &mpsc::Sender<Message>,
) -> Result<Network, NetError> {
    let files = Some(Arc::clone(files));
    match server {
        Server::Over(client) => Ok(Network::over(client, files, sender.clone())),
        Server::At {
            address,
            token: None,
        } => Network::to_server(address, Credentials::of_user(), files, sender.clone()),
        Server::At {
            address,
            token: Some(token),
        } => {
            let client = Client::connect(&address)?.with_token(token);
            Ok(Network::over(client, files, sender.clone()))
        }
    }
}

fn directories() -> Option<Directories> {
    let working = std::env::current_dir().ok()?;
    let user = directories::UserDirs::new();
    let home = user.as_ref().map(|user| user.home_dir().to_owned());
    let downloads = user
        .as_ref()
        .and_then(|user| user.download_dir().map(PathBuf::from))
        .unwrap_or_else(|| working.clone());
    Some(Directories {
        working,
        home,
        downloads,
    })
}
