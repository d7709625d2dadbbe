//! Who may do what: one function an operation. No transport, no database.
//!
//! Not here: gRPC types, credentials (`auth`), anything the dispatcher does: the service writes intentions to the
//! store, and the dispatcher follows them.

pub mod accounts;
pub mod admin;
pub mod batches;
pub mod error;
pub mod forecast;
pub mod overview;
pub mod page_token;
pub mod session;

use crate::domain::ids::UserId;
use crate::domain::ledger::Actor;
use crate::domain::user::Role;

/// Who is asking, as the gate has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// Their name, for the audit.
    pub username: String,
    /// What they may do.
    pub role: Role,
}

impl Caller {
    /// The caller as the ledger and the audit name them.
    pub fn actor(&self) -> Actor {
        Actor::User {
            id: self.user,
            name: self.username.clone(),
        }
    }

    /// Whether they may do everything.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}
