//! The way back in for the owner of the machine: a new password for `admin`.

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Accounts, DEFAULT_ADMIN, internal};
use crate::domain::ledger::Actor;
use crate::domain::user::Role;
use crate::service::admin::users::one_time_end;
use crate::service::error::{Reason, ServiceError};
use crate::store::{PasswordChange, UserChange};

impl Accounts {
    /// Gives `admin` a one-time password, which must be changed at the next sign-in, and ends all its tokens; an `admin`
    /// that was disabled or demoted is an administrator again. Audited as the owner's. Gives the password and its end.
    ///
    /// # Errors
    ///
    /// USER_NOT_FOUND before the first start; when the storage fails.
    pub async fn reset_admin(&self) -> Result<(SecretString, Timestamp), ServiceError> {
        let Some(admin) = self.store.user_by_name(DEFAULT_ADMIN).await? else {
            return Err(ServiceError::new(
                Reason::UserNotFound,
                "There is no user `admin` yet: the first start makes it.",
            ));
        };
        let now = self.clock.now();
        if admin.disabled || admin.role != Role::Admin {
            let change = UserChange {
                user: admin.id,
                expected_version: None,
                role: Some(Role::Admin),
                disabled: Some(false),
                display_name: None,
                language: None,
                actor: Actor::Owner,
                now,
            };
            let changed = self.store.update_user(change).await;
            changed.map_err(|error| internal(format!("admin was not enabled: {error:?}")))?;
        }
        let password = self.passwords.one_time();
        let password_hash = self.passwords.hash(password.clone()).await?;
        let expire_time = one_time_end(now);
        let change = PasswordChange {
            expected_epoch: None,
            user: admin.id,
            password_hash,
            change_required: true,
            expire_time: Some(expire_time),
            actor: Actor::Owner,
            now,
        };
        let changed = self.store.set_password(change).await?;
        self.password_was_reset(&changed.unwrap_or(admin));
        Ok((password, expire_time))
    }
}
