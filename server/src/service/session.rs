//! A session: one token or API key that was found good, what ends it, and the streams that are open on it.
//!
//! Not here: checking tokens (`accounts`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::Caller;
use super::error::{Reason, ServiceError};
use crate::domain::ids::{KeyId, UserId};

/// Most streams of one user at a time: some screens, and room for scripts.
pub const STREAMS_PER_USER: u32 = 64;
/// Most tokens that are counted; beyond it the oldest is forgotten by the count, not ended.
const SESSIONS_COUNTED: usize = 10_000;

/// A token or an API key that the gate found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who is asking.
    pub caller: Caller,
    /// Of what it is a session.
    pub credential: Credential,
    /// When the token or the key expires.
    pub expire_time: Timestamp,
    /// Everything but GetProfile and ChangePassword is refused.
    pub password_change_required: bool,
}

/// Of what a session is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A sign-in.
    Token {
        /// The token's epoch; when the user's is another, the session has ended.
        epoch: u32,
        /// Tells tokens apart; not secret.
        id: u64,
        /// When the user gave a password.
        sign_in_time: Timestamp,
    },
    /// An API key; when it is gone, the session has ended.
    Key(KeyId),
}

/// Why an open session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Its token expired.
    Expired,
    /// Its token was ended, or its user disabled.
    Revoked,
}

impl SessionEnd {
    /// The end as the status of a call says it.
    pub fn refusal(self) -> ServiceError {
        match self {
            Self::Expired => ServiceError::new(
                Reason::TokenExpired,
                "The token has expired. Sign in again.",
            ),
            Self::Revoked => {
                ServiceError::new(Reason::TokenRevoked, "The token was ended. Sign in again.")
            }
        }
    }
}

/// Tokens that were used and streams that are open, in this run of the server. Clones share it.
#[derive(Clone, Default)]
pub struct Sessions {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    tokens: HashMap<u64, (UserId, Timestamp)>,
    streams: HashMap<UserId, u32>,
}

/// One open stream in the count of its user; dropping it takes it out.
pub struct Seat {
    sessions: Sessions,
    user: UserId,
}

impl Sessions {
    /// Counts a token that was found good; keys are not counted.
    pub fn note(&self, session: &Session, now: Timestamp) {
        let Credential::Token { id, .. } = session.credential else {
            return;
        };
        let mut shared = self.lock();
        let entry = (session.caller.user, session.expire_time);
        if shared.tokens.insert(id, entry).is_none() && shared.tokens.len() > SESSIONS_COUNTED {
            shared
                .tokens
                .retain(|_, (_, expire_time)| *expire_time > now);
            let oldest = shared.tokens.iter().min_by_key(|(_, entry)| entry.1);
            if let Some(id) = oldest.map(|(id, _)| *id)
                && shared.tokens.len() > SESSIONS_COUNTED
            {
                shared.tokens.remove(&id);
            }
        }
    }

    /// All tokens of a user have ended.
    pub fn forget(&self, user: UserId) {
        self.lock().tokens.retain(|_, (owner, _)| *owner != user);
    }

    /// Tokens used in this run that have not expired.
    pub fn count(&self, now: Timestamp) -> usize {
        let mut shared = self.lock();
        shared
            .tokens
            .retain(|_, (_, expire_time)| *expire_time > now);
        shared.tokens.len()
    }

    /// Open streams of everyone.
    pub fn streams(&self) -> u32 {
        self.lock().streams.values().sum()
    }

    /// Whether a user has a stream open.
    pub fn is_online(&self, user: UserId) -> bool {
        self.lock().streams.contains_key(&user)
    }

    /// Counts one more stream of a user.
    ///
    /// # Errors
    ///
    /// TOO_MANY_STREAMS beyond [`STREAMS_PER_USER`].
    pub fn take_seat(&self, user: UserId) -> Result<Seat, ServiceError> {
        let mut shared = self.lock();
        let count = shared.streams.entry(user).or_default();
        if *count >= STREAMS_PER_USER {
            return Err(ServiceError::new(
                Reason::TooManyStreams,
                format!("{STREAMS_PER_USER} streams are open already. Close some of them."),
            )
            .with("limit", STREAMS_PER_USER));
        }
        *count += 1;
        Ok(Seat {
            sessions: self.clone(),
            user,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut shared = self.sessions.lock();
        if let Some(count) = shared.streams.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                shared.streams.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::user::Role;
    use crate::service::Access;

    fn session(token_id: u64, expire: i64) -> Session {
        Session {
            caller: Caller {
                user: UserId(Uuid::from_u128(1)),
                username: "wang".to_owned(),
                role: Role::User,
                address: None,
                access: Access::SignIn,
            },
            credential: Credential::Token {
                epoch: 0,
                id: token_id,
                sign_in_time: Timestamp::UNIX_EPOCH,
            },
            expire_time: Timestamp::from_second(expire).unwrap(),
            password_change_required: false,
        }
    }

    #[test]
    fn streams_of_a_user_are_bounded_and_counted_while_they_are_open() {
        let sessions = Sessions::default();
        let user = UserId(Uuid::from_u128(1));
        let seats: Vec<_> = (0..STREAMS_PER_USER)
            .map(|_| sessions.take_seat(user).ok().unwrap())
            .collect();
        let refused = sessions.take_seat(user).err().unwrap();
        assert_eq!(refused.reason, Reason::TooManyStreams);
        assert!(sessions.take_seat(UserId(Uuid::from_u128(2))).is_ok());
        assert_eq!(sessions.streams(), STREAMS_PER_USER);
        assert!(sessions.is_online(user));
        drop(seats);
        assert!(!sessions.is_online(user));
        assert_eq!(sessions.streams(), 0);
    }

    #[test]
    fn tokens_are_counted_until_they_expire_and_never_without_bound() {
        let sessions = Sessions::default();
        let now = Timestamp::UNIX_EPOCH;
        sessions.note(&session(1, 100), now);
        sessions.note(&session(1, 100), now);
        sessions.note(&session(2, 200), now);
        assert_eq!(sessions.count(now), 2);
        assert_eq!(sessions.count(Timestamp::from_second(100).unwrap()), 1);
        for id in 10..10_074 {
            sessions.note(&session(id, 300), now);
        }
        assert_eq!(sessions.count(now), SESSIONS_COUNTED);
        sessions.forget(UserId(Uuid::from_u128(1)));
        assert_eq!(sessions.count(now), 0);
    }
}
