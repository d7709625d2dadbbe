//! Owns [`Refusal`]: why something that was asked for was not done, in a form the screen can put into words of its own.

use std::time::Duration;

use vision_batch::v1::refusal::Reason;

use super::message::Metadata;

/// Why a call, a stream or a transfer did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of obstacle it was.
    pub cause: Cause,
    /// The server's own message, brief English, or what the system said; shown when we have no words of our own.
    pub message: String,
    /// Facts for a translated message, named as in the contract: `file`, `limit`, `required`, `available` …
    pub metadata: Metadata,
    /// How long to wait before it makes sense to try again; absent when the server did not say.
    pub retry_after: Option<Duration>,
}

/// What kind of obstacle it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server refused, for a reason of the contract.
    Server(Reason),
    /// The server refused for a reason this program does not know.
    Unknown,
    /// The server was not reached, or the connection broke.
    Unreachable,
    /// No answer came in time.
    TimedOut,
    /// The certificate of the server was not accepted.
    Untrusted,
    /// The address makes no sense.
    AddressInvalid,
    /// A file of the user's own could not be read or written; metadata `file`.
    LocalFile,
}

impl Refusal {
    /// Of a cause and what was said about it, without metadata.
    #[must_use]
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
            metadata: Metadata::new(),
            retry_after: None,
        }
    }

    /// The same with one fact more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(name.to_owned(), value.into());
        self
    }

    /// Whether the network, not the server, is in the way.
    #[must_use]
    pub const fn is_network(&self) -> bool {
        matches!(
            self.cause,
            Cause::Unreachable | Cause::TimedOut | Cause::Untrusted | Cause::AddressInvalid
        )
    }

    /// Whether it is not known what became of what was asked for: the answer was lost, or the server does not know itself.
    #[must_use]
    pub const fn leaves_open(&self) -> bool {
        self.is_network()
            || matches!(
                self.cause,
                Cause::Unknown | Cause::Server(Reason::Internal | Reason::ShuttingDown)
            )
    }

    /// The value of a fact; empty when it is not there.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.metadata.get(name).map_or("", String::as_str)
    }

    /// A fact that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.fact(name).parse().ok()
    }
}
