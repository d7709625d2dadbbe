//! What accounts are asked for and refused: users, passwords, keys, credits.

use std::net::IpAddr;

use jiff::Timestamp;

use super::StoreError;
use super::requests::Request;
use crate::domain::ids::{KeyId, UserId};
use crate::domain::key::{ApiKey, SshKey};
use crate::domain::ledger::Actor;
use crate::domain::user::{Credits, Role, SignInMethod};

/// A password change.
#[derive(Clone)]
pub struct PasswordChange {
    /// Whose.
    pub user: UserId,
    /// The epoch that the password was checked in; absent where none was. In another one nothing is changed.
    pub expected_epoch: Option<u32>,
    /// Argon2id, PHC string format.
    pub password_hash: String,
    /// Whether it must be changed before anything else.
    pub change_required: bool,
    /// When a one-time password ends.
    pub expire_time: Option<Timestamp>,
    /// Who changed it.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// A change of a user by an administrator; what is absent stays.
#[derive(Debug, Clone)]
pub struct UserChange {
    /// Who is changed.
    pub user: UserId,
    /// The version that the administrator saw, if it matters.
    pub expected_version: Option<u64>,
    /// What the user may do.
    pub role: Option<Role>,
    /// Whether signing in is refused.
    pub disabled: Option<bool>,
    /// The name to show, at most 200 characters.
    pub display_name: Option<String>,
    /// BCP 47 tag of the preferred language; empty for none.
    pub language: Option<String>,
    /// Who changes it.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// A sign-in that succeeded.
#[derive(Debug, Clone, Copy)]
pub struct SignInNote {
    /// Who came in.
    pub user: UserId,
    /// How.
    pub method: SignInMethod,
    /// From which network address, where there is one.
    pub address: Option<IpAddr>,
    /// When.
    pub now: Timestamp,
}

/// An API key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// Who makes it.
    pub actor: Actor,
}

/// An API key to be taken away.
#[derive(Debug, Clone)]
pub struct RevokeApiKey {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub id: KeyId,
    /// Who takes it away.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// An SSH key to be added.
#[derive(Debug, Clone)]
pub struct NewSshKey {
    /// The key.
    pub key: SshKey,
    /// Who adds it.
    pub actor: Actor,
}

/// An SSH key to be taken away.
#[derive(Debug, Clone)]
pub struct RemoveSshKey {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub id: KeyId,
    /// Who takes it away.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// Why an SSH key could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddSshKeyError {
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// The user has it already.
    #[error("the user has this key already")]
    Known,
    /// The user has as many as may be.
    #[error("the user has too many SSH keys")]
    TooMany,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A change of a balance by an administrator.
#[derive(Debug, Clone)]
pub struct CreditChange {
    /// Whose.
    pub user: UserId,
    /// Added; not zero.
    pub delta: Credits,
    /// Words, at most 500 characters.
    pub note: String,
    /// Who.
    pub actor: Actor,
    /// Not to happen twice.
    pub request: Option<Request>,
    /// When.
    pub now: Timestamp,
}

/// A balance set by an administrator.
#[derive(Debug, Clone)]
pub struct CreditAssignment {
    /// Whose.
    pub user: UserId,
    /// The new balance.
    pub credits: Credits,
    /// What it must be before.
    pub expected: Credits,
    /// Words, at most 500 characters.
    pub note: String,
    /// Who.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// A user that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// The name is taken.
    #[error("the username is taken")]
    UsernameTaken,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A user that cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum UserChangeError {
    /// No such user.
    #[error("no such user")]
    NotFound,
    /// It is not what was seen.
    #[error("the user has changed since")]
    Changed,
    /// No admin would be left who can sign in.
    #[error("the last admin")]
    LastAdmin,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An API key that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// No such user.
    #[error("no such user")]
    UserNotFound,
    /// The user has [`crate::domain::key::KEYS_PER_USER`] already.
    #[error("too many keys")]
    TooMany,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A balance that cannot change.
#[derive(Debug, thiserror::Error)]
pub enum CreditError {
    /// No such user.
    #[error("no such user")]
    NotFound,
    /// It would be negative or too large.
    #[error(transparent)]
    Balance(#[from] crate::domain::ledger::BalanceError),
    /// It is not what was expected.
    #[error("the balance is {actual}")]
    Changed {
        /// What it is.
        actual: Credits,
    },
    /// The request id was used with other content.
    #[error("the request id was used with other content")]
    RequestReused,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
