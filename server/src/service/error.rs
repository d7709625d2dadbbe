//! Every refusal of the service: one reason of the contract, words for people, and data for programs.
//!
//! Not here: gRPC status codes (`rpc::status` maps reasons to them, and nothing else does).

use std::fmt;
use std::time::Duration;

use crate::domain::ledger::BalanceError;
use crate::store::StoreError;

macro_rules! reasons {
    ($($variant:ident $name:literal,)*) => {
        /// Why something was refused: the reasons of the contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are the contract's, which explains them")]
        pub enum Reason {
            $($variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The reason of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.name() == name)
            }

            /// Its name in the contract.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

reasons! {
    CredentialsInvalid "CREDENTIALS_INVALID",
    TokenMissing "TOKEN_MISSING",
    TokenInvalid "TOKEN_INVALID",
    TokenExpired "TOKEN_EXPIRED",
    TokenRevoked "TOKEN_REVOKED",
    AdminRequired "ADMIN_REQUIRED",
    KeyScopeInsufficient "KEY_SCOPE_INSUFFICIENT",
    BatchNotFound "BATCH_NOT_FOUND",
    ItemNotFound "ITEM_NOT_FOUND",
    UserNotFound "USER_NOT_FOUND",
    KeyNotFound "KEY_NOT_FOUND",
    FileRemoved "FILE_REMOVED",
    FieldInvalid "FIELD_INVALID",
    PasswordTooWeak "PASSWORD_TOO_WEAK",
    PageTokenInvalid "PAGE_TOKEN_INVALID",
    UploadOutOfOrder "UPLOAD_OUT_OF_ORDER",
    UploadIncomplete "UPLOAD_INCOMPLETE",
    FileKindUnsupported "FILE_KIND_UNSUPPORTED",
    FileCorrupt "FILE_CORRUPT",
    FileTooLarge "FILE_TOO_LARGE",
    ImageDimensionsExceeded "IMAGE_DIMENSIONS_EXCEEDED",
    ImageCountInvalid "IMAGE_COUNT_INVALID",
    AudioCountInvalid "AUDIO_COUNT_INVALID",
    AudioDurationInvalid "AUDIO_DURATION_INVALID",
    DigestMismatch "DIGEST_MISMATCH",
    UsernameTaken "USERNAME_TAKEN",
    RequestIdReused "REQUEST_ID_REUSED",
    PasswordChangeRequired "PASSWORD_CHANGE_REQUIRED",
    InsufficientCredits "INSUFFICIENT_CREDITS",
    PriceChanged "PRICE_CHANGED",
    AlreadyFinished "ALREADY_FINISHED",
    BatchNotFinished "BATCH_NOT_FINISHED",
    NotRetryable "NOT_RETRYABLE",
    VideoNotReady "VIDEO_NOT_READY",
    NothingToExport "NOTHING_TO_EXPORT",
    LastAdmin "LAST_ADMIN",
    UpstreamTokenRejected "UPSTREAM_TOKEN_REJECTED",
    EngineUnavailable "ENGINE_UNAVAILABLE",
    EtagMismatch "ETAG_MISMATCH",
    BalanceChanged "BALANCE_CHANGED",
    SignInThrottled "SIGN_IN_THROTTLED",
    RateLimited "RATE_LIMITED",
    TooManyStreams "TOO_MANY_STREAMS",
    TooManyUploads "TOO_MANY_UPLOADS",
    StorageFull "STORAGE_FULL",
    OffsetInvalid "OFFSET_INVALID",
    UploadTooSlow "UPLOAD_TOO_SLOW",
    ShuttingDown "SHUTTING_DOWN",
    BlobCorrupt "BLOB_CORRUPT",
    Internal "INTERNAL",
}

/// A refusal.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {message}", reason.name())]
pub struct ServiceError {
    /// By which clients branch and translate.
    pub reason: Reason,
    /// Brief English that says what to do.
    pub message: String,
    /// Data for translations: file, limit, required, available …
    pub metadata: Vec<(&'static str, String)>,
    /// The request's field that is wrong, as a path of the contract.
    pub field: Option<String>,
    /// When trying again can help.
    pub retry_after: Option<Duration>,
}

impl ServiceError {
    /// A refusal in words.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            metadata: Vec::new(),
            field: None,
            retry_after: None,
        }
    }

    /// A field that is wrong.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let field = field.into();
        Self {
            field: Some(field.clone()),
            ..Self::new(Reason::FieldInvalid, message)
        }
        .with("field", field)
    }

    /// The same refusal with one more fact.
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.metadata.push((key, value.to_string()));
        self
    }

    /// The same refusal with the time after which to try again.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

/// No such user; `id` as it was asked for, which may be no id at all.
pub fn user_not_found(id: impl fmt::Display) -> ServiceError {
    ServiceError::new(Reason::UserNotFound, "There is no such user.").with("user_id", id)
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(_) => Self::new(
                Reason::StorageFull,
                "The server's disk is full. Nothing was stored.",
            ),
            StoreError::Undecided(_) => Self::new(
                Reason::StorageFull,
                "The server's disk is full. Whether this was stored will be known when there is room: ask again with the \
                 same request_id, or look first.",
            )
            .with("undecided", true),
            StoreError::Closed => Self::new(
                Reason::ShuttingDown,
                "The server is shutting down. Try again soon.",
            ),
            StoreError::Failed(_) | StoreError::Corrupt { .. } => {
                Self::new(Reason::Internal, error.to_string())
            }
        }
    }
}

impl From<BalanceError> for ServiceError {
    fn from(error: BalanceError) -> Self {
        match error {
            BalanceError::Insufficient { required, available } => Self::new(
                Reason::InsufficientCredits,
                format!("{required} credits are needed and {available} are there. Ask an administrator for more."),
            )
            .with("required", required)
            .with("available", available),
            BalanceError::TooLarge => Self::field("delta", error.to_string()),
        }
    }
}
