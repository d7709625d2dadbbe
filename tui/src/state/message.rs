//! Owns [`Message`], all that can happen to the screen.
//!
//! Messages are plain data. The bodies of network messages are the contract's own messages: nothing is
//! translated twice. Not here: what the screen asks for (`effect`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vision_batch::v1;

#[cfg(doc)]
use super::effect::NetEffect;
use super::refusal::Refusal;
use crate::files::{FilesMessage, Thumbnail};
use crate::keymap::Key;

/// Something happened.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted, line breaks and all.
    Paste(String),
    /// The terminal has this size now, in cells.
    Resized {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// It is this time now; comes about once a second, and before any message that came later.
    Tick(Timestamp),
    /// The mouse was used; comes only while the terminal was asked to tell.
    Mouse(Mouse),
    /// The program is called back after it was put aside: the terminal is ours again.
    Resumed,
    /// A video could not be played: what the system said.
    NotPlayed(String),
    /// The process was asked to end.
    Terminated,
    /// The network has something to say.
    Net(NetMessage),
    /// The local disk has something to say.
    Files(FilesMessage),
}

/// Which of the live streams is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// `WatchBatches`: the list.
    Batches,
    /// `BatchStatus` of one batch, by its id.
    Batch(String),
    /// `WatchSystem`: the service as admins see it.
    System,
}

/// One upload or download, numbered by the screen from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u64);

/// What a single call was asked under, so that its answer finds whoever still waits for it, and nobody else. The screen counts
/// them from 1 and never gives one twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticket(pub u64);

