//! A user who is disabled while a batch of theirs runs and screens of theirs are open.

#![allow(clippy::unwrap_used, reason = "tests")]

use futures::StreamExt;
use secrecy::ExposeSecret;
use tonic::Status as Refused;
use tonic_types::StatusExt;
use vbatch_server::domain::failure::FailureReason;
use vbatch_server::domain::ids::UserId;
use vbatch_server::domain::item::ItemState;
use vbatch_server::domain::ledger::{Actor, EntryKind};
use vbatch_server::domain::user::Role;
use vbatch_server::service::error::Reason;
use vbatch_server::store::UserChange;
use vbatch_tests::face::{Face, as_sent_in};
use vbatch_tests::upstream::tasks::{Script, Status};
use vbatch_tests::world::World;
use vision_batch::v1;
use vision_batch::v1::admin_service_server::AdminService;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::stream_end::Reason as Why;
use vision_batch::v1::{batch_status_response, watch_batches_response};

use crate::setup::*;

/// A world with an administrator.
async fn admin_of(world: &World) -> UserId {
    let user = world.user("admin", 0).await;
    let promote = UserChange {
        user,
        expected_version: None,
        display_name: None,
        language: None,
        role: Some(Role::Admin),
        disabled: None,
        actor: Actor::System,
        now: world.clock.now(),
    };
    world.store.update_user(promote).await.unwrap();
    user
}

fn disabling(user: UserId) -> v1::UpdateUserRequest {
    v1::UpdateUserRequest {
        user: Some(v1::User {
            id: user.to_string(),
            disabled: true,
            ..v1::User::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["disabled".to_owned()],
        }),
    }
}

fn reason(refused: &Refused) -> String {
    refused.get_details_error_info().unwrap().reason
}

#[tokio::test(start_paused = true)]
async fn who_is_disabled_is_signed_out_while_the_batch_runs_on_and_the_refund_is_posted() {
    let world = World::new(upstream()).await;
    let face = Face::over(&world).await;
    let admin = admin_of(&world).await;
    let user = world.user("wang", 4).await;
    for script in [
        running_for(20),
        Script::failing("CUDA out of memory"),
        running_for(60),
    ] {
        world.upstream.script_next(script);
    }
    let batch = world.batch(user, 4).await;
    world
        .until(batch, "three generate", |items| {
            (0..3).all(|item| is_generating(&items[item..]))
        })
        .await;

    // Two screens are open.
    let token = face.accounts.mint(user).await.unwrap().token;
    let session = face
        .accounts
        .authenticate(token.expose_secret(), None)
        .await;
    let session = session.unwrap();
    let one = v1::BatchStatusRequest {
        batch_id: batch.to_string(),
        ..v1::BatchStatusRequest::default()
    };
    let one = face.batches.batch_status(as_sent_in(&session, one)).await;
    let mut one = one.unwrap().into_inner();
    let list = as_sent_in(&session, v1::WatchBatchesRequest::default());
    let list = face.batches.watch_batches(list).await;
    let mut list = list.unwrap().into_inner();
    while !matches!(
        one.next().await.unwrap().unwrap().event,
        Some(batch_status_response::Event::SnapshotComplete(_))
    ) {}
    while !matches!(
        list.next().await.unwrap().unwrap().event,
        Some(watch_batches_response::Event::SnapshotComplete(_))
    ) {}

    let request = face.request(admin, disabling(user)).await;
    let changed = face.admin.update_user(request).await.unwrap().into_inner();
    assert!(changed.user.unwrap().disabled);

    // Both say why they end, and then end; what had changed before may still come.
    let end = loop {
        match one.next().await.unwrap().unwrap().event.unwrap() {
            batch_status_response::Event::End(end) => break end,
            batch_status_response::Event::Update(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end.reason(), Why::TokenRevoked);
    let status = one.next().await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "TOKEN_REVOKED");
    assert!(one.next().await.is_none());
    let end = loop {
        match list.next().await.unwrap().unwrap().event.unwrap() {
            watch_batches_response::Event::End(end) => break end,
            watch_batches_response::Event::Update(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end.reason(), Why::TokenRevoked);
    let status = list.next().await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "TOKEN_REVOKED");
    let refused = face
        .accounts
        .authenticate(token.expose_secret(), None)
        .await;
    assert_eq!(refused.unwrap_err().reason, Reason::TokenRevoked);
    assert!(face.accounts.mint(user).await.is_err());

    // The batch runs on, the item that had not begun included.
    let items = world.finished(batch).await;
    let failed = match &items[1].state {
        ItemState::Failed { failure, .. } => failure.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(failed, FailureReason::UpstreamFailed);
    assert!([0, 2, 3].iter().all(|item| is_completed(&items[*item])));
    let ended = [
        Status::Succeed,
        Status::Failed,
        Status::Succeed,
        Status::Succeed,
    ];
    assert_eq!(tasks(&world), ended);
    let mut expected = vec![(EntryKind::Charge, -1, 1); 4];
    expected.push((EntryKind::Refund, 1, 1));
    assert_eq!(rounds(&world, user).await, expected);

    // An admin may go on with it; it is paid by whom it belongs to.
    let retry = v1::RetryItemsRequest {
        batch_id: batch.to_string(),
        item_ids: vec![items[1].id.to_string()],
        ..v1::RetryItemsRequest::default()
    };
    let retry = face.request(admin, retry).await;
    face.batches.retry_items(retry).await.unwrap();
    assert!(is_completed(&world.finished(batch).await[1]));
    assert_eq!(world.balance(user).await, 0);
    assert_eq!(world.balance(admin).await, 0);
}
