//! Owns the screen on a terminal at the other end of a line: keys from bytes, pictures as bytes, no disk.
//!
//! Invariants: nothing grows with a line that does not take what is written: a picture is drawn only when the one before
//! has gone, so that what is shown next is the newest. No file of this machine is read or written.
//!
//! Not here: the line itself, and who may use it.

mod backend;
mod keys;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use futures::Stream;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use backend::{LARGEST, Outgoing, RemoteBackend, RemoteSize};
pub use keys::Decoder;

use crate::app::{self, Outside, Pace};
use crate::net::{Client, Network};
use crate::screen::Options;
use crate::state::{Effects, Message, NetEffect, Start, TerminalEffect};
use crate::terminal::{MOUSE_OFF, MOUSE_ON};

/// Takes the terminal over: the other screen, and pastes told apart from typing.
pub const ENTER: &str = "\x1b[?1049h\x1b[?2004h";
/// Gives it back, whatever was on.
pub const LEAVE: &str = "\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";

/// Most pictures in a second: fewer than at home, for each costs an encrypted packet.
const FRAMES_PER_SECOND: u32 = 10;
/// An escape by itself is the key when nothing has followed for this long; over slow lines a sequence comes in pieces.
const ESCAPE_WAIT: Duration = Duration::from_millis(100);

/// What comes from the other end.
#[derive(Debug)]
pub enum Input {
    /// Keys, pastes, the mouse.
    Bytes(Vec<u8>),
    /// The terminal has another size now: columns and rows.
    Resized(u16, u16),
}

/// The other end.
pub struct Line {
    /// What comes; its end ends the screen.
    pub input: mpsc::Receiver<Input>,
    /// What goes. A channel of one: its room paces the drawing.
    pub output: mpsc::Sender<Vec<u8>>,
    /// Columns and rows at the start.
    pub size: (u16, u16),
    /// What the other end says of itself: `TERM`, `COLORTERM`, `LANG` ...
    pub variables: HashMap<String, String>,
    /// How a command is begun that does what cannot be done from here: `ssh -p 2222 wang@host`.
    pub way_here: String,
}

/// Shows the screen until the user leaves it or signs out, or the line ends. The terminal is to be taken over before
/// ([`ENTER`]) and given back after it ([`LEAVE`]).
///
/// # Errors
/// When the line has ended.
pub async fn run(client: Client, line: Line, options: Options) -> io::Result<()> {
    let (sender, messages) = app::channel();
    let size = RemoteSize::new(line.size.0, line.size.1);
    let outgoing = Outgoing::new(line.output.clone());
    let mut terminal = Terminal::new(RemoteBackend::new(outgoing.clone(), size.clone()))?;
    let start = Start {
        look: options.look(|name| line.variables.get(name).cloned()),
        server: String::new(),
        username: String::new(),
        resume: true,
        read_only: options.read_only,
        player: false,
        bell: options.bell,
        mouse: options.mouse,
        directories: None,
        way_here: Some(line.way_here),
        now: Timestamp::now(),
        time_zone: TimeZone::system(),
        size: size.get(),
        seed: rand::random(),
    };
    let network = Network::over(client, None, sender.clone());
    let copying = outgoing.clone();
    let outside = Outside {
        net: Arc::new(OneUser { network, sender }),
        files: None,
        copy: Box::new(move |text| {
            let encoded = base64::engine::general_purpose::STANDARD.encode(text);
            copying.say(&format!("\x1b]52;c;{encoded}\x07"));
        }),
        terminal: Box::new(move |effect| match effect {
            TerminalEffect::Ring(words) => {
                let words: String = words.chars().filter(|c| !c.is_control()).collect();
                outgoing.say(&format!("\x1b]9;{words}\x07\x07"));
            }
            TerminalEffect::Mouse(on) => outgoing.say(if on { MOUSE_ON } else { MOUSE_OFF }),
            // There is no program to put aside, and no player here.
            TerminalEffect::Suspend | TerminalEffect::TakeAgain | TerminalEffect::Play(_) => {}
            // Carried out by the loop itself.
            TerminalEffect::Copy(_) | TerminalEffect::Redraw => {}
        }),
        clock: Box::new(Timestamp::now),
        pace: Pace {
            frames_per_second: FRAMES_PER_SECOND,
            room: Some(line.output),
        },
    };
    let input = Box::pin(typed(line.input, size));
    app::run(&mut terminal, start, input, messages, outside).await
}

/// The network of a screen that is one user's: who signs out leaves.
struct OneUser {
    network: Network,
    sender: mpsc::Sender<Message>,
}

impl Effects for OneUser {
    fn start(&self, effect: NetEffect) {
        match effect {
            NetEffect::SignOut | NetEffect::SignIn { .. } => {
                // A full channel is emptied by the screen, which then asks again.
                let _ = self.sender.try_send(Message::Terminated);
            }
            effect => self.network.start(effect),
        }
    }
}

fn typed(input: mpsc::Receiver<Input>, size: RemoteSize) -> impl Stream<Item = Message> {
    struct Typed {
        input: mpsc::Receiver<Input>,
        decoder: Decoder,
        told: VecDeque<Message>,
        size: RemoteSize,
    }
    let typed = Typed {
        input,
        decoder: Decoder::default(),
        told: VecDeque::new(),
        size,
    };
    // Only the receiver is awaited, which loses nothing when it is dropped; what was taken is in `told`. The stream is
    // polled to its end by one loop, which keeps it between two looks.
    futures::stream::unfold(typed, async |mut typed| {
        loop {
            if let Some(message) = typed.told.pop_front() {
                return Some((message, typed));
            }
            let came = if typed.decoder.is_unsure() {
                match timeout(ESCAPE_WAIT, typed.input.recv()).await {
                    Ok(came) => came,
                    Err(_) => {
                        typed.decoder.settle(&mut typed.told);
                        continue;
                    }
                }
            } else {
                typed.input.recv().await
            };
            match came? {
                Input::Bytes(bytes) => typed.decoder.feed(&bytes, &mut typed.told),
                Input::Resized(columns, rows) => {
                    typed.size.set(columns, rows);
                    let (width, height) = typed.size.get();
                    typed.told.push_back(Message::Resized { width, height });
                }
            }
        }
    })
}

/// Colours are written whatever this process's own environment says (`NO_COLOR`): what the user's terminal shows is in the
/// look of each screen.
pub fn let_colours_through() {
    crossterm::style::force_color_output(true);
}
