//! Owns [`Io`], the streams a command speaks through, so that a test or another program can hand in its own.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::credentials::Credentials;
use crate::state::Language;

/// Where a command reads and writes, and what is at the other end.
pub struct Io {
    /// Input: passwords and tokens when asked for on stdin.
    pub stdin: Box<dyn BufRead + Send>,
    /// Data.
    pub stdout: Output,
    /// Words.
    pub stderr: Output,
    /// Whether somebody can be asked: stdin and stderr are terminals.
    pub can_ask: bool,
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether stderr is a terminal, where a progress bar can be drawn.
    pub stderr_is_terminal: bool,
    /// Columns of the terminal stdout is; absent when it is none: then tables are as wide as they need to be.
    pub width: Option<usize>,
    /// Where sessions are kept; absent when they are not.
    pub credentials: Option<Credentials>,
    /// The user's disk is not this machine's: no path is opened, and what this process's environment says is not theirs.
    pub elsewhere: Option<Elsewhere>,
}

/// A user whose disk is elsewhere: what is sent and taken goes through the streams alone.
#[derive(Clone)]
pub struct Elsewhere {
    /// The language of our own words, unless the command line says another.
    pub language: Language,
    /// Opens a file without a name, in which what is streamed in waits until it is whole.
    pub spool: Arc<dyn Fn() -> io::Result<File> + Send + Sync>,
}

impl Io {
    /// The streams of this process and the user's own file of sessions.
    #[must_use]
    pub fn of_process() -> Self {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let stdout_is_terminal = stdout.is_terminal();
        let stderr_is_terminal = stderr.is_terminal();
        Self {
            can_ask: stdin.is_terminal() && stderr_is_terminal,
            stdin: Box::new(io::BufReader::new(stdin)),
            stdout: Output::new(stdout),
            stderr: Output::new(stderr),
            stdout_is_terminal,
            stderr_is_terminal,
            width: stdout_is_terminal
                .then(|| crossterm::terminal::size().ok())
                .flatten()
                .map(|(columns, _)| usize::from(columns)),
            credentials: Credentials::of_user(),
            elsewhere: None,
        }
    }
}

/// A stream to write to; clones write to the same one.
#[derive(Clone)]
pub struct Output(Arc<Mutex<dyn Write + Send>>);

impl Output {
    /// Of any writer.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }

    fn lock(&self) -> MutexGuard<'_, dyn Write + Send + 'static> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}
