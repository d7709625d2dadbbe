//! Sessions as the fake gives them.

use tonic::{Code, Request, Response, Status};
use vision_batch::v1;
use vision_batch::v1::auth_service_server::AuthService;

use super::{Fake, refusal, seconds_from_now};

#[tonic::async_trait]
impl AuthService for Fake {
    async fn login(
        &self,
        request: Request<v1::LoginRequest>,
    ) -> Result<Response<v1::LoginResponse>, Status> {
        let mut script = self.gate(&request)?;
        let request = request.into_inner();
        script.passwords.push(request.password.clone());
        if request.password != "right" {
            return Err(refusal(Code::Unauthenticated, "CREDENTIALS_INVALID", &[]));
        }
        Ok(Response::new(v1::LoginResponse {
            access_token: "token-of-login".into(),
            expire_time: seconds_from_now(script.token_life),
            renewable_until_time: seconds_from_now(1_000_000),
            user: Some(v1::User {
                username: request.username,
                ..v1::User::default()
            }),
            password_change_required: script.password_due,
        }))
    }

    async fn change_password(
        &self,
        request: Request<v1::ChangePasswordRequest>,
    ) -> Result<Response<v1::ChangePasswordResponse>, Status> {
        let mut script = self.gate(&request)?;
        script.passwords.push(request.into_inner().new_password);
        script.password_due = false;
        Ok(Response::new(v1::ChangePasswordResponse {
            access_token: "token-of-change".into(),
            expire_time: seconds_from_now(3_600),
            renewable_until_time: seconds_from_now(1_000_000),
            user: Some(v1::User {
                username: "wang".into(),
                ..v1::User::default()
            }),
        }))
    }

    async fn renew_token(
        &self,
        request: Request<v1::RenewTokenRequest>,
    ) -> Result<Response<v1::RenewTokenResponse>, Status> {
        let mut script = self.gate(&request)?;
        script.renewals += 1;
        Ok(Response::new(v1::RenewTokenResponse {
            access_token: format!("token-of-renewal-{}", script.renewals),
            expire_time: seconds_from_now(3_600),
            renewable_until_time: seconds_from_now(1_000_000),
        }))
    }

    async fn get_profile(
        &self,
        request: Request<v1::GetProfileRequest>,
    ) -> Result<Response<v1::GetProfileResponse>, Status> {
        drop(self.gate(&request)?);
        Ok(Response::new(v1::GetProfileResponse {
            user: Some(v1::User {
                username: "wang".into(),
                credit_balance: 42,
                ..v1::User::default()
            }),
        }))
    }

    async fn create_api_key(
        &self,
        _: Request<v1::CreateApiKeyRequest>,
    ) -> Result<Response<v1::CreateApiKeyResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn list_api_keys(
        &self,
        _: Request<v1::ListApiKeysRequest>,
    ) -> Result<Response<v1::ListApiKeysResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn revoke_api_key(
        &self,
        _: Request<v1::RevokeApiKeyRequest>,
    ) -> Result<Response<v1::RevokeApiKeyResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn add_ssh_key(
        &self,
        _: Request<v1::AddSshKeyRequest>,
    ) -> Result<Response<v1::AddSshKeyResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn list_ssh_keys(
        &self,
        _: Request<v1::ListSshKeysRequest>,
    ) -> Result<Response<v1::ListSshKeysResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn remove_ssh_key(
        &self,
        _: Request<v1::RemoveSshKeyRequest>,
    ) -> Result<Response<v1::RemoveSshKeyResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }
}
