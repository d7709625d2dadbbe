//! Users that are changed, passwords that are reset, the audit, and the live status of the system.

use vision_batch::v1::audit_event::Outcome;
use vision_batch::v1::watch_system_response::Event;
use vision_batch::v1::{
    AuditEvent, ListAuditEventsRequest, ResetPasswordRequest, SetDispatchRequest,
    UpdateUserRequest, User, WatchSystemRequest,
};

use super::*;

async fn edit(server: &Routes, token: &str, user: User, paths: &[&str]) -> Result<User, Status> {
    let request = UpdateUserRequest {
        user: Some(user),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
    };
    let mut client = AdminServiceClient::new(server.clone());
    let answer = client.update_user(with(token, request)).await?;
    Ok(answer.into_inner().user.unwrap())
}

async fn audit(server: &Routes, token: &str, request: ListAuditEventsRequest) -> Vec<AuditEvent> {
    let mut client = AdminServiceClient::new(server.clone());
    let answer = client.list_audit_events(with(token, request)).await;
    answer.unwrap().into_inner().events
}

fn field(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, "FIELD_INVALID");
    info.metadata["field"].clone()
}

#[tokio::test]
async fn a_user_changes_as_the_mask_says_from_what_was_seen() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let (made, wang) = made_user(&server, &admin, "wang").await;
    let new = User {
        id: made.id.clone(),
        display_name: "王芳".to_owned(),
        language: "zh".to_owned(),
        role: v1::user::Role::Admin.into(),
        disabled: true,
        ..User::default()
    };
    let named = edit(&server, &admin, new.clone(), &["display_name", "language"])
        .await
        .unwrap();
    assert_eq!(
        (named.display_name.as_str(), named.language.as_str()),
        ("王芳", "zh")
    );
    assert_eq!(named.role(), v1::user::Role::User);
    assert!(!named.disabled);
    let mut auth = AuthServiceClient::new(server.clone());
    let still = auth.get_profile(with(&wang, GetProfileRequest {})).await;
    assert_eq!(still.unwrap().into_inner().user.unwrap().etag, named.etag);

    let seen = User {
        etag: made.etag.clone(),
        ..new.clone()
    };
    let refused = edit(&server, &admin, seen, &["disabled"])
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::Aborted, "ETAG_MISMATCH".to_owned())
    );
    let fresh = User {
        etag: named.etag.clone(),
        ..new.clone()
    };
    let disabled = edit(&server, &admin, fresh, &["disabled"]).await.unwrap();
    assert!(disabled.disabled && disabled.etag != named.etag);
    let refused = auth.get_profile(with(&wang, GetProfileRequest {})).await;
    assert_eq!(reason(&refused.unwrap_err()), "TOKEN_REVOKED");
    let refused = login(&server, "wang", PASSWORD).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIALS_INVALID");

    for (paths, user, wrong) in [
        (&[][..], new.clone(), "update_mask"),
        (&["username"], new.clone(), "update_mask"),
        (
            &["role"],
            User {
                role: 0,
                ..new.clone()
            },
            "user.role",
        ),
        (
            &["role"],
            User {
                role: 9,
                ..new.clone()
            },
            "user.role",
        ),
        (
            &["language"],
            User {
                language: "fr".to_owned(),
                ..new.clone()
            },
            "user.language",
        ),
        (
            &["display_name"],
            User {
                display_name: "x".repeat(201),
                ..new.clone()
            },
            "user.display_name",
        ),
        (
            &["disabled"],
            User {
                id: "wang".to_owned(),
                ..new.clone()
            },
            "user.id",
        ),
    ] {
        let refused = edit(&server, &admin, user, paths).await.unwrap_err();
        assert_eq!(field(&refused), wrong);
    }
    let nobody = User {
        id: uuid::Uuid::from_u128(1).to_string(),
        ..new
    };
    let refused = edit(&server, &admin, nobody, &["disabled"])
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "USER_NOT_FOUND");
}

