//! Owns [`Note`]: a secret, shown once over the screen.

use jiff::Timestamp;

use super::confirm::Secret;

/// A secret that is shown once; empty when there is none.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) what: Disclosed,
    /// Whose it is, or what it is called.
    pub(crate) name: String,
    pub(crate) secret: Secret,
    /// Until when it is good.
    pub(crate) until: Option<Timestamp>,
}

/// What kind of secret is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disclosed {
    /// The one-time password of a new user.
    NewUser,
    /// The one-time password of a user who had another.
    Reset,
    /// A key for a program.
    ApiKey,
}

impl Note {
    pub(crate) fn secret(&self) -> &str {
        &self.secret.0
    }
}
