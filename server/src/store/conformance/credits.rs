//! Credits: the ledger, the balance, requests that come twice.

use super::world::World;

/// A user's balance is the sum of the ledger through creation, completion, failure, cancel and retry.
pub async fn balances_are_ledger_sums(world: World) {
    let user = world.user("wang", 100).await;
    let batch = world.batch(&user, 4, 3).await;
    assert_eq!(world.stored(&user).await.credit_balance, 88);
    assert_eq!(world.stored(&user).await.credits_held, 12);
    assert_eq!(world.stored(&user).await.active_item_count, 4);

    let first = world.claim(3).await.unwrap();
    let second = world.claim(3).await.unwrap();
    world.complete(&first).await;
    world.fail(&second).await;
    assert_eq!(world.stored(&user).await.credit_balance, 91);
    world.cancel(batch.id, &[]).await.unwrap();
    let after = world.stored(&user).await;
    assert_eq!(after.credit_balance, 97);
    assert_eq!(after.credits_held, 0);
    assert_eq!(after.active_item_count, 0);
    assert_eq!(after.completed_video_count, 1);

    let changed = world.retry(batch.id, &[second.id]).await.unwrap();
    assert_eq!(changed.balance, 94);
    let again = world.claim(3).await.unwrap();
    assert_eq!(
        (again.id, again.round, again.last_attempt),
        (second.id, 2, 2)
    );
    world.fail(&again).await;
    assert_eq!(world.stored(&user).await.credit_balance, 97);
    let batch = world.store.batch(batch.id).await.unwrap().unwrap();
    assert_eq!((batch.credits_charged, batch.credits_refunded), (15, 12));
    world.check_books(&user).await;
}
