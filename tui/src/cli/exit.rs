//! Owns how a command ends: [`Exit`], the documented codes, and [`CommandError`], why it did not do what was asked.

use std::io;

use vision_batch::v1::refusal::Reason;

use crate::credentials::CredentialsError;
use crate::net::NetError;
use crate::net::download::TransferError;
use crate::net::error::Class;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done,
    /// The batch is finished, and items failed or were cancelled.
    ItemsFailed,
    /// The command line makes no sense.
    Usage,
    /// Nobody is signed in, or a new password is due.
    NotSignedIn,
    /// The server was not reached.
    Unreachable,
    /// The credits do not suffice.
    NoCredits,
    /// No such batch, item, file or user.
    NotFound,
    /// The server refused for another reason.
    Refused,
    /// A file here could not be read or written, or the server itself failed.
    Failed,
    /// The certificate of the server is not trusted.
    Untrusted,
    /// The time given to wait is over.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The code of the process, as the help documents it.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::ItemsFailed => 1,
            Self::Usage => 2,
            Self::NotSignedIn => 3,
            Self::Unreachable => 4,
            Self::NoCredits => 5,
            Self::NotFound => 6,
            Self::Refused => 7,
            Self::Failed => 8,
            Self::Untrusted => 9,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The server refused, or was not reached.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An upload or download did not succeed.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The sessions could not be read or kept.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What was named is not there.
    #[error("{0}")]
    NotFound(String),
    /// What was asked for cannot be, as things are.
    #[error("{0}")]
    Refused(String),
    /// Something failed here.
    #[error("{0}")]
    Failed(String),
    /// stdin, stdout or stderr failed; a closed stdout is no error at all.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl CommandError {
    /// The exit that says this.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Net(error) | Self::Transfer(TransferError::Net(error)) => of_net(error),
            Self::Transfer(error) if error.is_broken_pipe() => Exit::Done,
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            // Nothing failed: the file that is there is only not written over.
            Self::Transfer(TransferError::Local { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists =>
            {
                Exit::Refused
            }
            Self::Transfer(_) | Self::Credentials(_) | Self::Failed(_) | Self::Io(_) => {
                Exit::Failed
            }
            Self::Usage(_) => Exit::Usage,
            Self::NotFound(_) => Exit::NotFound,
            Self::Refused(_) => Exit::Refused,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// What the server or the network said, if it was they.
    #[must_use]
    pub const fn net(&self) -> Option<&NetError> {
        match self {
            Self::Net(error) | Self::Transfer(TransferError::Net(error)) => Some(error),
            _ => None,
        }
    }
}

fn of_net(error: &NetError) -> Exit {
    match error.class {
        Class::Unreachable | Class::TimedOut => return Exit::Unreachable,
        Class::AddressInvalid => return Exit::Usage,
        Class::Untrusted => return Exit::Untrusted,
        Class::Refused => {}
    }
    match error.known_reason() {
        Some(Reason::PasswordChangeRequired) => Exit::NotSignedIn,
        Some(Reason::InsufficientCredits) => Exit::NoCredits,
        Some(Reason::ShuttingDown) => Exit::Unreachable,
        _ if error.is_unauthenticated() => Exit::NotSignedIn,
        _ => match error.code_name() {
            "NOT_FOUND" => Exit::NotFound,
            "INTERNAL" | "DATA_LOSS" | "UNKNOWN" => Exit::Failed,
            _ => Exit::Refused,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_codes() {
        for (reason, code) in [
            (Reason::TokenExpired, 3),
            (Reason::CredentialsInvalid, 3),
            (Reason::PasswordChangeRequired, 3),
            (Reason::InsufficientCredits, 5),
        ] {
            let error = CommandError::Net(NetError::token(reason, ""));
            assert_eq!(error.exit().code(), code, "{reason:?}");
        }
        let unreachable = CommandError::Net(NetError::broken("refused"));
        assert_eq!(unreachable.exit().code(), 4);
        let address = CommandError::Net(NetError::address("x"));
        assert_eq!(address.exit().code(), 2);
    }

    #[test]
    fn a_file_that_is_there_already_is_a_refusal_and_another_trouble_with_it_a_failure() {
        let local = |kind: io::ErrorKind| {
            CommandError::Transfer(TransferError::Local {
                doing: "write",
                path: "out.zip".into(),
                source: kind.into(),
            })
        };
        assert_eq!(local(io::ErrorKind::AlreadyExists).exit().code(), 7);
        assert_eq!(local(io::ErrorKind::PermissionDenied).exit().code(), 8);
        assert_eq!(local(io::ErrorKind::StorageFull).exit().code(), 8);
    }

    #[test]
    fn a_closed_pipe_is_success() {
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(CommandError::Io(closed()).exit(), Exit::Done);
        let transfer = TransferError::Local {
            doing: "write",
            path: "stdout".into(),
            source: closed(),
        };
        assert_eq!(CommandError::Transfer(transfer).exit(), Exit::Done);
    }
}
