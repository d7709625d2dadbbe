//! Owns the command line of what is done with batches.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use vision_batch::v1;

use super::values::{duration, label, uuid};

/// What `submit` and `rerun` share.
#[derive(Debug, Args)]
pub struct Follow {
    /// Wait until the batch is finished
    #[arg(long)]
    pub wait: bool,
    /// Save the finished videos here (implies --wait)
    #[arg(long, value_name = "DIR")]
    pub download: Option<PathBuf>,
}

/// `submit`
#[derive(Debug, Args)]
pub struct Submit {
    /// The source images: PNG, JPEG or WebP; - for a list of them on stdin, one a line
    #[arg(required_unless_present = "tar", value_name = "PICTURE")]
    pub images: Vec<PathBuf>,
    /// The audio: WAV, MP3, M4A/AAC, FLAC or OGG; - for stdin
    #[arg(long, value_name = "FILE", required_unless_present = "tar")]
    pub audio: Option<PathBuf>,
    /// Pictures and the one audio in an archive, told apart by what they are: a tar file; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["images", "audio"])]
    pub tar: Option<PathBuf>,
    /// Name to show; the name of the audio file when missing
    #[arg(long)]
    pub name: Option<String>,
    /// What the videos should show; - for stdin
    #[arg(long)]
    pub prompt: Option<String>,
    /// What they should not show
    #[arg(long)]
    pub negative_prompt: Option<String>,
    /// The engine; the server's default when missing
    #[arg(long)]
    pub engine: Option<String>,
    /// A label, may be given more than once
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// The most credits it may cost
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub max_credits: Option<i32>,
    /// UUID that makes repeating the command safe: the batch is made and charged once
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    pub request_id: Option<String>,
    /// What to do afterwards
    #[command(flatten)]
    pub follow: Follow,
}

/// `quote`
#[derive(Debug, Args)]
pub struct Quote {
    /// The source images, to count them
    #[arg(value_name = "PICTURE")]
    pub images: Vec<PathBuf>,
    /// Number of images, in place of naming them
    #[arg(long, value_name = "N", conflicts_with = "images", required_unless_present = "images",
        value_parser = clap::value_parser!(i32).range(1..))]
    pub count: Option<i32>,
    /// The audio, to measure it
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Playing time of the audio in place of the file: 48s, 1m30s
    #[arg(long, value_name = "TIME", conflicts_with = "audio", required_unless_present = "audio", value_parser = duration)]
    pub duration: Option<Duration>,
    /// The engine; the server's default when missing
    #[arg(long)]
    pub engine: Option<String>,
}

/// A state to list batches by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateArgument {
    /// No attempt was made yet
    Created,
    /// Being worked on
    Processing,
    /// All items have ended, at least one is completed
    Completed,
    /// None is completed, at least one failed
    Failed,
    /// All items are cancelled
    Cancelled,
}

impl StateArgument {
    /// The state in the contract.
    #[must_use]
    pub const fn state(self) -> v1::batch::State {
        match self {
            Self::Created => v1::batch::State::Created,
            Self::Processing => v1::batch::State::Processing,
            Self::Completed => v1::batch::State::Completed,
            Self::Failed => v1::batch::State::Failed,
            Self::Cancelled => v1::batch::State::Cancelled,
        }
    }
}

