//! Owns [`Effect`], all that the screen can ask for.
//!
//! Effects are plain data, their bodies the contract's own messages. Not here: carrying them out (`net`,
//! [`crate::files`], [`crate::app`]).

use std::path::PathBuf;

use vision_batch::v1;

#[cfg(doc)]
use super::message::{Message, NetMessage};
use super::message::{Ticket, TransferId};
#[cfg(doc)]
use crate::files::FilesMessage;
use crate::files::{AudioRules, ImageRules};

/// Something to be done outside of the state.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "an effect lives for a moment, and most are the network's"
)]
pub enum Effect {
    /// By the network.
    Net(NetEffect),
    /// By the local disk.
    Files(FilesEffect),
    /// By the terminal.
    Terminal(TerminalEffect),
}

/// What the network is asked for. Starting one never waits; answers come as [`NetMessage`]s.
#[derive(Clone, PartialEq)]
pub enum NetEffect {
    /// Exchange username and password for a token at this server, and keep it.
    SignIn {
        /// Address as the user gave it, for example `http://127.0.0.1:50051` or `host:port`; empty for the one and
        /// only server that was handed in.
        server: String,
        /// Name to sign in with.
        username: String,
        /// The password.
        password: String,
    },
    /// Trust the certificate that a server has shown, from now on.
    Trust {
        /// Address as the user gave it.
        server: String,
        /// Its SHA-256 fingerprint, as it was shown.
        fingerprint: String,
    },
    /// Go on with the session that was stored, if there is one.
    Resume,
    /// End the session here: forget the token.
    SignOut,
    /// Set another password.
    ChangePassword {
        /// The one that stands.
        current: String,
        /// The one to be.
        new: String,
    },
    /// Ask what the service takes and costs.
    LoadServiceInfo,
    /// Open `WatchBatches` in place of the one open before; keep it open whatever happens, until told otherwise.
    WatchBatches(v1::WatchBatchesRequest),
    /// Open `BatchStatus` in place of the one open before; keep it open whatever happens, until told otherwise.
    WatchBatch(v1::BatchStatusRequest),
    /// Close the `BatchStatus` stream.
    UnwatchBatch,
    /// Count the failed items of a batch as looked at (`GetBatch` with `acknowledge_failures`); no answer.
    AcknowledgeFailures {
        /// The batch.
        batch_id: String,
    },
    /// Ask for one item with its attempts.
    LoadItem(v1::GetItemRequest),
    /// Ask what a batch would cost.
    Quote {
        /// Number of the question, to tell late answers.
        number: u64,
        /// The question.
        request: v1::QuoteBatchRequest,
    },
    /// Ask for the next page of the list of batches.
    ListBatches {
        /// Number of the question, to tell late answers.
        number: u64,
        /// The question.
        request: v1::ListBatchesRequest,
    },
    /// Change one thing of a user.
    UpdateUser(Box<v1::UpdateUserRequest>),
    /// Give a user another one-time password.
    ResetPassword(v1::ResetPasswordRequest),
    /// Ask for the next page of what was done and tried.
    ListAudit {
        /// Number of the question, to tell late answers.
        number: u64,
        /// The question.
        request: v1::ListAuditEventsRequest,
    },
    /// Ask for the next page of the user's own keys.
    ListApiKeys {
        /// Number of the question, to tell late answers.
        number: u64,
        /// The question.
        request: v1::ListApiKeysRequest,
    },
    /// Make a key for a program.
    CreateApiKey(Ticket, v1::CreateApiKeyRequest),
    /// End a key.
    RevokeApiKey(v1::RevokeApiKeyRequest),
    /// Make a new batch from the stored files of another.
    RerunBatch(Ticket, v1::RerunBatchRequest),
    /// Ask for the next page of users.
    ListUsers {
        /// Number of the question, to tell late answers.
        number: u64,
        /// The question.
        request: v1::ListUsersRequest,
    },
    /// Make a user.
    CreateUser(Ticket, v1::CreateUserRequest),
    /// Give credits to a user, or take some.
    AdjustCredits(Ticket, v1::AdjustCreditsRequest),
    /// Set the credits of a user.
    SetCredits(Ticket, v1::SetCreditsRequest),
    /// Ask for the next page of the movements of a user's credits.
    ListLedger {
        /// Number of the question, to tell late answers.
        number: u64,
        /// The question.
        request: v1::ListLedgerEntriesRequest,
    },
    /// Open `WatchSystem` in place of the one open before; keep it open whatever happens, until told otherwise.
    WatchSystem,
    /// Close the `WatchSystem` stream.
    UnwatchSystem,
    /// Change what dispatch does, or how many slots there are.
    SetDispatch(v1::SetDispatchRequest),
    /// Put in another upstream token.
    UpdateToken(Ticket, v1::UpdateUpstreamTokenRequest),
    /// Fetch a source image and shrink it to what fits into so many cells.
    LoadThumbnail {
        /// The image.
        request: v1::DownloadFileRequest,
        /// The cells, width and height.
        cells: (u16, u16),
    },
    /// Cancel a whole batch.
    CancelBatch(v1::CancelBatchRequest),
    /// Take an ended batch away, with the files that nothing else uses.
    DeleteBatch(v1::DeleteBatchRequest),
    /// Cancel some items.
    CancelItems(v1::CancelItemsRequest),
    /// Begin a new round of some items.
    RetryItems(Ticket, v1::RetryItemsRequest),
    /// Upload a batch. `image_count`, `file_digests` and the file headers are filled in by the one who uploads.
    CreateBatch {
        /// Which upload this is.
        transfer: TransferId,
        /// What the batch should be; its `request_id` is set.
        spec: v1::BatchSpec,
        /// The audio.
        audio: PathBuf,
        /// The source images, in the order of the items.
        images: Vec<PathBuf>,
    },
    /// Save one stored file into a directory, under the name the server gives it, never over another file.
    Download {
        /// Which download this is.
        transfer: TransferId,
        /// The file.
        request: v1::DownloadFileRequest,
        /// Where to.
        directory: PathBuf,
    },
    /// Save a ZIP of the finished videos into a directory, under the name the server gives it, never over another file.
    Export {
        /// Which download this is.
        transfer: TransferId,
        /// The batch, and which items.
        request: v1::ExportBatchRequest,
        /// Where to.
        directory: PathBuf,
    },
    /// Break off a transfer; no answer comes any more.
    Abort(TransferId),
}

