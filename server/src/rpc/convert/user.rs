//! Users and tokens, as the contract says them.

use secrecy::ExposeSecret;
use vision_batch::v1;

use super::{count, id, time};
use crate::auth::tokens::IssuedToken;
use crate::domain::user::{Role, SignInMethod, User};
use crate::service::admin::users::UserEdit;
use crate::service::error::ServiceError;
use crate::service::session::Sessions;

/// A user, and whether a stream of theirs is open.
pub fn user(user: User, sessions: &Sessions) -> v1::User {
    let one_time = user
        .password_expire_time
        .filter(|_| user.password_change_required);
    v1::User {
        online: sessions.is_online(user.id),
        id: user.id.to_string(),
        username: user.username,
        display_name: user.display_name,
        language: user.language,
        role: role(user.role).into(),
        disabled: user.disabled,
        password_change_required: user.password_change_required,
        one_time_password_expire_time: one_time.map(time),
        credit_balance: user.credit_balance,
        credits_held: user.credits_held,
        active_item_count: count(user.active_item_count),
        completed_video_count: count(user.completed_video_count),
        create_time: Some(time(user.create_time)),
        last_sign_in_time: user.last_sign_in_time.map(time),
        last_sign_in_method: match user.last_sign_in_method {
            Some(SignInMethod::Password) => v1::user::SignInMethod::Password.into(),
            Some(SignInMethod::Ssh) => v1::user::SignInMethod::Ssh.into(),
            Some(SignInMethod::ApiKey) => v1::user::SignInMethod::ApiKey.into(),
            None => v1::user::SignInMethod::Unspecified.into(),
        },
        etag: user.version.to_string(),
    }
}

fn role(role: Role) -> v1::user::Role {
    match role {
        Role::User => v1::user::Role::User,
        Role::Admin => v1::user::Role::Admin,
    }
}

/// The role of a request; unspecified means a plain user.
///
/// # Errors
///
/// FIELD_INVALID for a number the contract does not have.
pub fn read_role(field: &str, number: i32) -> Result<Role, ServiceError> {
    match v1::user::Role::try_from(number) {
        Ok(v1::user::Role::Unspecified | v1::user::Role::User) => Ok(Role::User),
        Ok(v1::user::Role::Admin) => Ok(Role::Admin),
        Err(_) => Err(ServiceError::field(field, "There is no such role.")),
    }
}

/// The change of a user that a request asks for.
///
/// # Errors
///
/// FIELD_INVALID: no user, no id, a mask that is missing, empty or names what cannot be changed, no such role.
pub fn read_edit(request: v1::UpdateUserRequest) -> Result<UserEdit, ServiceError> {
    let user = request
        .user
        .ok_or_else(|| ServiceError::field("user", "Say which user, with the new values."))?;
    let mut edit = UserEdit {
        user: id("user.id", &user.id)?,
        etag: user.etag,
        role: None,
        disabled: None,
        display_name: None,
        language: None,
    };
    for path in request.update_mask.unwrap_or_default().paths {
        match path.as_str() {
            "role" => edit.role = Some(read_exact_role("user.role", user.role)?),
            "disabled" => edit.disabled = Some(user.disabled),
            "display_name" => edit.display_name = Some(user.display_name.clone()),
            "language" => edit.language = Some(user.language.clone()),
            _ => {
                return Err(ServiceError::field(
                    "update_mask",
                    "update_mask names role, disabled, display_name or language.",
                ));
            }
        }
    }
    Ok(edit)
}

/// A role that must be said.
fn read_exact_role(field: &str, number: i32) -> Result<Role, ServiceError> {
    if number == i32::from(v1::user::Role::Unspecified) {
        return Err(ServiceError::field(field, "The role is USER or ADMIN."));
    }
    read_role(field, number)
}

/// A token as three messages carry it: the token, its expiry, and until when it can be renewed.
pub fn token(issued: &IssuedToken) -> (String, prost_types::Timestamp, prost_types::Timestamp) {
    (
        issued.token.expose_secret().to_owned(),
        time(issued.claims.expire_time),
        time(issued.claims.renewable_until()),
    )
}
