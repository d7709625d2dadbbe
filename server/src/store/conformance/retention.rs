//! Batches that have ended and lose their files: which first, what they say then, what they cannot any more.

use jiff::Timestamp;

use crate::domain::batch::Batch;
use crate::domain::ids::BatchId;
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::media::BlobKind;
use crate::domain::retention::Kept;
use crate::domain::user::User;
use crate::store::{ChangeItemsError, DeleteBatch, Expire, Expired};

use super::world::{World, blob};
use crate::domain::ledger::Actor;

async fn expire(world: &World, kept: Kept, limit: usize) -> Option<Expired> {
    let now = world.clock.now();
    let expire = Expire {
        kept,
        ended_before: now,
        limit,
        now,
    };
    world.store.expire(expire).await.unwrap()
}

/// A batch of one video and one cancelled item, ended.
async fn ended(world: &World, user: &User) -> Batch {
    let batch = world.batch(user, 2, 1).await;
    let claimed = world.claim(9).await.unwrap();
    world.complete(&claimed).await;
    world.cancel(batch.id, &[]).await.unwrap();
    stored(world, batch.id).await
}

async fn stored(world: &World, batch: BatchId) -> Batch {
    world.store.batch(batch).await.unwrap().unwrap()
}

fn video_removed(item: &VideoItem) -> Option<Timestamp> {
    match &item.state {
        ItemState::Completed { video, .. } => video.removed_time,
        _ => None,
    }
}

async fn is_doomed(world: &World, expired: &Expired) {
    let doomed = world.store.doomed_blobs(99).await.unwrap();
    for blob in &expired.doomed {
        assert!(doomed.contains(blob), "{blob:?}");
        assert!(!world.store.is_referenced(*blob).await.unwrap());
    }
}

/// In the order of their ends and by steps; the items and the batch say it, an audit event tells of it, and a deletion
/// later takes what is left.
pub async fn the_batch_that_ended_longest_ago_loses_its_files_first(world: World) {
    let user = world.user("wang", 20).await;
    let first = world.batch(&user, 3, 1).await;
    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.push(world.claim(9).await.unwrap());
    }
    let second = ended(&world, &user).await;
    for item in &claimed {
        world.complete(item).await;
    }
    let before = world.store.totals().await.unwrap();

    // The second was made later and ended earlier. The same film is another batch's too.
    let step = expire(&world, Kept::Results, 99).await.unwrap();
    assert_eq!((step.batch, step.files, step.is_last), (second.id, 1, true));
    assert!(
        stored(&world, second.id)
            .await
            .results_removed_time
            .is_some()
    );
    // Two at a time of the first: its third and its end.
    let step = expire(&world, Kept::Results, 2).await.unwrap();
    assert_eq!((step.batch, step.files, step.is_last), (first.id, 2, false));
    assert!(
        stored(&world, first.id)
            .await
            .results_removed_time
            .is_none()
    );
    let items = world.items(first.id).await;
    let removed = items.iter().map(|item| video_removed(item).is_some());
    assert_eq!(removed.collect::<Vec<_>>(), [true, true, false]);
    let step = expire(&world, Kept::Results, 2).await.unwrap();
    assert_eq!((step.batch, step.files, step.is_last), (first.id, 1, true));
    is_doomed(&world, &step).await;
    assert_eq!(expire(&world, Kept::Results, 99).await, None);
    let after = world.store.totals().await.unwrap();
    assert_eq!(after.video_bytes, 0);
    assert_eq!(after.image_bytes, before.image_bytes);
    assert_eq!(after.items_by_state, before.items_by_state);
    let newest = world.store.audit(None, 1).await.unwrap().remove(0);
    assert_eq!(newest.action, "batch.expire_results");
    assert_eq!(newest.actor, Actor::System);
    assert_eq!(newest.target.unwrap().id, first.id.to_string());

    for id in [first.id, second.id] {
        let delete = DeleteBatch {
            batch: id,
            actor: Actor::System,
            now: world.clock.now(),
        };
        let deleted = world.store.delete_batch(delete).await.unwrap();
        assert!(
            deleted
                .doomed
                .iter()
                .all(|blob| blob.kind != BlobKind::Video)
        );
    }
    let totals = world.store.totals().await.unwrap();
    assert_eq!((totals.image_bytes, totals.audio_bytes), (0, 0));
    world.check_books(&user).await;
}

