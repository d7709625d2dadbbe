//! The server's side of the wire, below gRPC: who may connect, what encrypts, and what a connection may do.
//!
//! | room | owns |
//! |---|---|
//! | `certificate`, `own_certificate` | the certificate that is shown, its files, its fingerprint; one of our own making |
//! | `door`, `places` | taking connections, so many of everyone and of an address; the handshake in time |
//! | `within` | calls from within this process, over pipes in memory |
//! | `connection`, `frames`, `pings` | the bytes of a connection, the frames they are, and clients that ping too often |
//!
//! Invariants: a connection that is not admitted, or not finished with its handshakes in time, costs nothing but its
//! count; TLS is 1.2 or newer and speaks HTTP/2 alone; a private key is readable by its owner alone and never printed.
//!
//! Not here: calls (`rpc`), their deadlines (`rpc::deadline`), what an address stands for (`rpc::origin`).

pub mod certificate;
mod connection;
mod door;
mod frames;
mod own_certificate;
mod pings;
mod places;
#[cfg(test)]
mod tests;
pub mod within;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::config::network::NetworkLimits;
use crate::rpc;
use crate::rpc::calls::Calls;
use crate::rpc::origin::TrustedProxies;
use certificate::Certificate;
pub use places::{Places, Turned};

/// What connections are taken with.
pub struct Parts {
    /// Where they come in.
    pub listener: TcpListener,
    /// What they are shown; absent: nothing encrypts.
    pub certificate: Option<Arc<Certificate>>,
    /// What they may take.
    pub limits: NetworkLimits,
    /// How many there are.
    pub places: Places,
    /// Whose connections are not counted by address.
    pub proxies: TrustedProxies,
    /// Names every call and is told how it ended.
    pub calls: Calls,
}

/// Serves calls until `closing`, then lets those that run end, in a task of its own.
pub fn serve(
    parts: Parts,
    routes: Routes,
    closing: CancellationToken,
) -> JoinHandle<Result<(), tonic::transport::Error>> {
    let (limits, calls) = (parts.limits, parts.calls.clone());
    let connections = door::open(parts, closing.clone());
    tokio::spawn(
        tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(limits.keepalive))
            .http2_keepalive_timeout(Some(limits.keepalive_timeout))
            .http2_max_header_list_size(limits.header_bytes)
            .max_concurrent_streams(limits.streams_per_connection)
            .layer(calls)
            .layer(rpc::deadlines(limits.call_deadline))
            .add_routes(routes)
            .serve_with_incoming_shutdown(connections, closing.cancelled_owned()),
    )
}
