//! This program once more, as a server in a process of its own, so that what it takes is told apart from what its clients
//! take.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;
use vbatch_server::Server;
use vbatch_server::clock::Clock;
use vbatch_server::config::Config;
use vbatch_server::config::network::NetworkLimits;
use vbatch_server::domain::ids::UserId;
use vbatch_tests::programs::Session;

use crate::process;

/// A server in a process of its own; killed when dropped.
pub struct Child {
    process: Process,
    address: String,
    tokens: Vec<String>,
}

impl Child {
    /// The server on this data directory, with a token of each of these users.
    ///
    /// # Panics
    /// When it does not start.
    pub fn server(folder: &Path, users: &[UserId]) -> Self {
        let mut arguments = vec!["serve".to_owned(), folder.display().to_string()];
        arguments.extend(users.iter().map(|user| user.0.to_string()));
        Self::start(&arguments)
    }

    /// The opponent.
    ///
    /// # Panics
    /// When it does not start.
    pub fn bare() -> Self {
        Self::start(&["bare".to_owned()])
    }

    /// The opponent, which keeps uploaded files in this folder.
    ///
    /// # Panics
    /// When it does not start.
    pub fn bare_keeping(folder: &Path) -> Self {
        Self::start(&["bare".to_owned(), folder.display().to_string()])
    }

    fn start(arguments: &[String]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // The log is written as of any server, and read by nobody.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut tokens = Vec::new();
        let address = loop {
            let line = lines.next().expect("it says where it listens").unwrap();
            match line.split_once(' ') {
                Some(("token", token)) => tokens.push(token.to_owned()),
                Some(("listens", address)) => break address.to_owned(),
                _ => {}
            }
        };
        Self {
            process,
            address,
            tokens,
        }
    }

    /// A new connection.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// A new connection of the `number`th user; of nobody where nobody was asked for.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn session(&self, number: usize) -> Session {
        Session {
            channel: self.channel().await,
            token: self.token(number),
        }
    }

    /// The token of the `number`th user; empty where nobody was asked for.
    pub fn token(&self, number: usize) -> String {
        self.tokens.get(number).cloned().unwrap_or_default()
    }

    /// Processor time that it has taken.
    pub fn time(&self) -> Duration {
        process::process_time(self.process.id())
    }

    /// Its memory now, in bytes.
    pub fn resident(&self) -> u64 {
        process::resident(self.process.id())
    }

    /// The most memory it ever had, in bytes.
    pub fn peak(&self) -> u64 {
        process::peak(self.process.id())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SIGKILL; it may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What this program does when it is such a child; false when it is none.
///
/// # Panics
/// When it cannot serve.
pub async fn play(arguments: &[String]) -> bool {
    match arguments {
        [role, folder, users @ ..] if role == "serve" => serve(folder.into(), users).await,
        [role, folder @ ..] if role == "bare" => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell(&format!("listens {}", listener.local_addr().unwrap()));
            let (_newest, told) = watch::channel(None);
            crate::bare::serve(listener, told, folder.first().map(PathBuf::from));
            std::future::pending().await
        }
        _ => false,
    }
}

async fn serve(folder: PathBuf, users: &[String]) -> bool {
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder,
        network: NetworkLimits {
            connections: 4_096,
            connections_per_address: 4_096,
            ..NetworkLimits::default()
        },
        ..Config::default()
    };
    vbatch_server::log::start(&config.log);
    let server = Server::start(config, Clock::system()).await.unwrap();
    for user in users {
        let id = UserId(Uuid::parse_str(user).unwrap());
        let issued = server.accounts.mint(id).await.unwrap();
        tell(&format!("token {}", issued.token.expose_secret()));
    }
    tell(&format!("listens {}", server.address));
    std::future::pending().await
}

fn tell(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}
