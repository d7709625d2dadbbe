//! API keys, as the contract says them.

use vision_batch::v1;

use super::{optional_id, read_time, time};
use crate::domain::key::{ApiKey, Scope, SshKey};
use crate::service::accounts::keys::KeyRequest;
use crate::service::error::ServiceError;

/// A key, without its secret.
pub fn api_key(key: ApiKey) -> v1::ApiKey {
    v1::ApiKey {
        id: key.id.to_string(),
        user_id: key.user.to_string(),
        name: key.name,
        secret_prefix: key.prefix,
        scopes: key.scopes.into_iter().map(|it| scope(it).into()).collect(),
        create_time: Some(time(key.create_time)),
        expire_time: key.expire_time.map(time),
        last_used_time: key.last_used_time.map(time),
    }
}

/// An SSH key.
pub fn ssh_key(key: SshKey) -> v1::SshKey {
    v1::SshKey {
        id: key.id.to_string(),
        user_id: key.user.to_string(),
        name: key.name,
        algorithm: key.algorithm,
        fingerprint: key.fingerprint,
        create_time: Some(time(key.create_time)),
        last_used_time: key.last_used_time.map(time),
    }
}

fn scope(scope: Scope) -> v1::api_key::Scope {
    match scope {
        Scope::Read => v1::api_key::Scope::Read,
        Scope::Submit => v1::api_key::Scope::Submit,
        Scope::Admin => v1::api_key::Scope::Admin,
    }
}

/// The key that a request asks for.
///
/// # Errors
///
/// FIELD_INVALID.
pub fn read_request(request: v1::CreateApiKeyRequest) -> Result<KeyRequest, ServiceError> {
    use v1::api_key::Scope as Wire;
    let scopes = request
        .scopes
        .iter()
        .map(|number| match Wire::try_from(*number) {
            Ok(Wire::Read) => Ok(Scope::Read),
            Ok(Wire::Submit) => Ok(Scope::Submit),
            Ok(Wire::Admin) => Ok(Scope::Admin),
            Ok(Wire::Unspecified) | Err(_) => Err(ServiceError::field(
                "scopes",
                "A scope is READ, SUBMIT or ADMIN.",
            )),
        });
    Ok(KeyRequest {
        scopes: scopes.collect::<Result<_, _>>()?,
        expire_time: request
            .expire_time
            .map(|time| read_time("expire_time", time))
            .transpose()?,
        user: optional_id("user_id", &request.user_id)?,
        name: request.name,
    })
}
