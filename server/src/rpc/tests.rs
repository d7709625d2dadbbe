//! The face as clients meet it: real clients on the routes, without a socket between.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use prost::Message;
use prost_types::FileDescriptorSet;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;
use vision_batch::v1::auth_service_client::AuthServiceClient;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::{
    ChangePasswordRequest, CreateUserRequest, GetProfileRequest, GetSystemStatusRequest,
    ListLedgerEntriesRequest, ListUsersRequest, LoginRequest, RenewTokenRequest,
};

mod administration;
mod keys;

use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::batch::EngineKind;
use crate::feed::engine_status::{EngineStatus, EngineStatuses, TokenState};
use crate::media::Media;
use crate::rpc::batch::BatchFace;
use crate::service::admin::Parts;
use crate::service::batches::Batches;
use crate::service::overview::Offer;
use crate::store::conformance::world::World;
use crate::store::redb::RedbStore;

const PASSWORD: &str = "correct horse";

/// The begin of an hour.
const START: i64 = 1_800_000_000;

/// A server without sockets: [`Routes`] is itself what a client calls.
async fn server() -> (Routes, TempDir) {
    let clock = Clock::simulated(Timestamp::from_second(START).unwrap(), 1);
    let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
    server_over(store, clock).await
}

async fn server_over(store: Arc<RedbStore>, clock: Clock) -> (Routes, TempDir) {
    server_until(store, clock, CancellationToken::new()).await
}

async fn server_until(
    store: Arc<RedbStore>,
    clock: Clock,
    shutdown: CancellationToken,
) -> (Routes, TempDir) {
    let feed = store.feed().clone();
    let accounts = Accounts::open(store.clone(), feed.clone(), clock.clone()).await;
    let accounts = Arc::new(accounts.unwrap());
    accounts.bootstrap(None).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = Config::default();
    let batches = Batches::new(
        store.clone(),
        Media::open(dir.path()).unwrap(),
        feed.clone(),
        clock.clone(),
        &config,
    );
    let face = BatchFace::new(batches, Arc::clone(&accounts), shutdown.clone());
    let admin = Admin::new(Parts {
        store,
        feed,
        accounts: Arc::clone(&accounts),
        upstream: None,
        offer: Offer::of(&config),
        instance: clock.instance_id(),
        start_time: clock.now(),
        data_dir: dir.path().to_path_buf(),
        clock,
    });
    let services = Services {
        accounts,
        admin: Arc::new(admin),
        health: HealthReporter::new(),
        proxies: TrustedProxies::default(),
        shutdown,
    };
    (routes(&services, face).unwrap(), dir)
}

/// A call with a token.
fn with<T>(token: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}

async fn login(server: &Routes, username: &str, password: &str) -> Result<String, Status> {
    let request = LoginRequest {
        username: username.to_owned(),
        password: password.to_owned(),
    };
    let answer = AuthServiceClient::new(server.clone())
        .login(request)
        .await?;
    Ok(answer.into_inner().access_token)
}

async fn change(server: &Routes, token: &str, from: &str, to: &str) -> Result<String, Status> {
    let request = ChangePasswordRequest {
        current_password: from.to_owned(),
        new_password: to.to_owned(),
    };
    let mut client = AuthServiceClient::new(server.clone());
    let answer = client.change_password(with(token, request)).await?;
    Ok(answer.into_inner().access_token)
}

/// The admin, past the first password.
async fn admin(server: &Routes) -> String {
    let first = login(server, "admin", "admin").await.unwrap();
    change(server, &first, "admin", PASSWORD).await.unwrap()
}

/// A user made by the admin, past the first password.
async fn user(server: &Routes, admin: &str, name: &str) -> String {
    made_user(server, admin, name).await.1
}

/// The same, and the user as it was made.
async fn made_user(server: &Routes, admin: &str, name: &str) -> (v1::User, String) {
    let request = CreateUserRequest {
        username: name.to_owned(),
        ..CreateUserRequest::default()
    };
    let mut client = AdminServiceClient::new(server.clone());
    let made = client.create_user(with(admin, request)).await.unwrap();
    let made = made.into_inner();
    let one_time = made.one_time_password;
    let first = login(server, name, &one_time).await.unwrap();
    let token = change(server, &first, &one_time, PASSWORD).await.unwrap();
    (made.user.unwrap(), token)
}

