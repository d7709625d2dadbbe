//! Owns [`Session`], a token with its life, and [`Bearer`], the one place that puts it on a call.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// A token and how long it is good. Shown without the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The token, secret.
    pub access_token: String,
    /// Who is signed in; empty when not known.
    pub username: String,
    /// When the token was obtained, by the clock of this machine.
    pub obtain_time: Timestamp,
    /// When it expires; absent when not known (a token given by hand).
    pub expire_time: Option<Timestamp>,
    /// Until when it can be renewed; absent when not known.
    pub renewable_until_time: Option<Timestamp>,
}

impl Session {
    /// A token given by hand, of which nothing more is known: it is used as it is and never renewed.
    #[must_use]
    pub fn of_token(access_token: impl Into<String>) -> Self {
        Self {
            access_token: access_token.into(),
            username: String::new(),
            obtain_time: Timestamp::UNIX_EPOCH,
            expire_time: None,
            renewable_until_time: None,
        }
    }

    /// How long until the token should be renewed: until half of its life is over, zero when that is past. Absent when
    /// it cannot be renewed.
    #[must_use]
    pub fn renewal_in(&self, now: Timestamp) -> Option<Duration> {
        let expire_time = self.expire_time?;
        if self.renewable_until_time.is_some_and(|until| until <= now) {
            return None;
        }
        let half = expire_time.duration_since(self.obtain_time) / 2;
        let left = (expire_time - half).duration_since(now);
        Some(Duration::try_from(left).unwrap_or_default())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("username", &self.username)
            .field("expire_time", &self.expire_time)
            .finish_non_exhaustive()
    }
}

/// Puts the token of the session, if there is one, on each call. Its clones share the session.
#[derive(Clone, Default)]
pub(crate) struct Bearer(Arc<RwLock<Option<Session>>>);

impl Bearer {
    pub(crate) fn get(&self) -> Option<Session> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set(&self, session: Option<Session>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = session;
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let session = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = session.as_ref() {
            let mut value = MetadataValue::try_from(format!("Bearer {}", session.access_token))
                .map_err(|_| Status::unauthenticated("The token has characters no token has."))?;
            value.set_sensitive(true);
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

/// A time of the contract as a time of this program; absent when it is out of every range.
pub(crate) fn timestamp(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;

    fn session(obtained: i64, expires: i64, until: Option<i64>) -> Session {
        let second = |second| Timestamp::from_second(second).unwrap();
        Session {
            access_token: "secret-token".into(),
            username: "wang".into(),
            obtain_time: second(obtained),
            expire_time: Some(second(expires)),
            renewable_until_time: until.map(second),
        }
    }

    #[test]
    fn renewal_is_due_when_half_of_the_life_is_over() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let session = session(1_000, 2_000, Some(9_000));
        assert_eq!(
            session.renewal_in(at(1_100)),
            Some(Duration::from_secs(400))
        );
        assert_eq!(session.renewal_in(at(1_500)), Some(Duration::ZERO));
        assert_eq!(session.renewal_in(at(1_900)), Some(Duration::ZERO));
        assert_eq!(session.renewal_in(at(9_000)), None);
        assert_eq!(Session::of_token("t").renewal_in(at(0)), None);
    }

    #[test]
    fn the_token_is_not_shown() {
        assert!(!format!("{:?}", session(0, 1, None)).contains("secret-token"));
    }

    #[test]
    fn the_token_goes_on_calls_marked_as_sensitive() {
        let mut bearer = Bearer::default();
        let bare = bearer.call(Request::new(())).unwrap();
        assert!(bare.metadata().get("authorization").is_none());
        bearer.set(Some(Session::of_token("abc")));
        let request = bearer.call(Request::new(())).unwrap();
        let value = request.metadata().get("authorization").unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer abc");
        assert!(value.is_sensitive());
    }
}
