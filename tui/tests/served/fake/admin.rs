//! The service, live, as the fake plays it; nothing else of what admins do.

use tonic::{Request, Response, Status};
use vision_batch::v1;
use vision_batch::v1::admin_service_server::AdminService;

use super::{Events, Fake, Step, play};

#[tonic::async_trait]
impl AdminService for Fake {
    type WatchSystemStream = Events<v1::WatchSystemResponse>;

    async fn watch_system(
        &self,
        request: Request<v1::WatchSystemRequest>,
    ) -> Result<Response<Self::WatchSystemStream>, Status> {
        let mut script = self.gate(&request)?;
        let steps = script
            .streams
            .pop_front()
            .ok_or_else(|| Status::unavailable("no more streams"))?;
        Ok(Response::new(play(steps, |step| match step {
            Step::System(event) => Some(v1::WatchSystemResponse { event: Some(event) }),
            _ => None,
        })))
    }

    async fn list_users(
        &self,
        _: Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn create_user(
        &self,
        _: Request<v1::CreateUserRequest>,
    ) -> Result<Response<v1::CreateUserResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn update_user(
        &self,
        _: Request<v1::UpdateUserRequest>,
    ) -> Result<Response<v1::UpdateUserResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn reset_password(
        &self,
        _: Request<v1::ResetPasswordRequest>,
    ) -> Result<Response<v1::ResetPasswordResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn set_credits(
        &self,
        _: Request<v1::SetCreditsRequest>,
    ) -> Result<Response<v1::SetCreditsResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn adjust_credits(
        &self,
        _: Request<v1::AdjustCreditsRequest>,
    ) -> Result<Response<v1::AdjustCreditsResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn list_ledger_entries(
        &self,
        _: Request<v1::ListLedgerEntriesRequest>,
    ) -> Result<Response<v1::ListLedgerEntriesResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn get_system_status(
        &self,
        _: Request<v1::GetSystemStatusRequest>,
    ) -> Result<Response<v1::GetSystemStatusResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn set_dispatch(
        &self,
        _: Request<v1::SetDispatchRequest>,
    ) -> Result<Response<v1::SetDispatchResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn update_upstream_token(
        &self,
        _: Request<v1::UpdateUpstreamTokenRequest>,
    ) -> Result<Response<v1::UpdateUpstreamTokenResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn list_audit_events(
        &self,
        _: Request<v1::ListAuditEventsRequest>,
    ) -> Result<Response<v1::ListAuditEventsResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }
}
