//! The accounts a server makes for itself: the first admin, and users of screens that it opens itself.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Accounts, check_strength};
use crate::domain::ids::UserId;
use crate::domain::ledger::Actor;
use crate::domain::user::{ADMIN_CREDITS, Credits, Role, User};
use crate::service::error::{Reason, ServiceError};
use crate::store::{CreateUserError, PasswordChange};

/// Name and first password of the first admin.
pub const DEFAULT_ADMIN: &str = "admin";

/// What the start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstStart {
    /// The admin was made by this start.
    pub created: bool,
    /// `admin` has the password that everyone knows.
    pub default_password_stands: bool,
}

impl Accounts {
    /// Makes `admin` if there is none: with `password`, or with the default one, which must be changed before anything
    /// else. One whose password is still the default gets `password` too: a start that was refused for the default one
    /// has made it already. Any other is left as it is.
    ///
    /// # Errors
    ///
    /// PASSWORD_TOO_WEAK for a given password that breaks a rule; when the storage fails.
    pub async fn bootstrap(
        &self,
        password: Option<SecretString>,
    ) -> Result<FirstStart, ServiceError> {
        let found = match self.store.user_by_name(DEFAULT_ADMIN).await? {
            Some(admin) => {
                let stands = admin.password_change_required
                    && !admin.disabled
                    && self.verify(DEFAULT_ADMIN.into(), Some(&admin)).await?;
                let replaced = match password {
                    Some(password) if stands => self.replace_default(&admin, password).await?,
                    _ => false,
                };
                FirstStart {
                    created: false,
                    default_password_stands: stands && !replaced,
                }
            }
            None => {
                if let Some(password) = &password {
                    check_strength("admin_password", password, DEFAULT_ADMIN)?;
                }
                let is_default = password.is_none();
                let password = password.unwrap_or_else(|| DEFAULT_ADMIN.into());
                let admin = User {
                    password_hash: self.passwords.hash(password).await?,
                    password_change_required: is_default,
                    ..self.blank(DEFAULT_ADMIN, Role::Admin)
                };
                self.store
                    .create_user(admin, ADMIN_CREDITS, Actor::System)
                    .await
                    .map_err(create_user_refusal)?;
                FirstStart {
                    created: true,
                    default_password_stands: is_default,
                }
            }
        };
        self.default_password_stands
            .store(found.default_password_stands, Ordering::Relaxed);
        Ok(found)
    }

    /// Gives `admin` the first password that was asked for, in the place of the default one. False when another was quicker.
    async fn replace_default(
        &self,
        admin: &User,
        password: SecretString,
    ) -> Result<bool, ServiceError> {
        check_strength("admin_password", &password, DEFAULT_ADMIN)?;
        let change = PasswordChange {
            user: admin.id,
            expected_epoch: Some(admin.token_epoch),
            password_hash: self.passwords.hash(password).await?,
            change_required: false,
            expire_time: None,
            actor: Actor::System,
            now: self.clock.now(),
        };
        let changed = self.store.set_password(change).await?;
        if let Some(admin) = &changed {
            self.password_was_reset(admin);
        }
        Ok(changed.is_some())
    }

    /// A user of that name; made without a password (nobody signs in as it) if there is none. `username` is canonical.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn ensure_user(
        &self,
        username: &str,
        role: Role,
        credits: Credits,
    ) -> Result<User, ServiceError> {
        if let Some(user) = self.store.user_by_name(username).await? {
            return Ok(user);
        }
        let user = self.blank(username, role);
        self.store
            .create_user(user, credits, Actor::System)
            .await
            .map_err(create_user_refusal)
    }

    fn blank(&self, username: &str, role: Role) -> User {
        blank_user(self.clock.user_id(), username, role, self.clock.now())
    }
}

/// A user who has done nothing yet and cannot sign in.
pub fn blank_user(id: UserId, username: &str, role: Role, now: Timestamp) -> User {
    User {
        id,
        username: username.to_owned(),
        display_name: String::new(),
        language: String::new(),
        role,
        disabled: false,
        password_hash: String::new(),
        password_change_required: false,
        password_expire_time: None,
        token_epoch: 0,
        credit_balance: 0,
        credits_held: 0,
        active_item_count: 0,
        completed_video_count: 0,
        ledger_sequence: 0,
        create_time: now,
        last_sign_in_time: None,
        last_sign_in_method: None,
        version: 1,
    }
}

/// Why a user could not be made, as a refusal.
pub fn create_user_refusal(error: CreateUserError) -> ServiceError {
    match error {
        CreateUserError::UsernameTaken => ServiceError::new(
            Reason::UsernameTaken,
            "The username is taken. Choose another.",
        ),
        CreateUserError::Store(error) => error.into(),
    }
}
