//! Owns the command line: which commands there are, what they take, and the help they give.

pub mod admin;
pub mod batches;
pub mod keys;
pub mod screen;
pub mod ssh_keys;
pub mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use self::batches::{
    Cancel, Delete, Download, Export, Follow, KindArgument, Ls, Quote, Rerun, Retry, Show,
    StateArgument, Submit, Wait, Watch,
};

use self::admin::Admin;
use self::keys::Keys;
use self::screen::{LanguageArgument, Screen};
use self::ssh_keys::SshKeys;

/// Turns one voice and many pictures into videos: the screen, and commands for scripts.
#[derive(Debug, Parser)]
#[command(name = "vbatch", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Arguments {
    /// The server: https://host:port, or http://host:port or host:port without encryption
    #[arg(long, global = true, env = "VBATCH_SERVER", value_name = "ADDRESS")]
    pub server: Option<String>,
    /// Trust the certificate with this SHA-256 fingerprint, and no other; it is kept for the next time
    #[arg(long, global = true, env = "VBATCH_FINGERPRINT", value_name = "SHA256")]
    pub fingerprint: Option<String>,
    /// A token or API key in place of the stored session: - reads it from stdin, or asks; VBATCH_TOKEN is as good. Written out
    /// here it is seen by everyone on this machine
    #[arg(
        long,
        global = true,
        env = "VBATCH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        allow_hyphen_values = true
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

impl Arguments {
    /// Takes an empty address or token, as a variable that is set to nothing gives one, for none at all.
    pub(super) fn without_empty(self) -> Self {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Self {
            server: given(self.server),
            fingerprint: given(self.fingerprint),
            token: given(self.token),
            ..self
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 items failed or were cancelled; 2 wrong usage; 3 not signed in, or the password must be changed;
4 server not reached; 5 not enough credits; 6 not found; 7 refused for another reason; 8 a file here could not be read or
written, or the server failed; 9 the server's certificate is not trusted; 124 the time given to wait is over; 130 interrupted.

BATCH is an id or its last digits, at least 4. ITEM is its position in the batch, a range of positions as 3-7, an id, or
its last digits. Data goes to stdout, words to stderr.

Environment: VBATCH_SERVER, VBATCH_FINGERPRINT, VBATCH_TOKEN; LC_ALL, LC_MESSAGES, LANG (language); NO_COLOR, COLORTERM, TERM, COLORFGBG (screen).

Completions: bash: source <(vbatch completions bash)   zsh: vbatch completions zsh > \"${fpath[1]}/_vbatch\"
  fish: vbatch completions fish > ~/.config/fish/completions/vbatch.fish";

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
    /// Remove a finished batch and its files
    Delete(Delete),
    /// Show what the service takes and costs, and how it is
    Info,
    /// Keys by which programs sign in
    #[command(subcommand)]
    Keys(Keys),
    /// Public keys by which people sign in over SSH
    #[command(subcommand)]
    SshKeys(SshKeys),
    /// Users, credits and the running of the service (for admins)
    #[command(subcommand)]
    Admin(Admin),
    /// Print what a shell needs to complete these commands
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page
    Man {
        /// Write the pages of every command into this directory instead
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
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
