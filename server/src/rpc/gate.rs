//! Authentication: stands before a gRPC service and lets a call in only with a good token.
//!
//! Invariants: every call to a gated service has its [`Session`] in its extensions, except Login, which makes one; while a
//! first password stands, only GetProfile and ChangePassword get through; an API key gets as far as its scope (`scopes`),
//! and nobody but admins to AdminService; while the server ends, nothing does. A refused call's body is never read. Every
//! refusal of rights, here or in a service, is told to the audit.
//!
//! Not here: what a caller may do (`service`); health and reflection, which stand beside the gate.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::Service;

use super::Services;
use super::origin::{Origin, TrustedProxies};
use super::scopes;
use crate::domain::audit::{Target, TargetKind};
use crate::domain::ledger::Actor;
use crate::service::Caller;
use crate::service::accounts::Accounts;
use crate::service::accounts::refusals::Refusal;
use crate::service::error::{Reason, ServiceError};
use crate::service::session::Session;

/// The call that needs no token.
const LOGIN: &str = "/visionbatch.v1.AuthService/Login";
/// The calls that get through while a first password stands.
const BEFORE_PASSWORD_CHANGE: [&str; 2] = [
    "/visionbatch.v1.AuthService/GetProfile",
    "/visionbatch.v1.AuthService/ChangePassword",
];

/// A gRPC service behind the gate.
#[derive(Clone)]
pub struct Gate<S> {
    accounts: Arc<Accounts>,
    proxies: TrustedProxies,
    shutdown: CancellationToken,
    inner: S,
}

impl<S> Gate<S> {
    /// Puts a service behind the gate, which lets nobody in any more once the services' `shutdown` is cancelled.
    pub fn before(inner: S, services: &Services) -> Self {
        Self {
            accounts: Arc::clone(&services.accounts),
            proxies: services.proxies.clone(),
            shutdown: services.shutdown.clone(),
            inner,
        }
    }
}

impl<S: NamedService> NamedService for Gate<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The clone that was found ready goes along with the call, a fresh one stays.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let accounts = Arc::clone(&self.accounts);
        let ending = self.shutdown.is_cancelled();
        let origin = self.proxies.origin(request.extensions(), request.headers());
        request.extensions_mut().insert(origin);
        Box::pin(async move {
            if ending {
                return Ok(Status::from(shutting_down()).into_http());
            }
            let uri = request.uri().clone();
            let path = uri.path();
            if path == LOGIN {
                return inner.call(request).await;
            }
            let mut caller = None;
            let response = match authenticate(&accounts, request.headers(), origin).await {
                Ok(session) => {
                    caller = Some(session.caller.clone());
                    match check(&session, path) {
                        Ok(()) => {
                            request.extensions_mut().insert(session);
                            inner.call(request).await?
                        }
                        Err(refusal) => Status::from(refusal).into_http(),
                    }
                }
                Err(refusal) => Status::from(refusal).into_http(),
            };
            // The one place that every answer passes, whoever has refused: no refusal is forgotten.
            if let Some(refusal) = refusal(response.headers(), caller.as_ref(), origin, path) {
                accounts.refusals().note(refusal);
            }
            Ok(response)
        })
    }
}

async fn authenticate(
    accounts: &Accounts,
    headers: &HeaderMap,
    Origin(address): Origin,
) -> Result<Session, ServiceError> {
    accounts.authenticate(bearer(headers)?, address).await
}

/// Whether a call gets as far as its service.
fn check(session: &Session, path: &str) -> Result<(), ServiceError> {
    if session.password_change_required && !BEFORE_PASSWORD_CHANGE.contains(&path) {
        return Err(ServiceError::new(
            Reason::PasswordChangeRequired,
            "Change the first password before anything else.",
        ));
    }
    scopes::check(&session.caller, path)
}

/// What the audit is to know of an answer, if it is a refusal of rights. One that a stream ends with, after it has begun,
/// tells of an end and not of a refusal.
fn refusal(
    headers: &HeaderMap,
    caller: Option<&Caller>,
    Origin(address): Origin,
    path: &str,
) -> Option<Refusal> {
    let info = Status::from_header_map(headers)?.get_details_error_info()?;
    let reason = Reason::from_name(&info.reason).filter(|reason| is_of_rights(*reason))?;
    let about = |key: &str, kind| Some(Target::new(kind, info.metadata.get(key)?, ""));
    let target = about("user_id", TargetKind::User)
        .or_else(|| about("batch_id", TargetKind::Batch))
        .unwrap_or_else(|| Target::only(TargetKind::System));
    Some(Refusal {
        actor: caller.map_or(Actor::Anonymous { address }, Caller::actor),
        action: "access",
        user: caller.map(|caller| caller.user),
        target: Some(target),
        reason,
        detail: match caller {
            Some(_) => format!("{} for {}", reason.name(), scopes::method(path)),
            // Who has no token may name any method; what is said of nobody is the same for all.
            None => reason.name().to_owned(),
        },
    })
}

/// Refusals because of who asks or of what keeps accounts safe. CREDENTIALS_INVALID and SIGN_IN_THROTTLED are not here:
/// `accounts` tells of them itself, with what it alone knows.
fn is_of_rights(reason: Reason) -> bool {
    super::status::code(reason) == Code::PermissionDenied
        || matches!(
            reason,
            Reason::TokenMissing
                | Reason::TokenInvalid
                | Reason::TokenExpired
                | Reason::TokenRevoked
                | Reason::PasswordChangeRequired
                | Reason::PasswordTooWeak
                | Reason::LastAdmin
                | Reason::UpstreamTokenRejected
        )
}

/// The token of `authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Result<&str, ServiceError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(ServiceError::new(
            Reason::TokenMissing,
            "Sign in, and send the token as metadata: authorization: Bearer TOKEN.",
        ));
    };
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(ServiceError::new(
            Reason::TokenInvalid,
            "The metadata authorization must be Bearer and the token.",
        )),
    }
}

/// What calls are told that come, or are still being received, when the server ends.
pub fn shutting_down() -> ServiceError {
    ServiceError::new(
        Reason::ShuttingDown,
        "The server is shutting down. Try again soon.",
    )
}

/// The session of a call that came through the gate.
///
/// # Errors
///
/// TOKEN_MISSING for a call that did not: a service was wired without its gate, and nobody gets in.
pub fn session<T>(request: &tonic::Request<T>) -> Result<Session, ServiceError> {
    let session = request.extensions().get::<Session>().cloned();
    session.ok_or_else(|| ServiceError::new(Reason::TokenMissing, "Sign in first."))
}

/// Who makes a call that came through the gate.
///
/// # Errors
///
/// As [`session`].
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, ServiceError> {
    Ok(session(request)?.caller)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_missing_token_and_one_that_is_none_are_told_apart() {
        let read = |value: Option<&'static [u8]>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
            }
            bearer(&headers)
                .map(str::to_owned)
                .map_err(|error| error.reason)
        };
        assert_eq!(read(None), Err(Reason::TokenMissing));
        assert_eq!(read(Some(b"Bearer abc")), Ok("abc".to_owned()));
        assert_eq!(read(Some(b"bearer  abc ")), Ok("abc".to_owned()));
        for bad in [&b""[..], b"abc", b"Basic abc", b"\xff\xfe abc"] {
            assert_eq!(read(Some(bad)), Err(Reason::TokenInvalid), "{bad:?}");
        }
    }
}
