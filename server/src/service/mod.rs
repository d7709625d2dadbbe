//! Who may do what: one function an operation. No transport, no database.
//!
//! Not here: gRPC types, credentials (`auth`), anything the dispatcher does: the service writes intentions to the
//! store, and the dispatcher follows them.

pub mod accounts;
pub mod admin;
pub mod batches;
pub mod error;
pub mod forecast;
pub mod health;
pub mod overview;
pub mod page_token;
pub mod retention;
pub mod session;

use std::net::IpAddr;

use crate::domain::ids::UserId;
use crate::domain::key::Scope;
use crate::domain::ledger::Actor;
use crate::domain::user::Role;

/// Who is asking, as the gate has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// Their name, for the audit.
    pub username: String,
    /// What they may do by this call: an admin by a key without the scope for it is a plain user.
    pub role: Role,
    /// Where the call comes from; absent within one process.
    pub address: Option<IpAddr>,
    /// What the call may change.
    pub access: Access,
}

/// What a credential is good for, the smaller first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// By a key, for what it may be used for.
    Key(Scope),
    /// By a sign-in: everything the user may do, their own account included.
    SignIn,
}

impl Access {
    /// Whether more than reading is allowed.
    pub fn may_change(self) -> bool {
        self >= Self::Key(Scope::Submit)
    }
}

impl Caller {
    /// The caller as the ledger and the audit name them.
    pub fn actor(&self) -> Actor {
        Actor::User {
            id: self.user,
            name: self.username.clone(),
            address: self.address,
        }
    }

    /// Whether they may do everything.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}