/// Every method of ours, as `/package.Service/Method`.
fn methods(service_name: &str) -> Vec<String> {
    let set = FileDescriptorSet::decode(vision_batch::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = Vec::new();
    for file in set.file {
        for service in file.service {
            if service.name() == service_name {
                let path = format!("/{}.{}", file.package.clone().unwrap(), service.name());
                let names = service.method.iter();
                methods.extend(names.map(|method| format!("{path}/{}", method.name())));
            }
        }
    }
    assert!(!methods.is_empty());
    methods
}

/// Calls a method with an empty message; how it was refused.
async fn refusal(server: &Routes, path: &str, token: Option<&str>) -> Status {
    let empty_message = bytes::Bytes::from_static(&[0; 5]);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = Body::new(Full::new(empty_message));
    let answer = server
        .clone()
        .oneshot(request.body(body).unwrap())
        .await
        .unwrap();
    let headers = answer.headers().clone();
    let trailers = answer
        .into_body()
        .collect()
        .await
        .unwrap()
        .trailers()
        .cloned();
    Status::from_header_map(&headers)
        .or_else(|| Status::from_header_map(&trailers.unwrap_or_default()))
        .unwrap_or_else(|| Status::ok(""))
}

#[tokio::test]
async fn nothing_but_login_is_answered_without_a_token() {
    let (server, _dir) = server().await;
    for service in ["AuthService", "AdminService", "BatchService"] {
        for path in methods(service) {
            let refused = refusal(&server, &path, None).await;
            if path.ends_with("/Login") {
                assert_eq!(reason(&refused), "CREDENTIALS_INVALID");
            } else {
                assert_eq!(refused.code(), Code::Unauthenticated, "{path}");
                assert_eq!(reason(&refused), "TOKEN_MISSING", "{path}");
            }
            let made_up = refusal(&server, &path, Some("made.up.token")).await;
            if !path.ends_with("/Login") {
                assert_eq!(reason(&made_up), "TOKEN_INVALID", "{path}");
            }
        }
    }
}

#[tokio::test]
async fn while_a_first_password_stands_it_can_be_changed_and_nothing_else() {
    let (server, _dir) = server().await;
    let token = login(&server, "admin", "admin").await.unwrap();
    for service in ["AuthService", "AdminService", "BatchService"] {
        for path in methods(service) {
            let refused = refusal(&server, &path, Some(&token)).await;
            let is_open = ["Login", "GetProfile", "ChangePassword"]
                .iter()
                .any(|method| path.ends_with(&format!("/{method}")));
            assert_eq!(
                reason(&refused) == "PASSWORD_CHANGE_REQUIRED",
                !is_open,
                "{path}"
            );
            if !is_open {
                assert_eq!(refused.code(), Code::FailedPrecondition);
            }
        }
    }
    let changed = change(&server, &token, "admin", PASSWORD).await.unwrap();
    let mut client = AuthServiceClient::new(server);
    let profile = client
        .get_profile(with(&changed, GetProfileRequest {}))
        .await
        .unwrap();
    let user = profile.into_inner().user.unwrap();
    assert!(!user.password_change_required);
    assert_eq!(
        (user.username.as_str(), user.credit_balance),
        ("admin", 9_999)
    );
    let old = client
        .get_profile(with(&token, GetProfileRequest {}))
        .await
        .unwrap_err();
    assert_eq!(reason(&old), "TOKEN_REVOKED");
}

#[tokio::test]
async fn administration_is_for_admins_alone() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let wang = user(&server, &admin, "wang").await;
    for path in methods("AdminService") {
        let refused = refusal(&server, &path, Some(&wang)).await;
        assert_eq!(refused.code(), Code::PermissionDenied, "{path}");
        assert_eq!(reason(&refused), "ADMIN_REQUIRED", "{path}");
    }
}

