//! API keys: making, listing and revoking them, and coming in by one.
//!
//! Invariants: a key never may more than its user, nor more than its scopes; only who has signed in makes and ends keys,
//! so that a leaked key cannot make another; the secret is answered once and stored as a digest.
//!
//! A key outlives a change of its user's password: it is ended by revoking it, by its expiry, while its user is disabled
//! and while the user must change the password (as after a reset).

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::Accounts;
use crate::auth::keys;
use crate::domain::ids::{KeyId, UserId};
use crate::domain::key::{ApiKey, KEY_NAME_CHARACTERS, KEYS_PER_USER, Scope};
use crate::domain::user::Role;
use crate::service::error::{Reason, ServiceError, user_not_found};
use crate::service::page_token::{self, PageScope};
use crate::service::session::{Credential, Session, SessionEnd};
use crate::service::{Access, Caller};
use crate::store::{CreateKeyError, NewApiKey, RevokeApiKey};

/// The use of a key is noted this often at most: for people who look for keys that nobody uses.
pub const USE_NOTED_EVERY: Duration = Duration::from_secs(60 * 60);

/// A key that is asked for.
#[derive(Debug, Clone)]
pub struct KeyRequest {
    /// The user's name for it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it shall end by itself.
    pub expire_time: Option<Timestamp>,
    /// Whose it shall be; absent: the caller's own.
    pub user: Option<UserId>,
}

impl Accounts {
    /// Makes a key; its secret is answered this once.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED for another's, USER_NOT_FOUND, FIELD_INVALID (also for one key too many).
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        request: KeyRequest,
    ) -> Result<(ApiKey, SecretString), ServiceError> {
        let owner = owner(caller, request.user)?;
        let name = request.name.trim();
        if !(1..=KEY_NAME_CHARACTERS).contains(&name.chars().count()) {
            let message = format!("name has 1 to {KEY_NAME_CHARACTERS} characters.");
            return Err(ServiceError::field("name", message).with("limit", KEY_NAME_CHARACTERS));
        }
        let now = self.clock.now();
        if request.expire_time.is_some_and(|time| time <= now) {
            return Err(ServiceError::field(
                "expire_time",
                "expire_time must be in the future, or absent.",
            )
            .with("limit", now));
        }
        let mut scopes = request.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let role = match owner == caller.user {
            true => caller.role,
            false => self.existing(owner).await?.role,
        };
        match scopes.last() {
            None => {
                let message = "Say what the key may be used for: READ, SUBMIT or ADMIN.";
                return Err(ServiceError::field("scopes", message));
            }
            Some(Scope::Admin) if role != Role::Admin => {
                let message = "ADMIN is for keys of administrators.";
                return Err(ServiceError::field("scopes", message));
            }
            Some(_) => {}
        }
        let made = keys::make(&self.clock);
        let key = ApiKey {
            id: self.clock.key_id(),
            user: owner,
            name: name.to_owned(),
            prefix: made.prefix,
            digest: made.digest,
            scopes,
            create_time: now,
            expire_time: request.expire_time,
            last_used_time: None,
        };
        let new = NewApiKey {
            key: key.clone(),
            actor: caller.actor(),
        };
        self.store
            .create_api_key(new)
            .await
            .map_err(|error| refusal(error, owner))?;
        Ok((key, made.secret))
    }

    /// The keys of a user, newest first, and the token of the next page (empty at the end).
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED for another's, USER_NOT_FOUND, FIELD_INVALID, PAGE_TOKEN_INVALID.
    pub async fn list_api_keys(
        &self,
        caller: &Caller,
        user: Option<UserId>,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<ApiKey>, String), ServiceError> {
        let owner = owner(caller, user)?;
        let limit = page_token::page_size(page_size)?;
        let scope = PageScope::new("ListApiKeys").with(owner.bytes());
        let before = scope
            .place(page_token)?
            .map(|place| <[u8; 16]>::try_from(place).map(KeyId::from_bytes))
            .transpose()
            .map_err(|_| page_token::invalid())?;
        self.existing(owner).await?;
        // A user has few of them.
        let mut keys = self.store.api_keys(owner).await?;
        keys.retain(|key| before.is_none_or(|before| key.id < before));
        let has_more = keys.len() > limit;
        keys.truncate(limit);
        let next = match keys.last() {
            Some(last) if has_more => scope.token(&last.id.bytes()),
            _ => String::new(),
        };
        Ok((keys, next))
    }

    /// Ends a key at once, streams that are open on it included.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED for another's, KEY_NOT_FOUND.
    pub async fn revoke_api_key(
        &self,
        caller: &Caller,
        id: KeyId,
        user: Option<UserId>,
    ) -> Result<(), ServiceError> {
        let revoke = RevokeApiKey {
            user: owner(caller, user)?,
            id,
            actor: caller.actor(),
            now: self.clock.now(),
        };
        if self.store.revoke_api_key(revoke).await? {
            Ok(())
        } else {
            let message = "The user has no such key.";
            Err(ServiceError::new(Reason::KeyNotFound, message).with("key_id", id))
        }
    }

    /// The session of a key's secret.
    pub(super) async fn authenticate_key(
        &self,
        secret: &SecretString,
        address: Option<std::net::IpAddr>,
    ) -> Result<Session, ServiceError> {
        let digest = keys::digest(secret).ok_or_else(key_invalid)?;
        let key = self.store.api_key_by_digest(&digest).await?;
        let key = key.ok_or_else(key_invalid)?;
        let now = self.clock.now();
        if key.is_expired(now) {
            return Err(SessionEnd::Expired.refusal());
        }
        let user = self.store.user(key.user).await?;
        let user = user.ok_or_else(key_invalid)?;
        if user.disabled {
            return Err(SessionEnd::Revoked.refusal());
        }
        let session = Session {
            caller: Caller {
                user: user.id,
                role: role_by_key(user.role, &key),
                username: user.username,
                address,
                access: Access::Key(key.scope()),
            },
            credential: Credential::Key(key.id),
            expire_time: key.expire_time.unwrap_or(Timestamp::MAX),
            password_change_required: user.password_change_required,
        };
        self.note_use(&key, now);
        Ok(session)
    }

    /// Notes the use of a key, when that was not done for a while; the call does not wait for it.
    fn note_use(&self, key: &ApiKey, now: Timestamp) {
        let is_fresh = key
            .last_used_time
            .is_some_and(|time| now.duration_since(time).unsigned_abs() < USE_NOTED_EVERY);
        let (user, id) = (key.user, key.id);
        if is_fresh || !lock(&self.noting).insert(id) {
            return;
        }
        let (store, noting) = (Arc::clone(&self.store), Arc::clone(&self.noting));
        tokio::spawn(async move {
            if let Err(error) = store.note_key_use(user, id, now).await {
                tracing::warn!(%error, "the use of an API key could not be noted");
            }
            lock(&noting).remove(&id);
        });
    }
}

