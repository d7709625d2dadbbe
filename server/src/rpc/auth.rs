//! AuthService: decode, call, encode.

use std::net::IpAddr;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tonic::{Request, Response, Status};
use vision_batch::v1::auth_service_server::AuthService;
use vision_batch::v1::{
    AddSshKeyRequest, AddSshKeyResponse, ChangePasswordRequest, ChangePasswordResponse,
    CreateApiKeyRequest, CreateApiKeyResponse, GetProfileRequest, GetProfileResponse,
    ListApiKeysRequest, ListApiKeysResponse, ListSshKeysRequest, ListSshKeysResponse, LoginRequest,
    LoginResponse, RemoveSshKeyRequest, RemoveSshKeyResponse, RenewTokenRequest,
    RenewTokenResponse, RevokeApiKeyRequest, RevokeApiKeyResponse,
};

use super::convert::user::{token, user};
use super::convert::{id, key, optional_id};
use super::gate;
use super::origin::Origin;
use crate::service::accounts::Accounts;

/// The service on an [`Accounts`].
pub struct AuthRpc {
    accounts: Arc<Accounts>,
}

impl AuthRpc {
    /// The service on these accounts.
    pub fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts }
    }
}

/// Where a call comes from; absent within one process.
fn address<T>(request: &Request<T>) -> Option<IpAddr> {
    request
        .extensions()
        .get::<Origin>()
        .and_then(|origin| origin.0)
}

#[tonic::async_trait]
impl AuthService for AuthRpc {
    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let address = address(&request);
        let LoginRequest { username, password } = request.into_inner();
        let password = SecretString::from(password);
        let signed_in = self.accounts.login(&username, password, address).await?;
        let (access_token, expire_time, renewable_until_time) = token(&signed_in.issued);
        Ok(Response::new(LoginResponse {
            access_token,
            expire_time: Some(expire_time),
            renewable_until_time: Some(renewable_until_time),
            password_change_required: signed_in.user.password_change_required,
            user: Some(user(signed_in.user, self.accounts.sessions())),
        }))
    }

    async fn renew_token(
        &self,
        request: Request<RenewTokenRequest>,
    ) -> Result<Response<RenewTokenResponse>, Status> {
        let issued = self.accounts.renew(&gate::session(&request)?)?;
        let (access_token, expire_time, renewable_until_time) = token(&issued);
        Ok(Response::new(RenewTokenResponse {
            access_token,
            expire_time: Some(expire_time),
            renewable_until_time: Some(renewable_until_time),
        }))
    }

    async fn get_profile(
        &self,
        request: Request<GetProfileRequest>,
    ) -> Result<Response<GetProfileResponse>, Status> {
        let profile = self.accounts.profile(&gate::caller(&request)?).await?;
        Ok(Response::new(GetProfileResponse {
            user: Some(user(profile, self.accounts.sessions())),
        }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let caller = gate::caller(&request)?;
        let address = address(&request);
        let ChangePasswordRequest {
            current_password,
            new_password,
        } = request.into_inner();
        let signed_in = self
            .accounts
            .change_password(
                &caller,
                current_password.into(),
                new_password.into(),
                address,
            )
            .await?;
        let (access_token, expire_time, renewable_until_time) = token(&signed_in.issued);
        Ok(Response::new(ChangePasswordResponse {
            access_token,
            expire_time: Some(expire_time),
            renewable_until_time: Some(renewable_until_time),
            user: Some(user(signed_in.user, self.accounts.sessions())),
        }))
    }

    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        let caller = gate::caller(&request)?;
        let wanted = key::read_request(request.into_inner())?;
        let (made, secret) = self.accounts.create_api_key(&caller, wanted).await?;
        Ok(Response::new(CreateApiKeyResponse {
            api_key: Some(key::api_key(made)),
            secret: secret.expose_secret().to_owned(),
        }))
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        let caller = gate::caller(&request)?;
        let request = request.into_inner();
        let user = optional_id("user_id", &request.user_id)?;
        let (keys, next_page_token) = self
            .accounts
            .list_api_keys(&caller, user, request.page_size, &request.page_token)
            .await?;
        Ok(Response::new(ListApiKeysResponse {
            api_keys: keys.into_iter().map(key::api_key).collect(),
            next_page_token,
        }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<RevokeApiKeyRequest>,
    ) -> Result<Response<RevokeApiKeyResponse>, Status> {
        let caller = gate::caller(&request)?;
        let request = request.into_inner();
        let user = optional_id("user_id", &request.user_id)?;
        let id = id("api_key_id", &request.api_key_id)?;
        self.accounts.revoke_api_key(&caller, id, user).await?;
        Ok(Response::new(RevokeApiKeyResponse {}))
    }

    async fn add_ssh_key(
        &self,
        request: Request<AddSshKeyRequest>,
    ) -> Result<Response<AddSshKeyResponse>, Status> {
        let caller = gate::caller(&request)?;
        let request = request.into_inner();
        let user = optional_id("user_id", &request.user_id)?;
        let added = self
            .accounts
            .add_ssh_key(&caller, &request.public_key, &request.name, user)
            .await?;
        Ok(Response::new(AddSshKeyResponse {
            ssh_key: Some(key::ssh_key(added)),
        }))
    }

    async fn list_ssh_keys(
        &self,
        request: Request<ListSshKeysRequest>,
    ) -> Result<Response<ListSshKeysResponse>, Status> {
        let caller = gate::caller(&request)?;
        let request = request.into_inner();
        let user = optional_id("user_id", &request.user_id)?;
        let (keys, next_page_token) = self
            .accounts
            .list_ssh_keys(&caller, user, request.page_size, &request.page_token)
            .await?;
        Ok(Response::new(ListSshKeysResponse {
            ssh_keys: keys.into_iter().map(key::ssh_key).collect(),
            next_page_token,
        }))
    }

    async fn remove_ssh_key(
        &self,
        request: Request<RemoveSshKeyRequest>,
    ) -> Result<Response<RemoveSshKeyResponse>, Status> {
        let caller = gate::caller(&request)?;
        let request = request.into_inner();
        let user = optional_id("user_id", &request.user_id)?;
        let id = id("ssh_key_id", &request.ssh_key_id)?;
        self.accounts.remove_ssh_key(&caller, id, user).await?;
        Ok(Response::new(RemoveSshKeyResponse {}))
    }
}
