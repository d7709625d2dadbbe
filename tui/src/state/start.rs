//! Owns [`Start`]: what the screen is started with.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::look::Look;

/// What the screen is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// How it is to look.
    pub look: Look,
    /// The server the sign-in offers; empty when there is only the one that was handed in.
    pub server: String,
    /// The user name the sign-in offers; may be empty.
    pub username: String,
    /// Whether to try the session that is stored, or was handed in, before asking for a password.
    pub resume: bool,
    /// Whether the screen only looks.
    pub read_only: bool,
    /// Whether a finished video can be played here: a player of the system's own is within reach of whoever looks.
    pub player: bool,
    /// Whether the end of a batch rings from the start.
    pub bell: bool,
    /// Whether the mouse is on from the start.
    pub mouse: bool,
    /// The directories of the user's own disk; absent when it is out of reach.
    pub directories: Option<Directories>,
    /// How a command on the user's own machine begins that does what the screen cannot do without a disk: `ssh -p 2222
    /// wang@host`; absent where the program of the commands is at hand.
    pub way_here: Option<String>,
    /// The time now.
    pub now: Timestamp,
    /// The zone times are shown in.
    pub time_zone: TimeZone,
    /// Size of the terminal in cells, width and height.
    pub size: (u16, u16),
    /// Random bits, from which the ids of requests are made.
    pub seed: u128,
}

/// Where on the user's own disk things are.
#[derive(Clone, Debug)]
pub struct Directories {
    /// Where choosing files begins.
    pub working: PathBuf,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// Where downloads go.
    pub downloads: PathBuf,
}
