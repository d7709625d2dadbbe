//! A program in a pseudo-terminal: what a person sees and types.

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::programs::DEADLINE;

/// A terminal with a program in it; the program is killed when this is dropped.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    input: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    found_line_modes: String,
    seen: Arc<Seen>,
}

struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    parser: vt100::Parser,
    /// Every byte that came, for questions about terminal modes.
    bytes: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// Starts a program in a terminal of that size.
    ///
    /// # Panics
    /// When there is no pseudo-terminal or no such program.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        columns: u16,
        rows: u16,
    ) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let found_line_modes = line_modes(&*pair.master);
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", "UTC"),
        ]
        .iter()
        .chain(variables)
        {
            command.env(name, value);
            if *name == "PWD" {
                command.cwd(value);
            }
        }
        for name in [
            "LC_ALL",
            "NO_COLOR",
            "VBATCH_TOKEN",
            "VBATCH_SERVER",
            "COLORTERM",
        ] {
            if !variables.iter().any(|(given, _)| given == &name) {
                command.env_remove(name);
            }
        }
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        // With our own copy open the terminal would outlive its program.
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().expect("readable");
        let input = pair.master.take_writer().expect("writable");
        let seen = Arc::new(Seen {
            state: Mutex::new(State {
                parser: vt100::Parser::new(cells(rows), cells(columns), 0),
                bytes: Vec::new(),
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let count = output.read(&mut buffer).unwrap_or(0);
                let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.parser.process(&buffer[..count]);
                state.bytes.extend_from_slice(&buffer[..count]);
                state.ended |= count == 0;
                shared.changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            master: pair.master,
            found_line_modes,
            seen,
        }
    }

    /// Types.
    ///
    /// # Panics
    /// When the program is gone.
    pub fn type_keys(&mut self, keys: &str) {
        self.input
            .write_all(keys.as_bytes())
            .expect("the program reads");
        self.input.flush().expect("the program reads");
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut state = self
            .seen
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state
            .parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        drop(state);
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).expect("the terminal lives");
    }

    /// What is on the screen now.
    pub fn screen(&self) -> String {
        self.seen
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .parser
            .screen()
            .contents()
    }

    /// Waits until something is on the screen, and gives the screen.
    ///
    /// # Panics
    /// When it does not come; the screen is in the message.
    pub fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        let mut state = self
            .seen
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            let screen = state.parser.screen().contents();
            if holds(&screen) {
                return screen;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !state.ended,
                "never on the screen: {what}; it is\n{screen}"
            );
            state = self
                .seen
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until a text is on the screen.
    ///
    /// # Panics
    /// As [`Terminal::until`].
    pub fn until_text(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Every byte the program has written so far.
    pub fn written(&self) -> Vec<u8> {
        let state = self.seen.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).bytes.clone()
    }

    /// The modes of the terminal's line as they are now: what `stty -a` prints, in the system's own numbers.
    ///
    /// # Panics
    /// When the system does not tell them.
    pub fn line_modes(&self) -> String {
        line_modes(&*self.master)
    }

    /// The modes of the terminal's line before the program was started.
    pub fn found_line_modes(&self) -> &str {
        &self.found_line_modes
    }

    /// What is switched otherwise now than in a terminal that was just opened; see [`modes_on`].
    pub fn modes_on(&self) -> Vec<String> {
        modes_on(&String::from_utf8_lossy(&self.written()))
    }

    /// Sends the program a signal by its name: `CONT`, `TSTP` ...
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().expect("it runs");
        let sent = std::process::Command::new("kill")
            .args([&format!("-{name}"), &id.to_string()])
            .status();
        assert!(sent.expect("kill runs").success(), "{name} is sent");
    }

    /// Waits until the program is stopped, as the system sees it.
    ///
    /// # Panics
    /// When it goes on.
    pub fn until_stopped(&self) {
        let id = self.child.process_id().expect("it runs");
        let deadline = Instant::now() + DEADLINE;
        let stopped = || {
            let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // The state follows the name, which stands in parentheses.
            status
                .rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        };
        while !stopped() {
            assert!(Instant::now() < deadline, "the program goes on");
            std::thread::yield_now();
        }
    }

    /// Waits until the program has switched the terminal's line to other modes: of that no byte tells.
    ///
    /// # Panics
    /// When it does not.
    pub fn until_line_modes_change(&self) {
        let deadline = Instant::now() + DEADLINE;
        while self.line_modes() == self.found_line_modes() {
            assert!(Instant::now() < deadline, "the modes of the line stay");
            std::thread::yield_now();
        }
    }

    /// Waits until what the program has written holds.
    ///
    /// # Panics
    /// As [`Terminal::until`].
    pub fn until_written(&self, what: &str, holds: impl Fn(&str) -> bool) {
        self.until(what, |_| true);
        let deadline = Instant::now() + DEADLINE;
        let mut state = self
            .seen
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while !holds(&String::from_utf8_lossy(&state.bytes)) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !state.ended, "never written: {what}");
            let waited = self.seen.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the program's end: its exit code, and every byte it has ever written.
    ///
    /// # Panics
    /// When it does not end.
    pub fn ended(&mut self) -> (u32, Vec<u8>) {
        let deadline = Instant::now() + DEADLINE;
        let mut state = self
            .seen
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the program goes on; the screen is\n{}",
                state.parser.screen().contents()
            );
            state = self
                .seen
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let bytes = state.bytes.clone();
        drop(state);
        (self.child.wait().expect("it ends").exit_code(), bytes)
    }
}

fn line_modes(master: &dyn MasterPty) -> String {
    let modes = master
        .get_termios()
        .expect("a pseudo-terminal has line modes");
    format!("{modes:?}")
}

/// Which modes the sequences in this text leave switched otherwise than in a terminal that was just opened, by number:
/// `?1049h` for the alternate screen, `?25l` for a hidden cursor, `?2004h` for bracketed paste, `?1000h` for the mouse, and
/// `>u` for keys told in another way.
pub fn modes_on(written: &str) -> Vec<String> {
    /// Those that are on from the start: wrapping, and the cursor.
    const ON: [u32; 2] = [7, 25];
    let mut modes: BTreeMap<u32, bool> = BTreeMap::new();
    let mut pushed: i32 = 0;
    for sequence in written.split("\x1b[").skip(1) {
        let Some(end) = sequence.find(|c: char| ('@'..='~').contains(&c)) else {
            continue;
        };
        let (numbers, end) = (&sequence[..end], &sequence[end..=end]);
        match (numbers.chars().next(), end) {
            (Some('?'), "h" | "l") => {
                for number in numbers[1..].split(';') {
                    modes.insert(number.parse().expect("a mode is a number"), end == "h");
                }
            }
            (Some('>'), "u") => pushed += 1,
            (Some('<'), "u") => pushed -= 1,
            _ => {}
        }
    }
    modes
        .into_iter()
        .filter(|(number, on)| *on != ON.contains(number))
        .map(|(number, on)| format!("?{number}{}", if on { 'h' } else { 'l' }))
        .chain((pushed != 0).then(|| ">u".to_owned()))
        .collect()
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal has a size")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
