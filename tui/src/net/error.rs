//! Owns [`NetError`]: why a call did not succeed, read from the status and its details, in one place for all callers.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use vision_batch::v1::refusal::Reason;

use super::fingerprint::Fingerprint;
use super::trust::TrustError;
use crate::state::{Cause, Refusal};

/// Why a call, a stream or a transfer did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NetError {
    /// The gRPC status code; `UNAVAILABLE` also when the server was not reached.
    pub code: Code,
    /// What kind of obstacle it was.
    pub class: Class,
    /// The reason as the server gave it, for example `INSUFFICIENT_CREDITS`; empty when it gave none.
    pub reason: String,
    /// Facts named in the contract: `file`, `limit`, `required`, `available` …
    pub metadata: BTreeMap<String, String>,
    /// The fields a request was refused for, each with what is wrong with it.
    pub violations: Vec<(String, String)>,
    /// Brief English that says what to do.
    pub message: String,
    /// How long to wait before trying again; absent when the server did not say.
    pub retry_after: Option<Duration>,
}

/// What kind of obstacle a [`NetError`] was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The server answered with a refusal.
    Refused,
    /// The server was not reached, or the connection broke.
    Unreachable,
    /// No answer came in time.
    TimedOut,
    /// The certificate of the server is not accepted; metadata `fingerprint`, and `trusted` when another one is.
    Untrusted,
    /// What was given is no address of a server.
    AddressInvalid,
}

impl NetError {
    fn local(code: Code, class: Class, message: impl Into<String>) -> Self {
        Self {
            code,
            class,
            reason: String::new(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            message: message.into(),
            retry_after: None,
        }
    }

    pub(crate) fn address(message: impl Into<String>) -> Self {
        Self::local(Code::InvalidArgument, Class::AddressInvalid, message)
    }

    pub(crate) fn timed_out(message: impl Into<String>) -> Self {
        Self::local(Code::DeadlineExceeded, Class::TimedOut, message)
    }

    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self::local(Code::Unavailable, Class::Unreachable, message)
    }

    pub(crate) fn untrusted(error: &TrustError) -> Self {
        let mut net = Self::local(Code::Unavailable, Class::Untrusted, error.to_string());
        let (shown, trusted) = match error {
            TrustError::Unknown { shown, .. } => (shown, None),
            TrustError::Changed { shown, trusted } => (shown, Some(trusted)),
        };
        net.metadata
            .insert("fingerprint".to_owned(), shown.to_string());
        if let Some(trusted) = trusted {
            net.metadata
                .insert("trusted".to_owned(), trusted.to_string());
        }
        net
    }

    /// The certificate that the user may choose to trust: nobody vouches for it, and none is trusted yet.
    #[must_use]
    pub fn unknown_certificate(&self) -> Option<Fingerprint> {
        if self.class != Class::Untrusted || self.metadata.contains_key("trusted") {
            return None;
        }
        self.metadata.get("fingerprint")?.parse().ok()
    }

    /// A refusal this program finds by itself, before the server would: there is nobody signed in.
    pub(crate) fn token(reason: Reason, message: impl Into<String>) -> Self {
        let mut error = Self::local(Code::Unauthenticated, Class::Refused, message);
        error.reason = name_of(reason).to_owned();
        error
    }

    /// The reason, when it is one of the contract.
    #[must_use]
    pub fn known_reason(&self) -> Option<Reason> {
        Reason::from_str_name(&format!("REASON_{}", self.reason))
            .filter(|reason| *reason != Reason::Unspecified)
    }

    /// The name of the status code as gRPC writes it, for example `NOT_FOUND`.
    #[must_use]
    pub const fn code_name(&self) -> &'static str {
        match self.code {
            Code::Ok => "OK",
            Code::Cancelled => "CANCELLED",
            Code::Unknown => "UNKNOWN",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Internal => "INTERNAL",
            Code::Unavailable => "UNAVAILABLE",
            Code::DataLoss => "DATA_LOSS",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// Whether nobody is signed in any more, so that only a sign-in helps.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.code == Code::Unauthenticated
    }

    /// Whether the object that was asked for is not there (or not the caller's).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.class == Class::Refused && self.code == Code::NotFound
    }

    /// Whether the same call may succeed a moment later without anybody doing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.class {
            Class::Unreachable | Class::TimedOut => true,
            Class::AddressInvalid | Class::Untrusted => false,
            Class::Refused => match self.known_reason() {
                Some(
                    Reason::RateLimited
                    | Reason::TooManyStreams
                    | Reason::TooManyUploads
                    | Reason::UploadTooSlow
                    | Reason::ShuttingDown,
                ) => true,
                Some(_) => false,
                None => matches!(
                    self.code,
                    Code::Unavailable | Code::Aborted | Code::ResourceExhausted | Code::Cancelled
                ),
            },
        }
    }
}

/// The reason as it travels: the name in the contract without its prefix.
pub(crate) fn name_of(reason: Reason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("REASON_").unwrap_or(name)
}