#[tokio::test]
async fn the_last_admin_stays_and_another_role_ends_every_token() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let mut auth = AuthServiceClient::new(server.clone());
    let me = auth.get_profile(with(&admin, GetProfileRequest {})).await;
    let me = User {
        disabled: true,
        role: v1::user::Role::User.into(),
        etag: String::new(),
        ..me.unwrap().into_inner().user.unwrap()
    };
    for path in ["disabled", "role"] {
        let refused = edit(&server, &admin, me.clone(), &[path])
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::FailedPrecondition, "LAST_ADMIN")
        );
    }
    let (wang, token) = made_user(&server, &admin, "wang").await;
    let promoted = User {
        role: v1::user::Role::Admin.into(),
        etag: String::new(),
        ..wang
    };
    edit(&server, &admin, promoted, &["role"]).await.unwrap();
    let refused = auth.get_profile(with(&token, GetProfileRequest {})).await;
    assert_eq!(reason(&refused.unwrap_err()), "TOKEN_REVOKED");
    let wang = login(&server, "wang", PASSWORD).await.unwrap();
    // Now there are two: one may go, and its open stream ends with its rights.
    let mut stream = AdminServiceClient::new(server.clone())
        .watch_system(with(&admin, WatchSystemRequest::default()))
        .await
        .unwrap()
        .into_inner();
    edit(&server, &wang, me, &["role"]).await.unwrap();
    loop {
        if let Some(Event::End(end)) = stream.message().await.unwrap().unwrap().event {
            assert_eq!(end.reason(), v1::stream_end::Reason::TokenRevoked);
            break;
        }
    }
    assert_eq!(
        reason(&stream.message().await.unwrap_err()),
        "TOKEN_REVOKED"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reset_gives_a_password_for_one_use_that_expires() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let (wang, token) = made_user(&server, &admin, "wang").await;
    let reset = async |user_id: &str| {
        let request = ResetPasswordRequest {
            user_id: user_id.to_owned(),
        };
        let mut client = AdminServiceClient::new(server.clone());
        client.reset_password(with(&admin, request)).await
    };
    let made = reset(&wang.id).await.unwrap().into_inner();
    let mut auth = AuthServiceClient::new(server.clone());
    let refused = auth.get_profile(with(&token, GetProfileRequest {})).await;
    assert_eq!(reason(&refused.unwrap_err()), "TOKEN_REVOKED");
    let refused = login(&server, "wang", PASSWORD).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIALS_INVALID");
    let first = login(&server, "wang", &made.one_time_password)
        .await
        .unwrap();
    let mut batches = BatchServiceClient::new(server.clone());
    let refused = batches
        .list_batches(with(&first, v1::ListBatchesRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "PASSWORD_CHANGE_REQUIRED");
    change(&server, &first, &made.one_time_password, "another horse")
        .await
        .unwrap();

    let again = reset(&wang.id).await.unwrap().into_inner();
    assert_ne!(again.one_time_password, made.one_time_password);
    let user = again.user.unwrap();
    assert!(user.password_change_required);
    assert_eq!(
        user.one_time_password_expire_time,
        again.one_time_password_expire_time
    );
    tokio::time::advance(Duration::from_secs(7 * 24 * 60 * 60)).await;
    let expired = login(&server, "wang", &again.one_time_password).await;
    assert!(expired.unwrap_err().message().contains("expired"));
    // The admin's own token has expired by then.
    let fresh = login(&server, "admin", PASSWORD).await.unwrap();
    for (id, expected) in [
        (uuid::Uuid::from_u128(1).to_string(), "USER_NOT_FOUND"),
        ("wang".to_owned(), "FIELD_INVALID"),
    ] {
        let request = ResetPasswordRequest { user_id: id };
        let mut client = AdminServiceClient::new(server.clone());
        let refused = client.reset_password(with(&fresh, request)).await;
        assert_eq!(reason(&refused.unwrap_err()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_audit_tells_sign_ins_refusals_and_changes_by_filter_and_page() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let (wang, token) = made_user(&server, &admin, "wang").await;
    tokio::time::advance(Duration::from_secs(2 * 24 * 60 * 60)).await;
    let admin = login(&server, "admin", PASSWORD).await.unwrap();
    for (name, password) in [("wang", "wrong"), ("hunter2", "x"), ("wang", "wrong")] {
        login(&server, name, password).await.unwrap_err();
    }
    let wang_again = login(&server, "wang", PASSWORD).await.unwrap();
    let refused = refusal(
        &server,
        "/visionbatch.v1.AdminService/ListUsers",
        Some(&wang_again),
    )
    .await;
    assert_eq!(reason(&refused), "ADMIN_REQUIRED");
    drop(token);

    let all = audit(&server, &admin, ListAuditEventsRequest::default()).await;
    let told: Vec<(&str, Outcome, &str)> = all
        .iter()
        .map(|event| {
            (
                event.action.as_str(),
                event.outcome(),
                event.detail.as_str(),
            )
        })
        .collect();
    use Outcome::{Refused, Succeeded};
    assert_eq!(
        told[..5],
        [
            ("access", Refused, "ADMIN_REQUIRED for ListUsers"),
            ("sign_in", Succeeded, ""),
            ("sign_in", Refused, "no such user"),
            ("sign_in", Refused, "wrong password"),
            ("sign_in", Succeeded, ""),
        ],
        "{told:?}"
    );
    // What was typed as a name that nobody has may be a password.
    assert!(
        all.iter()
            .all(|event| !format!("{event:?}").contains("hunter2"))
    );
    assert_eq!(all.last().unwrap().action, "user.create");
    let sequences: Vec<i64> = all.iter().map(|event| event.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[0] == pair[1] + 1));
    let mut ids: Vec<&str> = all.iter().map(|event| event.id.as_str()).collect();
    ids.reverse();
    assert!(ids.is_sorted());

    let filtered = async |request| {
        let events = audit(&server, &admin, request).await;
        let actions = events.into_iter().map(|event| event.action);
        actions.collect::<Vec<String>>()
    };
    let base = ListAuditEventsRequest::default;
    let made = ListAuditEventsRequest {
        action: "user.".to_owned(),
        ..base()
    };
    assert_eq!(filtered(made).await, ["user.create", "user.create"]);
    let exact = ListAuditEventsRequest {
        action: "user".to_owned(),
        ..base()
    };
    assert_eq!(filtered(exact).await, Vec::<String>::new());
    let by_wang = ListAuditEventsRequest {
        actor_id: wang.id.clone(),
        ..base()
    };
    assert_eq!(
        filtered(by_wang).await,
        ["access", "sign_in", "password.change", "sign_in"]
    );
    let on_wang = ListAuditEventsRequest {
        target_id: wang.id.clone(),
        outcome: Some(Refused.into()),
        ..base()
    };
    assert_eq!(filtered(on_wang).await, ["sign_in"]);
    let at = |days: i64, seconds: i64| {
        Some(prost_types::Timestamp {
            seconds: START + days * 24 * 60 * 60 + seconds,
            nanos: 0,
        })
    };
    let recent = ListAuditEventsRequest {
        create_time_after: at(2, 0),
        ..base()
    };
    assert_eq!(filtered(recent).await.len(), 5);
    let long_ago = ListAuditEventsRequest {
        create_time_before: at(0, 60),
        ..base()
    };
    assert_eq!(filtered(long_ago).await.len(), all.len() - 5);
    let never = ListAuditEventsRequest {
        create_time_before: at(-9, 0),
        ..base()
    };
    assert_eq!(filtered(never).await, Vec::<String>::new());

    // Page by page, all of it once.
    let mut client = AdminServiceClient::new(server.clone());
    let mut request = ListAuditEventsRequest {
        page_size: 3,
        ..base()
    };
    let mut paged = Vec::new();
    loop {
        let answer = client
            .list_audit_events(with(&admin, request.clone()))
            .await;
        let answer = answer.unwrap().into_inner();
        assert!(answer.events.len() <= 3);
        paged.extend(answer.events);
        if answer.next_page_token.is_empty() {
            break;
        }
        request.page_token = answer.next_page_token;
    }
    assert_eq!(paged, all);
    let other = ListAuditEventsRequest {
        action: "user.".to_owned(),
        ..request
    };
    let refused = client.list_audit_events(with(&admin, other)).await;
    assert_eq!(reason(&refused.unwrap_err()), "PAGE_TOKEN_INVALID");
    for (wrong, request) in [
        (
            "actor_id",
            ListAuditEventsRequest {
                actor_id: "wang".to_owned(),
                ..base()
            },
        ),
        (
            "outcome",
            ListAuditEventsRequest {
                outcome: Some(0),
                ..base()
            },
        ),
        (
            "action",
            ListAuditEventsRequest {
                action: "x".repeat(201),
                ..base()
            },
        ),
        (
            "target_id",
            ListAuditEventsRequest {
                target_id: "x".repeat(201),
                ..base()
            },
        ),
        (
            "page_size",
            ListAuditEventsRequest {
                page_size: -1,
                ..base()
            },
        ),
    ] {
        let refused = client.list_audit_events(with(&admin, request)).await;
        assert_eq!(field(&refused.unwrap_err()), wrong);
    }
}

async fn status(stream: &mut tonic::Streaming<v1::WatchSystemResponse>) -> v1::SystemStatus {
    loop {
        match stream.message().await.unwrap().unwrap().event.unwrap() {
            Event::Status(status) => return status,
            Event::Heartbeat(_) => {}
            Event::End(end) => panic!("ended as {end:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_system_is_watched_newest_state_first_and_quiet_when_idle() {
    let clock = Clock::simulated(Timestamp::from_second(START).unwrap(), 1);
    let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
    let feed = store.feed().clone();
    let (server, _dir) = server_over(store, clock.clone()).await;
    let admin = admin(&server).await;
    let mut client = AdminServiceClient::new(server.clone());
    let request = WatchSystemRequest {
        heartbeat_interval: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        ..WatchSystemRequest::default()
    };
    let mut stream = client
        .watch_system(with(&admin, request))
        .await
        .unwrap()
        .into_inner();
    let first = status(&mut stream).await;
    assert_eq!(first.watchers, 1);
    assert_eq!(first.dispatch.unwrap().concurrency, 3);

    // Many changes at once are told once, and the newest is what is told.
    for concurrency in [4, 5, 6] {
        let request = SetDispatchRequest {
            state: None,
            concurrency: Some(concurrency),
        };
        client.set_dispatch(with(&admin, request)).await.unwrap();
    }
    let next = status(&mut stream).await;
    assert_eq!(next.dispatch.unwrap().concurrency, 6);
    let mut statuses = EngineStatuses::default();
    let engine = EngineStatus::new(2, TokenState::NotNeeded);
    statuses.engines.insert(EngineKind::Preview, engine);
    feed.set_engines(statuses);
    let next = status(&mut stream).await;
    assert_eq!(next.engines[0].slots.unwrap().limit, 2);

    // Nothing happens: a sign of life, when it is due.
    let before = clock.now();
    let Some(Event::Heartbeat(beat)) = stream.message().await.unwrap().unwrap().event else {
        panic!("a heartbeat");
    };
    assert!(beat.revision > 0);
    let waited = clock.now().duration_since(before);
    assert!(waited.as_secs() >= 59, "{waited:?}");

    let bad = WatchSystemRequest {
        heartbeat_interval: Some(prost_types::Duration {
            seconds: 61,
            nanos: 0,
        }),
        ..WatchSystemRequest::default()
    };
    let refused = client.watch_system(with(&admin, bad)).await.unwrap_err();
    assert_eq!(field(&refused), "heartbeat_interval");
}

/// A call that comes over a connection from there.
fn from<T>(message: T, last: u8) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let connection = tonic::transport::server::TcpConnectInfo {
        local_addr: None,
        remote_addr: Some(([192, 0, 2, last], 9_999).into()),
    };
    request.extensions_mut().insert(connection);
    request
}

#[tokio::test(start_paused = true)]
async fn the_audit_tells_where_a_call_came_from() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let mut auth = AuthServiceClient::new(server.clone());
    let login = |password: &str| LoginRequest {
        username: "admin".to_owned(),
        password: password.to_owned(),
    };
    auth.login(from(login("wrong"), 1)).await.unwrap_err();
    auth.login(from(login(PASSWORD), 2)).await.unwrap();
    let mut change = from(
        SetDispatchRequest {
            state: None,
            concurrency: Some(9),
        },
        3,
    );
    let value = format!("Bearer {admin}").parse().unwrap();
    change.metadata_mut().insert("authorization", value);
    let mut client = AdminServiceClient::new(server.clone());
    client.set_dispatch(change).await.unwrap();
    let events = audit(&server, &admin, ListAuditEventsRequest::default()).await;
    let mut told: Vec<(&str, &str)> = events[..3]
        .iter()
        .map(|event| (event.address.as_str(), event.action.as_str()))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("192.0.2.1", "sign_in"),
            ("192.0.2.2", "sign_in"),
            ("192.0.2.3", "dispatch.set")
        ]
    );
}

async fn refused_events(server: &Routes, admin: &str) -> Vec<(String, String, String)> {
    let request = ListAuditEventsRequest {
        outcome: Some(Outcome::Refused.into()),
        ..ListAuditEventsRequest::default()
    };
    let events = audit(server, admin, request).await;
    let mut told: Vec<_> = events
        .into_iter()
        .map(|event| {
            let target = event.target.map(|target| target.id).unwrap_or_default();
            (
                event.actor.map(|actor| actor.name).unwrap_or_default(),
                event.detail,
                target,
            )
        })
        .collect();
    told.sort();
    told
}

/// Whoever has refused, the gate or a service: the audit knows who asked for what.
#[tokio::test(start_paused = true)]
async fn every_refusal_of_rights_is_in_the_audit() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let (_, wang) = made_user(&server, &admin, "wang").await;
    let mut auth = AuthServiceClient::new(server.clone());
    let mut batches = BatchServiceClient::new(server.clone());

    // Another's batches: the service refuses.
    let everyones = v1::ListBatchesRequest {
        owner_id: "-".to_owned(),
        ..v1::ListBatchesRequest::default()
    };
    let refused = batches.list_batches(with(&wang, everyones)).await;
    assert_eq!(reason(&refused.unwrap_err()), "ADMIN_REQUIRED");
    // The last admin, who is named.
    let profile = auth.get_profile(with(&admin, GetProfileRequest {})).await;
    let me = profile.unwrap().into_inner().user.unwrap();
    let alone = User {
        disabled: true,
        ..me.clone()
    };
    let refused = edit(&server, &admin, alone, &["disabled"]).await;
    assert_eq!(reason(&refused.unwrap_err()), "LAST_ADMIN");
    // A weak password.
    let weak = v1::ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "short".to_owned(),
    };
    let refused = auth.change_password(with(&wang, weak)).await;
    assert_eq!(reason(&refused.unwrap_err()), "PASSWORD_TOO_WEAK");
    // A token that is none, from somewhere; without any, from the same place.
    let mut nonsense = from(GetProfileRequest {}, 7);
    let value = "Bearer nonsense".parse().unwrap();
    nonsense.metadata_mut().insert("authorization", value);
    let refused = auth.get_profile(nonsense).await.unwrap_err();
    assert_eq!(reason(&refused), "TOKEN_INVALID");
    let refused = auth.get_profile(from(GetProfileRequest {}, 7)).await;
    assert_eq!(reason(&refused.unwrap_err()), "TOKEN_MISSING");
    // What is refused for another reason is no business of the audit.
    let nothing = v1::GetBatchRequest {
        batch_id: uuid::Uuid::from_u128(1).to_string(),
        ..v1::GetBatchRequest::default()
    };
    let refused = batches.get_batch(with(&wang, nothing)).await;
    assert_eq!(reason(&refused.unwrap_err()), "BATCH_NOT_FOUND");

    let told = refused_events(&server, &admin).await;
    let told: Vec<(&str, &str, &str)> = told
        .iter()
        .map(|(actor, detail, target)| (actor.as_str(), detail.as_str(), target.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("admin", "LAST_ADMIN for UpdateUser", me.id.as_str()),
            ("anonymous", "TOKEN_INVALID", ""),
            ("wang", "ADMIN_REQUIRED for ListBatches", ""),
            ("wang", "PASSWORD_TOO_WEAK for ChangePassword", ""),
        ]
    );
}

/// However often a call is refused, an hour has one record of it and one of its repeats.
#[tokio::test(start_paused = true)]
async fn a_flood_of_refusals_writes_two_records() {
    let (server, _dir) = server().await;
    let admin = admin(&server).await;
    let (_, wang) = made_user(&server, &admin, "wang").await;
    let mut client = AdminServiceClient::new(server.clone());
    for _ in 0..200 {
        let refused = client.list_users(with(&wang, v1::ListUsersRequest::default()));
        assert_eq!(reason(&refused.await.unwrap_err()), "ADMIN_REQUIRED");
    }
    assert_eq!(refused_events(&server, &admin).await.len(), 1);
    tokio::time::advance(Duration::from_secs(60 * 60)).await;
    let told = refused_events(&server, &admin).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .any(|(_, detail, _)| detail.starts_with("199 more"))
    );
}
