//! Owns the command line of `admin`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use vision_batch::v1;

use super::values::{CreditChange, credit_change, duration};

/// `admin`
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// List users
    Users {
        /// Text in username or display name
        text: Option<String>,
    },
    /// Make a user; shows a one-time password
    CreateUser(CreateUser),
    /// Make the users of a CSV file; shows their one-time passwords as CSV
    CreateUsers(CreateUsers),
    /// Make a user an admin, or an admin a user; ends all their sessions
    Role {
        /// Username or id
        user: String,
        /// What they may do from now on
        role: RoleArgument,
    },
    /// Let a user sign in no more; their batches run on
    Disable {
        /// Username or id
        user: String,
    },
    /// Let a user sign in again
    Enable {
        /// Username or id
        user: String,
    },
    /// Give a user a one-time password, shown this once; ends all their sessions
    ResetPassword {
        /// Username or id
        user: String,
    },
    /// Show, give (+5), take (-5) or set (=100) the credits of a user
    Credits {
        /// Username or id
        user: String,
        /// +N gives, -N takes, =N sets; missing shows
        #[arg(allow_hyphen_values = true, value_parser = credit_change)]
        amount: Option<CreditChange>,
        /// Why
        #[arg(long)]
        note: Option<String>,
    },
    /// Movements of credits, newest first
    Ledger {
        /// Whose: username, id, or - for everyone; one's own when missing
        #[arg(allow_hyphen_values = true)]
        user: Option<String>,
        /// Only about this batch
        #[arg(long)]
        batch: Option<String>,
        /// Most entries to list
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// What was done and tried, newest first
    Audit(Audit),
    /// The service as it is now
    System {
        /// Go on: a line with each change, or every event of the stream as JSON
        #[arg(long)]
        watch: bool,
    },
    /// Put in another upstream token, read from stdin or asked for
    Token {
        /// Take it even when the upstream refuses it
        #[arg(long)]
        force: bool,
    },
    /// Claim no more items until resumed
    Pause {
        /// Drain: as pause, but said to be on purpose before a stop
        #[arg(long)]
        drain: bool,
    },
    /// Let items be claimed again
    Resume {
        /// Set the number of upstream slots as well
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
        concurrency: Option<i32>,
    },
}

/// `admin create-user`
#[derive(Debug, Args)]
pub struct CreateUser {
    /// Name to sign in with
    pub username: String,
    /// Name to show
    #[arg(long)]
    pub display_name: Option<String>,
    /// Make an admin
    #[arg(long)]
    pub admin: bool,
    /// Credits to start with; the server's default when missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub credits: Option<i32>,
    /// Preferred language: en or zh
    #[arg(long)]
    pub language: Option<String>,
    /// Read a first password from stdin instead of having a one-time password made
    #[arg(long)]
    pub password_stdin: bool,
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleArgument {
    /// Own batches
    User,
    /// Everyone's batches, users, credits and the service
    Admin,
}

impl RoleArgument {
    /// The role in the contract.
    #[must_use]
    pub const fn role(self) -> v1::user::Role {
        match self {
            Self::User => v1::user::Role::User,
            Self::Admin => v1::user::Role::Admin,
        }
    }
}

/// `admin create-users`
#[derive(Debug, Args)]
pub struct CreateUsers {
    /// The file, or - for stdin: a line with the names of the columns, then a user a line. Columns: username; and, where
    /// wanted, display_name, role (user or admin), credits, language (en or zh), password (a first one in place of a
    /// one-time password). Every line is checked before the first user is made; who is there already stays as he is, so
    /// that the same command goes on where it broke off
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only check the file
    #[arg(long)]
    pub check: bool,
}

/// How something that was tried came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutcomeArgument {
    /// It was done
    Succeeded,
    /// It was refused
    Refused,
    /// It was allowed and did not work
    Failed,
}

impl OutcomeArgument {
    /// The outcome in the contract.
    #[must_use]
    pub const fn outcome(self) -> v1::audit_event::Outcome {
        match self {
            Self::Succeeded => v1::audit_event::Outcome::Succeeded,
            Self::Refused => v1::audit_event::Outcome::Refused,
            Self::Failed => v1::audit_event::Outcome::Failed,
        }
    }
}

/// `admin audit`
#[derive(Debug, Args)]
pub struct Audit {
    /// Only done by this user: username or id
    #[arg(long, value_name = "USER")]
    pub by: Option<String>,
    /// Only this action, or with a dot at its end all that begin so: batch.cancel, user.
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only done to this: a username, or the whole id of a batch, an item, a key or a user
    #[arg(long, value_name = "TARGET")]
    pub about: Option<String>,
    /// Only what came out so
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<OutcomeArgument>,
    /// Only within this time until now: 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub since: Option<Duration>,
    /// Most events to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// List all of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}
