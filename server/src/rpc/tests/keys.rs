//! API keys: what each scope suffices for, over every method, and their lives.

use vision_batch::v1::api_key::Scope;
use vision_batch::v1::{
    ApiKey, CreateApiKeyRequest, ListApiKeysRequest, RevokeApiKeyRequest, UpdateUserRequest,
    WatchBatchesRequest, watch_batches_response,
};

use super::*;

/// Methods a READ key suffices for.
const READING: [&str; 11] = [
    "AuthService/GetProfile",
    "BatchService/GetServiceInfo",
    "BatchService/QuoteBatch",
    "BatchService/ListBatches",
    "BatchService/GetBatch",
    "BatchService/ListItems",
    "BatchService/GetItem",
    "BatchService/BatchStatus",
    "BatchService/WatchBatches",
    "BatchService/DownloadFile",
    "BatchService/ExportBatch",
];

/// Methods that want SUBMIT.
const CHANGING: [&str; 6] = [
    "BatchService/CreateBatch",
    "BatchService/RerunBatch",
    "BatchService/CancelBatch",
    "BatchService/CancelItems",
    "BatchService/RetryItems",
    "BatchService/DeleteBatch",
];

async fn make(
    server: &Routes,
    token: &str,
    request: CreateApiKeyRequest,
) -> Result<(ApiKey, String), Status> {
    let mut client = AuthServiceClient::new(server.clone());
    let made = client.create_api_key(with(token, request)).await?;
    let made = made.into_inner();
    Ok((made.api_key.unwrap(), made.secret))
}

fn wanted(scopes: &[Scope]) -> CreateApiKeyRequest {
    CreateApiKeyRequest {
        name: "nightly".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
        ..CreateApiKeyRequest::default()
    }
}

async fn key(server: &Routes, token: &str, scopes: &[Scope]) -> String {
    make(server, token, wanted(scopes)).await.unwrap().1
}

async fn profile(server: &Routes, credential: &str) -> Result<v1::User, Status> {
    let request = with(credential, GetProfileRequest {});
    let answer = AuthServiceClient::new(server.clone())
        .get_profile(request)
        .await?;
    Ok(answer.into_inner().user.unwrap())
}

/// How the head of an answer refuses a call; a watch that was let in has no end to wait for.
async fn at_the_gate(server: &Routes, path: &str, key: &str) -> Status {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {key}"));
    let empty_message = bytes::Bytes::from_static(&[0; 5]);
    let request = request.body(Body::new(Full::new(empty_message))).unwrap();
    let answer = server.clone().oneshot(request).await.unwrap();
    Status::from_header_map(answer.headers()).unwrap_or_else(|| Status::ok(""))
}

#[tokio::test]
async fn each_scope_suffices_for_its_methods_and_no_other() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let wang = user(&server, &admin, "wang").await;
    let keys = [
        (Scope::Read, key(&server, &wang, &[Scope::Read]).await),
        (Scope::Submit, key(&server, &wang, &[Scope::Submit]).await),
        (Scope::Admin, key(&server, &admin, &[Scope::Admin]).await),
    ];
    let mut methods_walked = 0;
    for service in ["AuthService", "AdminService", "BatchService"] {
        for path in methods(service) {
            if path.ends_with("/Login") {
                continue;
            }
            methods_walked += 1;
            let short = path.trim_start_matches("/visionbatch.v1.");
            let needed = if READING.contains(&short) {
                Some(Scope::Read)
            } else if CHANGING.contains(&short) {
                Some(Scope::Submit)
            } else {
                (service == "AdminService").then_some(Scope::Admin)
            };
            for (scope, key) in &keys {
                let refused = at_the_gate(&server, &path, key).await;
                let suffices = needed.is_some_and(|needed| *scope >= needed);
                assert_eq!(
                    reason(&refused) != "KEY_SCOPE_INSUFFICIENT",
                    suffices,
                    "{scope:?} {path} {refused:?}"
                );
                if !suffices {
                    assert_eq!(refused.code(), Code::PermissionDenied);
                    let facts = refused.get_details_error_info().unwrap().metadata;
                    let name = needed.map_or("NONE", |scope| {
                        scope.as_str_name().trim_start_matches("SCOPE_")
                    });
                    assert_eq!(facts["scope"], name, "{path}");
                }
            }
        }
    }
    assert_eq!(methods_walked, scopes::rows());
}

