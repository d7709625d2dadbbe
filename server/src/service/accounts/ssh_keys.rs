//! SSH keys: adding, listing and removing them, and signing in over SSH, by a key or a password.
//!
//! Invariants: only who has signed in changes keys; a key signs in its user and nobody else; whoever offers keys that are
//! not the user's is counted as a try of that name, once a connection.

use std::net::IpAddr;
use std::sync::Arc;

use secrecy::SecretString;

use super::keys::owner;
use super::{Accounts, SignIn, credentials_invalid, refuse_expired, user_not_found};
use crate::auth::ssh_keys::{self, NotTaken};
use crate::domain::failure::cut;
use crate::domain::ids::{KeyId, UserId};
use crate::domain::key::{KEY_NAME_CHARACTERS, SSH_KEYS_PER_USER, SshKey};
use crate::domain::user::{SignInMethod, User, canonical_username};
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};
use crate::service::page_token::{self, PageScope};
use crate::store::{AddSshKeyError, NewSshKey, RemoveSshKey, SignInNote};

impl Accounts {
    /// Lets a public key sign in.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED for another's, USER_NOT_FOUND, FIELD_INVALID (also for one key too many, or one that is there).
    pub async fn add_ssh_key(
        &self,
        caller: &Caller,
        public_key: &str,
        name: &str,
        user: Option<UserId>,
    ) -> Result<SshKey, ServiceError> {
        let owner = owner(caller, user)?;
        let read = ssh_keys::read(public_key)
            .map_err(|error: NotTaken| ServiceError::field("public_key", error.to_string()))?;
        let name = match name.trim() {
            "" => cut(&read.comment, KEY_NAME_CHARACTERS).to_owned(),
            name => name.to_owned(),
        };
        if name.chars().count() > KEY_NAME_CHARACTERS {
            let message = format!("name has at most {KEY_NAME_CHARACTERS} characters.");
            return Err(ServiceError::field("name", message).with("limit", KEY_NAME_CHARACTERS));
        }
        let key = SshKey {
            id: self.clock.key_id(),
            user: owner,
            name,
            algorithm: read.algorithm,
            fingerprint: read.fingerprint,
            create_time: self.clock.now(),
            last_used_time: None,
        };
        let new = NewSshKey {
            key: key.clone(),
            actor: caller.actor(),
        };
        self.store
            .add_ssh_key(new)
            .await
            .map_err(|error| refusal(error, owner))?;
        Ok(key)
    }

    /// The SSH keys of a user, newest first, and the token of the next page (empty at the end).
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED for another's, USER_NOT_FOUND, FIELD_INVALID, PAGE_TOKEN_INVALID.
    pub async fn list_ssh_keys(
        &self,
        caller: &Caller,
        user: Option<UserId>,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<SshKey>, String), ServiceError> {
        let owner = owner(caller, user)?;
        let limit = page_token::page_size(page_size)?;
        let scope = PageScope::new("ListSshKeys").with(owner.bytes());
        let before = scope
            .place(page_token)?
            .map(|place| <[u8; 16]>::try_from(place).map(KeyId::from_bytes))
            .transpose()
            .map_err(|_| page_token::invalid())?;
        self.existing(owner).await?;
        // A user has few of them.
        let mut keys = self.store.ssh_keys(owner).await?;
        keys.retain(|key| before.is_none_or(|before| key.id < before));
        let has_more = keys.len() > limit;
        keys.truncate(limit);
        let next = match keys.last() {
            Some(last) if has_more => scope.token(&last.id.bytes()),
            _ => String::new(),
        };
        Ok((keys, next))
    }

    /// Takes a key away. Sessions that it opened go on: they are sign-ins like any other.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED for another's, KEY_NOT_FOUND.
    pub async fn remove_ssh_key(
        &self,
        caller: &Caller,
        id: KeyId,
        user: Option<UserId>,
    ) -> Result<(), ServiceError> {
        let remove = RemoveSshKey {
            user: owner(caller, user)?,
            id,
            actor: caller.actor(),
            now: self.clock.now(),
        };
        if self.store.remove_ssh_key(remove).await? {
            Ok(())
        } else {
            let message = "The user has no such key.";
            Err(ServiceError::new(Reason::KeyNotFound, message).with("key_id", id))
        }
    }

