//! What redb and the file system say → the errors of the seam.

use std::path::PathBuf;

use redb::{DatabaseError, StorageError};

use crate::store::StoreError;

/// The database cannot be opened. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the database {path} is in use by another process: stop the other vbatchd, or choose another data directory"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program wrote it.
    #[error(
        "the database {path} has schema version {found}, this program knows versions up to {known}: start a newer vbatchd"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest that is known here.
        known: u64,
    },
    /// It does not read as what this program writes.
    #[error(
        "the database {path} is damaged ({message}): it was left as it is; restore a backup, or move the file away to start anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// It cannot be read or written.
    #[error("the database {path} cannot be opened: {message}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the system says.
        message: String,
    },
}

impl OpenError {
    /// What redb says on opening `path`.
    pub(super) fn of(path: PathBuf, error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                Self::InUse { path }
            }
            DatabaseError::Storage(StorageError::Io(error))
                if !matches!(
                    error.kind(),
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
                ) =>
            {
                Self::Failed {
                    path,
                    message: error.to_string(),
                }
            }
            error => Self::Damaged {
                path,
                message: error.to_string(),
            },
        }
    }

    /// What the store says of a file that redb could open.
    pub(super) fn after_open(path: PathBuf, error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Corrupt { .. } => Self::Damaged { path, message },
            _ => Self::Failed { path, message },
        }
    }
}

/// Any error of redb.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) if is_full(&error) => StoreError::Full(error.to_string()),
        redb::Error::Corrupted(message) => StoreError::Corrupt {
            place: "the database file".to_owned(),
            message,
        },
        redb::Error::DatabaseClosed => StoreError::Closed,
        error => StoreError::Failed(error.to_string()),
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    )
}

/// A record that does not read.
pub(super) fn corrupt(place: impl std::fmt::Display, message: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        place: place.to_string(),
        message: message.into(),
    }
}