#[tokio::test]
async fn a_key_is_shown_once_known_by_its_prefix_and_ended_at_once() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let wang = user(&server, &admin, "wang").await;
    let (made, secret) = make(
        &server,
        &wang,
        wanted(&[Scope::Submit, Scope::Read, Scope::Read]),
    )
    .await
    .unwrap();
    assert!(secret.starts_with("vbk_") && secret.starts_with(&made.secret_prefix));
    assert_eq!(
        made.scopes,
        [i32::from(Scope::Read), i32::from(Scope::Submit)]
    );
    assert_eq!(profile(&server, &secret).await.unwrap().username, "wang");
    for bad in ["vbk_", &secret[..40], &format!("vbk_{}", "a".repeat(40))] {
        let refused = profile(&server, bad).await.unwrap_err();
        assert_eq!(reason(&refused), "TOKEN_INVALID", "{bad}");
    }

    let mut client = AuthServiceClient::new(server.clone());
    let second = key(&server, &wang, &[Scope::Read]).await;
    let request = ListApiKeysRequest {
        page_size: 1,
        ..ListApiKeysRequest::default()
    };
    // The note of the use is on its way.
    tokio::task::yield_now().await;
    let page = client
        .list_api_keys(with(&wang, request.clone()))
        .await
        .unwrap()
        .into_inner();
    assert!(second.starts_with(&page.api_keys[0].secret_prefix));
    let rest = client
        .list_api_keys(with(
            &wang,
            ListApiKeysRequest {
                page_token: page.next_page_token,
                ..request
            },
        ))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(rest.api_keys[0].id, made.id);
    assert_eq!(rest.next_page_token, "");
    assert!(rest.api_keys[0].last_used_time.is_some());
    let user = profile(&server, &wang).await.unwrap();
    assert_eq!(user.last_sign_in_method(), v1::user::SignInMethod::ApiKey);

    // A stream that is open on it is told.
    let watch = WatchBatchesRequest::default();
    let mut stream = BatchServiceClient::new(server.clone())
        .watch_batches(with(&secret, watch))
        .await
        .unwrap()
        .into_inner();
    let revoke = RevokeApiKeyRequest {
        api_key_id: made.id,
        ..RevokeApiKeyRequest::default()
    };
    client
        .revoke_api_key(with(&wang, revoke.clone()))
        .await
        .unwrap();
    loop {
        if let Some(watch_batches_response::Event::End(end)) =
            stream.message().await.unwrap().unwrap().event
        {
            assert_eq!(end.reason(), v1::stream_end::Reason::TokenRevoked);
            break;
        }
    }
    let refused = profile(&server, &secret).await.unwrap_err();
    assert_eq!(reason(&refused), "TOKEN_INVALID");
    let refused = client
        .revoke_api_key(with(&wang, revoke))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "KEY_NOT_FOUND");
    assert!(profile(&server, &second).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_key_may_never_more_than_its_user() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let (wang_user, wang) = made_user(&server, &admin, "wang").await;
    let refused = make(&server, &wang, wanted(&[Scope::Admin])).await;
    let facts = refused.unwrap_err().get_details_error_info().unwrap();
    assert_eq!(
        (facts.reason.as_str(), facts.metadata["field"].as_str()),
        ("FIELD_INVALID", "scopes")
    );

    // An admin's key without the scope sees what a plain user sees.
    let reading = key(&server, &admin, &[Scope::Read]).await;
    let everyones = v1::ListBatchesRequest {
        owner_id: "-".to_owned(),
        ..v1::ListBatchesRequest::default()
    };
    let mut batches = BatchServiceClient::new(server.clone());
    let refused = batches
        .list_batches(with(&reading, everyones.clone()))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "ADMIN_REQUIRED");
    let full = key(&server, &admin, &[Scope::Admin]).await;
    batches.list_batches(with(&full, everyones)).await.unwrap();

    // Another's keys are an admin's matter.
    let others = CreateApiKeyRequest {
        user_id: wang_user.id.clone(),
        ..wanted(&[Scope::Submit])
    };
    let (made, secret) = make(&server, &admin, others.clone()).await.unwrap();
    assert_eq!(made.user_id, wang_user.id);
    assert_eq!(profile(&server, &secret).await.unwrap().username, "wang");
    let li = user(&server, &admin, "li").await;
    let refused = make(&server, &li, others).await.unwrap_err();
    assert_eq!(reason(&refused), "ADMIN_REQUIRED");

    // An admin who is one no more has no key for it either; a disabled user has none at all.
    let mut administration = AdminServiceClient::new(server.clone());
    let mut edit = async |user: v1::User, path: &str| {
        let request = UpdateUserRequest {
            user: Some(user),
            update_mask: Some(prost_types::FieldMask {
                paths: vec![path.to_owned()],
            }),
        };
        administration.update_user(with(&admin, request)).await
    };
    let promoted = v1::User {
        id: wang_user.id.clone(),
        role: v1::user::Role::Admin.into(),
        ..v1::User::default()
    };
    edit(promoted.clone(), "role").await.unwrap();
    let wang = login(&server, "wang", PASSWORD).await.unwrap();
    let chief = key(&server, &wang, &[Scope::Admin]).await;
    let status = with(&chief, GetSystemStatusRequest {});
    let mut client = AdminServiceClient::new(server.clone());
    client.get_system_status(status).await.unwrap();
    let demoted = v1::User {
        role: v1::user::Role::User.into(),
        ..promoted
    };
    edit(demoted.clone(), "role").await.unwrap();
    let status = with(&chief, GetSystemStatusRequest {});
    let refused = client.get_system_status(status).await.unwrap_err();
    assert_eq!(reason(&refused), "ADMIN_REQUIRED");
    assert!(profile(&server, &chief).await.is_ok());
    let disabled = v1::User {
        disabled: true,
        ..demoted
    };
    edit(disabled, "disabled").await.unwrap();
    for key in [&chief, &secret] {
        let refused = profile(&server, key).await.unwrap_err();
        assert_eq!(reason(&refused), "TOKEN_REVOKED");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_key_cannot_be_is_named_with_its_limit() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let at = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
    for (field, bad) in [
        (
            "name",
            CreateApiKeyRequest {
                name: " ".to_owned(),
                ..wanted(&[Scope::Read])
            },
        ),
        (
            "name",
            CreateApiKeyRequest {
                name: "x".repeat(201),
                ..wanted(&[Scope::Read])
            },
        ),
        ("scopes", wanted(&[])),
        ("scopes", wanted(&[Scope::Read, Scope::Unspecified])),
        (
            "expire_time",
            CreateApiKeyRequest {
                expire_time: Some(at(START)),
                ..wanted(&[Scope::Read])
            },
        ),
        (
            "user_id",
            CreateApiKeyRequest {
                user_id: "wang".to_owned(),
                ..wanted(&[Scope::Read])
            },
        ),
    ] {
        let refused = make(&server, &admin, bad).await.unwrap_err();
        let facts = refused.get_details_error_info().unwrap().metadata;
        assert_eq!(facts["field"], field, "{refused:?}");
    }
    let short = CreateApiKeyRequest {
        expire_time: Some(at(START + 60)),
        ..wanted(&[Scope::Read])
    };
    let (_, secret) = make(&server, &admin, short).await.unwrap();
    assert!(profile(&server, &secret).await.is_ok());
    tokio::time::advance(Duration::from_secs(60)).await;
    let refused = profile(&server, &secret).await.unwrap_err();
    assert_eq!(reason(&refused), "TOKEN_EXPIRED");

    for _ in 1..20 {
        key(&server, &admin, &[Scope::Read]).await;
    }
    let refused = make(&server, &admin, wanted(&[Scope::Read])).await;
    let facts = refused
        .unwrap_err()
        .get_details_error_info()
        .unwrap()
        .metadata;
    assert_eq!(facts["limit"], "20");
}
