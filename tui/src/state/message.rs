//! Owns [`Message`], all that can happen to the screen, and [`Effect`], all that it can ask for.
//!
//! Messages and effects are plain data. The bodies of network messages are the contract's own messages: nothing is
//! translated twice. Not here: carrying effects out (`net`, [`crate::files`], [`crate::app`]).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vision_batch::v1;

use super::refusal::Refusal;
use crate::files::{AudioRules, FilesMessage, ImageRules, Thumbnail};
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

/// Which of the two live streams is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// `WatchBatches`: the list.
    Batches,
    /// `BatchStatus` of one batch, by its id.
    Batch(String),
}

/// One upload or download, numbered by the screen from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u64);

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
    UserMade(Result<Box<v1::CreateUserResponse>, Refusal>),
    /// Answers [`NetEffect::AdjustCredits`] and [`NetEffect::SetCredits`]: the user with the new balance.
    CreditsMoved(Result<Box<v1::User>, Refusal>),
    /// Answers [`NetEffect::ListLedger`].
    LedgerPage {
        /// Whose ledger was asked for.
        user_id: String,
        /// The number of the question.
        number: u64,
        /// The next entries.
        result: Result<Box<v1::ListLedgerEntriesResponse>, Refusal>,
    },
    /// Answers [`NetEffect::LoadSystem`].
    System(Result<Box<v1::GetSystemStatusResponse>, Refusal>),
    /// Answers [`NetEffect::SetDispatch`].
    Dispatched(Result<Box<v1::Dispatch>, Refusal>),
    /// Answers [`NetEffect::UpdateToken`].
    TokenPutIn(Result<Box<v1::UpdateUpstreamTokenResponse>, Refusal>),
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
    Rerun(Result<Box<v1::RerunBatchResponse>, Refusal>),
    /// Answers [`NetEffect::CancelBatch`] and [`NetEffect::CancelItems`]: how many items it reached.
    Cancelled(Result<i32, Refusal>),
    /// Answers [`NetEffect::RetryItems`].
    Retried(Result<Box<v1::RetryItemsResponse>, Refusal>),
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
    /// Make a new batch from the stored files of another.
    RerunBatch(v1::RerunBatchRequest),
    /// Ask for the next page of users.
    ListUsers {
        /// Number of the question, to tell late answers.
        number: u64,
        /// The question.
        request: v1::ListUsersRequest,
    },
    /// Make a user.
    CreateUser(v1::CreateUserRequest),
    /// Give credits to a user, or take some.
    AdjustCredits(v1::AdjustCreditsRequest),
    /// Set the credits of a user.
    SetCredits(v1::SetCreditsRequest),
    /// Ask for the next page of the movements of a user's credits.
    ListLedger {
        /// Number of the question, to tell late answers.
        number: u64,
        /// The question.
        request: v1::ListLedgerEntriesRequest,
    },
    /// Ask for the service as it is now.
    LoadSystem,
    /// Change what dispatch does, or how many slots there are.
    SetDispatch(v1::SetDispatchRequest),
    /// Put in another upstream token.
    UpdateToken(v1::UpdateUpstreamTokenRequest),
    /// Fetch a source image and shrink it to what fits into so many cells.
    LoadThumbnail {
        /// The image.
        request: v1::DownloadFileRequest,
        /// The cells, width and height.
        cells: (u16, u16),
    },
    /// Cancel a whole batch.
    CancelBatch(v1::CancelBatchRequest),
    /// Cancel some items.
    CancelItems(v1::CancelItemsRequest),
    /// Begin a new round of some items.
    RetryItems(v1::RetryItemsRequest),
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
            Self::CreateUser(request) => return write!(f, "CreateUser({})", request.username),
            Self::AdjustCredits(request) => return write!(f, "AdjustCredits({request:?})"),
            Self::SetCredits(request) => return write!(f, "SetCredits({request:?})"),
            Self::ListLedger { number, request } => {
                return write!(f, "ListLedger({number}, {request:?})");
            }
            Self::LoadSystem => "LoadSystem",
            Self::LoadThumbnail { request, cells } => {
                return write!(f, "LoadThumbnail({request:?}, {cells:?})");
            }
            Self::RerunBatch(request) => return write!(f, "RerunBatch({request:?})"),
            Self::SetDispatch(request) => return write!(f, "SetDispatch({request:?})"),
            Self::UpdateToken(request) => return write!(f, "UpdateToken(force {})", request.force),
            Self::CancelBatch(request) => return write!(f, "CancelBatch({request:?})"),
            Self::CancelItems(request) => return write!(f, "CancelItems({request:?})"),
            Self::RetryItems(request) => return write!(f, "RetryItems({request:?})"),
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

/// The metadata of a refusal, name to value.
pub type Metadata = BTreeMap<String, String>;
