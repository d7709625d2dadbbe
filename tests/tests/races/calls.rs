//! Two calls at once, through the gRPC face.

#![allow(clippy::unwrap_used, reason = "tests")]

use tonic::{Code, Response, Status as Refused};
use tonic_types::StatusExt;
use vbatch_server::domain::ids::{BatchId, UserId};
use vbatch_server::domain::ledger::EntryKind;
use vbatch_tests::face::Face;
use vbatch_tests::upstream::tasks::Status;
use vbatch_tests::world::World;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::video_item::State;

use crate::setup::*;

fn reason(refused: &Refused) -> String {
    refused.get_details_error_info().unwrap().reason
}

fn fact(refused: &Refused, name: &str) -> Option<String> {
    let mut facts = refused.get_details_error_info()?.metadata;
    facts.remove(name)
}

fn cancel_of(batch: BatchId, ids: Vec<String>) -> v1::CancelItemsRequest {
    v1::CancelItemsRequest {
        batch_id: batch.to_string(),
        item_ids: ids,
        states: Vec::new(),
    }
}

fn retry_of(batch: BatchId, ids: Vec<String>, request_id: &str) -> v1::RetryItemsRequest {
    v1::RetryItemsRequest {
        batch_id: batch.to_string(),
        item_ids: ids,
        request_id: request_id.to_owned(),
        ..v1::RetryItemsRequest::default()
    }
}

async fn id(world: &World, batch: BatchId) -> String {
    world.item(batch, 1).await.id.to_string()
}

async fn retry(
    face: &Face,
    user: UserId,
    request: v1::RetryItemsRequest,
) -> Result<Response<v1::RetryItemsResponse>, Refused> {
    let request = face.request(user, request).await;
    face.batches.retry_items(request).await
}

#[tokio::test(start_paused = true)]
async fn cancels_of_an_item_and_of_its_batch_at_once_are_one() {
    let (world, user, batch) = one_item(|_| {}).await;
    let face = Face::over(&world).await;
    world.until(batch, "it generates", is_generating).await;
    let item = id(&world, batch).await;
    let by_item = face
        .request(user, cancel_of(batch, vec![item.clone()]))
        .await;
    let whole = v1::CancelBatchRequest {
        batch_id: batch.to_string(),
    };
    let by_batch = face.request(user, whole).await;
    let (one, other) = tokio::join!(
        face.batches.cancel_items(by_item),
        face.batches.cancel_batch(by_batch)
    );
    assert_eq!(one.unwrap().into_inner().item_count, 1);
    assert_eq!(other.unwrap().into_inner().item_count, 1);
    assert!(is_cancelled(&world.finished(batch).await[0]));
    assert_eq!(tasks(&world), [Status::Cancel]);
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);

    // What has ended is not cancelled once more.
    let late = face.request(user, cancel_of(batch, vec![item])).await;
    let refused = face.batches.cancel_items(late).await.unwrap_err();
    assert_eq!(reason(&refused), "ALREADY_FINISHED");
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);
}

#[tokio::test(start_paused = true)]
async fn of_two_retries_with_other_request_ids_at_once_one_is_charged() {
    let (world, user, batch) = one_item(|_| {}).await;
    let face = Face::over(&world).await;
    cancel(&world, batch).await;
    world.finished(batch).await;
    let item = id(&world, batch).await;
    let ids = [
        "0b9a7f8e-0000-4000-8000-000000000001",
        "0b9a7f8e-0000-4000-8000-000000000002",
    ];
    let [one, other] = ids.map(|request_id| retry_of(batch, vec![item.clone()], request_id));
    let (one, other) = tokio::join!(retry(&face, user, one), retry(&face, user, other));
    assert_eq!(one.unwrap().into_inner().credits_charged, 1);
    assert_eq!(reason(&other.unwrap_err()), "NOT_RETRYABLE");
    assert!(is_completed(&world.finished(batch).await[0]));

    // The refused one has left nothing behind: its id is free.
    let again = retry(&face, user, retry_of(batch, vec![item], ids[1])).await;
    assert_eq!(reason(&again.unwrap_err()), "NOT_RETRYABLE");
    let mut expected = GIVEN_BACK.to_vec();
    expected.push((EntryKind::Charge, -1, 2));
    assert_eq!(rounds(&world, user).await, expected);
    assert_eq!(tasks(&world).last(), Some(&Status::Succeed));
}

