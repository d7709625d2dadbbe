//! Accounts: signing in, and everything a token is good for.
//!
//! Invariants: a token is good only while it has not expired, its user's epoch is the one it was made in, and its user is
//! not disabled (`open_sessions`). A wrong name and a wrong password give the same answer after the same work.
//!
//! Not here: what a signed-in user may do to batches (`batches`) and to other users (`admin`); RPC types.

mod first_start;
pub mod keys;
mod open_sessions;
pub mod refusals;
mod reset;
pub mod ssh_keys;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::Caller;
use super::error::{Reason, ServiceError, user_not_found};
use super::session::{SessionEnd, Sessions};
use crate::auth::passwords::{self, HashError, Passwords};
use crate::auth::throttle::Throttle;
use crate::auth::tokens::{Claims, IssuedToken, SECRET_BYTES, Tokens};
use crate::clock::Clock;
use crate::domain::audit::Target;
use crate::domain::failure::cut;
use crate::domain::ids::{KeyId, UserId};
use crate::domain::ledger::Actor;
use crate::domain::user::{SignInMethod, User, canonical_username};
use crate::feed::Feed;
use crate::store::{PasswordChange, SignInNote, Store};
use refusals::{Refusal, Refusals};

pub use first_start::{DEFAULT_ADMIN, FirstStart, blank_user, create_user_refusal};
pub use open_sessions::OpenStream;

/// The setting that keeps the tokens' secret; without it (a restored copy) all tokens have ended.
pub const TOKEN_SECRET_SETTING: &str = "token_secret";
/// Signing in: see the module's page.
pub struct Accounts {
    store: Arc<dyn Store>,
    feed: Feed,
    clock: Clock,
    tokens: Tokens,
    passwords: Passwords,
    throttle: Throttle,
    sessions: Sessions,
    refusals: Refusals,
    /// Keys whose use is being noted.
    noting: Arc<Mutex<HashSet<KeyId>>>,
    default_password_stands: AtomicBool,
}

/// A token and whose it is.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The token.
    pub issued: IssuedToken,
    /// Who signed in.
    pub user: User,
}

