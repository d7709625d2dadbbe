//! Listing, making and changing users.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Admin, check_length, require_admin};
use crate::domain::ids::UserId;
use crate::domain::user::{
    Credits, INITIAL_CREDITS, MAX_CREDITS, Role, USERNAME_CHARACTERS, User, canonical_username,
};
use crate::service::Caller;
use crate::service::accounts::{blank_user, check_strength, create_user_refusal};
use crate::service::error::{Reason, ServiceError, user_not_found};
use crate::service::page_token::{self, PageScope};
use crate::store::{PasswordChange, UserChange, UserChangeError};

/// How long a one-time password is good.
pub const ONE_TIME_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Longest display name and search text, in characters.
pub const DISPLAY_NAME_CHARACTERS: usize = 200;
/// Languages the screens speak, as BCP 47 tags.
pub const LANGUAGES: [&str; 2] = ["en", "zh"];

/// A user to be made.
pub struct NewUser {
    /// Name to sign in with.
    pub username: String,
    /// Name to show.
    pub display_name: String,
    /// What the user may do.
    pub role: Role,
    /// Credits to start with; absent: [`INITIAL_CREDITS`].
    pub credits: Option<Credits>,
    /// One of [`LANGUAGES`], or empty.
    pub language: String,
    /// A first password; absent: a one-time password is made.
    pub password: Option<SecretString>,
}

/// A user who was made.
pub struct NewAccount {
    /// The user.
    pub user: User,
    /// What was made for the first sign-in, with its end; shown this once.
    pub one_time_password: Option<(SecretString, Timestamp)>,
}

/// A change of a user; what is absent stays.
#[derive(Debug, Clone)]
pub struct UserEdit {
    /// Who is changed.
    pub user: UserId,
    /// The etag that the caller saw; empty when it does not matter.
    pub etag: String,
    /// What the user may do.
    pub role: Option<Role>,
    /// Whether signing in is refused.
    pub disabled: Option<bool>,
    /// Name to show.
    pub display_name: Option<String>,
    /// One of [`LANGUAGES`], or empty.
    pub language: Option<String>,
}

/// A password that was made for a user.
pub struct NewPassword {
    /// The user.
    pub user: User,
    /// The one-time password; shown this once.
    pub password: SecretString,
    /// Until when it is good.
    pub expire_time: Timestamp,
}

impl Admin {
    /// Users by name, with `text` in username or display name, and the token of the next page (empty at the end).
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, FIELD_INVALID, PAGE_TOKEN_INVALID.
    pub async fn list_users(
        &self,
        caller: &Caller,
        text: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<User>, String), ServiceError> {
        require_admin(caller)?;
        check_length("text", text, DISPLAY_NAME_CHARACTERS)?;
        let limit = page_token::page_size(page_size)?;
        let scope = PageScope::new("ListUsers").with(text);
        let after = scope
            .place(page_token)?
            .map(String::from_utf8)
            .transpose()
            .map_err(|_| page_token::invalid())?;
        let page = self
            .parts
            .store
            .users(text, after.as_deref(), limit)
            .await?;
        let next = page.next_after.map(|name| scope.token(name.as_bytes()));
        Ok((page.users, next.unwrap_or_default()))
    }

    /// Makes a user, who must change the password at the first sign-in.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, FIELD_INVALID, PASSWORD_TOO_WEAK, USERNAME_TAKEN.
    pub async fn create_user(
        &self,
        caller: &Caller,
        new: NewUser,
    ) -> Result<NewAccount, ServiceError> {
        require_admin(caller)?;
        let username = canonical_username(&new.username).ok_or_else(|| {
            let message = format!(
                "A username has 1 to {USERNAME_CHARACTERS} characters: letters, digits and . _ - @"
            );
            ServiceError::field("username", message).with("limit", USERNAME_CHARACTERS)
        })?;
        check_length("display_name", &new.display_name, DISPLAY_NAME_CHARACTERS)?;
        check_language("language", &new.language)?;
        let credits = new.credits.unwrap_or(INITIAL_CREDITS);
        check_balance("credits", credits)?;
        if let Some(password) = &new.password {
            check_strength("password", password, &username)?;
        }
        // Asked before the costly hash; the commit decides.
        if self.parts.store.user_by_name(&username).await?.is_some() {
            return Err(taken(&username));
        }

        let now = self.parts.clock.now();
        let passwords = self.parts.accounts.passwords();
        let one_time_password = new
            .password
            .is_none()
            .then(|| (passwords.one_time(), one_time_end(now)));
        let password = match (&new.password, &one_time_password) {
            (Some(given), _) => given.clone(),
            (None, Some((made, _))) => made.clone(),
            (None, None) => SecretString::default(),
        };
        let user = User {
            display_name: new.display_name,
            language: new.language,
            password_hash: passwords.hash(password).await?,
            password_change_required: true,
            password_expire_time: one_time_password.as_ref().map(|(_, time)| *time),
            ..blank_user(self.parts.clock.user_id(), &username, new.role, now)
        };
        let user = self
            .parts
            .store
            .create_user(user, credits, caller.actor())
            .await
            .map_err(|error| match create_user_refusal(error) {
                refusal if refusal.reason == Reason::UsernameTaken => taken(&username),
                refusal => refusal,
            })?;
        Ok(NewAccount {
            user,
            one_time_password,
        })
    }
}