#[tokio::test(start_paused = true)]
async fn a_retry_without_credits_changes_nothing_and_says_what_is_missing() {
    let (world, user, batch) = one_item(|_| {}).await;
    let face = Face::over(&world).await;
    cancel(&world, batch).await;
    let cancelled = world.finished(batch).await;
    world.until_all_ended().await;
    // The credit that came back goes into another batch.
    let other = world.batch(user, 1).await;
    world.finished(other).await;
    let (before, made) = (rounds(&world, user).await, tasks(&world));

    let item = id(&world, batch).await;
    let refused = retry(&face, user, retry_of(batch, vec![item], "")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "INSUFFICIENT_CREDITS");
    assert_eq!(fact(&refused, "required").as_deref(), Some("1"));
    assert_eq!(fact(&refused, "available").as_deref(), Some("0"));
    assert_eq!(world.items(batch).await, cancelled);
    assert_eq!(rounds(&world, user).await, before);
    assert_eq!(tasks(&world), made);
}

#[tokio::test(start_paused = true)]
async fn of_a_retry_and_a_new_batch_for_the_last_credit_one_gets_it() {
    let (world, user, batch) = one_item(|_| {}).await;
    let face = Face::over(&world).await;
    cancel(&world, batch).await;
    world.finished(batch).await;
    let item = id(&world, batch).await;
    let (retried, created) = tokio::join!(
        retry(&face, user, retry_of(batch, vec![item], "")),
        world.try_batch(user, 1)
    );
    assert!(
        retried.is_ok() ^ created.is_ok(),
        "one of {retried:?} and {created:?}"
    );
    assert_eq!(world.balance(user).await, 0);
    if retried.is_ok() {
        assert!(is_completed(&world.finished(batch).await[0]));
    }
    if let Ok(created) = created {
        assert!(is_completed(&world.finished(created).await[0]));
    }
    let charges = rounds(&world, user).await;
    assert_eq!(charges.iter().map(|(_, delta, _)| delta).sum::<i32>(), -1);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_beside_a_retry_ends_the_new_round_or_comes_too_early_for_it() {
    for cancel_first in [true, false] {
        let (world, user, batch) = one_item(|_| {}).await;
        let face = Face::over(&world).await;
        cancel(&world, batch).await;
        world.finished(batch).await;
        world.until_all_ended().await;
        let item = id(&world, batch).await;
        let stop = async {
            let request = cancel_of(batch, vec![item.clone()]);
            let request = face.request(user, request).await;
            face.batches.cancel_items(request).await
        };
        let again = retry(&face, user, retry_of(batch, vec![item.clone()], ""));
        let (stopped, retried) = if cancel_first {
            tokio::join!(biased; stop, again)
        } else {
            let (retried, stopped) = tokio::join!(biased; again, stop);
            (stopped, retried)
        };
        retried.unwrap();
        let ended = world.finished(batch).await;
        match stopped {
            Ok(_) => assert!(is_cancelled(&ended[0]), "{ended:#?}"),
            Err(refused) => {
                assert_eq!(reason(&refused), "ALREADY_FINISHED");
                assert!(is_completed(&ended[0]), "{ended:#?}");
            }
        }
        let paid = i32::from(is_completed(&ended[0]));
        assert_eq!(world.balance(user).await, 1 - paid);
        world.until_all_ended().await;
        world.assert_no_task_is_unowned(&[batch]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_while_the_old_task_is_being_ended_waits_behind_it_and_says_so() {
    use vbatch_tests::upstream::faults::{Call, Fault};
    let (world, user, batch) = one_item(|world| {
        world.upstream.script_next(running_for(3000));
        for call in [Call::Cancel, Call::Query] {
            let silent = Fault::on(call).always().error(500, "unknown");
            world.upstream.fault(silent);
        }
    })
    .await;
    let face = Face::over(&world).await;
    world
        .until(batch, "its task is made", |items| {
            items[0].attempts().any(|attempt| attempt.task.is_some())
        })
        .await;
    cancel(&world, batch).await;
    assert!(is_cancelled(&world.finished(batch).await[0]));
    let item = id(&world, batch).await;
    let retried = retry(&face, user, retry_of(batch, vec![item], "")).await;
    assert_eq!(retried.unwrap().into_inner().credits_charged, 1);
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;

    let list = v1::ListItemsRequest {
        batch_id: batch.to_string(),
        ..v1::ListItemsRequest::default()
    };
    let list = face.request(user, list).await;
    let told = face.batches.list_items(list).await.unwrap().into_inner();
    assert_eq!(told.items[0].state(), State::Pending);
    let wait = told.items[0].wait.unwrap();
    assert_eq!(wait.reason(), v1::wait::Reason::Cleanup);
    assert_eq!(tasks(&world), [Status::Running]);

    world.upstream.clear_faults();
    assert!(is_completed(&world.finished(batch).await[0]));
    assert_eq!(tasks(&world), [Status::Cancel, Status::Succeed]);
    let mut expected = GIVEN_BACK.to_vec();
    expected.push((EntryKind::Charge, -1, 2));
    assert_eq!(rounds(&world, user).await, expected);
}