/// What the local disk is asked for; answers come as [`FilesMessage`]s.
#[derive(Clone, Debug, PartialEq)]
pub enum FilesEffect {
    /// List a directory.
    List {
        /// The directory.
        directory: PathBuf,
    },
    /// Look whether these files can be source images, one answer a file. Replaces what was still to be looked at.
    ProbeImages {
        /// The files, most wanted first.
        paths: Vec<PathBuf>,
        /// What the server takes.
        rules: ImageRules,
    },
    /// Shrink a picture to what fits into so many cells.
    Thumbnail {
        /// The file.
        path: PathBuf,
        /// The cells, width and height.
        cells: (u16, u16),
    },
    /// Look whether this file can be the audio.
    ProbeAudio {
        /// The file.
        path: PathBuf,
        /// What the server takes.
        rules: AudioRules,
    },
}

/// What the terminal is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalEffect {
    /// Put this into the clipboard (OSC 52).
    Copy(String),
    /// Draw everything anew, whatever is believed to be there.
    Redraw,
    /// Ring the bell, and let the terminal tell the words (OSC 9).
    Ring(String),
    /// Let the terminal tell what the mouse does, or not.
    Mouse(bool),
    /// Put the program aside until it is called back, then draw everything anew.
    Suspend,
    /// The program was called back: take the terminal again, and draw everything anew.
    TakeAgain,
    /// Show a file with the system's own player.
    Play(PathBuf),
}

