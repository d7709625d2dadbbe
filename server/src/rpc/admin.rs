//! AdminService: decode, call, encode.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use vision_batch::v1::admin_service_server::AdminService;
use vision_batch::v1::{
    AdjustCreditsRequest, AdjustCreditsResponse, CreateUserRequest, CreateUserResponse,
    GetSystemStatusRequest, GetSystemStatusResponse, ListAuditEventsRequest,
    ListAuditEventsResponse, ListLedgerEntriesRequest, ListLedgerEntriesResponse, ListUsersRequest,
    ListUsersResponse, ResetPasswordRequest, ResetPasswordResponse, SetCreditsRequest,
    SetCreditsResponse, SetDispatchRequest, SetDispatchResponse, UpdateUpstreamTokenRequest,
    UpdateUpstreamTokenResponse, UpdateUserRequest, UpdateUserResponse, WatchSystemRequest,
    WatchSystemResponse,
};

use super::convert::{audit, id, ledger, optional_id, system, time, user};
use super::live_system::LiveSystem;
use super::{gate, stream};
use crate::service::Caller;
use crate::service::accounts::Accounts;
use crate::service::admin::users::NewUser;
use crate::service::admin::{Admin, require_admin};

/// The service on an [`Admin`].
pub struct AdminRpc {
    admin: Arc<Admin>,
    accounts: Arc<Accounts>,
    shutdown: CancellationToken,
}

impl AdminRpc {
    /// The service on this administration; `shutdown` ends its streams with SHUTTING_DOWN.
    pub fn new(admin: Arc<Admin>, accounts: Arc<Accounts>, shutdown: CancellationToken) -> Self {
        Self {
            admin,
            accounts,
            shutdown,
        }
    }
}

/// The admin who calls: asked before anything of the request is read.
fn admin<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = gate::caller(request)?;
    require_admin(&caller)?;
    Ok(caller)
}

