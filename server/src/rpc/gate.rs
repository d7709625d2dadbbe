//! Authentication: stands before a gRPC service and lets a call in only with a good token.
//!
//! Invariants: every call to a gated service has its [`Session`] in its extensions, except Login, which makes one; while a
//! first password stands, only GetProfile and ChangePassword get through; an API key gets as far as its scope (`scopes`),
//! and nobody but admins to AdminService; while the server ends, nothing does. A refused call's body is never read.
//!
//! Not here: what a caller may do (`service`); health and reflection, which stand beside the gate.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
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
            let path = request.uri().path();
            if path != LOGIN {
                match admit(&accounts, path, request.headers(), origin).await {
                    Ok(session) => request.extensions_mut().insert(session),
                    Err(refusal) => return Ok(Status::from(refusal).into_http()),
                };
            }
            inner.call(request).await
        })
    }
}

async fn admit(
    accounts: &Accounts,
    path: &str,
    headers: &HeaderMap,
    Origin(address): Origin,
) -> Result<Session, ServiceError> {
    let session = accounts.authenticate(bearer(headers)?, address).await;
    let session = session.inspect_err(|refusal| {
        accounts.refusals().note(Refusal {
            actor: Actor::Anonymous { address },
            action: "access",
            user: None,
            target: Some(Target::only(TargetKind::System)),
            detail: refusal.reason.name().to_owned(),
        });
    })?;
    if session.password_change_required && !BEFORE_PASSWORD_CHANGE.contains(&path) {
        return Err(ServiceError::new(
            Reason::PasswordChangeRequired,
            "Change the first password before anything else.",
        ));
    }
    scopes::check(&session.caller, path).inspect_err(|refusal| {
        accounts.refusals().note(Refusal {
            actor: session.caller.actor(),
            action: "access",
            user: Some(session.caller.user),
            target: Some(Target::only(TargetKind::System)),
            detail: format!("{} for {}", refusal.reason.name(), scopes::method(path)),
        });
    })?;
    Ok(session)
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