impl Accounts {
    /// Accounts over a store; makes the tokens' secret when there is none yet.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn open(
        store: Arc<dyn Store>,
        feed: Feed,
        clock: Clock,
    ) -> Result<Self, ServiceError> {
        let passwords = Passwords::new(clock.clone()).await?;
        Self::over(store, feed, clock, passwords).await
    }

    /// The same with passwords of the caller's.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn over(
        store: Arc<dyn Store>,
        feed: Feed,
        clock: Clock,
        passwords: Passwords,
    ) -> Result<Self, ServiceError> {
        let stored = store.setting(TOKEN_SECRET_SETTING).await?;
        let secret = match stored.map(<[u8; SECRET_BYTES]>::try_from) {
            Some(Ok(secret)) => secret,
            Some(Err(_)) => return Err(internal("the tokens' secret has a wrong length")),
            None => {
                let mut secret = [0; SECRET_BYTES];
                clock.fill(&mut secret);
                store
                    .set_setting(TOKEN_SECRET_SETTING, secret.to_vec())
                    .await?;
                secret
            }
        };
        Ok(Self {
            refusals: Refusals::new(Arc::clone(&store), clock.clone()),
            noting: Arc::default(),
            store,
            feed,
            tokens: Tokens::new(&secret),
            passwords,
            clock,
            throttle: Throttle::default(),
            sessions: Sessions::default(),
            default_password_stands: AtomicBool::new(false),
        })
    }

    /// Exchanges username and password for a token.
    ///
    /// # Errors
    ///
    /// CREDENTIALS_INVALID, SIGN_IN_THROTTLED.
    pub async fn login(
        &self,
        username: &str,
        password: SecretString,
        address: Option<IpAddr>,
    ) -> Result<SignIn, ServiceError> {
        self.sign_in(username, password, address, SignInMethod::Password)
            .await
    }

    async fn sign_in(
        &self,
        username: &str,
        password: SecretString,
        address: Option<IpAddr>,
        method: SignInMethod,
    ) -> Result<SignIn, ServiceError> {
        let canonical = canonical_username(username);
        let tried = canonical
            .clone()
            .unwrap_or_else(|| cut(username, 64).to_lowercase());
        let user = match &canonical {
            Some(name) => self.store.user_by_name(name).await?,
            None => None,
        };
        if let Err(throttled) = self.begin_try(&tried, address) {
            self.note_refused_sign_in(user.as_ref(), address, "throttled");
            return Err(throttled);
        }
        let verified = self.verify(password, user.as_ref()).await?;
        let user = match user {
            Some(user) if verified && !user.disabled => user,
            known => {
                // Not by name: people type passwords into the wrong field.
                tracing::info!(?address, "sign-in refused");
                let why = match &known {
                    None => "no such user",
                    Some(user) if user.disabled => "the user is disabled",
                    Some(_) => "wrong password",
                };
                self.note_refused_sign_in(known.as_ref(), address, why);
                return Err(credentials_invalid());
            }
        };
        self.throttle.succeeded(&tried, address);
        let now = self.clock.now();
        if let Err(expired) = refuse_expired(&user, now) {
            let why = "the one-time password has expired";
            self.note_refused_sign_in(Some(&user), address, why);
            return Err(expired);
        }
        let sign_in = SignInNote {
            user: user.id,
            method,
            address,
            now,
        };
        self.store.record_sign_in(sign_in).await?;
        // The token is of the epoch whose password was checked: a change meanwhile has ended it already.
        let issued = self.issue(&user, now)?;
        tracing::info!(username = user.username, ?address, "signed in");
        let user = self.store.user(user.id).await?.unwrap_or(user);
        Ok(SignIn { issued, user })
    }

    fn note_refused_sign_in(&self, user: Option<&User>, address: Option<IpAddr>, why: &str) {
        self.refusals.note(Refusal {
            actor: Actor::Anonymous { address },
            action: "sign_in",
            user: user.map(|user| user.id),
            target: user.map(Target::user),
            reason: Reason::CredentialsInvalid,
            detail: why.to_owned(),
        });
    }

    /// What is refused, on its way into the audit.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// A user whose password was set by another: all tokens have ended, and the password that everyone knows is gone.
    pub(super) fn password_was_reset(&self, user: &User) {
        self.sessions.forget(user.id);
        if user.username == DEFAULT_ADMIN {
            self.default_password_stands.store(false, Ordering::Relaxed);
        }
    }

    /// The caller's own user.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn profile(&self, caller: &Caller) -> Result<User, ServiceError> {
        self.existing(caller.user).await
    }

    /// Sets a new password, ends all older tokens, and returns a new one.
    ///
    /// # Errors
    ///
    /// CREDENTIALS_INVALID, PASSWORD_TOO_WEAK, SIGN_IN_THROTTLED.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: SecretString,
        new: SecretString,
        address: Option<IpAddr>,
    ) -> Result<SignIn, ServiceError> {
        let user = self.existing(caller.user).await?;
        let refused = |detail: &str| {
            self.refusals.note(Refusal {
                actor: caller.actor(),
                action: "password.change",
                user: Some(user.id),
                target: Some(Target::user(&user)),
                reason: Reason::CredentialsInvalid,
                detail: detail.to_owned(),
            });
        };
        // A token that was found must not be a way around the limits on trying passwords.
        self.begin_try(&user.username, address)
            .inspect_err(|_| refused("throttled"))?;
        if !self.verify(current.clone(), Some(&user)).await? {
            refused("wrong password");
            return Err(ServiceError::new(
                Reason::CredentialsInvalid,
                "The current password is wrong.",
            ));
        }
        self.throttle.succeeded(&user.username, address);
        refuse_expired(&user, self.clock.now())?;
        check_strength("new_password", &new, &user.username)?;
        if new.expose_secret() == current.expose_secret() {
            let message = "The new password is the one that stands. Choose another.";
            return Err(too_weak("new_password", message));
        }
        let password_hash = self.passwords.hash(new).await?;
        let now = self.clock.now();
        let change = PasswordChange {
            user: user.id,
            // A password that somebody set meanwhile stands.
            expected_epoch: Some(user.token_epoch),
            password_hash,
            change_required: false,
            expire_time: None,
            actor: caller.actor(),
            now,
        };
        let user = self.store.set_password(change).await?;
        let user = user.ok_or_else(|| SessionEnd::Revoked.refusal())?;
        self.sessions.forget(user.id);
        if user.username == DEFAULT_ADMIN {
            self.default_password_stands.store(false, Ordering::Relaxed);
        }
        let issued = self.issue(&user, now)?;
        Ok(SignIn { issued, user })
    }

    /// Tokens in use and streams that are open.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The pool that makes password hashes.
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Whether `admin` still has the password that everyone knows.
    pub fn default_password_stands(&self) -> bool {
        self.default_password_stands.load(Ordering::Relaxed)
    }

    async fn existing(&self, id: UserId) -> Result<User, ServiceError> {
        let user = self.store.user(id).await?;
        user.ok_or_else(|| user_not_found(id))
    }

    async fn verify(
        &self,
        password: SecretString,
        user: Option<&User>,
    ) -> Result<bool, ServiceError> {
        let hash = user.map(|user| user.password_hash.as_str());
        Ok(self.passwords.verify(password, hash).await?)
    }

    fn begin_try(&self, name: &str, address: Option<IpAddr>) -> Result<(), ServiceError> {
        let begun = self.throttle.begin(name, address, self.clock.now());
        begun.map_err(|delay| {
            // Whole seconds, rounded up: what is said must be enough.
            let seconds = delay.as_millis().div_ceil(1_000).max(1);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            tracing::warn!(?address, seconds, "sign-in throttled");
            ServiceError::new(
                Reason::SignInThrottled,
                format!("Too many failed sign-ins. Try again in {seconds} s."),
            )
            .retry_after(Duration::from_secs(seconds))
        })
    }

    fn issue(&self, user: &User, now: Timestamp) -> Result<IssuedToken, ServiceError> {
        let claims = Claims::new(user.id, user.token_epoch, self.clock.random(), now, now)
            .ok_or_else(|| internal("the clock has reached its end"))?;
        self.tokens.sign(claims).map_err(internal)
    }
}