    /// Exchanges username and password for the token of a session over SSH.
    ///
    /// # Errors
    ///
    /// CREDENTIALS_INVALID, SIGN_IN_THROTTLED.
    pub async fn login_by_ssh(
        &self,
        username: &str,
        password: SecretString,
        address: IpAddr,
    ) -> Result<SignIn, ServiceError> {
        self.sign_in(username, password, Some(address), SignInMethod::Ssh)
            .await
    }

    /// Whether a key may sign somebody in. That they have it is not proven yet.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn knows_ssh_key(
        &self,
        username: &str,
        fingerprint: &str,
    ) -> Result<bool, ServiceError> {
        let found = self.user_of_key(username, fingerprint).await?;
        Ok(found.is_some_and(|(user, _)| !user.disabled))
    }

    /// Counts and notes that somebody offered keys which are not the user's.
    pub async fn note_unknown_ssh_key(&self, username: &str, address: IpAddr) {
        let canonical = canonical_username(username);
        let tried = canonical
            .clone()
            .unwrap_or_else(|| cut(username, 64).to_lowercase());
        // Whoever is slowed down by it is told so when a password is tried.
        let _ = self.begin_try(&tried, Some(address));
        let user = match &canonical {
            Some(name) => self.store.user_by_name(name).await.ok().flatten(),
            None => None,
        };
        self.note_refused_sign_in(user.as_ref(), Some(address), "unknown SSH key");
    }

    /// A token for whoever has proven to have a key of the user's.
    ///
    /// # Errors
    ///
    /// CREDENTIALS_INVALID.
    pub async fn login_by_ssh_key(
        &self,
        username: &str,
        fingerprint: &str,
        address: IpAddr,
    ) -> Result<SignIn, ServiceError> {
        let found = self.user_of_key(username, fingerprint).await?;
        let address = Some(address);
        let (user, key) = match found {
            Some((user, key)) if !user.disabled => (user, key),
            known => {
                let user = known.map(|(user, _)| user);
                let why = match &user {
                    Some(_) => "the user is disabled",
                    None => "unknown SSH key",
                };
                self.note_refused_sign_in(user.as_ref(), address, why);
                return Err(credentials_invalid());
            }
        };
        let now = self.clock.now();
        if let Err(expired) = refuse_expired(&user, now) {
            let why = "the one-time password has expired";
            self.note_refused_sign_in(Some(&user), address, why);
            return Err(expired);
        }
        self.throttle.succeeded(&user.username, address);
        let sign_in = SignInNote {
            user: user.id,
            method: SignInMethod::Ssh,
            address,
            now,
        };
        self.store.record_sign_in(sign_in).await?;
        let issued = self.issue(&user, now)?;
        tracing::info!(username = user.username, ?address, %fingerprint, "signed in by an SSH key");
        let store = Arc::clone(&self.store);
        let (owner, id) = (user.id, key.id);
        // The session does not wait for it.
        tokio::spawn(async move {
            if let Err(error) = store.note_ssh_key_use(owner, id, now).await {
                tracing::warn!(%error, "the use of an SSH key could not be noted");
            }
        });
        Ok(SignIn { issued, user })
    }

    async fn user_of_key(
        &self,
        username: &str,
        fingerprint: &str,
    ) -> Result<Option<(User, SshKey)>, ServiceError> {
        let Some(name) = canonical_username(username) else {
            return Ok(None);
        };
        let Some(user) = self.store.user_by_name(&name).await? else {
            return Ok(None);
        };
        let keys = self.store.ssh_keys(user.id).await?;
        let mut keys = keys.into_iter();
        let key = keys.find(|key| key.fingerprint == fingerprint);
        Ok(key.map(|key| (user, key)))
    }
}

fn refusal(error: AddSshKeyError, user: UserId) -> ServiceError {
    match error {
        AddSshKeyError::UserNotFound => user_not_found(user),
        AddSshKeyError::Known => {
            ServiceError::field("public_key", "The user has this key already.")
        }
        AddSshKeyError::TooMany => ServiceError::field(
            "user_id",
            format!("A user has at most {SSH_KEYS_PER_USER} SSH keys. Remove one first."),
        )
        .with("limit", SSH_KEYS_PER_USER),
        AddSshKeyError::Store(error) => error.into(),
    }
}