#[tokio::test]
async fn a_user_is_changed_by_mask_and_etag() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let wang = user(&server, &admin, "wang").await;
    let mut client = AdminServiceClient::new(server.clone());
    let list = with(&admin, v1::ListUsersRequest::default());
    let users = client.list_users(list).await.unwrap().into_inner().users;
    let [first, second] = users.try_into().unwrap();
    assert_eq!(
        (first.username.as_str(), second.username.as_str()),
        ("admin", "wang")
    );
    let mut update = async |user: v1::User, paths: &[&str]| {
        let request = v1::UpdateUserRequest {
            user: Some(user),
            update_mask: Some(prost_types::FieldMask {
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            }),
        };
        let answer = client.update_user(with(&admin, request)).await;
        answer.map(|answer| answer.into_inner().user.unwrap())
    };

    // Only what the mask names is changed.
    let edited = v1::User {
        display_name: "王芳".to_owned(),
        disabled: true,
        ..second.clone()
    };
    let named = update(edited.clone(), &["display_name"]).await.unwrap();
    assert_eq!(
        (named.display_name.as_str(), named.disabled),
        ("王芳", false)
    );
    let stale = update(edited.clone(), &["disabled"]).await.unwrap_err();
    assert_eq!(reason(&stale), "ETAG_MISMATCH");
    let any = v1::User {
        etag: String::new(),
        ..edited
    };
    assert!(update(any.clone(), &["disabled"]).await.unwrap().disabled);
    let ended = refusal(
        &server,
        "/visionbatch.v1.AuthService/GetProfile",
        Some(&wang),
    )
    .await;
    assert_eq!(reason(&ended), "TOKEN_REVOKED");

    for (paths, field) in [
        (&[][..], "update_mask"),
        (&["credit_balance"], "update_mask"),
        (&["role"], "user.role"),
    ] {
        let user = v1::User {
            role: 0,
            ..any.clone()
        };
        let refused = update(user, paths).await.unwrap_err();
        assert_eq!(reason(&refused), "FIELD_INVALID", "{field}");
    }
    let last = v1::User {
        disabled: true,
        etag: String::new(),
        ..first
    };
    let refused = update(last, &["disabled"]).await.unwrap_err();
    assert_eq!(reason(&refused), "LAST_ADMIN");
}

#[tokio::test]
async fn a_refusal_carries_reason_facts_and_field() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let mut client = AdminServiceClient::new(server.clone());
    let request = ListUsersRequest {
        page_size: -1,
        ..ListUsersRequest::default()
    };
    let refused = client.list_users(with(&admin, request)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "FIELD_INVALID")
    );
    let bad_request = refused.get_details_bad_request().unwrap();
    assert_eq!(bad_request.field_violations[0].field, "page_size");

    let request = ListLedgerEntriesRequest {
        user_id: "wang".to_owned(),
        ..ListLedgerEntriesRequest::default()
    };
    let refused = client
        .list_ledger_entries(with(&admin, request))
        .await
        .unwrap_err();
    assert_eq!(
        refused.get_details_error_info().unwrap().metadata["field"],
        "user_id"
    );

    for _ in 0..4 {
        let refused = login(&server, "admin", "wrong").await.unwrap_err();
        assert_eq!(reason(&refused), "CREDENTIALS_INVALID");
    }
    let _ = login(&server, "admin", "wrong").await;
    let throttled = login(&server, "admin", PASSWORD).await.unwrap_err();
    assert_eq!(throttled.code(), Code::ResourceExhausted);
    assert_eq!(reason(&throttled), "SIGN_IN_THROTTLED");
    assert!(
        throttled
            .get_details_retry_info()
            .unwrap()
            .retry_delay
            .is_some()
    );
}

#[tokio::test]
async fn a_token_is_renewed_the_ledger_read_and_the_system_seen() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let mut auth = AuthServiceClient::new(server.clone());
    let renewed = auth
        .renew_token(with(&admin, RenewTokenRequest {}))
        .await
        .unwrap();
    let admin = renewed.into_inner().access_token;
    let mut client = AdminServiceClient::new(server);

    let request = ListLedgerEntriesRequest::default();
    let own = client
        .list_ledger_entries(with(&admin, request))
        .await
        .unwrap();
    let own = own.into_inner().entries;
    assert_eq!(
        (own.len(), own[0].delta, own[0].username.as_str()),
        (1, 9_999, "admin")
    );

    let status = client
        .get_system_status(with(&admin, GetSystemStatusRequest {}))
        .await
        .unwrap();
    let status = status.into_inner().status.unwrap();
    assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(status.dispatch.unwrap().changed_by, "");
    let engines: Vec<_> = status
        .engines
        .iter()
        .map(|engine| engine.name.as_str())
        .collect();
    assert_eq!(engines, ["preview", "lightx2v"]);
    assert!(status.engines[0].is_default && !status.engines[1].is_default);
    assert!(status.upstream.is_none());
    // The token that was renewed is still good; the one before the password change is not.
    assert_eq!(status.sessions, 2);
    assert_eq!(status.expected_drain, None);
}