/// Refuses a password that breaks a rule.
///
/// # Errors
///
/// PASSWORD_TOO_WEAK.
pub fn check_strength(
    field: &str,
    password: &SecretString,
    username: &str,
) -> Result<(), ServiceError> {
    passwords::check_rules(password, username)
        .map_err(|weakness| too_weak(field, weakness.to_string()))
}

fn too_weak(field: &str, message: impl Into<String>) -> ServiceError {
    ServiceError {
        field: Some(field.to_owned()),
        ..ServiceError::new(Reason::PasswordTooWeak, message)
    }
    .with("limit", passwords::SHORTEST)
}

/// Said only to who knows the one-time password.
fn refuse_expired(user: &User, now: Timestamp) -> Result<(), ServiceError> {
    match user.password_expire_time {
        Some(expire_time) if expire_time <= now => Err(ServiceError::new(
            Reason::CredentialsInvalid,
            "The one-time password has expired. Ask an administrator for another.",
        )
        .with("expire_time", expire_time)),
        _ => Ok(()),
    }
}

fn credentials_invalid() -> ServiceError {
    ServiceError::new(
        Reason::CredentialsInvalid,
        "Username or password is wrong, or the user is disabled.",
    )
}

fn internal(error: impl std::fmt::Display) -> ServiceError {
    ServiceError::new(Reason::Internal, error.to_string())
}

impl From<HashError> for ServiceError {
    fn from(error: HashError) -> Self {
        internal(error)
    }
}
