//! Owns the command line of `keys`.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use vision_batch::v1;

use super::values::duration;

/// `keys`
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// List the keys, newest first
    Ls {
        /// Whose (for admins): username or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Make a key; shows its secret this once
    Create {
        /// Name to know it by: the program that uses it
        name: String,
        /// What it may be used for; may be given more than once
        #[arg(long = "scope", value_name = "SCOPE", default_value = "read")]
        scopes: Vec<ScopeArgument>,
        /// End it by itself after this time: 12h, 90d
        #[arg(long, value_name = "TIME", value_parser = duration)]
        expires: Option<Duration>,
        /// Whose (for admins): username or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// End a key at once
    Revoke {
        /// Its name, its id, the last digits of that, or how its secret begins
        key: String,
        /// Whose (for admins): username or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScopeArgument {
    /// Look and download
    Read,
    /// Make, cancel, retry, rerun and delete batches, and read
    Submit,
    /// All that admins may; only for admins
    Admin,
}

impl ScopeArgument {
    /// The scope in the contract.
    #[must_use]
    pub const fn scope(self) -> v1::api_key::Scope {
        match self {
            Self::Read => v1::api_key::Scope::Read,
            Self::Submit => v1::api_key::Scope::Submit,
            Self::Admin => v1::api_key::Scope::Admin,
        }
    }
}
