//! What an item's attempts say of how they ended.

use std::time::Duration;

use vision_batch::v1;
use vision_batch::v1::attempt::Outcome;
use vision_batch::v1::batch_service_server::BatchService;

use super::bench::{Bench, by, id};
use crate::domain::batch::EngineKind;
use crate::domain::failure::{Failure, FailureReason};
use crate::domain::ids::TaskId;
use crate::domain::item::{ItemState, Stage, VideoItem};
use crate::domain::transition::AttemptEvent;
use crate::store::conformance::world::{submitted, video};
use crate::store::{AttemptChange, FoundTask, Settled, Store};

/// An item of a preview batch of one, with the bench around it.
async fn one_item() -> (Bench, v1::Batch) {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    (bench, batch)
}

async fn attempts(bench: &Bench, batch: &v1::Batch) -> Vec<v1::Attempt> {
    let items = bench.items(&batch.id).await;
    let request = v1::GetItemRequest {
        batch_id: batch.id.clone(),
        item_id: items[0].id.clone(),
    };
    let answer = bench.face.get_item(by(&bench.wang, request)).await;
    answer.unwrap().into_inner().attempts
}

async fn outcomes(bench: &Bench, batch: &v1::Batch) -> Vec<(i32, Outcome)> {
    let attempts = attempts(bench, batch).await;
    attempts
        .iter()
        .map(|attempt| (attempt.number, attempt.outcome()))
        .collect()
}

/// The attempt failed, and another may begin at once.
fn try_again(bench: &Bench) -> AttemptEvent {
    AttemptEvent::Failed {
        failure: Failure::new(FailureReason::WorkerLost, "The worker was lost.", ""),
        try_again: Some(bench.clock.now()),
    }
}

async fn cancel(bench: &Bench, batch: &v1::Batch) {
    let batch_id = batch.id.clone();
    let request = v1::CancelBatchRequest { batch_id };
    let cancelled = bench.face.cancel_batch(by(&bench.wang, request)).await;
    cancelled.unwrap();
}

