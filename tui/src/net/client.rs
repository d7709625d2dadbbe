//! Owns [`Client`]: one channel, one session, and one method a call of the contract, each with its deadline.
//!
//! A method for a stream or a transfer is in [`super::live`], [`super::upload`] and [`super::download`].

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;
use vision_batch::v1::auth_service_client::AuthServiceClient;
use vision_batch::v1::batch_service_client::BatchServiceClient;

use super::address::Address;
use super::error::NetError;
use super::session::{Bearer, Session, timestamp};
use super::tls::Connector;
use super::trust::Trust;

/// How long connecting may take.
pub(crate) const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long an answer may take that only needs a look into the store.
const READ_DEADLINE: Duration = Duration::from_secs(10);
/// How long an answer may take that waits for a commit, a password hash or the upstream.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How often a connection that is silent is asked whether it still lives, and how long it may take to say so.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// A connection to one server, made when first needed and again after each break. Clones share connection and session.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    bearer: Bearer,
}

pub(crate) type Authenticated = InterceptedService<Channel, Bearer>;

impl Client {
    /// A client of the server at this address. Nothing is sent yet: the first call connects.
    ///
    /// # Errors
    /// When the channel cannot be made of the address.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect(address: &Address) -> Result<Self, NetError> {
        Self::connect_trusting(address, &Trust::default())
    }

    /// The same, of a server whose certificate is accepted when this trust says so.
    ///
    /// # Errors
    /// When the channel cannot be made of the address.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_trusting(address: &Address, trust: &Trust) -> Result<Self, NetError> {
        let endpoint = Endpoint::from_shared(address.as_str().to_owned())
            .and_then(|endpoint| endpoint.user_agent(concat!("vbatch/", env!("CARGO_PKG_VERSION"))))
            .map_err(|error| NetError::address(format!("{address}: {error}")))?
            .connect_timeout(CONNECT_DEADLINE)
            .http2_keep_alive_interval(KEEP_ALIVE.0)
            .keep_alive_timeout(KEEP_ALIVE.1)
            .http2_adaptive_window(true);
        let channel = if address.is_encrypted() {
            endpoint.connect_with_connector_lazy(Connector::new(address, trust)?)
        } else {
            endpoint.connect_lazy()
        };
        Ok(Self::from_channel(channel))
    }

    /// A client on a channel that is there already, for example one within the same process.
    #[must_use]
    pub fn from_channel(channel: Channel) -> Self {
        Self {
            channel,
            bearer: Bearer::default(),
        }
    }

    /// The same client with a token given by hand. See [`Session::of_token`].
    #[must_use]
    pub fn with_token(self, token: impl Into<String>) -> Self {
        self.with_session(Session::of_token(token))
    }

    /// The same client with a session that was kept.
    #[must_use]
    pub fn with_session(self, session: Session) -> Self {
        self.bearer.set(Some(session));
        self
    }

    /// The session calls are made with now; absent when nobody is signed in.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        self.bearer.get()
    }

    /// Forgets the session.
    pub fn sign_out(&self) {
        self.bearer.set(None);
    }

    /// Signs in and carries the new token from now on.
    ///
    /// # Errors
    /// `CREDENTIALS_INVALID`, `SIGN_IN_THROTTLED`, or the network.
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
    ) -> Result<v1::LoginResponse, NetError> {
        // Without the token of whoever was signed in before.
        let mut client = AuthServiceClient::new(self.channel.clone());
        let request = deadline(
            v1::LoginRequest {
                username: username.to_owned(),
                password: password.to_owned(),
            },
            WRITE_DEADLINE,
        );
        let response = within(WRITE_DEADLINE, client.login(request)).await?;
        let name = response.user.as_ref().map(|user| user.username.clone());
        self.keep(
            &response.access_token,
            name.unwrap_or_else(|| username.to_owned()),
            response.expire_time.as_ref(),
            response.renewable_until_time.as_ref(),
        );
        Ok(response)
    }

    /// Sets another password and carries the new token from now on.
    ///
    /// # Errors
    /// `CREDENTIALS_INVALID`, `PASSWORD_TOO_WEAK`, or the network.
    pub async fn change_password(
        &self,
        current: &str,
        new: &str,
    ) -> Result<v1::ChangePasswordResponse, NetError> {
        let request = deadline(
            v1::ChangePasswordRequest {
                current_password: current.to_owned(),
                new_password: new.to_owned(),
            },
            WRITE_DEADLINE,
        );
        let response = within(WRITE_DEADLINE, self.auth().change_password(request)).await?;
        let name = response.user.as_ref().map(|user| user.username.clone());
        self.keep(
            &response.access_token,
            name.unwrap_or_default(),
            response.expire_time.as_ref(),
            response.renewable_until_time.as_ref(),
        );
        Ok(response)
    }

    /// Exchanges the token for a fresh one and carries that from now on.
    ///
    /// # Errors
    /// When the token has ended already, or the network.
    pub async fn renew(&self) -> Result<Session, NetError> {
        let request = deadline(v1::RenewTokenRequest {}, READ_DEADLINE);
        let response = within(READ_DEADLINE, self.auth().renew_token(request)).await?;
        let name = self.session().map(|session| session.username);
        Ok(self.keep(
            &response.access_token,
            name.unwrap_or_default(),
            response.expire_time.as_ref(),
            response.renewable_until_time.as_ref(),
        ))
    }

    fn keep(
        &self,
        token: &str,
        username: String,
        expire_time: Option<&prost_types::Timestamp>,
        renewable_until_time: Option<&prost_types::Timestamp>,
    ) -> Session {
        let session = Session {
            access_token: token.to_owned(),
            username,
            obtain_time: Timestamp::now(),
            expire_time: expire_time.and_then(timestamp),
            renewable_until_time: renewable_until_time.and_then(timestamp),
        };
        self.bearer.set(Some(session.clone()));
        session
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Authenticated> {
        AuthServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn batches(&self) -> BatchServiceClient<Authenticated> {
        BatchServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Authenticated> {
        AdminServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("session", &self.session())
            .finish_non_exhaustive()
    }
}

/// One method a unary call: which service, which deadline.
macro_rules! calls {
    ($($service:ident . $call:ident ($request:ident) -> $response:ident, $deadline:ident;)*) => {
        impl Client {
            $(
                #[doc = concat!(
                    "Calls the contract's `", stringify!($call), "`.\n\n# Errors\n",
                    "The server's refusal, or the network. The contract names the reasons."
                )]
                pub async fn $call(&self, request: v1::$request) -> Result<v1::$response, NetError> {
                    let request = deadline(request, $deadline);
                    within($deadline, self.$service().$call(request)).await
                }
            )*
        }
    };
}

