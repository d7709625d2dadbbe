//! Identifiers. All of our own are UUIDv7, so that a reverse key scan lists newest first.
//!
//! Not here: making them (that needs a clock and randomness, see `clock`).

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The 16 bytes as they are stored in keys; their order is the order of creation.
            pub fn bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// The id behind 16 key bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(
    /// A user account.
    UserId
);
id!(
    /// A batch.
    BatchId
);
id!(
    /// A VideoItem.
    ItemId
);
id!(
    /// One entry of the ledger.
    EntryId
);
id!(
    /// An API key.
    KeyId
);
id!(
    /// One start of the server; claims name it.
    InstanceId
);
id!(
    /// What a client sends with a request that must not happen twice.
    RequestId
);

/// The number of an attempt: 1 for an item's first, rising over the item's whole life.
pub type AttemptNumber = u32;

/// The number of a round: 1 for the creation, one more for each retry by a user.
pub type RoundNumber = u32;

/// Whom an upstream token belongs to: the token's subject, or a digest of it where it has none.
///
/// The preview engine's tasks belong to [`Account::local`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(pub String);

impl Account {
    /// The account of engines that live in this process.
    pub fn local() -> Self {
        Self("local".to_owned())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An engine's own name for a task, opaque to us; at most 256 bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub String);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Our own key of an upstream task, sent with the submit and echoed by the upstream: `<item>/<attempt>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientRef {
    /// The item that the task is for.
    pub item: ItemId,
    /// The attempt of that item.
    pub attempt: AttemptNumber,
}

impl fmt::Display for ClientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.item, self.attempt)
    }
}

impl FromStr for ClientRef {
    type Err = ParseClientRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (item, attempt) = text.split_once('/').ok_or(ParseClientRefError)?;
        Ok(Self {
            item: item.parse().map_err(|_| ParseClientRefError)?,
            attempt: attempt.parse().map_err(|_| ParseClientRefError)?,
        })
    }
}

/// The text is not `<item>/<attempt>`: the task is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form <item>/<attempt>")]
pub struct ParseClientRefError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_ref_reads_back_what_it_wrote() {
        let key = ClientRef {
            item: ItemId(Uuid::from_u128(7)),
            attempt: 3,
        };
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn a_foreign_key_is_refused() {
        for text in ["", "x", "x/1", "00000000-0000-0000-0000-000000000007/x"] {
            assert_eq!(
                text.parse::<ClientRef>(),
                Err(ParseClientRefError),
                "{text}"
            );
        }
    }
}
