//! API keys, what programs sign in with in place of a password, and SSH keys, what people do.
//!
//! Invariants: the secret itself is never here, only its digest; a scope includes the smaller ones.

use jiff::Timestamp;

use super::ids::{KeyId, UserId};

/// Most keys of one user.
pub const KEYS_PER_USER: usize = 20;

/// Longest name of a key, in characters.
pub const KEY_NAME_CHARACTERS: usize = 200;

/// What a key may be used for; a later one includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Reading and downloading what its user may see as a plain user.
    Read,
    /// Besides, making, changing and deleting the user's own batches.
    Submit,
    /// Besides, everything an admin may do, while its user is one.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Submit, Self::Admin];

    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Submit => "SUBMIT",
            Self::Admin => "ADMIN",
        }
    }
}

/// A key, without its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Whom it acts for.
    pub user: UserId,
    /// The user's name for it, 1…[`KEY_NAME_CHARACTERS`] characters.
    pub name: String,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// SHA-256 of the secret, which has enough random bits that a fast digest cannot be turned round.
    pub digest: [u8; 32],
    /// What it may be used for, at least one, each once, in their order.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it ends by itself.
    pub expire_time: Option<Timestamp>,
    /// When it was used last, to the hour.
    pub last_used_time: Option<Timestamp>,
}

impl ApiKey {
    /// The largest of its scopes.
    pub fn scope(&self) -> Scope {
        self.scopes.iter().max().copied().unwrap_or(Scope::Read)
    }

    /// Whether it has ended by itself.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expire_time.is_some_and(|time| time <= now)
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKey({} {:?})", self.id, self.name)
    }
}

/// Most SSH keys of one user.
pub const SSH_KEYS_PER_USER: usize = 20;

/// A public key that signs its user in over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// Its id.
    pub id: KeyId,
    /// Whom it signs in.
    pub user: UserId,
    /// The user's name for it, at most [`KEY_NAME_CHARACTERS`] characters; may be empty.
    pub name: String,
    /// Its kind, as OpenSSH names it: `ssh-ed25519`.
    pub algorithm: String,
    /// Its fingerprint, as OpenSSH shows it: `SHA256:` and base64 without padding. No two keys have the same one.
    pub fingerprint: String,
    /// When it was added.
    pub create_time: Timestamp,
    /// When it was used last.
    pub last_used_time: Option<Timestamp>,
}