#[tonic::async_trait]
impl AdminService for AdminRpc {
    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let caller = admin(&request)?;
        let request = request.into_inner();
        let (users, next_page_token) = self
            .admin
            .list_users(
                &caller,
                &request.text,
                request.page_size,
                &request.page_token,
            )
            .await?;
        let sessions = self.accounts.sessions();
        let users = users.into_iter().map(|found| user::user(found, sessions));
        Ok(Response::new(ListUsersResponse {
            users: users.collect(),
            next_page_token,
        }))
    }

    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let caller = admin(&request)?;
        let request = request.into_inner();
        let new = NewUser {
            username: request.username,
            display_name: request.display_name,
            role: user::read_role("role", request.role)?,
            credits: request.credits,
            language: request.language,
            password: request.password.map(SecretString::from),
        };
        let made = self.admin.create_user(&caller, new).await?;
        let (one_time_password, expire_time) = made.one_time_password.unzip();
        Ok(Response::new(CreateUserResponse {
            user: Some(user::user(made.user, self.accounts.sessions())),
            one_time_password: one_time_password
                .map(|password| password.expose_secret().to_owned())
                .unwrap_or_default(),
            one_time_password_expire_time: expire_time.map(time),
        }))
    }

    async fn update_user(
        &self,
        request: Request<UpdateUserRequest>,
    ) -> Result<Response<UpdateUserResponse>, Status> {
        let caller = admin(&request)?;
        let edit = user::read_edit(request.into_inner())?;
        let changed = self.admin.update_user(&caller, edit).await?;
        Ok(Response::new(UpdateUserResponse {
            user: Some(user::user(changed, self.accounts.sessions())),
        }))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        let caller = admin(&request)?;
        let id = id("user_id", &request.into_inner().user_id)?;
        let made = self.admin.reset_password(&caller, id).await?;
        Ok(Response::new(ResetPasswordResponse {
            user: Some(user::user(made.user, self.accounts.sessions())),
            one_time_password: made.password.expose_secret().to_owned(),
            one_time_password_expire_time: Some(time(made.expire_time)),
        }))
    }

    async fn set_credits(
        &self,
        request: Request<SetCreditsRequest>,
    ) -> Result<Response<SetCreditsResponse>, Status> {
        let caller = admin(&request)?;
        let request = request.into_inner();
        let (changed, entry) = self
            .admin
            .set_credits(
                &caller,
                id("user_id", &request.user_id)?,
                request.credits,
                request.expected_balance,
                request.note,
            )
            .await?;
        let username = changed.username.clone();
        Ok(Response::new(SetCreditsResponse {
            user: Some(user::user(changed, self.accounts.sessions())),
            entry: entry.map(|entry| ledger::entry(entry, username)),
        }))
    }

    async fn adjust_credits(
        &self,
        request: Request<AdjustCreditsRequest>,
    ) -> Result<Response<AdjustCreditsResponse>, Status> {
        let caller = admin(&request)?;
        let request = request.into_inner();
        let (changed, entry) = self
            .admin
            .adjust_credits(
                &caller,
                id("user_id", &request.user_id)?,
                request.delta,
                request.note,
                optional_id("request_id", &request.request_id)?,
            )
            .await?;
        let username = changed.username.clone();
        Ok(Response::new(AdjustCreditsResponse {
            user: Some(user::user(changed, self.accounts.sessions())),
            entry: Some(ledger::entry(entry, username)),
        }))
    }

    async fn list_ledger_entries(
        &self,
        request: Request<ListLedgerEntriesRequest>,
    ) -> Result<Response<ListLedgerEntriesResponse>, Status> {
        let caller = admin(&request)?;
        let request = request.into_inner();
        let filter = ledger::read_filter(&request, &caller)?;
        let (lines, next_page_token) = self
            .admin
            .list_ledger_entries(&caller, &filter, request.page_size, &request.page_token)
            .await?;
        Ok(Response::new(ListLedgerEntriesResponse {
            entries: lines.into_iter().map(ledger::line).collect(),
            next_page_token,
        }))
    }

    async fn get_system_status(
        &self,
        request: Request<GetSystemStatusRequest>,
    ) -> Result<Response<GetSystemStatusResponse>, Status> {
        let report = self.admin.system_status(&admin(&request)?).await?;
        Ok(Response::new(GetSystemStatusResponse {
            status: Some(system::system_status(report)),
        }))
    }

    type WatchSystemStream =
        Pin<Box<dyn Stream<Item = Result<WatchSystemResponse, Status>> + Send>>;

    async fn watch_system(
        &self,
        request: Request<WatchSystemRequest>,
    ) -> Result<Response<Self::WatchSystemStream>, Status> {
        let caller = admin(&request)?;
        let open = self.accounts.open_stream(gate::session(&request)?)?;
        let ended = stream::end(open, self.shutdown.clone());
        let admin = Arc::clone(&self.admin);
        let live = LiveSystem::open(admin, caller, request.into_inner(), ended)?;
        Ok(Response::new(Box::pin(live.into_stream())))
    }

    async fn set_dispatch(
        &self,
        request: Request<SetDispatchRequest>,
    ) -> Result<Response<SetDispatchResponse>, Status> {
        let caller = admin(&request)?;
        let request = request.into_inner();
        let state = request
            .state
            .map(|state| system::read_dispatch_state("state", state))
            .transpose()?;
        let settings = self
            .admin
            .set_dispatch(&caller, state, request.concurrency)
            .await?;
        Ok(Response::new(SetDispatchResponse {
            dispatch: Some(system::dispatch(&settings)),
        }))
    }

    async fn update_upstream_token(
        &self,
        request: Request<UpdateUpstreamTokenRequest>,
    ) -> Result<Response<UpdateUpstreamTokenResponse>, Status> {
        let caller = admin(&request)?;
        let UpdateUpstreamTokenRequest { token, force } = request.into_inner();
        let update = self
            .admin
            .update_upstream_token(&caller, token.into(), force)
            .await?;
        Ok(Response::new(system::token_update(update)))
    }

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        let caller = admin(&request)?;
        let request = request.into_inner();
        let filter = audit::read_filter(&request)?;
        let (events, next_page_token) = self
            .admin
            .list_audit_events(&caller, &filter, request.page_size, &request.page_token)
            .await?;
        Ok(Response::new(ListAuditEventsResponse {
            events: events.into_iter().map(audit::event).collect(),
            next_page_token,
        }))
    }
}
