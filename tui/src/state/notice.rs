//! Owns [`Notice`]: the last thing the screen has to say, shown at its foot for a while.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use vision_batch::v1;

use super::refusal::Refusal;

/// How long something good is shown.
const SHOWN: SignedDuration = SignedDuration::from_secs(6);
/// How long a refusal is shown: it takes longer to read.
const REFUSAL_SHOWN: SignedDuration = SignedDuration::from_secs(15);

/// Something to say. The words are the view's.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    Refused(Refusal),
    CancelAsked(i32),
    Retried {
        count: i32,
        credits: i32,
    },
    Submitted(String),
    Saved(PathBuf),
    Saving(usize),
    Aborted(String),
    Copied(String),
    /// What the key does cannot be done to what was chosen.
    NothingToCancel,
    NothingToRetry,
    NothingToSave,
    NothingToRerun,
    /// What was chosen has still to end.
    NothingToDelete,
    /// Batches were taken away, with files of so many bytes.
    Deleted {
        count: i64,
        bytes: u64,
    },
    /// The batch that was open was taken away elsewhere.
    BatchGone,
    /// The server has only the preview.
    NoRealEngine,
    NothingToPlay,
    /// There is no player; what the system said.
    NotPlayed(String),
    /// Of several marked ones each would need a question of its own.
    OneAtATime,
    /// A one-time password or a key, which is not shown again.
    CopiedSecret,
    /// A key for a program has ended.
    KeyRevoked,
    /// The event under the cursor names none of what is to be shown only.
    NothingToNarrow,
    CreditsAre {
        username: String,
        balance: i32,
    },
    UserIs {
        username: String,
        disabled: bool,
    },
    RoleIs {
        username: String,
        role: v1::user::Role,
    },
    DispatchIs {
        state: v1::dispatch::State,
        concurrency: i32,
    },
    TokenIsIn {
        account: String,
        /// What the upstream said, when it was taken although it was refused.
        said: String,
    },
    Bell(bool),
    Mouse(bool),
    /// The user's disk is out of reach: this command does it.
    Command(String),
    ReadOnly,
    PasswordChanged,
}

/// A notice and until when it is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) notice: Notice,
    pub(crate) until: Timestamp,
}

impl Shown {
    pub(crate) fn new(notice: Notice, now: Timestamp) -> Self {
        let shown = match notice {
            Notice::Refused(_) | Notice::Command(_) | Notice::NotPlayed(_) => REFUSAL_SHOWN,
            _ => SHOWN,
        };
        let until = now.checked_add(shown).unwrap_or(Timestamp::MAX);
        Self { notice, until }
    }
}
