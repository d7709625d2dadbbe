//! One channel: what it is asked for until it becomes the screen or a command, and its end.
//!
//! Invariants: what is not here is refused in words; what a client says of itself is bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect};
use tokio::sync::watch;
use tokio::time::timeout;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::net::Client;
use vbatch_tui::state::{Language, Look};

use super::ending::Ended;
use super::{Shared, command, screen, words};

/// What a client may say of its own environment.
const VARIABLES: [&str; 7] = [
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "COLORTERM",
    "COLORFGBG",
    "NO_COLOR",
];
/// Longest value of those, and of the terminal's name, in bytes.
const VALUE_BYTES: usize = 128;
/// A client of which every channel has ended leaves within this time.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);
/// The last words are given up after this long.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Where words go: standard error, in the numbers of the protocol.
pub(super) const STDERR: u32 = 1;

/// Who is at the other end of a connection.
pub(super) struct Guest {
    /// Their session.
    pub client: Client,
    /// Their own setting of the language; may be empty.
    pub language: String,
    /// Where they come from.
    pub address: IpAddr,
    /// How they come here: `ssh -p 2222 wang@192.0.2.7`.
    pub way_here: String,
    /// Its other end goes with the connection.
    pub connection: watch::Receiver<bool>,
}

impl Guest {
    /// Waits until the connection is gone.
    async fn leaves(&self) {
        let mut connection = self.connection.clone();
        while connection.changed().await.is_ok() {}
    }
}

/// Whether a client may set this variable.
pub(super) fn is_known(variable: &str) -> bool {
    VARIABLES.contains(&variable)
}

/// A channel and what it was told so far. What is asked for has been answered before it comes here (`connection`).
pub(super) struct Visit {
    pub shared: Arc<Shared>,
    pub guest: Arc<Guest>,
    pub read: ChannelReadHalf,
    pub write: ChannelWriteHalf<Msg>,
    /// The terminal, if there is one: columns and rows.
    pub terminal: Option<(u16, u16)>,
    variables: HashMap<String, String>,
    handle: Handle,
}

/// Sees a channel to its end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    guest: Arc<Guest>,
    handle: Handle,
    channel: Channel<Msg>,
) {
    let (read, write) = channel.split();
    let visit = Visit {
        shared,
        guest,
        read,
        write,
        terminal: None,
        variables: HashMap::new(),
        handle,
    };
    visit.receive().await;
}

impl Visit {
    async fn receive(mut self) {
        loop {
            let asked = tokio::select! {
                asked = self.read.wait() => asked,
                () = self.shared.shutdown.cancelled() => return,
            };
            match asked {
                None | Some(ChannelMsg::Close) => return,
                Some(ChannelMsg::RequestPty {
                    term,
                    col_width,
                    row_height,
                    ..
                }) => {
                    self.terminal = Some((cells(col_width, 80), cells(row_height, 24)));
                    self.keep("TERM".to_owned(), term);
                }
                Some(ChannelMsg::WindowChange {
                    col_width,
                    row_height,
                    ..
                }) => {
                    self.terminal = Some((cells(col_width, 80), cells(row_height, 24)));
                }
                Some(ChannelMsg::SetEnv {
                    variable_name,
                    variable_value,
                    ..
                }) if is_known(&variable_name) => self.keep(variable_name, variable_value),
                Some(ChannelMsg::RequestShell { .. }) => {
                    return match self.terminal {
                        Some(size) => screen::show(self, size).await,
                        None => {
                            self.say(words::HOW).await;
                            self.end(Exit::Usage.code()).await;
                        }
                    };
                }
                Some(ChannelMsg::Exec { command, .. }) => {
                    return command::run(self, &command).await;
                }
                Some(ChannelMsg::RequestSubsystem { name, .. }) => {
                    self.say(&words::no_subsystem(&name)).await;
                    return self.end(Exit::Usage.code()).await;
                }
                Some(ChannelMsg::AgentForward { .. }) => self.say(words::NO_AGENT).await,
                Some(ChannelMsg::RequestX11 { .. }) => self.say(words::NO_X11).await,
                // Before there is a command nobody reads.
                Some(_) => {}
            }
        }
    }

    fn keep(&mut self, name: String, value: String) {
        if value.len() <= VALUE_BYTES && !value.chars().any(char::is_control) {
            self.variables.insert(name, value);
        }
    }

    /// Says something on standard error; at a terminal, which is taken as it is, lines end with a return.
    pub(super) async fn say(&self, words: &str) {
        let words = match self.terminal {
            Some(_) => words.replace('\n', "\r\n"),
            None => words.to_owned(),
        };
        let said = self.write.extended_data_bytes(STDERR, Bytes::from(words));
        let _ = timeout(LAST_WORDS, said).await;
    }

    /// Ends the channel with an exit code.
    pub(super) async fn end(self, code: u8) {
        let end = async {
            self.write.exit_status(u32::from(code)).await?;
            self.write.eof().await?;
            self.write.close().await
        };
        let _ = timeout(LAST_WORDS, end).await;
    }

    /// Says why the session is over, and ends the whole connection.
    pub(super) async fn end_session(self, ended: Ended) {
        let language = self.language();
        let words = ended.words(language);
        self.say(&format!("vbatchd: {words}\n")).await;
        let (handle, guest) = (self.handle.clone(), Arc::clone(&self.guest));
        self.end(ended.exit().code()).await;
        // A client whose last channel has ended leaves by itself, with the exit code; only one that stays is sent away.
        if timeout(LEAVES_WITHIN, guest.leaves()).await.is_ok() {
            return;
        }
        let tag = match language {
            Language::English => "en",
            Language::Chinese => "zh",
        };
        let told = handle.disconnect(Disconnect::ByApplication, words.to_owned(), tag.to_owned());
        let _ = timeout(LAST_WORDS, told).await;
    }

    /// What the client's environment says; without any locale of its own, the user's language in UTF-8.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let value = |name: &str| self.variables.get(name).filter(|value| !value.is_empty());
        if let Some(value) = value(name) {
            return Some(value.clone());
        }
        let has_locale = ["LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"]
            .iter()
            .any(|name| value(name).is_some());
        (name == "LANG" && !has_locale).then(|| {
            match Language::from_tag(&self.guest.language) {
                Language::English => "en_US.UTF-8",
                Language::Chinese => "zh_CN.UTF-8",
            }
            .to_owned()
        })
    }

    /// All of those.
    pub(super) fn variables(&self) -> HashMap<String, String> {
        VARIABLES
            .iter()
            .chain(&["TERM"])
            .filter_map(|name| Some(((*name).to_owned(), self.variable(name)?)))
            .collect()
    }

    /// The language of our own words.
    pub(super) fn language(&self) -> Language {
        Look::from_environment(|name| self.variable(name)).language
    }
}

/// So many cells as a client says; some say nothing at first.
pub(super) fn cells(count: u32, otherwise: u16) -> u16 {
    match u16::try_from(count) {
        Ok(0) => otherwise,
        Ok(count) => count,
        Err(_) => u16::MAX,
    }
}
