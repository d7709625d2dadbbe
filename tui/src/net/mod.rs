//! Owns everything between this program and a server: the channel, the token, deadlines, streams that come back
//! after a break, uploads and downloads that go on where they broke off. The only place that names tonic.
//!
//! Invariants: every call but a stream or a transfer has a deadline; a stream or a transfer that stands still is
//! taken for dead after a while; memory does not grow with the sizes of files; a call that spends credits is only
//! ever sent again under the same `request_id`; a token is in no message and no log.
//!
//! Not here: what the operator sees ([`crate::state`]), drawing, where a session is kept ([`crate::credentials`]),
//! and the local disk ([`crate::files`]).

pub mod address;
mod backoff;
pub mod client;
pub mod download;
pub mod effects;
pub mod error;
pub mod fingerprint;
pub mod live;
pub mod session;
pub mod tls;
pub mod trust;
pub mod upload;

pub use client::Client;
pub use effects::Network;
pub use error::NetError;
pub use fingerprint::Fingerprint;
pub use session::Session;
pub use trust::Trust;
