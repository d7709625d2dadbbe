//! The gRPC face: decode, call, encode.
//!
//! | room | owns |
//! |---|---|
//! | `auth`, `admin`, `batch` | one thin file a service |
//! | `gate`, `scopes` | who may call at all: tokens, keys, and what they suffice for |
//! | `origin` | where a call comes from |
//! | `calls` | each call's id, and how it ended |
//! | `health` | whether the server should be sent work |
//! | `deadline` | how long a call may take |
//! | `stream`, `live_system` | what live streams have in common, and the live status of the system |
//! | `convert` | messages ↔ domain |
//! | `status` | the only map from refusals to statuses |
//!
//! Invariants: every service of ours stands behind the gate; health and reflection stand beside it; no message is
//! larger than [`MESSAGE_BYTES`]. Requests are never printed: some carry passwords.
//!
//! Not here: rules (`service`), sockets and TLS (`transport`).

pub mod admin;
pub mod auth;
pub mod batch;
pub mod calls;
pub mod convert;
pub mod deadline;
pub mod gate;
pub mod health;
mod live_system;
pub mod origin;
pub mod scopes;
pub mod status;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use vision_batch::v1::admin_service_server::AdminServiceServer;
use vision_batch::v1::auth_service_server::AuthServiceServer;
use vision_batch::v1::batch_service_server::{BatchService, BatchServiceServer};

use crate::service::accounts::Accounts;
use crate::service::admin::Admin;
use admin::AdminRpc;
use auth::AuthRpc;
use gate::Gate;
use origin::TrustedProxies;

/// Largest message, each way: the contract's.
pub const MESSAGE_BYTES: usize = 1 << 20;

/// What the face calls.
#[derive(Clone)]
pub struct Services {
    /// Signing in.
    pub accounts: Arc<Accounts>,
    /// Administration.
    pub admin: Arc<Admin>,
    /// Says SERVING, until the server drains.
    pub health: HealthReporter,
    /// Whose word on a caller's address is taken.
    pub proxies: TrustedProxies,
    /// Cancelled when the server ends: calls are refused and streams told.
    pub shutdown: CancellationToken,
}

/// All services, `batches` among them.
///
/// # Errors
///
/// When the contract's descriptors do not read, which a build cannot produce.
pub fn routes<B: BatchService>(
    services: &Services,
    batches: B,
) -> Result<Routes, tonic_reflection::server::Error> {
    let accounts = &services.accounts;
    let auth = AuthServiceServer::new(AuthRpc::new(Arc::clone(accounts)))
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES);
    let admin = AdminServiceServer::new(AdminRpc::new(
        Arc::clone(&services.admin),
        Arc::clone(accounts),
        services.shutdown.clone(),
    ))
    .max_decoding_message_size(MESSAGE_BYTES)
    .max_encoding_message_size(MESSAGE_BYTES);
    let batches = BatchServiceServer::new(batches)
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES);
    macro_rules! gated {
        ($service:ident) => {
            Gate::before($service, services)
        };
    }
    let health = HealthService::from_health_reporter(services.health.clone());
    Ok(Routes::default()
        .add_service(gated!(auth))
        .add_service(gated!(admin))
        .add_service(gated!(batches))
        .add_service(HealthServer::new(health))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(vision_batch::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // The details of errors, so that clients without them at hand can read them.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

/// Deadlines of all services.
pub fn deadlines(cap: std::time::Duration) -> deadline::Deadlines {
    deadline::Deadlines::new(
        cap,
        &[
            vision_batch::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ],
    )
}
