//! Owns the command line of `ssh-keys`.

use std::path::PathBuf;

use clap::Subcommand;

/// `ssh-keys`
#[derive(Debug, Subcommand)]
pub enum SshKeys {
    /// List the keys, newest first
    Ls {
        /// Whose (for admins): username or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Let a public key sign in over SSH
    Add {
        /// The public key: a .pub file, or - for stdin
        file: PathBuf,
        /// Name to know it by; the comment in the key when missing
        #[arg(long)]
        name: Option<String>,
        /// Whose (for admins): username or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Take a key away; sessions that are open go on
    Rm {
        /// Its name, its fingerprint, its id, or the last digits of that
        key: String,
        /// Whose (for admins): username or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
}
