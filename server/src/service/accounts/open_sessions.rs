//! What a token or a key is good for, and what ends it.
//!
//! Invariant: each call asks the store anew, and each open stream whenever an account has changed, so that a new
//! password, another role, a disabled user or a revoked key ends every session of it at once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::keys::{role_by_key, sign_in_needed};
use super::{Accounts, internal};
use crate::auth::keys;
use crate::auth::tokens::{Claims, IssuedToken};
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::service::error::{Reason, ServiceError};
use crate::service::session::{Credential, Seat, Session, SessionEnd};
use crate::service::{Access, Caller};
use crate::store::StoreError;

/// Longest sleep of an open stream before it looks at the clock again, which may have been set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A stream that is open on a session, counted while this lives.
pub struct OpenStream {
    accounts: Arc<Accounts>,
    session: Session,
    _seat: Seat,
}

impl OpenStream {
    /// Waits for the end of the session. Dropping the future loses nothing.
    pub async fn ended(&self) -> SessionEnd {
        self.accounts.session_end(&self.session).await
    }

    /// Looks at the session once more.
    ///
    /// # Errors
    ///
    /// TOKEN_EXPIRED, TOKEN_REVOKED.
    pub async fn check(&self) -> Result<(), ServiceError> {
        if self.session.expire_time <= self.accounts.clock.now() {
            return Err(SessionEnd::Expired.refusal());
        }
        if self.accounts.stands(&self.session).await? {
            return Ok(());
        }
        Err(SessionEnd::Revoked.refusal())
    }
}

impl Accounts {
    /// The session of a token or of an API key. Whether a password change is due is said in it; the gate sees to it.
    ///
    /// # Errors
    ///
    /// TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED.
    pub async fn authenticate(
        &self,
        credential: &str,
        address: Option<IpAddr>,
    ) -> Result<Session, ServiceError> {
        if keys::is_key(credential) {
            return self.authenticate_key(&credential.into(), address).await;
        }
        let claims = self.tokens.read(credential).map_err(|_| token_invalid())?;
        let now = self.clock.now();
        if claims.expire_time <= now {
            return Err(SessionEnd::Expired.refusal());
        }
        let user = self.store.user(claims.user).await?;
        let user = user.ok_or_else(token_invalid)?;
        if is_ended(&user, claims.epoch) {
            return Err(SessionEnd::Revoked.refusal());
        }
        let session = Session {
            caller: Caller {
                user: user.id,
                username: user.username,
                role: user.role,
                address,
                access: Access::SignIn,
            },
            credential: Credential::Token {
                epoch: claims.epoch,
                id: claims.id,
                sign_in_time: claims.sign_in_time,
            },
            expire_time: claims.expire_time,
            password_change_required: user.password_change_required,
        };
        self.sessions.note(&session, now);
        Ok(session)
    }

    /// Exchanges a good token for a fresh one.
    ///
    /// # Errors
    ///
    /// TOKEN_EXPIRED when the sign-in is too long ago; KEY_SCOPE_INSUFFICIENT for an API key.
    pub fn renew(&self, session: &Session) -> Result<IssuedToken, ServiceError> {
        let Credential::Token {
            epoch,
            sign_in_time,
            ..
        } = session.credential
        else {
            return Err(sign_in_needed());
        };
        let claims = Claims::new(
            session.caller.user,
            epoch,
            self.clock.random(),
            sign_in_time,
            self.clock.now(),
        );
        let claims = claims.ok_or_else(|| SessionEnd::Expired.refusal())?;
        self.tokens.sign(claims).map_err(internal)
    }

    /// Waits until a session ends, and says why. Dropping the future loses nothing.
    pub async fn session_end(&self, session: &Session) -> SessionEnd {
        let mut changes = self.feed.accounts();
        loop {
            changes.mark_unchanged();
            let now = self.clock.now();
            if session.expire_time <= now {
                return SessionEnd::Expired;
            }
            // A storage that cannot be read ends no session; whatever the stream does next will say so.
            if let Ok(false) = self.stands(session).await {
                return SessionEnd::Revoked;
            }
            let left = session.expire_time.duration_since(now).unsigned_abs();
            // Both arms only wake the loop; what they wake it for is read anew.
            tokio::select! {
                changed = changes.changed() => if changed.is_err() {
                    tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
                },
                () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => {}
            }
        }
    }

    /// Whether a session that was good is good still, its expiry apart.
    async fn stands(&self, session: &Session) -> Result<bool, StoreError> {
        let Some(user) = self.store.user(session.caller.user).await? else {
            return Ok(false);
        };
        match session.credential {
            Credential::Token { epoch, .. } => Ok(!is_ended(&user, epoch)),
            Credential::Key(id) => {
                let key = self.store.api_key(user.id, id).await?;
                // While a one-time password stands, a key is good for nothing either.
                let usable = !user.disabled && !user.password_change_required;
                Ok(key.is_some_and(|key| {
                    usable && role_by_key(user.role, &key) == session.caller.role
                }))
            }
        }
    }

    /// Opens a stream on a session: counted among the user's streams until it is dropped.
    ///
    /// # Errors
    ///
    /// TOO_MANY_STREAMS.
    pub fn open_stream(self: &Arc<Self>, session: Session) -> Result<OpenStream, ServiceError> {
        Ok(OpenStream {
            accounts: Arc::clone(self),
            _seat: self.sessions.take_seat(session.caller.user)?,
            session,
        })
    }

    /// A token for a user without a password: for screens that this process opens itself.
    ///
    /// # Errors
    ///
    /// USER_NOT_FOUND; TOKEN_REVOKED when disabled.
    pub async fn mint(&self, user: UserId) -> Result<IssuedToken, ServiceError> {
        let user = self.existing(user).await?;
        if user.disabled {
            return Err(SessionEnd::Revoked.refusal());
        }
        self.issue(&user, self.clock.now())
    }
}

fn is_ended(user: &User, epoch: u32) -> bool {
    user.disabled || user.token_epoch != epoch
}

pub(super) fn token_invalid() -> ServiceError {
    ServiceError::new(
        Reason::TokenInvalid,
        "The token is not one of this server's. Sign in.",
    )
}
