//! The owner's socket: commands of whoever owns the data directory, on the same machine, to the server that runs there.
//!
//! A Unix socket below the data directory: 0600 in a folder of 0700, so the file system decides who gets in; the other
//! side's user is asked of the system besides. One connection, one command (`protocol`), at most [`serve::AT_ONCE`] at a
//! time. A command that finds no server opens the data directory itself (`commands`).
//!
//! Not here: what a command does (`backup`, `verify`), gRPC, rules.

#[cfg(unix)]
pub mod client;
pub mod protocol;
#[cfg(unix)]
pub mod serve;
#[cfg(unix)]
pub mod socket;
#[cfg(all(test, unix))]
mod tests;

/// What is said with a one-time password for `admin`, which itself goes to standard output alone.
pub fn reset_words(expire_time: jiff::Timestamp) -> String {
    format!(
        "A one-time password for `admin`, good until {expire_time:.0}; it must be changed at the next sign-in. All sessions \
         of `admin` have ended."
    )
}