/// `ls`
#[derive(Debug, Args)]
pub struct Ls {
    /// Text in name, prompt or owner, or the last digits of the id
    pub text: Option<String>,
    /// Only in this state; may be given more than once
    #[arg(long = "state", value_name = "STATE")]
    pub states: Vec<StateArgument>,
    /// Only with failed items
    #[arg(long, conflicts_with = "without_failures")]
    pub with_failures: bool,
    /// Only without failed items
    #[arg(long)]
    pub without_failures: bool,
    /// Only with this label; may be given more than once
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// Only created within this time until now: 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub since: Option<Duration>,
    /// Whose (for admins): a username, the id of a user, or - for everyone
    #[arg(long, value_name = "USER", allow_hyphen_values = true)]
    pub owner: Option<String>,
    /// Those that need attention first, then the open ones
    #[arg(long)]
    pub attention: bool,
    /// Most batches to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// List all of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

/// `show`
#[derive(Debug, Args)]
pub struct Show {
    /// The batch
    pub batch: String,
    /// One item of it, with its attempts
    pub item: Option<String>,
}

/// `watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// The batch
    pub batch: String,
    /// Go on when it is finished, for example to see a retry
    #[arg(long)]
    pub follow: bool,
}

/// `wait`
#[derive(Debug, Args)]
pub struct Wait {
    /// The batch
    pub batch: String,
    /// How long to wait at most: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

/// `cancel`
#[derive(Debug, Args)]
pub struct Cancel {
    /// The batch
    pub batch: String,
    /// Only these items
    #[arg(value_name = "ITEM")]
    pub items: Vec<String>,
}

/// `delete`
#[derive(Debug, Args)]
pub struct Delete {
    /// The batch; it must be finished
    pub batch: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `retry`
#[derive(Debug, Args)]
pub struct Retry {
    /// The batch
    pub batch: String,
    /// Only these items
    #[arg(value_name = "ITEM", conflicts_with_all = ["failed", "cancelled"])]
    pub items: Vec<String>,
    /// All failed items; so it is when neither items nor --cancelled are given
    #[arg(long)]
    pub failed: bool,
    /// All cancelled items
    #[arg(long)]
    pub cancelled: bool,
    /// The most credits it may cost
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub max_credits: Option<i32>,
    /// UUID that makes repeating the command safe
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    pub request_id: Option<String>,
}

/// `rerun`
#[derive(Debug, Args)]
pub struct Rerun {
    /// The batch whose files to use
    pub batch: String,
    /// Only the images of these items
    #[arg(value_name = "ITEM")]
    pub items: Vec<String>,
    /// The engine; the same when missing
    #[arg(long)]
    pub engine: Option<String>,
    /// The prompt; the same when missing
    #[arg(long)]
    pub prompt: Option<String>,
    /// The negative prompt; the same when missing
    #[arg(long)]
    pub negative_prompt: Option<String>,
    /// The name; the same when missing
    #[arg(long)]
    pub name: Option<String>,
    /// A label, may be given more than once; the same when missing
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// The most credits it may cost
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub max_credits: Option<i32>,
    /// UUID that makes repeating the command safe
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    pub request_id: Option<String>,
    /// What to do afterwards
    #[command(flatten)]
    pub follow: Follow,
}

/// What `download` saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArgument {
    /// The finished videos
    Video,
    /// The source images
    Image,
    /// The audio of the batch
    Audio,
}

/// `download`
#[derive(Debug, Args)]
pub struct Download {
    /// The batch
    pub batch: String,
    /// Only these items; all finished ones when missing
    #[arg(value_name = "ITEM")]
    pub items: Vec<String>,
    /// Where to: a directory, or - for stdout (one file only)
    #[arg(
        short,
        long,
        value_name = "DIR",
        default_value = ".",
        allow_hyphen_values = true
    )]
    pub out: PathBuf,
    /// What to save
    #[arg(long, value_enum, default_value_t = KindArgument::Video)]
    pub kind: KindArgument,
    /// Replace files that are there and differ
    #[arg(long)]
    pub overwrite: bool,
}

/// `export`
#[derive(Debug, Args)]
pub struct Export {
    /// The batch
    pub batch: String,
    /// Only these items; all finished ones when missing
    #[arg(value_name = "ITEM")]
    pub items: Vec<String>,
    /// The file to write, or - for stdout; named after the batch when missing
    #[arg(short, long, value_name = "FILE", allow_hyphen_values = true)]
    pub out: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub overwrite: bool,
}