/// A batch with an item that has not ended loses nothing, nor does content that it shares with one that has.
pub async fn what_is_open_or_shared_stays(world: World) {
    let user = world.user("wang", 20).await;
    let open = world.batch(&user, 2, 1).await;
    let claimed = world.claim(9).await.unwrap();
    world.complete(&claimed).await;
    for kept in Kept::ALL {
        assert_eq!(expire(&world, kept, 99).await, None, "{kept:?}");
    }
    // The same pictures and audio, in a batch that has ended.
    let ended = world.batch(&user, 2, 1).await;
    world.cancel(ended.id, &[]).await.unwrap();
    let step = expire(&world, Kept::Uploads, 99).await.unwrap();
    assert_eq!((step.batch, step.files), (ended.id, 3));
    assert_eq!(step.doomed, []);
    for (kind, content) in [(BlobKind::Audio, 1), (BlobKind::Image, 1)] {
        let blob = blob(kind, content);
        assert!(world.store.is_referenced(blob).await.unwrap());
    }
    let batch = stored(&world, ended.id).await;
    assert!(batch.audio.removed_time.is_some() && batch.uploads_removed_time.is_some());
    // Not before its time.
    world.cancel(open.id, &[]).await.unwrap();
    let end = stored(&world, open.id).await.finish_time.unwrap();
    let just_before = Expire {
        kept: Kept::Results,
        ended_before: end - std::time::Duration::from_micros(1),
        limit: 99,
        now: world.clock.now(),
    };
    assert_eq!(world.store.expire(just_before).await.unwrap(), None);
    let step = expire(&world, Kept::Results, 99).await.unwrap();
    assert_eq!((step.batch, step.doomed.len()), (open.id, 1));
}

/// From the first step on a batch that loses its uploads cannot be retried; one that has lost its videos can, and has
/// videos again then.
pub async fn a_batch_without_uploads_begins_nothing_anew(world: World) {
    let user = world.user("wang", 20).await;
    let batch = ended(&world, &user).await;
    expire(&world, Kept::Results, 99).await.unwrap();
    let retry = world.new_retry(batch.id, &[]);
    world.store.retry_items(retry).await.unwrap();
    assert!(
        stored(&world, batch.id)
            .await
            .results_removed_time
            .is_none()
    );
    for kept in Kept::ALL {
        assert_eq!(expire(&world, kept, 99).await, None, "{kept:?}");
    }
    let claimed = world.claim(9).await.unwrap();
    world.fail(&claimed).await;
    // The old video is gone and stays so: a look finds nothing more.
    let step = expire(&world, Kept::Results, 99).await.unwrap();
    assert_eq!((step.files, step.is_last), (0, true));

    let step = expire(&world, Kept::Uploads, 1).await.unwrap();
    assert_eq!((step.files, step.is_last), (2, false));
    let balance = world.stored(&user).await.credit_balance;
    let retry = world.new_retry(batch.id, &[claimed.id]);
    assert!(matches!(
        world.store.retry_items(retry).await,
        Err(ChangeItemsError::UploadsRemoved(_))
    ));
    assert_eq!(world.stored(&user).await.credit_balance, balance);
    while let Some(step) = expire(&world, Kept::Uploads, 1).await {
        assert_eq!(step.batch, batch.id);
    }
    assert!(
        stored(&world, batch.id)
            .await
            .uploads_removed_time
            .is_some()
    );
    let items = world.items(batch.id).await;
    assert!(
        items
            .iter()
            .all(|item| item.source_image.removed_time.is_some())
    );
}
