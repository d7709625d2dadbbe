//! Owns [`run`]: the screen on this process's own terminal, with the user's own disk.
//!
//! Not here: the loop ([`crate::app`]), and sessions whose terminal and disk are elsewhere.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use crate::app::{self, Outside, Pace};
use crate::credentials::Credentials;
use crate::files::{Disk, FileWorker, LocalFiles};
use crate::known_servers::KnownServers;
use crate::net::address::Address;
use crate::net::effects::Kept;
use crate::net::{Client, Fingerprint, NetError, Network};
use crate::state::{
    AmbiguousWidth, ColorDepth, Directories, Ground, Language, Look, Message, Start, SymbolSet,
    TerminalEffect, look,
};
use crate::terminal::{self, TerminalGuard};

/// The server that the screen shows.
pub enum Server {
    /// At an address, with a token given by hand or the session that was kept.
    At {
        /// The server.
        address: Address,
        /// A token in place of the kept session.
        token: Option<String>,
        /// The certificate that alone is trusted, in place of what was trusted before.
        fingerprint: Option<Fingerprint>,
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
    /// A part of the program panicked; its own words were said, and the terminal was given back before them.
    #[error(
        "a part of the program broke, as it says above; what was accepted goes on in the server"
    )]
    Broken,
    /// The address is none.
    #[error(transparent)]
    Net(#[from] NetError),
}

/// How the screen is to be, where that is not left to the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The language.
    pub language: Option<Language>,
    /// How many colours.
    pub depth: Option<ColorDepth>,
    /// Colours for dark or for light ground.
    pub ground: Option<Ground>,
    /// ASCII symbols alone.
    pub ascii: bool,
    /// How wide ambiguous characters are; the terminal is asked when not given, if its language is one where it matters.
    pub ambiguous: Option<AmbiguousWidth>,
    /// Only look.
    pub read_only: bool,
    /// Ring when a batch ends.
    pub bell: bool,
    /// Let the mouse select and scroll.
    pub mouse: bool,
}

/// Shows the screen until the user leaves it.
///
/// # Errors
/// See [`ScreenError`]; the terminal is given back all the same.
///
/// Boxed, so that it is compiled here once, and not in every program that shows the screen again.
pub fn run(server: Server, options: Options) -> LocalBoxFuture<'static, Result<(), ScreenError>> {
    Box::pin(show(server, options))
}

async fn show(server: Server, options: Options) -> Result<(), ScreenError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(ScreenError::NoTerminal);
    }
    let variable = |name: &str| std::env::var(name).ok();
    let mut look = options.look(variable);
    let (sender, messages) = app::channel();
    let files: Arc<dyn LocalFiles> = Arc::new(Disk);
    let shown = match &server {
        Server::At { address, .. } => address.as_str().to_owned(),
        Server::Over(_) => String::new(),
    };
    let network = network(server, &files, &sender)?;

    let mut guard = TerminalGuard::take()?;
    if options.ambiguous.is_none() && look::is_cjk(variable) {
        look.ambiguous = terminal::ambiguous_width();
    }
    let start = Start {
        look,
        server: shown,
        username: String::new(),
        resume: true,
        read_only: options.read_only,
        player: terminal::player_is_within_reach(variable),
        bell: options.bell,
        mouse: options.mouse,
        directories: directories(),
        way_here: None,
        now: Timestamp::now(),
        time_zone: TimeZone::system(),
        size: crossterm::terminal::size()?,
        seed: rand::random(),
    };
    let outside = Outside {
        net: Arc::new(network),
        files: Some(FileWorker::new(files, sender.clone())),
        copy: Box::new(terminal::copy),
        terminal: own_terminal(sender),
        clock: Box::new(Timestamp::now),
        pace: Pace::default(),
    };
    app::run(
        guard.terminal(),
        start,
        terminal::input()?,
        messages,
        outside,
    )
    .await?;
    if terminal::is_broken() {
        return Err(ScreenError::Broken);
    }
    Ok(())
}

impl Options {
    /// The look they leave to an environment whose variables are these.
    pub(crate) fn look(self, variable: impl Fn(&str) -> Option<String>) -> Look {
        let look = Look::from_environment(variable);
        Look {
            language: self.language.unwrap_or(look.language),
            depth: self.depth.unwrap_or(look.depth),
            ground: self.ground.unwrap_or(look.ground),
            symbols: if self.ascii {
                SymbolSet::Ascii
            } else {
                look.symbols
            },
            ambiguous: self.ambiguous.unwrap_or(look.ambiguous),
        }
    }
}

/// Does what is asked of this process's own terminal and of the machine it runs on.
fn own_terminal(sender: mpsc::Sender<Message>) -> Box<dyn FnMut(TerminalEffect) + Send> {
    let mut mouse = false;
    Box::new(move |effect| match effect {
        TerminalEffect::Ring(words) => terminal::ring(&words),
        TerminalEffect::Mouse(on) => {
            mouse = on;
            terminal::tell_mouse(on);
        }
        TerminalEffect::Suspend => terminal::suspend(mouse),
        TerminalEffect::TakeAgain => terminal::take_again(mouse),
        TerminalEffect::Play(path) => {
            if let Err(error) = terminal::play(&path) {
                // A full channel drops it: the file is saved, and that was said.
                let _ = sender.try_send(Message::NotPlayed(error.to_string()));
            }
        }
        // Carried out by the loop itself.
        TerminalEffect::Copy(_) | TerminalEffect::Redraw => {}
    })
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
            token,
            fingerprint,
        } => {
            let credentials = Credentials::of_user();
            let kept = Kept {
                known_servers: credentials.as_ref().map(KnownServers::beside),
                credentials: credentials.filter(|_| token.is_none()),
                fingerprint,
            };
            let network = Network::to_server(address, kept, files, sender.clone())?;
            Ok(match token {
                Some(token) => network.with_token(token),
                None => network,
            })
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