#[tokio::test(start_paused = true)]
async fn the_system_tells_what_ended_by_the_hour_and_when_the_rest_will_have() {
    let clock = Clock::simulated(Timestamp::from_second(START).unwrap(), 1);
    let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
    let feed = store.feed().clone();
    let world = World::new(store.clone(), feed.clone(), clock.clone());
    let (server, _dir) = server_over(store, clock).await;
    let admin = admin(&server).await;
    let user = world.user("wang", 100).await;
    world.batch(&user, 9, 1).await;
    world.complete(&world.claim(9).await.unwrap()).await;
    world.fail(&world.claim(9).await.unwrap()).await;
    world.claim(9).await.unwrap();
    let mut engine = EngineStatus::new(2, TokenState::Ok);
    engine.running = 1;
    engine.typical_run = Some(Duration::from_secs(90));
    let mut statuses = EngineStatuses::default();
    statuses.engines.insert(EngineKind::LightX2v, engine);
    feed.set_engines(statuses);

    let mut client = AdminServiceClient::new(server);
    let status = client
        .get_system_status(with(&admin, GetSystemStatusRequest {}))
        .await
        .unwrap();
    let status = status.into_inner().status.unwrap();
    // Six wait and one runs: four rounds in two slots.
    let drain = status.expected_drain.unwrap();
    assert_eq!((drain.seconds, drain.nanos), (4 * 90, 0));
    let hours: Vec<_> = status
        .throughput
        .iter()
        .map(|hour| {
            assert_eq!(hour.interval.unwrap().seconds, 3_600);
            (
                hour.start_time.unwrap().seconds,
                hour.completed,
                hour.failed,
            )
        })
        .collect();
    assert_eq!(hours.len(), 24);
    assert_eq!(hours[0], (START - 23 * 3_600, 0, 0));
    assert_eq!(hours[23], (START, 1, 1));
}

#[tokio::test]
async fn health_and_both_reflections_need_no_token() {
    let (server, _dir) = server().await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(server.clone());
    let request = tonic_health::pb::HealthCheckRequest::default();
    let answer = health.check(request).await.unwrap().into_inner();
    assert_eq!(
        answer.status(),
        tonic_health::pb::health_check_response::ServingStatus::Serving
    );

    macro_rules! services {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let ask = tonic_reflection::pb::$version::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::ListServices(String::new())),
            };
            let mut client = ServerReflectionClient::new(server.clone());
            let asked = client.server_reflection_info(tokio_stream::once(ask)).await;
            let answer = asked
                .unwrap()
                .into_inner()
                .message()
                .await
                .unwrap()
                .unwrap();
            let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
                panic!("another answer: {answer:?}");
            };
            let names = list.service.into_iter().map(|service| service.name);
            names.collect::<Vec<_>>()
        }};
    }
    for listed in [services!(v1), services!(v1alpha)] {
        for name in [
            "visionbatch.v1.AuthService",
            "visionbatch.v1.AdminService",
            "visionbatch.v1.BatchService",
            "grpc.health.v1.Health",
        ] {
            assert!(
                listed.iter().any(|service| service == name),
                "{name} in {listed:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_message_beyond_the_bound_is_not_read() {
    let (server, _dir) = server().await;
    let long = "x".repeat(MESSAGE_BYTES + 1);
    let refused = login(&server, "admin", &long).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
}

#[tokio::test]
async fn while_the_server_ends_nobody_gets_in() {
    let clock = Clock::simulated(Timestamp::from_second(START).unwrap(), 1);
    let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
    let shutdown = CancellationToken::new();
    let (server, _dir) = server_until(store, clock, shutdown.clone()).await;
    let token = login(&server, "admin", "admin").await.unwrap();
    shutdown.cancel();
    let refusals = [
        login(&server, "admin", "admin").await.unwrap_err(),
        change(&server, &token, "admin", PASSWORD)
            .await
            .unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.code(), Code::Unavailable);
        assert_eq!(reason(&refusal), "SHUTTING_DOWN");
    }
}