impl Admin {
    /// Changes role, standing, name to show or language of a user. Another role, or disabling, ends all the user's
    /// tokens; batches run on, and refunds are posted.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, FIELD_INVALID, USER_NOT_FOUND, ETAG_MISMATCH, LAST_ADMIN.
    pub async fn update_user(&self, caller: &Caller, edit: UserEdit) -> Result<User, ServiceError> {
        require_admin(caller)?;
        let UserEdit {
            user,
            etag,
            role,
            disabled,
            display_name,
            language,
        } = edit;
        if role.is_none() && disabled.is_none() && display_name.is_none() && language.is_none() {
            let message = "Say what to change: role, disabled, display_name or language.";
            return Err(ServiceError::field("update_mask", message));
        }
        if let Some(name) = &display_name {
            check_length("user.display_name", name, DISPLAY_NAME_CHARACTERS)?;
        }
        if let Some(language) = &language {
            check_language("user.language", language)?;
        }
        let expected_version = match etag.as_str() {
            "" => None,
            // What is no number was never an etag of ours: it matches nothing.
            etag => Some(etag.parse().map_err(|_| etag_mismatch())?),
        };
        let change = UserChange {
            user,
            expected_version,
            role,
            disabled,
            display_name,
            language,
            actor: caller.actor(),
            now: self.parts.clock.now(),
        };
        let before = self.parts.store.user(user).await?;
        let changed = self.parts.store.update_user(change).await;
        let changed = changed.map_err(|error| match error {
            UserChangeError::NotFound => user_not_found(user),
            UserChangeError::Changed => etag_mismatch(),
            UserChangeError::LastAdmin => ServiceError::new(
                Reason::LastAdmin,
                "The last enabled administrator can be neither disabled nor demoted. Make another one first.",
            )
            .with("user_id", user),
            UserChangeError::Store(error) => error.into(),
        })?;
        if before.is_none_or(|before| before.token_epoch != changed.token_epoch) {
            self.parts.accounts.sessions().forget(user);
        }
        Ok(changed)
    }

    /// Gives a user a new one-time password, which must be changed at the next sign-in, and ends all the user's tokens.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, USER_NOT_FOUND.
    pub async fn reset_password(
        &self,
        caller: &Caller,
        user: UserId,
    ) -> Result<NewPassword, ServiceError> {
        require_admin(caller)?;
        // Asked before the costly hash.
        if self.parts.store.user(user).await?.is_none() {
            return Err(user_not_found(user));
        }
        let passwords = self.parts.accounts.passwords();
        let password = passwords.one_time();
        let password_hash = passwords.hash(password.clone()).await?;
        let now = self.parts.clock.now();
        let expire_time = one_time_end(now);
        let change = PasswordChange {
            user,
            expected_epoch: None,
            password_hash,
            change_required: true,
            expire_time: Some(expire_time),
            actor: caller.actor(),
            now,
        };
        let changed = self.parts.store.set_password(change).await?;
        let changed = changed.ok_or_else(|| user_not_found(user))?;
        self.parts.accounts.password_was_reset(&changed);
        Ok(NewPassword {
            user: changed,
            password,
            expire_time,
        })
    }
}

/// When a one-time password made now ends.
pub(crate) fn one_time_end(now: Timestamp) -> Timestamp {
    now.saturating_add(ONE_TIME_LIFETIME)
        .unwrap_or(Timestamp::MAX)
}

fn etag_mismatch() -> ServiceError {
    ServiceError::new(
        Reason::EtagMismatch,
        "The user has changed since. Look again, then decide.",
    )
}

fn check_language(field: &str, language: &str) -> Result<(), ServiceError> {
    if language.is_empty() || LANGUAGES.contains(&language) {
        return Ok(());
    }
    let allowed = LANGUAGES.join(", ");
    let message = format!("language is one of {allowed}, or empty.");
    Err(ServiceError::field(field, message).with("limit", allowed))
}

/// Refuses a balance that cannot be.
pub(super) fn check_balance(field: &str, credits: Credits) -> Result<(), ServiceError> {
    if (0..=MAX_CREDITS).contains(&credits) {
        return Ok(());
    }
    let message = format!("{field} must be between 0 and {MAX_CREDITS}.");
    Err(ServiceError::field(field, message).with("limit", MAX_CREDITS))
}

fn taken(username: &str) -> ServiceError {
    ServiceError::new(
        Reason::UsernameTaken,
        "The username is taken. Choose another.",
    )
    .with("username", username)
}
