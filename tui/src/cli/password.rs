//! Owns asking for secrets: without echo on a terminal, else from stdin, never from the arguments.

use std::io::{self, BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;

use super::exit::CommandError;
use super::io::Io;
use crate::text::commands::CommandTexts;

/// The next line of stdin, without its end.
///
/// # Errors
/// When stdin fails or has ended.
pub fn from_stdin(io: &mut Io, texts: &CommandTexts, what: &str) -> Result<String, CommandError> {
    let mut line = String::new();
    io.stdin.read_line(&mut line)?;
    let text = line.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(CommandError::Usage((texts.stdin_lacks)(what)));
    }
    Ok(text.to_owned())
}

/// Asks for a text that may be seen.
///
/// # Errors
/// When nobody can be asked.
pub fn ask(
    io: &mut Io,
    texts: &CommandTexts,
    no_input: bool,
    what: &str,
) -> Result<String, CommandError> {
    ensure_askable(io, texts, no_input, what)?;
    write!(io.stderr, "{what}: ")?;
    io.stderr.flush()?;
    from_stdin(io, texts, what)
}

/// Asks for a secret: what is typed is not shown.
///
/// # Errors
/// When nobody can be asked, or with Ctrl-C.
pub fn ask_secret(
    io: &mut Io,
    texts: &CommandTexts,
    no_input: bool,
    what: &str,
) -> Result<String, CommandError> {
    ensure_askable(io, texts, no_input, what)?;
    write!(io.stderr, "{what}: ")?;
    io.stderr.flush()?;
    let typed = {
        let raw = RawMode::enter()?;
        type_secret(&raw)
    };
    writeln!(io.stderr)?;
    typed
}

/// Asks for a new password, twice.
///
/// # Errors
/// When nobody can be asked, with Ctrl-C, or when the two differ.
pub fn ask_new_password(
    io: &mut Io,
    texts: &CommandTexts,
    no_input: bool,
) -> Result<String, CommandError> {
    let first = ask_secret(io, texts, no_input, texts.new_password)?;
    let second = ask_secret(io, texts, no_input, texts.new_password_again)?;
    if first == second {
        Ok(first)
    } else {
        Err(CommandError::Usage(texts.passwords_differ.into()))
    }
}

/// Asks whether something shall be done; anything but yes is no.
///
/// # Errors
/// When nobody can be asked.
pub fn confirm(
    io: &mut Io,
    texts: &CommandTexts,
    no_input: bool,
    question: &str,
) -> Result<bool, CommandError> {
    if !io.can_ask || no_input {
        return Err(CommandError::Usage(texts.needs_yes.into()));
    }
    write!(io.stderr, "{question} [y/N] ")?;
    io.stderr.flush()?;
    let mut line = String::new();
    io.stdin.read_line(&mut line)?;
    Ok(texts.yes.contains(&line.trim().to_lowercase().as_str()))
}

fn ensure_askable(
    io: &Io,
    texts: &CommandTexts,
    no_input: bool,
    what: &str,
) -> Result<(), CommandError> {
    if io.can_ask && !no_input {
        return Ok(());
    }
    Err(CommandError::Usage((texts.cannot_ask)(what)))
}

/// How often it is looked whether the program was told to end.
const LOOK: Duration = Duration::from_millis(100);

fn type_secret(raw: &RawMode) -> Result<String, CommandError> {
    let mut secret = String::new();
    loop {
        if raw.must_end() {
            return Err(CommandError::Interrupted);
        }
        if !event::poll(LOOK)? {
            continue;
        }
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Ok(secret),
            KeyCode::Char('j' | 'm') if control => return Ok(secret),
            KeyCode::Char('c') if control => return Err(CommandError::Interrupted),
            KeyCode::Char('d') if control && secret.is_empty() => {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            KeyCode::Char('u') if control => secret.clear(),
            KeyCode::Backspace => {
                secret.pop();
            }
            KeyCode::Char(character) if !control => secret.push(character),
            _ => {}
        }
    }
}

/// Raw mode that ends with its guard, whatever happens in between: a signal to end only asks for it while it lasts, or the
/// shell would be left without echo.
struct RawMode {
    told_to_end: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl RawMode {
    fn enter() -> io::Result<Self> {
        let mode = Self {
            told_to_end: Arc::default(),
            over: Arc::default(),
        };
        mode.heed_signals()?;
        terminal::enable_raw_mode()?;
        Ok(mode)
    }

    #[cfg(unix)]
    fn heed_signals(&self) -> io::Result<()> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::flag;

        for signal in [SIGTERM, SIGHUP, SIGINT] {
            flag::register(signal, Arc::clone(&self.told_to_end))?;
            // Afterwards they do what they always do.
            flag::register_conditional_default(signal, Arc::clone(&self.over))?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn heed_signals(&self) -> io::Result<()> {
        Ok(())
    }

    fn must_end(&self) -> bool {
        self.told_to_end.load(Ordering::Relaxed)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Nothing can be done about a terminal that is gone.
        let _ = terminal::disable_raw_mode();
    }
}
