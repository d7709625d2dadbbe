//! Owns the command line: which commands there are, what they take, and the help they give.

pub mod admin;
pub mod screen;
pub mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vision_batch::v1;

use self::admin::Admin;
use self::screen::{LanguageArgument, Screen};
use self::values::{duration, label, uuid};

/// Turns one voice and many pictures into videos: the screen, and commands for scripts.
#[derive(Debug, Parser)]
#[command(name = "vbatch", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Arguments {
    /// The server: http://host:port or host:port
    #[arg(long, global = true, env = "VBATCH_SERVER", value_name = "ADDRESS")]
    pub server: Option<String>,
    /// The token to use in place of the stored session (best given by the environment)
    #[arg(
        long,
        global = true,
        env = "VBATCH_TOKEN",
        hide_env_values = true,
        hide = true
    )]
    pub token: Option<String>,
    /// Print answers as JSON: the protobuf JSON mapping of the contract's messages, one a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but data and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Never ask for anything; fail where an answer would be needed
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Language of the screen and of our own words; that of the environment when missing
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    pub lang: Option<LanguageArgument>,
    /// How the screen is to be
    #[command(flatten)]
    pub screen: Screen,
    /// What to do; without a command the screen opens
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 items failed or were cancelled; 2 wrong usage; 3 not signed in, or the password must be changed;
4 server not reached; 5 not enough credits; 6 not found; 7 refused for another reason; 8 a file here could not be read or
written, or the server failed; 124 the time given to wait is over; 130 interrupted.

BATCH is an id or its last digits, at least 4. ITEM is its position in the batch, a range of positions as 3-7, an id, or
its last digits. Data goes to stdout, words to stderr.

Environment: VBATCH_SERVER, VBATCH_TOKEN.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in and keep the session
    Login(Login),
    /// Forget the session
    Logout,
    /// Show who is signed in, and the balance
    Whoami,
    /// Change the password
    Passwd(Passwd),
    /// Upload pictures and one audio as a batch
    Submit(Submit),
    /// Show what a batch would cost and when it would be done
    Quote(Quote),
    /// List batches, newest first
    Ls(Ls),
    /// Show one batch and its items, or one item and its attempts
    Show(Show),
    /// Follow a batch until it is finished
    Watch(Watch),
    /// Wait until a batch is finished
    Wait(Wait),
    /// Cancel a batch, or some of its items
    Cancel(Cancel),
    /// Try failed items again, for their price
    Retry(Retry),
    /// Make a new batch from the stored files of another, with another engine or prompt
    Rerun(Rerun),
    /// Save finished videos
    Download(Download),
    /// Save a ZIP of the finished videos
    Export(Export),
    /// Show what the service takes and costs, and how it is
    Info,
    /// Users, credits and the running of the service (for admins)
    #[command(subcommand)]
    Admin(Admin),
}

/// `login`
#[derive(Debug, Args)]
pub struct Login {
    /// Name to sign in with; asked for when missing
    pub username: Option<String>,
    /// Read the password from the first line of stdin
    #[arg(long)]
    pub password_stdin: bool,
    /// Read the password to be, should one be due, from the next line of stdin
    #[arg(long)]
    pub new_password_stdin: bool,
}

/// `passwd`
#[derive(Debug, Args)]
pub struct Passwd {
    /// Read the old and the new password from two lines of stdin
    #[arg(long)]
    pub password_stdin: bool,
}

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
    /// The source images: PNG, JPEG or WebP
    #[arg(required = true, value_name = "PICTURE")]
    pub images: Vec<PathBuf>,
    /// The audio: WAV, MP3, M4A/AAC, FLAC or OGG
    #[arg(long, value_name = "FILE")]
    pub audio: PathBuf,
    /// Name to show; the name of the audio file when missing
    #[arg(long)]
    pub name: Option<String>,
    /// What the videos should show
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

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use clap::CommandFactory as _;

    use super::values::CreditChange;
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("vbatch").chain(line.split(' ')))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn submit_takes_pictures_and_one_audio() {
        let arguments = parse(
            "submit a.png b.png --audio v.mp3 --label k=v=w --label e= --max-credits 3 --wait --json",
        )
        .unwrap();
        assert!(arguments.json);
        let Some(Command::Submit(submit)) = arguments.command else {
            panic!("not submit")
        };
        assert_eq!(submit.images.len(), 2);
        assert_eq!(submit.labels[0], ("k".to_owned(), "v=w".to_owned()));
        assert_eq!(submit.labels[1], ("e".to_owned(), String::new()));
        assert_eq!(submit.max_credits, Some(3));
        assert!(submit.follow.wait);
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused() {
        for line in [
            "submit --audio v.mp3",
            "submit a.png",
            "submit a.png --audio v.mp3 --request-id 7",
            "submit a.png --audio v.mp3 --label =x",
            "submit a.png --audio v.mp3 --max-credits -1",
            "quote --count 3",
            "quote --count 0 --duration 3s",
            "wait 1234 --timeout soon",
            "retry 1234 3 --failed",
            "ls --state done",
            "admin credits wang 5",
            "admin credits wang +0",
            "admin credits wang =-1",
            "fly",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_hyphen_stands_for_everyone_and_for_stdout() {
        let Some(Command::Ls(ls)) = parse("ls --owner -").unwrap().command else {
            panic!("not ls")
        };
        assert_eq!(ls.owner.as_deref(), Some("-"));
        let Some(Command::Download(download)) =
            parse("download 1234 3-5 7 --out -").unwrap().command
        else {
            panic!("not download")
        };
        assert_eq!(download.out.as_os_str(), "-");
        assert_eq!(download.items, ["3-5", "7"]);
    }

    #[test]
    fn credits_may_be_taken() {
        let Some(Command::Admin(Admin::Credits { amount, .. })) =
            parse("admin credits wang -5").unwrap().command
        else {
            panic!("not credits")
        };
        assert_eq!(amount, Some(CreditChange::By(-5)));
    }
}
