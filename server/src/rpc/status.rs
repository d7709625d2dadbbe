//! The only map from refusals to gRPC statuses.
//!
//! Invariants: each reason has one code, the contract's; an INTERNAL status shows an incident id and nothing of what
//! failed, which is in the log under the same id.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

use crate::service::error::{Reason, ServiceError};

/// The `domain` of every `google.rpc.ErrorInfo` of this service.
pub const DOMAIN: &str = "visionbatch";

/// The code of a reason.
pub fn code(reason: Reason) -> Code {
    match reason {
        Reason::CredentialsInvalid
        | Reason::TokenMissing
        | Reason::TokenInvalid
        | Reason::TokenExpired
        | Reason::TokenRevoked => Code::Unauthenticated,

        Reason::AdminRequired | Reason::KeyScopeInsufficient => Code::PermissionDenied,

        Reason::BatchNotFound
        | Reason::ItemNotFound
        | Reason::UserNotFound
        | Reason::KeyNotFound
        | Reason::FileRemoved => Code::NotFound,

        Reason::FieldInvalid
        | Reason::PasswordTooWeak
        | Reason::PageTokenInvalid
        | Reason::UploadOutOfOrder
        | Reason::UploadIncomplete
        | Reason::FileKindUnsupported
        | Reason::FileCorrupt
        | Reason::FileTooLarge
        | Reason::ImageDimensionsExceeded
        | Reason::ImageCountInvalid
        | Reason::AudioCountInvalid
        | Reason::AudioDurationInvalid
        | Reason::DigestMismatch => Code::InvalidArgument,

        Reason::UsernameTaken | Reason::RequestIdReused => Code::AlreadyExists,

        Reason::PasswordChangeRequired
        | Reason::InsufficientCredits
        | Reason::PriceChanged
        | Reason::AlreadyFinished
        | Reason::BatchNotFinished
        | Reason::NotRetryable
        | Reason::VideoNotReady
        | Reason::NothingToExport
        | Reason::LastAdmin
        | Reason::UpstreamTokenRejected
        | Reason::EngineUnavailable => Code::FailedPrecondition,

        Reason::EtagMismatch | Reason::BalanceChanged => Code::Aborted,

        Reason::SignInThrottled
        | Reason::RateLimited
        | Reason::TooManyStreams
        | Reason::TooManyUploads
        | Reason::StorageFull => Code::ResourceExhausted,

        Reason::OffsetInvalid => Code::OutOfRange,
        Reason::UploadTooSlow => Code::DeadlineExceeded,
        Reason::ShuttingDown => Code::Unavailable,
        Reason::BlobCorrupt => Code::DataLoss,
        Reason::Internal => Code::Internal,
    }
}

impl From<ServiceError> for Status {
    fn from(error: ServiceError) -> Self {
        let error = match error.reason {
            Reason::Internal => without_innards(&error),
            _ => error,
        };
        let metadata: HashMap<String, String> = error
            .metadata
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let mut details = ErrorDetails::with_error_info(error.reason.name(), DOMAIN, metadata);
        if let Some(field) = error.field {
            details.add_bad_request_violation(field, error.message.clone());
        }
        if error.retry_after.is_some() {
            details.set_retry_info(error.retry_after);
        }
        Status::with_error_details(code(error.reason), error.message, details)
    }
}

/// Logs what failed and gives what may be shown of it.
fn without_innards(error: &ServiceError) -> ServiceError {
    let incident = Uuid::new_v4();
    tracing::error!(%incident, metadata = ?error.metadata, "internal error: {}", error.message);
    ServiceError::new(
        Reason::Internal,
        format!("The server failed. Its log has the cause under incident {incident}."),
    )
    .with("incident_id", incident)
}

