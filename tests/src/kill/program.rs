//! One life of `vbatchd`.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::programs::{DEADLINE, program};

/// Seconds of the program's clock, and of the upstream's, in one of the system's.
pub const SPEED: u32 = 100;

/// What a round's programs are told.
pub struct Setting {
    /// The data directory.
    pub data: PathBuf,
    /// The upstream's base URL.
    pub base_url: String,
    /// The upstream's token.
    pub token: String,
    /// When the hastened clock and the system's agreed.
    pub origin: Timestamp,
    /// What the programs say, appended.
    pub log: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
}

impl Setting {
    fn command(&self) -> io::Result<Command> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(program("vbatchd"));
        command
            .env("VBATCH_CONFIG", &self.config)
            .env("LIGHTX2V_BASE_URL", &self.base_url)
            .env("LIGHTX2V_ACCESS_TOKEN", &self.token)
            .env("VBATCH_TEST_CLOCK", format!("{}*{SPEED}", self.origin))
            .env("VBATCH_LOG", "info,symphonia=error,symphonia_core=error")
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        Ok(command)
    }
}

/// A `vbatchd` that was started and may not listen yet; killed when dropped.
pub struct Program {
    child: Child,
}

impl Program {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// The system's.
    pub fn start(setting: &Setting) -> io::Result<Self> {
        let mut command = setting.command()?;
        command
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&setting.data)
            .stdout(Stdio::piped());
        Ok(Self {
            child: command.spawn()?,
        })
    }

    /// Where it listens, once it does.
    ///
    /// # Errors
    /// In words, when it ends instead or is silent for a minute.
    pub async fn listening(&mut self) -> Result<SocketAddr, String> {
        let stdout = self.child.stdout.take().ok_or("asked twice")?;
        let mut lines = BufReader::new(stdout).lines();
        loop {
            let line = timeout(DEADLINE, lines.next_line())
                .await
                .map_err(|_| "vbatchd does not start".to_owned())?
                .map_err(|error| error.to_string())?
                .ok_or("vbatchd ends instead of listening")?;
            if let Some(address) = line.strip_prefix("vbatchd listens on ") {
                let address = address.parse().map_err(|_| line.clone())?;
                // It says more; the pipe is to be emptied.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(address);
            }
        }
    }

    /// SIGKILL: no word, no flush.
    ///
    /// # Errors
    /// In words, when it had ended by itself before.
    pub async fn kill(mut self) -> Result<(), String> {
        self.child.start_kill().map_err(|error| error.to_string())?;
        let status = self.child.wait().await.map_err(|error| error.to_string())?;
        match status.signal() {
            Some(9) => Ok(()),
            _ => Err(format!("vbatchd had ended by itself: {status}")),
        }
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// In words, when it does not end with 0 within 11 s.
    pub async fn terminate(mut self) -> Result<(), String> {
        let id = self.child.id().ok_or("vbatchd had ended by itself")?;
        Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status()
            .await
            .map_err(|error| error.to_string())?;
        let ended = timeout(Duration::from_secs(11), self.child.wait()).await;
        let status = ended
            .map_err(|_| "vbatchd does not end when it is asked to".to_owned())?
            .map_err(|error| error.to_string())?;
        match status.code() {
            Some(0) => Ok(()),
            _ => Err(format!("asked to end, vbatchd ends with {status}")),
        }
    }
}

/// The last lines that a round's programs have said.
pub fn last_words(log: &Path, lines: usize) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let said: Vec<&str> = text.lines().collect();
    said[said.len().saturating_sub(lines)..].join("\n")
}
