//! Owns [`run`]: the wheel that turns messages into states and states into pictures, on any backend.
//!
//! Invariants: at most [`FRAMES_PER_SECOND`] pictures a second, none when nothing changed; nothing is awaited here but the
//! next message, so that neither network nor disk ever stops the screen.
//!
//! Not here: what messages do (`state`), what pictures show (`view`), and who carries effects out.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::layout::Rect;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::files::FileWorker;
use crate::state::{Effect, Effects, Message, Start, State, TerminalEffect, update};
use crate::view;

/// Most pictures drawn in a second.
pub const FRAMES_PER_SECOND: u32 = 30;

/// Messages that wait for the screen before those who send them wait themselves.
const WAITING_MESSAGES: usize = 1024;

/// Messages taken in between two looks at the keyboard.
const MESSAGES_AT_A_TIME: usize = 256;

/// The channel through which network and disk speak to the screen. When it is full, senders wait.
#[must_use]
pub fn channel() -> (mpsc::Sender<Message>, mpsc::Receiver<Message>) {
    mpsc::channel(WAITING_MESSAGES)
}

/// When pictures may be drawn.
#[derive(Debug)]
pub struct Pace {
    /// Most pictures in a second, at least 1.
    pub frames_per_second: u32,
    /// A picture is drawn only while this channel has room: when the one before has gone. Absent: always.
    pub room: Option<mpsc::Sender<Vec<u8>>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            frames_per_second: FRAMES_PER_SECOND,
            room: None,
        }
    }
}

impl Pace {
    /// Waits until a picture may be drawn. Dropping the future loses nothing.
    async fn due(&self, at: Instant) {
        sleep_until(at).await;
        if let Some(room) = &self.room {
            // Drawing on a line that has ended says so.
            let _ = room.reserve().await;
        }
    }
}

/// Who carries out what the screen asks for.
pub struct Outside {
    /// The network.
    pub net: Arc<dyn Effects>,
    /// The user's own disk; absent when it is out of reach.
    pub files: Option<FileWorker>,
    /// Puts text into the user's clipboard.
    pub copy: Box<dyn FnMut(&str) + Send>,
    /// Does what else is asked of the terminal and of its machine: the bell, the mouse, a player, being put aside. Not the
    /// clipboard and not drawing.
    pub terminal: Box<dyn FnMut(TerminalEffect) + Send>,
    /// Tells the time.
    pub clock: Box<dyn Fn() -> Timestamp + Send>,
    /// When pictures may be drawn.
    pub pace: Pace,
}

/// Runs the screen until the user leaves, or `input` ends. `input` brings keys, pastes, new sizes and the wish to end;
/// `messages` is the receiving end of [`channel`].
///
/// # Errors
/// What the backend says when it cannot draw.
pub async fn run<B: Backend>(
    terminal: &mut Terminal<B>,
    start: Start,
    mut input: impl Stream<Item = Message> + Unpin,
    mut messages: mpsc::Receiver<Message>,
    mut outside: Outside,
) -> Result<(), B::Error> {
    let (mut state, effects) = State::new(start);
    carry_out(terminal, &mut outside, effects)?;
    let frame = Duration::from_secs(1) / outside.pace.frames_per_second.max(1);
    let mut next_frame = Instant::now();
    let mut changed = true;
    // A window that became smaller and larger again between two pictures has lost what it showed, and has the size that the
    // last picture was drawn for.
    let mut whole = false;
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !state.has_ended() {
        // Each arm may be dropped unfinished: streams and channels keep what was not taken, ticks and frames come again.
        let message = tokio::select! {
            biased;
            () = outside.pace.due(next_frame), if changed => {
                if std::mem::take(&mut whole) {
                    redraw(terminal)?;
                }
                terminal.draw(|frame| view::draw(&state, frame))?;
                changed = false;
                next_frame = Instant::now() + frame;
                continue;
            }
            typed = input.next() => match typed {
                Some(message) => message,
                None => Message::Terminated,
            },
            Some(message) = messages.recv() => message,
            _ = ticks.tick() => {
                changed |= tick(&mut state, (outside.clock)(), terminal, &mut outside)?;
                continue;
            }
        };
        // Notices and waits count from when something came, not from the last full second.
        changed |= tick(&mut state, (outside.clock)(), terminal, &mut outside)?;
        changed |= state.may_show(&message);
        whole |= matches!(message, Message::Resized { .. });
        let effects = update(&mut state, message);
        carry_out(terminal, &mut outside, effects)?;
        for _ in 0..MESSAGES_AT_A_TIME {
            let Ok(message) = messages.try_recv() else {
                break;
            };
            changed |= state.may_show(&message);
            let effects = update(&mut state, message);
            carry_out(terminal, &mut outside, effects)?;
        }
    }
    Ok(())
}

/// Lets time pass; tells whether that is to be seen.
fn tick<B: Backend>(
    state: &mut State,
    now: Timestamp,
    terminal: &mut Terminal<B>,
    outside: &mut Outside,
) -> Result<bool, B::Error> {
    let shows = state.shows_passing(now);
    let effects = update(state, Message::Tick(now));
    carry_out(terminal, outside, effects)?;
    Ok(shows)
}

/// Empties the terminal, so that the next picture is drawn whole. [`Terminal::clear`] would ask the terminal where its cursor
/// is, and whoever does not answer would end the screen.
fn redraw<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), B::Error> {
    let size = terminal.size()?;
    terminal.resize(Rect::new(0, 0, size.width, size.height))
}

fn carry_out<B: Backend>(
    terminal: &mut Terminal<B>,
    outside: &mut Outside,
    effects: Vec<Effect>,
) -> Result<(), B::Error> {
    for effect in effects {
        match effect {
            Effect::Net(effect) => outside.net.start(effect),
            Effect::Files(effect) => {
                if let Some(files) = &mut outside.files {
                    files.start(effect);
                }
            }
            Effect::Terminal(TerminalEffect::Copy(text)) => (outside.copy)(&text),
            Effect::Terminal(TerminalEffect::Redraw) => redraw(terminal)?,
            Effect::Terminal(other) => {
                let returns = matches!(other, TerminalEffect::Suspend | TerminalEffect::TakeAgain);
                (outside.terminal)(other);
                if returns {
                    redraw(terminal)?;
                }
            }
        }
    }
    Ok(())
}
