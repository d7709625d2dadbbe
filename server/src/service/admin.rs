//! Administration: users, credits, the ledger, dispatch, the upstream's token.
//!
//! Invariants: every operation is for admins alone and says so before anything else; credits move only with a ledger
//! entry that names the admin.
//!
//! Not here: signing in (`accounts`), RPC types, carrying out what is set (`dispatch` follows the store).

pub mod audit;
pub mod credits;
pub mod ledger;
pub mod system;
#[cfg(test)]
mod tests;
pub mod upstream;
pub mod users;
pub mod warnings;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::Caller;
use super::accounts::Accounts;
use super::error::{Reason, ServiceError};
use super::overview::Offer;
use crate::clock::Clock;
use crate::domain::ids::InstanceId;
use crate::engine::Engine;
use crate::feed::Feed;
use crate::store::Store;

/// Longest note, in characters.
pub const NOTE_CHARACTERS: usize = 500;

/// What administration works on.
pub struct Parts {
    /// What remembers.
    pub store: Arc<dyn Store>,
    /// What the engines are doing.
    pub feed: Feed,
    /// Time and randomness.
    pub clock: Clock,
    /// Passwords, sessions.
    pub accounts: Arc<Accounts>,
    /// The paid upstream, where it is configured: to try a token on.
    pub upstream: Option<Arc<dyn Engine>>,
    /// What this server offers.
    pub offer: Offer,
    /// This start of the server.
    pub instance: InstanceId,
    /// When it was.
    pub start_time: Timestamp,
    /// Whose disk is looked at.
    pub data_dir: PathBuf,
}

/// Administration: see the module's page.
pub struct Admin {
    parts: Parts,
    /// Held from reading to writing the dispatcher's settings, or the upstream's token, so that two changes at once
    /// do not undo each other.
    changing: Mutex<()>,
}

impl Admin {
    /// Administration of these parts.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            changing: Mutex::new(()),
        }
    }

    /// The fan-out of what is committed.
    pub fn feed(&self) -> &Feed {
        &self.parts.feed
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}

/// Lets admins through.
///
/// # Errors
///
/// ADMIN_REQUIRED.
pub fn require_admin(caller: &Caller) -> Result<(), ServiceError> {
    if caller.is_admin() {
        return Ok(());
    }
    Err(ServiceError::new(
        Reason::AdminRequired,
        "Only administrators may do this.",
    ))
}

/// Refuses text that is too long, counted in characters.
fn check_length(field: &str, text: &str, most: usize) -> Result<(), ServiceError> {
    if text.chars().count() <= most {
        return Ok(());
    }
    let message = format!("{field} has at most {most} characters.");
    Err(ServiceError::field(field, message).with("limit", most))
}