/// What somebody may do by a key: an admin is one only by a key that is for it.
pub(super) fn role_by_key(role: Role, key: &ApiKey) -> Role {
    match key.scope() {
        Scope::Admin => role,
        Scope::Read | Scope::Submit => Role::User,
    }
}

/// Something that no key may be used for.
pub fn sign_in_needed() -> ServiceError {
    ServiceError::new(
        Reason::KeyScopeInsufficient,
        "No API key may be used for this. Sign in with a password.",
    )
    .with("scope", "NONE")
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose keys: the caller's own, or for an admin another's.
pub(super) fn owner(caller: &Caller, user: Option<UserId>) -> Result<UserId, ServiceError> {
    match user {
        Some(user) if user != caller.user && !caller.is_admin() => Err(ServiceError::new(
            Reason::AdminRequired,
            "Only administrators see and change the keys of others.",
        )),
        Some(user) => Ok(user),
        None => Ok(caller.user),
    }
}

fn key_invalid() -> ServiceError {
    ServiceError::new(
        Reason::TokenInvalid,
        "The API key is not one of this server's, or it was revoked.",
    )
}

fn refusal(error: CreateKeyError, user: UserId) -> ServiceError {
    match error {
        CreateKeyError::UserNotFound => user_not_found(user),
        CreateKeyError::TooMany => ServiceError::field(
            "user_id",
            format!("A user has at most {KEYS_PER_USER} API keys. Revoke one first."),
        )
        .with("limit", KEYS_PER_USER),
        CreateKeyError::Store(error) => error.into(),
    }
}
