//! What a user does while an attempt is at a stage.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use vbatch_server::domain::dispatching::DispatchState;
use vbatch_server::domain::failure::WaitReason;
use vbatch_server::domain::ids::{BatchId, UserId};
use vbatch_server::domain::item::ItemState;
use vbatch_server::domain::ledger::{Actor, EntryKind};
use vbatch_server::store::query::ItemSelection;
use vbatch_server::store::{ChangeItemsError, RetryItems};
use vbatch_tests::upstream::faults::{Call, Fault};
use vbatch_tests::upstream::tasks::Status;
use vbatch_tests::world::World;

use crate::setup::*;

/// The unresolved submit of a batch is released, and nothing else is claimed meanwhile.
async fn release(world: &World, batch: BatchId) {
    dispatch(world, DispatchState::Paused).await;
    world.until(batch, "it is released", is_waiting).await;
}

/// The upstream makes the only task a second time: the first is the item's, its twin is ended.
async fn a_twin_ends_and_the_first_is_kept(world: &World, user: UserId, batch: BatchId) {
    let first = world.upstream.tasks()[0].id.clone();
    world.upstream.twin_of(&first);
    let item = ends(world, batch, is_completed).await;
    assert_eq!(item.ended_attempts[0].task.as_ref().unwrap().0, first);
    world.until_all_ended().await;
    assert_eq!(tasks(world), [Status::Succeed, Status::Cancel]);
    assert_eq!(world.balance(user).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_submitting_ends_the_task_that_is_made() {
    let (world, user, batch) = one_item_that(is_submitting, |_| {}).await;
    cancel(&world, batch).await;
    ends(&world, batch, is_cancelled).await;
    world.until_all_ended().await;
    assert_eq!(tasks(&world), [Status::Cancel]);
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_a_submit_is_refused_leaves_nothing() {
    let refuse = Fault::on(Call::Submit).error(500, "Queue busy, please try again later");
    let (world, user, batch) =
        one_item_that(is_submitting, |world| world.upstream.fault(refuse)).await;
    cancel(&world, batch).await;
    ends(&world, batch, is_cancelled).await;
    assert_eq!(tasks(&world), []);
    assert_eq!(world.store.watches().await.unwrap(), []);
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_unresolved_ends_the_task_when_it_is_found() {
    let (world, user, batch) = one_item_that(is_unresolved, |world| {
        world.upstream.script_next(running_for(3000));
        world.upstream.fault(Fault::on(Call::Submit).lose_answer());
    })
    .await;
    cancel(&world, batch).await;
    ends(&world, batch, is_cancelled).await;
    world.until_all_ended().await;
    assert_eq!(tasks(&world), [Status::Cancel]);
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);
    assert_eq!(world.store.watches().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_unresolved_is_granted_when_the_list_shows_that_nothing_was_made() {
    let (world, user, batch) = one_item_that(is_unresolved, |world| {
        world.upstream.fault(Fault::on(Call::Submit).hang());
    })
    .await;
    cancel(&world, batch).await;
    let wished = world.upstream.now();
    ends(&world, batch, is_cancelled).await;
    // By the list, not by the end of patience.
    let after = world.upstream.now() - wished;
    assert!(after < Duration::from_secs(90), "{after:?}");
    assert_eq!(tasks(&world), []);
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_unresolved_is_granted_without_a_word_and_the_task_still_ended() {
    let (world, user, batch) = one_item_that(is_unresolved, |world| {
        world.upstream.script_next(running_for(3000));
        world.upstream.fault(Fault::on(Call::Submit).lose_answer());
        world
            .upstream
            .fault(Fault::on(Call::List).always().html(502));
    })
    .await;
    cancel(&world, batch).await;
    let item = ends(&world, batch, is_cancelled).await;
    assert_eq!(world.balance(user).await, 1);
    let watches = world.store.watches().await.unwrap();
    assert!(watches[0].holds_slot(), "{watches:?}");

    // A retry waits: the task may be there.
    world.retry(batch, vec![item.id]).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    match world.item(batch, 1).await.state {
        ItemState::Pending(pending) => assert_eq!(pending.reason, Some(WaitReason::Cleanup)),
        other => panic!("{other:?}"),
    }
    // It is, and is what the retry asked for: nothing is paid twice.
    world.upstream.clear_faults();
    ends(&world, batch, is_completed).await;
    assert_eq!(tasks(&world), [Status::Succeed]);
    let mut expected = GIVEN_BACK.to_vec();
    expected.push((EntryKind::Charge, -1, 2));
    assert_eq!(rounds(&world, user).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_fetching_keeps_the_video_that_is_there() {
    let (world, user, batch) = one_item_that(is_fetching, |world| {
        let weather = Fault::on(Call::ResultUrl).times(5).error(500, "weather");
        world.upstream.fault(weather);
    })
    .await;
    cancel(&world, batch).await;
    ends(&world, batch, is_completed).await;
    assert_eq!(tasks(&world), [Status::Succeed]);
    assert_eq!(rounds(&world, user).await, PAID);
    assert_eq!(world.upstream.book().count(Call::Cancel), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_fetching_what_is_gone_is_granted() {
    let (world, user, batch) = one_item_that(is_fetching, |world| {
        let weather = Fault::on(Call::ResultUrl).times(3).error(500, "weather");
        world.upstream.fault(weather);
    })
    .await;
    world.upstream.vanish(&world.upstream.tasks()[0].id);
    cancel(&world, batch).await;
    ends(&world, batch, is_cancelled).await;
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);
}

#[tokio::test(start_paused = true)]
async fn a_second_cancel_changes_nothing() {
    let (world, user, batch) = one_item_that(is_generating, |_| {}).await;
    cancel(&world, batch).await;
    let wished = world.item(batch, 1).await;
    cancel(&world, batch).await;
    assert_eq!(world.item(batch, 1).await, wished);
    ends(&world, batch, is_cancelled).await;
    assert_eq!(tasks(&world), [Status::Cancel]);
    assert_eq!(world.upstream.book().count(Call::Cancel), 1);
    assert_eq!(rounds(&world, user).await, GIVEN_BACK);
}

#[tokio::test(start_paused = true)]
async fn of_two_retries_at_once_one_is_charged() {
    let world = World::new(upstream()).await;
    let user = world.user("wang", 5).await;
    let batch = world.batch(user, 1).await;
    cancel(&world, batch).await;
    let id = world.finished(batch).await[0].id;
    let retry = RetryItems {
        batch,
        selection: ItemSelection {
            ids: vec![id],
            states: Vec::new(),
        },
        max_credits: None,
        request: None,
        actor: Actor::System,
        now: world.clock.now(),
    };
    let (one, other) = tokio::join!(
        world.store.retry_items(retry.clone()),
        world.store.retry_items(retry)
    );
    one.unwrap();
    let refused = other.unwrap_err();
    assert!(
        matches!(refused, ChangeItemsError::NotRetryable(_)),
        "{refused:?}"
    );
    ends(&world, batch, is_completed).await;
    assert_eq!(world.balance(user).await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_late_task_is_adopted_by_an_item_that_waits() {
    let late = Fault::on(Call::Submit).lose_answer_and_list_after(Duration::from_secs(300));
    let (world, _, batch) = one_item_that(is_unresolved, |world| world.upstream.fault(late)).await;
    release(&world, batch).await;
    // Nothing is claimed, and still the video comes.
    let item = ends(&world, batch, is_completed).await;
    assert_eq!(item.last_attempt, 1);
    assert_eq!(world.upstream.tasks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn of_several_tasks_of_an_unresolved_submit_the_furthest_is_adopted_and_the_others_end() {
    let lost = Fault::on(Call::Submit).lose_answer();
    let (world, user, batch) =
        one_item_that(is_unresolved, |world| world.upstream.fault(lost)).await;
    world.upstream.script_next(running_for(3000));
    a_twin_ends_and_the_first_is_kept(&world, user, batch).await;
}

#[tokio::test(start_paused = true)]
async fn of_several_late_tasks_the_furthest_is_adopted_and_the_others_end() {
    let late = Fault::on(Call::Submit).lose_answer_and_list_after(Duration::from_secs(300));
    let (world, user, batch) =
        one_item_that(is_unresolved, |world| world.upstream.fault(late)).await;
    release(&world, batch).await;
    world.upstream.script_next(running_for(30_000));
    a_twin_ends_and_the_first_is_kept(&world, user, batch).await;
}

#[tokio::test(start_paused = true)]
async fn an_unresolved_submit_is_looked_for_on_the_account_that_sent_it() {
    let lost = Fault::on(Call::Submit).lose_answer();
    let (world, _, batch) = one_item_that(is_unresolved, |world| world.upstream.fault(lost)).await;
    world.set_token(&world.upstream.give_token("second")).await;
    ends(&world, batch, is_completed).await;
    let tasks = world.upstream.tasks();
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    assert_eq!(tasks[0].account, "operator");
    world.until_tokens(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_lost_account_is_ended_when_its_token_comes_back() {
    let (world, _, batch) = one_item_that(is_generating, |world| {
        world.upstream.script_next(running_for(100_000))
    })
    .await;
    world.upstream.expire_token(&world.upstream.token());
    world.finished(batch).await;
    let cleanups = world.store.cleanups().await.unwrap();
    assert!(cleanups[0].lost, "{cleanups:?}");

    let back = world.upstream.now();
    world
        .set_token(&world.upstream.give_token("operator"))
        .await;
    world.until_all_ended().await;
    let after = world.upstream.now() - back;
    assert!(after < Duration::from_secs(60), "{after:?}");
    assert_eq!(world.upstream.tasks()[0].status, Status::Cancel);
}

#[tokio::test(start_paused = true)]
async fn a_silent_upstream_does_not_use_up_the_deadline_of_a_fetch() {
    let weather = Fault::on(Call::ResultUrl).times(2).error(500, "weather");
    let (world, user, batch) =
        one_item_that(is_fetching, |world| world.upstream.fault(weather)).await;
    world.upstream.set_down(true);
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    world.upstream.set_down(false);
    ends(&world, batch, is_completed).await;
    assert_eq!(world.balance(user).await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_an_old_token_does_not_keep_a_new_one_waiting() {
    let slow = Fault::on(Call::Submit)
        .after(Duration::from_secs(5))
        .answer(401, r#"{"message":"Token has expired"}"#);
    let (world, _, batch) = one_item_that(is_submitting, |world| world.upstream.fault(slow)).await;
    // While the submit is under way, before its refusal comes.
    world
        .set_token(&world.upstream.give_token("operator"))
        .await;
    ends(&world, batch, is_completed).await;
    let spent = world.upstream.now();
    assert!(spent < Duration::from_secs(40), "{spent:?}");
}