calls! {
    auth.get_profile(GetProfileRequest) -> GetProfileResponse, READ_DEADLINE;
    auth.create_api_key(CreateApiKeyRequest) -> CreateApiKeyResponse, WRITE_DEADLINE;
    auth.list_api_keys(ListApiKeysRequest) -> ListApiKeysResponse, READ_DEADLINE;
    auth.revoke_api_key(RevokeApiKeyRequest) -> RevokeApiKeyResponse, WRITE_DEADLINE;
    auth.add_ssh_key(AddSshKeyRequest) -> AddSshKeyResponse, WRITE_DEADLINE;
    auth.list_ssh_keys(ListSshKeysRequest) -> ListSshKeysResponse, READ_DEADLINE;
    auth.remove_ssh_key(RemoveSshKeyRequest) -> RemoveSshKeyResponse, WRITE_DEADLINE;
    batches.get_service_info(GetServiceInfoRequest) -> GetServiceInfoResponse, READ_DEADLINE;
    batches.quote_batch(QuoteBatchRequest) -> QuoteBatchResponse, READ_DEADLINE;
    batches.rerun_batch(RerunBatchRequest) -> RerunBatchResponse, WRITE_DEADLINE;
    batches.list_batches(ListBatchesRequest) -> ListBatchesResponse, READ_DEADLINE;
    batches.get_batch(GetBatchRequest) -> GetBatchResponse, READ_DEADLINE;
    batches.list_items(ListItemsRequest) -> ListItemsResponse, READ_DEADLINE;
    batches.get_item(GetItemRequest) -> GetItemResponse, READ_DEADLINE;
    batches.cancel_batch(CancelBatchRequest) -> CancelBatchResponse, WRITE_DEADLINE;
    batches.delete_batch(DeleteBatchRequest) -> DeleteBatchResponse, WRITE_DEADLINE;
    batches.cancel_items(CancelItemsRequest) -> CancelItemsResponse, WRITE_DEADLINE;
    batches.retry_items(RetryItemsRequest) -> RetryItemsResponse, WRITE_DEADLINE;
    admin.list_users(ListUsersRequest) -> ListUsersResponse, READ_DEADLINE;
    admin.create_user(CreateUserRequest) -> CreateUserResponse, WRITE_DEADLINE;
    admin.update_user(UpdateUserRequest) -> UpdateUserResponse, WRITE_DEADLINE;
    admin.reset_password(ResetPasswordRequest) -> ResetPasswordResponse, WRITE_DEADLINE;
    admin.set_credits(SetCreditsRequest) -> SetCreditsResponse, WRITE_DEADLINE;
    admin.adjust_credits(AdjustCreditsRequest) -> AdjustCreditsResponse, WRITE_DEADLINE;
    admin.list_ledger_entries(ListLedgerEntriesRequest) -> ListLedgerEntriesResponse, READ_DEADLINE;
    admin.get_system_status(GetSystemStatusRequest) -> GetSystemStatusResponse, READ_DEADLINE;
    admin.set_dispatch(SetDispatchRequest) -> SetDispatchResponse, WRITE_DEADLINE;
    admin.list_audit_events(ListAuditEventsRequest) -> ListAuditEventsResponse, READ_DEADLINE;
    admin.update_upstream_token(UpdateUpstreamTokenRequest) -> UpdateUpstreamTokenResponse, WRITE_DEADLINE;
}

/// A request that tells the server how long its answer is waited for.
fn deadline<T>(message: T, limit: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

/// Waits for an answer, but not for ever; for streams, for the beginning of the answer.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, NetError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_) => Err(NetError::timed_out(format!(
            "The server did not answer within {} s.",
            limit.as_secs()
        ))),
    }
}