/// What the network says. Each names the effect it answers, or the stream it belongs to.
#[derive(Debug)]
pub enum NetMessage {
    /// Answers [`NetEffect::SignIn`] and [`NetEffect::Resume`]: somebody is signed in.
    SignedIn {
        /// Who; `password_change_required` says whether a new password is due before anything else.
        user: v1::User,
    },
    /// Answers [`NetEffect::SignIn`]: nobody is signed in.
    SignInRefused(Refusal),
    /// Answers [`NetEffect::ChangePassword`]: the new password stands, and the client carries the new token.
    PasswordChanged {
        /// Who changed it.
        user: v1::User,
    },
    /// Answers [`NetEffect::ChangePassword`]: the old password stands.
    PasswordRefused(Refusal),
    /// The session has ended and cannot be renewed; also answers [`NetEffect::Resume`] when there is none to resume.
    /// Streams stay closed until a sign-in; the screen asks for the password over the same view.
    SessionEnded(Refusal),
    /// Answers [`NetEffect::LoadServiceInfo`].
    ServiceInfo(Box<v1::GetServiceInfoResponse>),
    /// Answers [`NetEffect::LoadServiceInfo`]: it is not known.
    ServiceInfoLost,
    /// A stream was opened, or opened again: what comes next is a snapshot, or word that nothing changed.
    StreamOpened(Stream),
    /// A stream broke off. It is opened again after a while (unless `retry_in` is absent: then it is given up),
    /// with the revision that was reached as `known_revision`.
    StreamLost {
        /// Which one.
        stream: Stream,
        /// Why.
        refusal: Refusal,
        /// How long until the next try; absent when there will be none.
        retry_in: Option<Duration>,
    },
    /// One event of `WatchBatches`, as it came.
    Batches(Box<v1::watch_batches_response::Event>),
    /// One event of `BatchStatus`, as it came.
    Batch {
        /// The batch that is watched.
        batch_id: String,
        /// The event.
        event: Box<v1::batch_status_response::Event>,
    },
    /// Answers [`NetEffect::LoadItem`].
    Item {
        /// The item that was asked for.
        item_id: String,
        /// The item with its attempts.
        result: Result<Box<v1::GetItemResponse>, Refusal>,
    },
    /// Answers [`NetEffect::Quote`].
    Quoted {
        /// The number of the question.
        number: u64,
        /// What it would cost.
        result: Result<v1::QuoteBatchResponse, Refusal>,
    },
    /// Answers [`NetEffect::ListBatches`].
    BatchPage {
        /// The number of the question.
        number: u64,
        /// The next batches.
        result: Result<Box<v1::ListBatchesResponse>, Refusal>,
    },
    /// Answers [`NetEffect::ListUsers`].
    UserPage {
        /// The number of the question.
        number: u64,
        /// The next users.
        result: Result<Box<v1::ListUsersResponse>, Refusal>,
    },
    /// Answers [`NetEffect::CreateUser`].
    UserMade(Ticket, Result<Box<v1::CreateUserResponse>, Refusal>),
    /// Answers [`NetEffect::UpdateUser`]: the user as it is now.
    UserChanged(Result<Box<v1::User>, Refusal>),
    /// Answers [`NetEffect::ResetPassword`].
    PasswordReset(Result<Box<v1::ResetPasswordResponse>, Refusal>),
    /// Answers [`NetEffect::ListAudit`].
    AuditPage {
        /// The number of the question.
        number: u64,
        /// The next events.
        result: Result<Box<v1::ListAuditEventsResponse>, Refusal>,
    },
    /// Answers [`NetEffect::ListApiKeys`].
    ApiKeyPage {
        /// The number of the question.
        number: u64,
        /// The next keys.
        result: Result<Box<v1::ListApiKeysResponse>, Refusal>,
    },
    /// Answers [`NetEffect::CreateApiKey`].
    ApiKeyMade(Ticket, Result<Box<v1::CreateApiKeyResponse>, Refusal>),
    /// Answers [`NetEffect::RevokeApiKey`].
    ApiKeyRevoked(Result<(), Refusal>),
    /// Answers [`NetEffect::AdjustCredits`] and [`NetEffect::SetCredits`]: the user with the new balance.
    CreditsMoved(Ticket, Result<Box<v1::User>, Refusal>),
    /// Answers [`NetEffect::ListLedger`].
    LedgerPage {
        /// Whose ledger was asked for.
        user_id: String,
        /// The number of the question.
        number: u64,
        /// The next entries.
        result: Result<Box<v1::ListLedgerEntriesResponse>, Refusal>,
    },
    /// One event of `WatchSystem`, as it came.
    System(Box<v1::watch_system_response::Event>),
    /// Answers [`NetEffect::SetDispatch`].
    Dispatched(Result<Box<v1::Dispatch>, Refusal>),
    /// Answers [`NetEffect::UpdateToken`].
    TokenPutIn(
        Ticket,
        Result<Box<v1::UpdateUpstreamTokenResponse>, Refusal>,
    ),
    /// Answers [`NetEffect::LoadThumbnail`].
    Thumbnail {
        /// The item whose source image it is of.
        item_id: String,
        /// The cells it was to fit into.
        cells: (u16, u16),
        /// It; none when it cannot be shown.
        thumbnail: Option<Arc<Thumbnail>>,
    },
    /// Answers [`NetEffect::RerunBatch`].
    Rerun(Ticket, Result<Box<v1::RerunBatchResponse>, Refusal>),
    /// Answers [`NetEffect::CancelBatch`] and [`NetEffect::CancelItems`]: how many items it reached.
    Cancelled(Result<i32, Refusal>),
    /// Answers [`NetEffect::DeleteBatch`].
    Deleted {
        /// The batch that was to go.
        batch_id: String,
        /// Bytes of files that went with it.
        result: Result<i64, Refusal>,
    },
    /// Answers [`NetEffect::RetryItems`].
    Retried(Ticket, Result<Box<v1::RetryItemsResponse>, Refusal>),
    /// A transfer goes on; at most about ten times a second.
    Progress {
        /// Which one.
        transfer: TransferId,
        /// Bytes sent or received so far.
        done_bytes: u64,
        /// Bytes in all; absent when unknown.
        total_bytes: Option<u64>,
    },
    /// Answers [`NetEffect::CreateBatch`].
    Uploaded {
        /// Which upload.
        transfer: TransferId,
        /// The batch as the server made it.
        result: Result<Box<v1::CreateBatchResponse>, Refusal>,
    },
    /// Answers [`NetEffect::Download`] and [`NetEffect::Export`].
    Saved {
        /// Which download.
        transfer: TransferId,
        /// Where the file is now.
        result: Result<PathBuf, Refusal>,
    },
}

/// Something done with the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// A button was pressed on this cell.
    Press {
        /// Column, from 0.
        x: u16,
        /// Row, from 0.
        y: u16,
    },
    /// The wheel was turned away from the user.
    WheelUp,
    /// The wheel was turned towards the user.
    WheelDown,
}

/// The metadata of a refusal, name to value.
pub type Metadata = BTreeMap<String, String>;
