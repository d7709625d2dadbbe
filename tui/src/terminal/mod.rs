//! Owns the user's own terminal: takes it over and gives it back as it was found, whatever happens.
//!
//! Invariant: raw mode, the alternate screen, bracketed paste and the mouse end with [`TerminalGuard`], with a panic, with
//! SIGTERM, SIGINT and SIGHUP (which end the loop and so drop the guard), and for as long as the program is put aside
//! (Ctrl-Z, SIGTSTP); called back, it takes them again. A panic, in whichever task or thread, ends the screen: the terminal
//! is given back once, before the panic speaks, and nothing is drawn over its words.
//!
//! Not here: what is drawn, and what keys mean.

mod ask;
mod broken;
mod output;
mod player;

use std::io::{self, Write as _};

use base64::Engine as _;
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyCode, KeyEvent,
    KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use futures::{Stream, StreamExt as _};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

pub use ask::ambiguous_width;
pub use broken::is_broken;
pub use output::Frames;
pub use player::{is_within_reach as player_is_within_reach, play};

use crate::keymap::Key;
use crate::state::{Message, Mouse};

/// The terminal while it is ours. Dropped, it is given back.
pub struct TerminalGuard {
    terminal: Terminal<CrosstermBackend<Frames>>,
}

impl TerminalGuard {
    /// Takes the terminal over. From here on a panic gives it back before it speaks.
    ///
    /// # Errors
    /// What the system says when stdout is no terminal or cannot be set up; then it is as it was.
    pub fn take() -> io::Result<Self> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            broken::after_giving_back(give_back);
            before(panic);
        }));
        let entered =
            enter().and_then(|()| Terminal::new(CrosstermBackend::new(Frames::default())));
        match entered {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// The terminal to draw on.
    pub fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<Frames>> {
        &mut self.terminal
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        if is_broken() {
            // Given back before the panic's words, and only once; what is said from here on comes after that.
            broken::after_giving_back(give_back);
        } else {
            give_back();
        }
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)
}

/// Takes the terminal again, whatever was done to it while the program was put aside.
pub fn take_again(mouse: bool) {
    if is_broken() {
        return;
    }
    // What is believed of the modes may be wrong by now: begun anew from how they were found at first.
    let _ = disable_raw_mode();
    let _ = enter();
    if mouse {
        tell_mouse(true);
    }
}

/// Gives the terminal back, stops, and takes it again when the program is called back.
pub fn suspend(mouse: bool) {
    give_back();
    #[cfg(unix)]
    {
        // Only this stops for sure: SIGTSTP is listened to and stops nothing by itself any more.
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGSTOP);
    }
    take_again(mouse);
}

/// Lets the terminal tell presses and the wheel, or keep the mouse for itself. Movements are not asked for.
pub fn tell_mouse(on: bool) {
    let asked = if on { MOUSE_ON } else { MOUSE_OFF };
    let mut stdout = io::stdout();
    let _ = write!(stdout, "{asked}");
    let _ = stdout.flush();
}

/// Presses and the wheel, in the form that knows large screens.
pub(crate) const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
pub(crate) const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Rings the bell and has the terminal tell the words (OSC 9); terminals that do not know it ignore it.
pub fn ring(words: &str) {
    let words: String = words.chars().filter(|c| !c.is_control()).collect();
    let mut stdout = io::stdout();
    let _ = write!(stdout, "\x1b]9;{words}\x07\x07");
    let _ = stdout.flush();
}

/// Nobody can be told when this fails, and every step is tried.
fn give_back() {
    tell_mouse(false);
    let mut stdout = io::stdout().lock();
    let _ = execute!(
        stdout,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        crossterm::cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Puts text into the clipboard of whoever sits at the terminal, by OSC 52; terminals that do not know it ignore it.
pub fn copy(text: &str) {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let mut stdout = io::stdout();
    let _ = write!(stdout, "\x1b]52;c;{encoded}\x07");
    let _ = stdout.flush();
}

/// What the terminal sends, and the signals to end, as messages. It ends when the terminal is gone.
///
/// # Errors
/// What the system says when signals cannot be listened to.
pub fn input() -> io::Result<impl Stream<Item = Message> + Unpin> {
    let events = EventStream::new()
        .take_while(|event| futures::future::ready(event.is_ok()))
        .filter_map(|event| futures::future::ready(event.ok().and_then(message)));
    // The terminal's end is passed on; the signals' stream alone would never end.
    let events = events.chain(futures::stream::iter([Message::Terminated]));
    let ends = futures::stream::select(signals()?, broken::ends());
    Ok(Box::pin(futures::stream::select(events, ends)))
}

#[cfg(unix)]
fn signals() -> io::Result<impl Stream<Item = Message> + Unpin> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    let listen = |kind: SignalKind, what: fn() -> Message| -> io::Result<_> {
        let heard = signal(kind)?;
        Ok(Box::pin(futures::stream::unfold(
            heard,
            move |mut heard: Signal| async move {
                heard.recv().await?;
                Some((what(), heard))
            },
        )))
    };
    let ended = || Message::Terminated;
    // Like the key it is the name of, and so that it, too, gives the terminal back first.
    let aside = || Message::Key(Key::Ctrl('z'));
    Ok(futures::stream::select_all([
        listen(SignalKind::terminate(), ended)?,
        listen(SignalKind::hangup(), ended)?,
        listen(SignalKind::interrupt(), ended)?,
        listen(SignalKind::from_raw(signal_hook::consts::SIGTSTP), aside)?,
        listen(SignalKind::from_raw(signal_hook::consts::SIGCONT), || {
            Message::Resumed
        })?,
    ]))
}

#[cfg(not(unix))]
fn signals() -> io::Result<impl Stream<Item = Message> + Unpin> {
    let ended = async {
        let _ = tokio::signal::ctrl_c().await;
        Message::Terminated
    };
    Ok(Box::pin(futures::stream::once(ended)))
}

/// An event of the terminal as a message; none when it means nothing to the screen.
#[must_use]
pub fn message(event: Event) -> Option<Message> {
    match event {
        Event::Key(event) if event.kind != KeyEventKind::Release => key(event).map(Message::Key),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(width, height) => Some(Message::Resized { width, height }),
        Event::Mouse(event) => match event.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Message::Mouse(Mouse::Press {
                x: event.column,
                y: event.row,
            })),
            MouseEventKind::ScrollUp => Some(Message::Mouse(Mouse::WheelUp)),
            MouseEventKind::ScrollDown => Some(Message::Mouse(Mouse::WheelDown)),
            _ => None,
        },
        _ => None,
    }
}

/// A key event as the screen sees it.
#[must_use]
pub fn key(event: KeyEvent) -> Option<Key> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    Some(match event.code {
        // On Windows AltGr arrives as Ctrl and Alt together with the character it makes; elsewhere it is Esc and a key with
        // Ctrl that came at once.
        KeyCode::Char(c) if control && alt && cfg!(windows) => Key::Char(c),
        KeyCode::Char(c) if control => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) if alt => Key::Alt(c),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::F(number) => Key::F(number),
        _ => return None,
    })
}
