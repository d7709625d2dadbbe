//! A cancel of a thousand items while others work.

#![allow(clippy::unwrap_used, reason = "tests")]

use vbatch_server::domain::ledger::EntryKind;
use vbatch_tests::face::Face;
use vbatch_tests::upstream::tasks::Status;
use vbatch_tests::world::World;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;

use crate::setup::*;

#[tokio::test(start_paused = true)]
async fn a_cancel_of_a_thousand_items_is_one_commit_and_others_go_on() {
    let world = World::new(upstream()).await;
    let face = Face::over(&world).await;
    let many = world.user("many", 1_000).await;
    let few = world.user("few", 1).await;
    for _ in 0..3 {
        world.upstream.script_next(running_for(3_000));
    }
    let batch = world.batch(many, 1_000).await;
    world
        .until(batch, "three generate", |items| {
            (0..3).all(|item| is_generating(&items[item..]))
        })
        .await;

    let whole = v1::CancelBatchRequest {
        batch_id: batch.to_string(),
    };
    let request = face.request(many, whole).await;
    let before = *world.feed().revision().borrow();
    let (cancelled, small) = tokio::join!(face.batches.cancel_batch(request), world.batch(few, 1));
    // The cancel and the other's new batch, one revision each.
    assert_eq!(*world.feed().revision().borrow(), before + 2);
    let cancelled = cancelled.unwrap().into_inner();
    assert_eq!(cancelled.item_count, 1_000);
    let counts = cancelled.batch.unwrap().item_counts.unwrap();
    assert_eq!((counts.cancelled, counts.processing), (997, 3));

    // The other's item gets the first slot that comes free.
    assert!(is_completed(&world.finished(small).await[0]));
    let items = world.finished(batch).await;
    assert!(items.iter().all(is_cancelled));
    world.until_all_ended().await;
    let after = *world.feed().revision().borrow() - before;
    assert!(after < 40, "{after} revisions");

    // Three were ended upstream, nobody submitted more, and each round was given back once.
    let mut ended = tasks(&world);
    ended.sort();
    assert_eq!(
        ended,
        [
            Status::Succeed,
            Status::Cancel,
            Status::Cancel,
            Status::Cancel
        ]
    );
    let ledger = rounds(&world, many).await;
    let of = |kind| ledger.iter().filter(|entry| entry.0 == kind).count();
    assert_eq!(
        (of(EntryKind::Charge), of(EntryKind::Refund)),
        (1_000, 1_000)
    );
    assert_eq!(world.balance(many).await, 1_000);
    assert_eq!(world.balance(few).await, 0);
    let attempted = items.iter().filter(|item| item.last_attempt > 0);
    assert_eq!(attempted.count(), 3);
}