/// The one who carries out what is asked of the network.
pub trait Effects: Send + Sync {
    /// Starts the effect and returns at once; answers arrive as [`Message::Net`] on the application's channel.
    fn start(&self, effect: NetEffect);
}

impl std::fmt::Debug for NetEffect {
    /// Names the effect without what it carries: passwords are among it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::SignIn {
                server, username, ..
            } => return write!(f, "SignIn({username} at {server})"),
            Self::ChangePassword { .. } => "ChangePassword",
            Self::Resume => "Resume",
            Self::Trust { .. } => "Trust",
            Self::SignOut => "SignOut",
            Self::LoadServiceInfo => "LoadServiceInfo",
            Self::WatchBatches(request) => return write!(f, "WatchBatches({request:?})"),
            Self::WatchBatch(request) => return write!(f, "WatchBatch({request:?})"),
            Self::UnwatchBatch => "UnwatchBatch",
            Self::AcknowledgeFailures { batch_id } => {
                return write!(f, "AcknowledgeFailures({batch_id})");
            }
            Self::LoadItem(request) => return write!(f, "LoadItem({request:?})"),
            Self::Quote { number, request } => return write!(f, "Quote({number}, {request:?})"),
            Self::ListBatches { number, request } => {
                return write!(f, "ListBatches({number}, {request:?})");
            }
            Self::ListUsers { number, request } => {
                return write!(f, "ListUsers({number}, {request:?})");
            }
            Self::CreateUser(_, request) => return write!(f, "CreateUser({})", request.username),
            Self::UpdateUser(request) => return write!(f, "UpdateUser({request:?})"),
            Self::ResetPassword(request) => return write!(f, "ResetPassword({request:?})"),
            Self::ListAudit { number, request } => {
                return write!(f, "ListAudit({number}, {request:?})");
            }
            Self::ListApiKeys { number, request } => {
                return write!(f, "ListApiKeys({number}, {request:?})");
            }
            Self::CreateApiKey(_, request) => return write!(f, "CreateApiKey({request:?})"),
            Self::RevokeApiKey(request) => return write!(f, "RevokeApiKey({request:?})"),
            Self::AdjustCredits(_, request) => return write!(f, "AdjustCredits({request:?})"),
            Self::SetCredits(_, request) => return write!(f, "SetCredits({request:?})"),
            Self::ListLedger { number, request } => {
                return write!(f, "ListLedger({number}, {request:?})");
            }
            Self::WatchSystem => "WatchSystem",
            Self::UnwatchSystem => "UnwatchSystem",
            Self::LoadThumbnail { request, cells } => {
                return write!(f, "LoadThumbnail({request:?}, {cells:?})");
            }
            Self::RerunBatch(_, request) => return write!(f, "RerunBatch({request:?})"),
            Self::SetDispatch(request) => return write!(f, "SetDispatch({request:?})"),
            Self::UpdateToken(_, request) => {
                return write!(f, "UpdateToken(force {})", request.force);
            }
            Self::CancelBatch(request) => return write!(f, "CancelBatch({request:?})"),
            Self::DeleteBatch(request) => return write!(f, "DeleteBatch({request:?})"),
            Self::CancelItems(request) => return write!(f, "CancelItems({request:?})"),
            Self::RetryItems(_, request) => return write!(f, "RetryItems({request:?})"),
            Self::CreateBatch {
                transfer,
                spec,
                audio,
                images,
            } => {
                return write!(
                    f,
                    "CreateBatch({transfer:?}, {spec:?}, {audio:?}, {images:?})"
                );
            }
            Self::Download {
                transfer, request, ..
            } => return write!(f, "Download({transfer:?}, {request:?})"),
            Self::Export {
                transfer, request, ..
            } => return write!(f, "Export({transfer:?}, {request:?})"),
            Self::Abort(transfer) => return write!(f, "Abort({transfer:?})"),
        };
        f.write_str(name)
    }
}
