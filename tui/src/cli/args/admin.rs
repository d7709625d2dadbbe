//! Owns the command line of `admin`.

use clap::{Args, Subcommand};

use super::values::{CreditChange, credit_change};

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
    /// The service as it is now
    System,
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