async fn retry(bench: &Bench, batch: &v1::Batch, state: v1::video_item::State) {
    let request = v1::RetryItemsRequest {
        batch_id: batch.id.clone(),
        states: vec![state.into()],
        ..Default::default()
    };
    let retried = bench.face.retry_items(by(&bench.wang, request)).await;
    retried.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_was_tried_again_only_if_another_of_its_round_came() {
    let (bench, batch) = one_item().await;
    let first = bench.claim(EngineKind::Preview).await;
    assert_eq!(outcomes(&bench, &batch).await, [(1, Outcome::Running)]);
    bench.apply(&first, try_again(&bench)).await;
    assert_eq!(outcomes(&bench, &batch).await, [(1, Outcome::TriedAgain)]);
    let second = bench.claim(EngineKind::Preview).await;
    let expected = [(1, Outcome::TriedAgain), (2, Outcome::Running)];
    assert_eq!(outcomes(&bench, &batch).await, expected);
    bench.apply(&second, try_again(&bench)).await;

    // Nobody tries again what is cancelled meanwhile, and a new round is no other try of the old one.
    cancel(&bench, &batch).await;
    let expected = [(1, Outcome::TriedAgain), (2, Outcome::Failed)];
    assert_eq!(outcomes(&bench, &batch).await, expected);
    retry(&bench, &batch, v1::video_item::State::Cancelled).await;
    assert_eq!(outcomes(&bench, &batch).await, expected);

    let third = bench.claim(EngineKind::Preview).await;
    cancel(&bench, &batch).await;
    let stopped = AttemptEvent::Failed {
        failure: Failure::new(FailureReason::EngineFailed, "It was stopped.", ""),
        try_again: None,
    };
    bench.apply(&third, stopped).await;
    let told = attempts(&bench, &batch).await;
    assert_eq!(told[2].outcome(), Outcome::Cancelled);
    assert!(told[2].failure.is_none() && told[2].finish_time.is_some());
    retry(&bench, &batch, v1::video_item::State::Cancelled).await;
    bench.complete_one().await;
    let expected = [
        (1, Outcome::TriedAgain),
        (2, Outcome::Failed),
        (3, Outcome::Cancelled),
        (4, Outcome::Completed),
    ];
    assert_eq!(outcomes(&bench, &batch).await, expected);
}

/// The first attempt's submit was not answered and its task in no list; then the second failed, and now the task of
/// the first turns up.
async fn adopted_late(bench: &Bench) -> VideoItem {
    let first = bench.claim(EngineKind::Preview).await;
    bench.apply(&first, AttemptEvent::Unanswered).await;
    bench.apply(&first, AttemptEvent::NotFound).await;
    let second = bench.claim(EngineKind::Preview).await;
    bench.apply(&second, submitted("second")).await;
    bench.apply(&second, try_again(bench)).await;
    let found = FoundTask {
        key: first.client_ref(1),
        task: TaskId("first".to_owned()),
        ended: false,
        instance: bench.clock.instance_id(),
        now: bench.clock.now(),
    };
    let settled = bench.store.settle_watch(found).await.unwrap();
    assert!(matches!(settled, Some(Settled::Adopted(_))));
    first
}

async fn apply_to_first(bench: &Bench, item: &VideoItem, event: AttemptEvent) -> VideoItem {
    let change = AttemptChange {
        item: item.id,
        attempt: 1,
        event,
    };
    let applied = bench.store.apply(vec![change], bench.clock.now()).await;
    applied.unwrap().pop().unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_task_that_turned_up_late_made_the_video_though_its_number_is_the_lower() {
    let (bench, batch) = one_item().await;
    let item = adopted_late(&bench).await;
    let expected = [(2, Outcome::TriedAgain), (1, Outcome::Running)];
    assert_eq!(outcomes(&bench, &batch).await, expected);
    apply_to_first(&bench, &item, AttemptEvent::Succeeded).await;
    let completed = AttemptEvent::Completed { video: video(1) };
    let completed = apply_to_first(&bench, &item, completed).await;
    assert!(matches!(completed.state, ItemState::Completed { .. }));
    let expected = [(2, Outcome::TriedAgain), (1, Outcome::Completed)];
    assert_eq!(outcomes(&bench, &batch).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_turned_up_late_and_failed_ended_the_round() {
    let (bench, batch) = one_item().await;
    let item = adopted_late(&bench).await;
    let failed = AttemptEvent::Failed {
        failure: Failure::new(FailureReason::EngineFailed, "It failed.", ""),
        try_again: None,
    };
    apply_to_first(&bench, &item, failed).await;
    let expected = [(2, Outcome::TriedAgain), (1, Outcome::Failed)];
    assert_eq!(outcomes(&bench, &batch).await, expected);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_unresolved_only_while_it_runs_without_an_answer() {
    let (bench, batch) = one_item().await;
    let item = bench.claim(EngineKind::Preview).await;
    assert_eq!(item.batch, id(&batch.id));
    let unresolved = async || {
        let attempts = attempts(&bench, &batch).await;
        attempts
            .iter()
            .map(|attempt| attempt.unresolved)
            .collect::<Vec<_>>()
    };
    assert_eq!(unresolved().await, [false]);
    bench.apply(&item, AttemptEvent::Unanswered).await;
    assert_eq!(unresolved().await, [true]);
    bench.apply(&item, submitted("found")).await;
    assert_eq!(unresolved().await, [false]);
    bench.apply(&item, try_again(&bench)).await;

    // One that never arrived is not remembered.
    let item = bench.claim(EngineKind::Preview).await;
    bench.apply(&item, AttemptEvent::Unanswered).await;
    assert_eq!(unresolved().await, [false, true]);
    bench.apply(&item, AttemptEvent::NotFound).await;
    assert_eq!(unresolved().await, [false]);
    assert_eq!(item.last_attempt, 2);
    assert_eq!(bench.items(&batch.id).await[0].attempt_count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_in_the_queue_counts_from_one() {
    let (bench, batch) = one_item().await;
    let item = bench.claim(EngineKind::Preview).await;
    bench.apply(&item, submitted("first")).await;
    for (ahead, place) in [(Some(2), Some(3)), (Some(0), Some(1)), (None, None)] {
        let stage = Stage::Queued {
            position: ahead,
            expected_wait: None,
        };
        let progress = AttemptEvent::Progress {
            stage,
            share: None,
            answered: Duration::from_secs(1),
        };
        bench.apply(&item, progress).await;
        let told = bench.items(&batch.id).await;
        assert_eq!(told[0].queue_position, place);
    }
}