impl From<Status> for NetError {
    fn from(status: Status) -> Self {
        if let Some(refused) = trust_error(&status) {
            return Self::untrusted(refused);
        }
        let info = status.get_details_error_info();
        let class = match (&info, status.code()) {
            (Some(_), _) => Class::Refused,
            // The channel itself speaks with these codes; a server of the contract always gives a reason.
            (None, Code::Cancelled) if status.message() == "Timeout expired" => Class::TimedOut,
            (None, Code::DeadlineExceeded) => Class::TimedOut,
            (None, Code::Unavailable) => Class::Unreachable,
            (None, Code::Unknown | Code::Internal | Code::Cancelled)
                if status.source().is_some() =>
            {
                Class::Unreachable
            }
            (None, _) => Class::Refused,
        };
        let message = if class == Class::Unreachable {
            innermost(&status)
        } else {
            status.message().to_owned()
        };
        let (reason, metadata) =
            info.map_or_else(Default::default, |info| (info.reason, info.metadata));
        Self {
            code: status.code(),
            class,
            reason,
            metadata: metadata.into_iter().collect(),
            violations: status
                .get_details_bad_request()
                .map(|bad| bad.field_violations)
                .unwrap_or_default()
                .into_iter()
                .map(|violation| (violation.field, violation.description))
                .collect(),
            message,
            retry_after: status
                .get_details_retry_info()
                .and_then(|info| info.retry_delay),
        }
    }
}

/// Why the certificate was not accepted, if that is below the status.
fn trust_error(status: &Status) -> Option<&TrustError> {
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// What really happened below a chain of "transport error": the words of the last cause, after the first ones.
fn innermost(status: &Status) -> String {
    let mut words = None;
    let mut cause = status.source();
    while let Some(error) = cause {
        words = Some(error.to_string());
        cause = error.source();
    }
    match words {
        Some(words) if words != status.message() => words,
        _ => status.message().to_owned(),
    }
}

impl From<NetError> for Refusal {
    fn from(error: NetError) -> Self {
        let cause = match error.class {
            Class::Unreachable => Cause::Unreachable,
            Class::TimedOut => Cause::TimedOut,
            Class::AddressInvalid => Cause::AddressInvalid,
            Class::Untrusted => Cause::Untrusted,
            Class::Refused => error.known_reason().map_or(Cause::Unknown, Cause::Server),
        };
        Self {
            cause,
            message: error.message,
            metadata: error.metadata,
            retry_after: error.retry_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn refusal(code: Code, reason: &str, facts: &[(&str, &str)]) -> Status {
        let facts: std::collections::HashMap<String, String> = facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut details = ErrorDetails::with_error_info(reason, "visionbatch", facts);
        details.set_retry_info(Some(Duration::from_secs(7)));
        details.add_bad_request_violation("name", "too long");
        Status::with_error_details(code, "Do something else.", details)
    }

    #[test]
    fn details_of_a_status_become_fields() {
        let error = NetError::from(refusal(
            Code::FailedPrecondition,
            "INSUFFICIENT_CREDITS",
            &[("required", "20"), ("available", "3")],
        ));
        assert_eq!(error.known_reason(), Some(Reason::InsufficientCredits));
        assert_eq!(
            error.metadata.get("required").map(String::as_str),
            Some("20")
        );
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(
            error.violations,
            [("name".to_owned(), "too long".to_owned())]
        );
        assert_eq!(error.class, Class::Refused);
        assert!(!error.is_retryable());
        let refusal = Refusal::from(error);
        assert_eq!(refusal.cause, Cause::Server(Reason::InsufficientCredits));
    }

    #[test]
    fn a_reason_of_a_newer_server_is_kept_as_it_came() {
        let error = NetError::from(refusal(Code::FailedPrecondition, "MOON_TOO_FULL", &[]));
        assert_eq!(error.known_reason(), None);
        assert_eq!(error.reason, "MOON_TOO_FULL");
        assert_eq!(Refusal::from(error).cause, Cause::Unknown);
    }

    #[test]
    fn the_channel_and_the_server_are_told_apart() {
        for (status, class, retryable) in [
            (
                Status::unavailable("tcp connect error"),
                Class::Unreachable,
                true,
            ),
            (Status::cancelled("Timeout expired"), Class::TimedOut, true),
            (Status::deadline_exceeded(""), Class::TimedOut, true),
            (Status::unimplemented(""), Class::Refused, false),
            (
                refusal(Code::Unavailable, "SHUTTING_DOWN", &[]),
                Class::Refused,
                true,
            ),
            (
                refusal(Code::Internal, "INTERNAL", &[]),
                Class::Refused,
                false,
            ),
            (
                refusal(Code::ResourceExhausted, "TOO_MANY_STREAMS", &[]),
                Class::Refused,
                true,
            ),
            (
                refusal(Code::ResourceExhausted, "STORAGE_FULL", &[]),
                Class::Refused,
                false,
            ),
        ] {
            let error = NetError::from(status);
            assert_eq!(
                (error.class, error.is_retryable()),
                (class, retryable),
                "{error:?}"
            );
        }
    }
}
