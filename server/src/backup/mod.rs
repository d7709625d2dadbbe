//! Backups: one archive with everything that a server remembers, and a new data directory from it.
//!
//! The archive is a plain tar file, in this order: [`MANIFEST`], [`DATABASE`], and unless it was left out the media, each
//! file under the path that it has in the data directory. The manifest names the SHA-256 of the database; each other
//! file is named by its own. It holds secrets: password hashes, the upstream's tokens, and what sessions are signed with.
//!
//! Invariants:
//! - the database in it is one committed state, and every file that it refers to is there;
//! - memory does not grow with the database, the files, or their number, neither in writing nor in restoring;
//! - what was not written or restored to its end leaves nothing.
//!
//! Not here: who asks (`owner`, `commands`), matching a restored copy's tasks (`dispatch::restored`).

pub mod manifest;
mod restore;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::path::PathBuf;

use crate::domain::media::Blob;
use crate::media::MediaError;
use crate::store::StoreError;
use crate::store::redb::OpenError;

pub use crate::service::admin::system::LAST_BACKUP_SETTING;
/// The second member's name, as in a data directory.
pub use crate::store::redb::DATABASE;
pub use restore::{Restoration, restore};
pub use write::{Options, Progress, write};

/// The first member of an archive.
pub const MANIFEST: &str = "manifest.json";

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The copy of the database needs room beside it.
    #[error(
        "the disk of {path} has no room for a copy of the database: {needed} bytes are needed, {free} are free"
    )]
    NoRoom {
        /// Where the copy would be.
        path: PathBuf,
        /// How many bytes it needs.
        needed: u64,
        /// How many there are.
        free: u64,
    },
    /// A stored file is not what it was.
    #[error(
        "{0}; `vbatchd verify` names all such files, and `--without-media` leaves the media out"
    )]
    Media(#[from] MediaError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy of the database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Writing failed.
    #[error("the archive cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something already.
    #[error("{0} is not empty: restore into a new folder")]
    NotEmpty(PathBuf),
    /// The folder that the data directory is to be in cannot be used.
    #[error("{path} cannot be made: {error}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The archive is not one, or not whole.
    #[error("this is no whole backup of vbatchd: {0}")]
    Archive(String),
    /// A newer program wrote it.
    #[error(
        "the backup is of a newer vbatchd ({what} {found}, this one knows up to {known}): restore it with that"
    )]
    Newer {
        /// `format` or `schema version`.
        what: &'static str,
        /// What was found.
        found: u64,
        /// The newest that is known.
        known: u64,
    },
    /// It does not fit.
    #[error("the disk of {path} has no room: {needed} bytes are needed, {free} are free")]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// How many bytes it needs.
        needed: u64,
        /// How many there are.
        free: u64,
    },
    /// The restored database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The restored database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl RestoreError {
    fn missing(blob: Blob) -> Self {
        Self::Archive(format!(
            "{} is missing",
            crate::media::relative_path(blob).display()
        ))
    }
}
