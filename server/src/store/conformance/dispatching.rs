//! Dispatch: turns, slots, waits, and what attempts leave behind.

use crate::domain::batch::{BatchState, EngineKind};
use crate::domain::item::ItemState;

use super::world::World;

/// From PENDING to COMPLETED, as its batch, its owner and the counts see it.
pub async fn an_item_goes_its_whole_way(world: World) {
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 1, 1).await;
    assert_eq!(batch.state(), BatchState::Created);
    let item = world.claim(1).await.unwrap();
    assert_eq!(world.claim(9).await, None, "nothing else is ready");
    let stored = world.store.batch(batch.id).await.unwrap().unwrap();
    assert_eq!(stored.state(), BatchState::Processing);
    assert_eq!(
        world
            .store
            .active(EngineKind::LightX2v)
            .await
            .unwrap()
            .len(),
        1
    );
    let item = world.complete(&item).await;
    assert!(matches!(item.state, ItemState::Completed { .. }));
    let stored = world.store.batch(batch.id).await.unwrap().unwrap();
    assert_eq!(stored.state(), BatchState::Completed);
    assert_eq!(stored.revision, item.revision);
    assert_eq!(world.store.counts(None).await.unwrap().completed, 1);
    assert_eq!(world.store.counts(Some(user.id)).await.unwrap().total(), 1);
    assert!(
        world
            .store
            .active(EngineKind::LightX2v)
            .await
            .unwrap()
            .is_empty()
    );
    let totals = world.store.totals().await.unwrap();
    assert_eq!(totals.revision, item.revision);
    assert_eq!((totals.users, totals.batches, totals.items), (1, 1, 1));
    assert!(totals.video_bytes > 0);
}
