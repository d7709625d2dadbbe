//! Owns asking for secrets: without echo on a terminal, else from stdin, never from the arguments.

use std::io::{self, BufRead as _, Write as _};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;

use super::exit::CommandError;
use super::io::Io;

/// The next line of stdin, without its end.
///
/// # Errors
/// When stdin fails or has ended.
pub fn from_stdin(io: &mut Io, what: &str) -> Result<String, CommandError> {
    let mut line = String::new();
    io.stdin.read_line(&mut line)?;
    let text = line.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(CommandError::Usage(format!(
            "stdin has no line with {what}"
        )));
    }
    Ok(text.to_owned())
}

/// Asks for a text that may be seen.
///
/// # Errors
/// When nobody can be asked.
pub fn ask(io: &mut Io, no_input: bool, what: &str) -> Result<String, CommandError> {
    ensure_askable(io, no_input, what)?;
    write!(io.stderr, "{what}: ")?;
    io.stderr.flush()?;
    from_stdin(io, what)
}

/// Asks for a secret: what is typed is not shown.
///
/// # Errors
/// When nobody can be asked, or with Ctrl-C.
pub fn ask_secret(io: &mut Io, no_input: bool, what: &str) -> Result<String, CommandError> {
    ensure_askable(io, no_input, what)?;
    write!(io.stderr, "{what}: ")?;
    io.stderr.flush()?;
    let typed = {
        let _raw = RawMode::enter()?;
        type_secret()
    };
    writeln!(io.stderr)?;
    typed
}

/// Asks for a new password, twice.
///
/// # Errors
/// When nobody can be asked, with Ctrl-C, or when the two differ.
pub fn ask_new_password(io: &mut Io, no_input: bool) -> Result<String, CommandError> {
    let first = ask_secret(io, no_input, "New password")?;
    let second = ask_secret(io, no_input, "New password again")?;
    if first == second {
        Ok(first)
    } else {
        Err(CommandError::Usage("the two new passwords differ".into()))
    }
}

fn ensure_askable(io: &Io, no_input: bool, what: &str) -> Result<(), CommandError> {
    if io.can_ask && !no_input {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "{what} is needed and nobody can be asked here; see --help for how to give it on stdin"
    )))
}

fn type_secret() -> Result<String, CommandError> {
    let mut secret = String::new();
    loop {
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

/// Raw mode that ends with its guard, whatever happens in between.
struct RawMode;

impl RawMode {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = terminal::disable_raw_mode();
    }
}
