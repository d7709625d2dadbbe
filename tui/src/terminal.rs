//! Owns the user's own terminal: takes it over and gives it back as it was found, whatever happens.
//!
//! Invariant: raw mode, the alternate screen and bracketed paste end with [`TerminalGuard`], with a panic, and with
//! SIGTERM, SIGINT and SIGHUP (which end the loop and so drop the guard).
//!
//! Not here: what is drawn, and what keys mean.

use std::io::{self, Stdout, Write as _};

use base64::Engine as _;
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyCode, KeyEvent,
    KeyEventKind, KeyModifiers,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use futures::{Stream, StreamExt as _};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::keymap::Key;
use crate::state::Message;

/// The terminal while it is ours. Dropped, it is given back.
pub struct TerminalGuard {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl TerminalGuard {
    /// Takes the terminal over. From here on a panic gives it back before it speaks.
    ///
    /// # Errors
    /// What the system says when stdout is no terminal or cannot be set up; then it is as it was.
    pub fn take() -> io::Result<Self> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
        enable_raw_mode()?;
        let entered = execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        match entered {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// The terminal to draw on.
    pub fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<Stdout>> {
        &mut self.terminal
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Nobody can be told when this fails, and every step is tried.
fn give_back() {
    let _ = execute!(
        io::stdout(),
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
    Ok(Box::pin(futures::stream::select(events, signals()?)))
}

#[cfg(unix)]
fn signals() -> io::Result<impl Stream<Item = Message> + Unpin> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ended = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = interrupt.recv() => {}
        }
        Message::Terminated
    };
    Ok(Box::pin(futures::stream::once(ended)))
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
        _ => None,
    }
}

/// A key event as the screen sees it.
#[must_use]
pub fn key(event: KeyEvent) -> Option<Key> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    Some(match event.code {
        // AltGr arrives as Ctrl and Alt together with the character it makes.
        KeyCode::Char(c) if control && alt => Key::Char(c),
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
