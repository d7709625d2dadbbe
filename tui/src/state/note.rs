//! Owns [`Note`]: a one-time password, shown once over the screen.

use jiff::Timestamp;

use super::confirm::Secret;

/// The one-time password of a new user; empty when there is none.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) username: String,
    pub(crate) password: Secret,
    /// Until when it is good.
    pub(crate) until: Option<Timestamp>,
}

impl Note {
    pub(crate) fn secret(&self) -> &str {
        &self.password.0
    }
}
