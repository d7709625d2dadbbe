//! What is remembered of items that have ended: by their batch, and by the hour.

use jiff::{SignedDuration, Timestamp};

use crate::domain::batch::{EndedItem, Ending};
use crate::domain::failure::FailureReason;
use crate::domain::item::VideoItem;
use crate::domain::transition::AttemptEvent;
use crate::store::AttemptChange;

use super::world::{World, failed, submitted, video};

/// A batch knows which item ended last and how, through a retry and through a batch that ends at once.
pub async fn a_batch_remembers_which_item_ended_last(world: World) {
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 3, 1).await;
    let last = async || {
        let batch = world.store.batch(batch.id).await.unwrap().unwrap();
        let page = world.store.items(batch.id, 0, &Default::default(), 9).await;
        for item in page.unwrap().items {
            // Nothing ended after it.
            let ended = item.finish_time();
            assert!(ended <= batch.last_ended.as_ref().map(|ended| ended.finish_time));
        }
        batch.last_ended
    };
    assert_eq!(last().await, None);
    let first = world.claim(9).await.unwrap();
    assert_eq!(last().await, None);

    let completed = world.complete(&first).await;
    let expected = |item: &VideoItem, ending| EndedItem {
        item: item.id,
        position: item.position,
        filename: item.source_image.filename.clone(),
        ending,
        finish_time: item.finish_time().unwrap(),
    };
    assert_eq!(last().await, Some(expected(&completed, Ending::Completed)));
    let second = world.claim(9).await.unwrap();
    let second = world.fail(&second).await;
    let failure = expected(&second, Ending::Failed(FailureReason::UpstreamFailed));
    assert_eq!(last().await, Some(failure.clone()));
    // It did end, whatever came then.
    world.retry(batch.id, &[second.id]).await.unwrap();
    let stored = world.store.batch(batch.id).await.unwrap().unwrap();
    assert_eq!(stored.last_ended, Some(failure));

    let third = world.items(batch.id).await[2].id;
    world.cancel(batch.id, &[third]).await.unwrap();
    let third = world.item(third).await;
    assert_eq!(last().await, Some(expected(&third, Ending::Cancelled)));
}

/// A batch says whose media it was made from.
pub async fn a_batch_remembers_its_source(world: World) {
    let user = world.user("wang", 10).await;
    let source = world.batch(&user, 1, 1).await;
    assert_eq!(source.source_batch, None);
    let mut new = world.new_batch(user.id, 1, 1);
    new.batch.source_batch = Some(source.id);
    let rerun = world.store.create_batch(new).await.unwrap().batch;
    let stored = world.store.batch(rerun.id).await.unwrap().unwrap();
    assert_eq!(stored.source_batch, Some(source.id));
    assert_eq!(stored, rerun);
}

/// Ends an attempt at that time.
async fn end(world: &World, item: &VideoItem, event: AttemptEvent, now: Timestamp) {
    let change = |event| AttemptChange {
        item: item.id,
        attempt: item.last_attempt,
        event,
    };
    let mut events = vec![change(event)];
    if matches!(events[0].event, AttemptEvent::Completed { .. }) {
        events.insert(0, change(AttemptEvent::Succeeded));
        events.insert(0, change(submitted("t")));
    }
    let applied = world.store.apply(events, now).await.unwrap();
    assert!(applied.iter().all(Option::is_some));
}

/// What completed and what failed is counted in its hour, the last 24 are told, and older ones are dropped.
pub async fn hours_count_what_ended(world: World) {
    let user = world.user("wang", 20).await;
    let batch = world.batch(&user, 8, 1).await;
    let start = Timestamp::from_second(1_790_002_800).unwrap();
    let at = |hours, minutes| {
        start + SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes)
    };
    let told = async |now| {
        let hours = world.store.throughput(now).await.unwrap();
        assert_eq!(hours.len(), 24);
        for (earlier, later) in hours.iter().zip(&hours[1..]) {
            let step = later.start_time.duration_since(earlier.start_time);
            assert_eq!(step, SignedDuration::from_hours(1));
        }
        assert!(hours[23].start_time <= now);
        assert!(now < hours[23].start_time + SignedDuration::from_hours(1));
        let some = hours.into_iter().enumerate();
        some.filter(|(_, hour)| (hour.completed, hour.failed) != (0, 0))
            .map(|(index, hour)| (index, hour.completed, hour.failed))
            .collect::<Vec<_>>()
    };
    let completed = || AttemptEvent::Completed { video: video(1) };
    assert_eq!(told(at(0, 0)).await, []);

    end(
        &world,
        &world.claim(9).await.unwrap(),
        completed(),
        at(0, 0),
    )
    .await;
    end(&world, &world.claim(9).await.unwrap(), failed(), at(0, 59)).await;
    end(
        &world,
        &world.claim(9).await.unwrap(),
        completed(),
        at(0, 59),
    )
    .await;
    // Neither an attempt that is tried again nor a cancelled item counts.
    let again = AttemptEvent::Failed {
        failure: super::world::failure(),
        try_again: Some(at(100, 0)),
    };
    end(&world, &world.claim(9).await.unwrap(), again, at(0, 30)).await;
    let unclaimed = world.items(batch.id).await[7].id;
    world.cancel(batch.id, &[unclaimed]).await.unwrap();
    assert_eq!(told(at(0, 59)).await, [(23, 2, 1)]);

    end(&world, &world.claim(9).await.unwrap(), failed(), at(1, 0)).await;
    assert_eq!(told(at(1, 5)).await, [(22, 2, 1), (23, 0, 1)]);
    assert_eq!(told(at(23, 59)).await, [(0, 2, 1), (1, 0, 1)]);
    assert_eq!(told(at(24, 0)).await, [(0, 0, 1)]);

    // Counting in a new hour drops what is not told any more, and only that.
    end(
        &world,
        &world.claim(9).await.unwrap(),
        completed(),
        at(24, 0),
    )
    .await;
    assert_eq!(told(at(24, 0)).await, [(0, 0, 1), (23, 1, 0)]);
    assert_eq!(told(at(1, 0)).await, [(23, 0, 1)]);
}