/// An RPC of the contract that this version does not have.
pub fn not_yet(what: &str) -> Status {
    Status::unimplemented(format!("This version of the server has no {what} yet."))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use vision_batch::v1::refusal;

    use super::*;

    /// The contract's table, row by row.
    const TABLE: &[(Code, &str)] = &[
        (
            Code::Unauthenticated,
            "CREDENTIALS_INVALID TOKEN_MISSING TOKEN_INVALID TOKEN_EXPIRED TOKEN_REVOKED",
        ),
        (
            Code::PermissionDenied,
            "ADMIN_REQUIRED KEY_SCOPE_INSUFFICIENT",
        ),
        (
            Code::NotFound,
            "BATCH_NOT_FOUND ITEM_NOT_FOUND USER_NOT_FOUND KEY_NOT_FOUND FILE_REMOVED",
        ),
        (
            Code::InvalidArgument,
            "FIELD_INVALID PASSWORD_TOO_WEAK PAGE_TOKEN_INVALID UPLOAD_OUT_OF_ORDER UPLOAD_INCOMPLETE \
             FILE_KIND_UNSUPPORTED FILE_CORRUPT FILE_TOO_LARGE IMAGE_DIMENSIONS_EXCEEDED IMAGE_COUNT_INVALID \
             AUDIO_COUNT_INVALID AUDIO_DURATION_INVALID DIGEST_MISMATCH",
        ),
        (Code::AlreadyExists, "USERNAME_TAKEN REQUEST_ID_REUSED"),
        (
            Code::FailedPrecondition,
            "PASSWORD_CHANGE_REQUIRED INSUFFICIENT_CREDITS PRICE_CHANGED ALREADY_FINISHED BATCH_NOT_FINISHED \
             NOT_RETRYABLE VIDEO_NOT_READY NOTHING_TO_EXPORT LAST_ADMIN UPSTREAM_TOKEN_REJECTED \
             ENGINE_UNAVAILABLE",
        ),
        (Code::Aborted, "ETAG_MISMATCH BALANCE_CHANGED"),
        (
            Code::ResourceExhausted,
            "SIGN_IN_THROTTLED RATE_LIMITED TOO_MANY_STREAMS TOO_MANY_UPLOADS STORAGE_FULL",
        ),
        (Code::OutOfRange, "OFFSET_INVALID"),
        (Code::DeadlineExceeded, "UPLOAD_TOO_SLOW"),
        (Code::Unavailable, "SHUTTING_DOWN"),
        (Code::DataLoss, "BLOB_CORRUPT"),
        (Code::Internal, "INTERNAL"),
    ];

    #[test]
    fn every_reason_has_the_code_of_the_contract() {
        let mut rows = 0;
        for (code, names) in TABLE {
            for name in names.split_whitespace() {
                let mut reasons = Reason::ALL.iter();
                let reason = reasons.find(|reason| reason.name() == name);
                let reason = *reason.expect(name);
                let status = Status::from(ServiceError::new(reason, "words"));
                assert_eq!(status.code(), *code, "{name}");
                let info = status.get_details_error_info().unwrap();
                assert_eq!((info.reason.as_str(), info.domain.as_str()), (name, DOMAIN));
                rows += 1;
            }
        }
        assert_eq!(rows, Reason::ALL.len());
    }

    #[test]
    fn the_catalogue_of_the_contract_has_the_same_reasons() {
        let mut published = 0;
        for number in 1.. {
            let Ok(reason) = refusal::Reason::try_from(number) else {
                break;
            };
            let name = reason.as_str_name().trim_start_matches("REASON_");
            assert!(
                Reason::ALL.iter().any(|reason| reason.name() == name),
                "{name}"
            );
            published += 1;
        }
        assert_eq!(published, Reason::ALL.len());
    }

    #[test]
    fn details_carry_the_field_the_facts_and_the_time_to_wait() {
        let error =
            ServiceError::field("note", "A note has at most 500 characters.").with("limit", 500);
        let status = Status::from(error);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "note");
        assert_eq!(violations[0].description, status.message());
        let metadata = status.get_details_error_info().unwrap().metadata;
        assert_eq!(metadata["limit"], "500");

        let error = ServiceError::new(Reason::SignInThrottled, "Wait.");
        let status = Status::from(error.retry_after(Duration::from_secs(4)));
        let retry = status.get_details_retry_info().unwrap();
        assert_eq!(retry.retry_delay, Some(Duration::from_secs(4)));
    }

    #[test]
    fn an_internal_error_shows_an_incident_and_no_innards() {
        let error =
            ServiceError::new(Reason::Internal, "table users: page 7").with("path", "/var/lib");
        let status = Status::from(error);
        let info = status.get_details_error_info().unwrap();
        let incident = &info.metadata["incident_id"];
        assert!(status.message().contains(incident.as_str()));
        assert_eq!(info.metadata.len(), 1);
        assert!(!format!("{status:?}").contains("page 7"));
    }
}
