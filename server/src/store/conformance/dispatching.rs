//! Dispatch: turns, slots, waits, and what attempts leave behind.

use std::time::Duration;

use crate::domain::batch::{BatchState, EngineKind};
use crate::domain::dispatching::{
    DEFAULT_CONCURRENCY, DispatchSettings, DispatchState, UpstreamToken,
};
use crate::domain::failure::WaitReason;
use crate::domain::ids::{Account, ItemId, TaskId};
use crate::domain::item::{ItemState, Stage, VideoItem};
use crate::domain::ledger::Actor;
use crate::domain::transition::AttemptEvent;
use crate::store::query::{Backlog, DailyUse};
use crate::store::{AttemptChange, ChangeItemsError, Claim, FoundTask};

use super::world::{World, account, failure, submitted};

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

/// One claim after the other: the users take turns, within a user the batches, in a batch the lowest position.
pub async fn turns_go_round_the_users_then_their_batches(world: World) {
    let (ann, bob) = (world.user("ann", 100).await, world.user("bob", 100).await);
    let big = world.batch(&ann, 4, 1).await;
    let small = world.batch(&ann, 2, 1).await;
    let other = world.batch(&bob, 3, 1).await;
    let mut turns = Vec::new();
    while let Some(item) = world.claim(100).await {
        turns.push((item.batch, item.position));
    }
    assert_eq!(
        turns,
        [
            (big.id, 1),
            (other.id, 1),
            (small.id, 1),
            (other.id, 2),
            (big.id, 2),
            (other.id, 3),
            (small.id, 2),
            (big.id, 3),
            (big.id, 4),
        ]
    );
    // Who comes later does not wait for those who have much.
    world.batch(&ann, 9, 1).await;
    let urgent = world.batch(&bob, 1, 1).await;
    let next = [world.claim(100).await, world.claim(100).await];
    assert!(next.iter().flatten().any(|item| item.batch == urgent.id));
}

/// Attempts before FETCHING, cleanups and unmatched watches hold a slot each; engines do not share work.
pub async fn slots_are_held_until_the_task_has_ended(world: World) {
    let user = world.user("wang", 100).await;
    world.batch(&user, 5, 1).await;
    let first = world.claim(2).await.unwrap();
    let second = world.claim(2).await.unwrap();
    assert_eq!(world.claim(2).await, None);
    assert_eq!(world.claim_for(EngineKind::Preview, Some(100)).await, None);

    world.event(first.id, 1, submitted("a")).await.unwrap();
    assert_eq!(world.claim(2).await, None);
    let fetching = world
        .event(first.id, 1, AttemptEvent::Succeeded)
        .await
        .unwrap();
    assert!(matches!(
        fetching.processing().unwrap().stage,
        Stage::Fetching { .. }
    ));
    let third = world.claim(2).await.unwrap();

    world.event(second.id, 1, submitted("b")).await.unwrap();
    let gave_up = AttemptEvent::GaveUp { failure: failure() };
    world.event(second.id, 1, gave_up.clone()).await.unwrap();
    assert_eq!(world.claim(2).await, None, "the cleanup holds the slot");
    world
        .event(third.id, 1, AttemptEvent::Unanswered)
        .await
        .unwrap();
    world.event(third.id, 1, gave_up).await.unwrap();
    assert_eq!(world.claim(2).await, None, "so does the watch");
    let now = world.clock.now();
    let watch = world.store.watches().await.unwrap().remove(0);
    world
        .store
        .mark_watches_matched(vec![watch.client_ref], now)
        .await
        .unwrap();
    world.claim(2).await.unwrap();
    assert_eq!(world.claim(2).await, None);
    let cleanup = world.store.cleanups().await.unwrap().remove(0);
    world
        .store
        .end_cleanup(cleanup.client_ref, cleanup.task, now)
        .await
        .unwrap();
    world.claim(2).await.unwrap();
    assert_eq!(world.claim(100).await, None, "all five had their turn");
}

/// The settings that count are those of the claim's own transaction: slots where the engine has none of its own, and
/// whether there are claims at all.
pub async fn claims_follow_the_settings_at_once(world: World) {
    let user = world.user("wang", 100).await;
    world.batch(&user, 6, 1).await;
    let claim = || world.claim_for(EngineKind::LightX2v, None);
    world.dispatch(DispatchState::Running, 2).await;
    assert!(claim().await.is_some() && claim().await.is_some());
    assert_eq!(claim().await, None);
    world.dispatch(DispatchState::Running, 4).await;
    assert!(claim().await.is_some());
    world.dispatch(DispatchState::Running, 1).await;
    assert_eq!(claim().await, None, "what is claimed stays, and no more");
    assert!(world.claim(4).await.is_some(), "an engine's own slots");
    for state in [DispatchState::Paused, DispatchState::Draining] {
        world.dispatch(state, 9).await;
        assert_eq!(claim().await, None);
        assert_eq!(world.claim(9).await, None);
    }
    // Handed in without waiting, perhaps into one transaction: the second sees the first.
    world.dispatch(DispatchState::Running, 9).await;
    let ((), claimed) = tokio::join!(world.dispatch(DispatchState::Paused, 9), claim());
    assert_eq!(claimed, None);
    world.dispatch(DispatchState::Running, 9).await;
    assert!(claim().await.is_some());
}

/// A wait until a time: the item is not claimed before it, and the backlog says until when and why.
pub async fn a_delayed_item_is_ready_when_its_time_has_come(world: World) {
    let user = world.user("wang", 100).await;
    let batch = world.batch(&user, 2, 1).await;
    let item = world.claim(9).await.unwrap();
    let now = world.clock.now();
    let until = now.saturating_add(Duration::from_millis(80)).unwrap();
    let again = AttemptEvent::Failed {
        failure: failure(),
        try_again: Some(until),
    };
    world.event(item.id, 1, again).await.unwrap();
    let backlog = world
        .store
        .backlog(EngineKind::LightX2v, now)
        .await
        .unwrap();
    assert_eq!(backlog.ready, 1);
    assert_eq!(backlog.held, [(WaitReason::BackOff, 1)].into());
    assert_eq!(backlog.next_ready_time, Some(until));
    assert_eq!(backlog.oldest_create_time, Some(batch.create_time));
    let due = world
        .store
        .backlog(EngineKind::LightX2v, until)
        .await
        .unwrap();
    assert_eq!(
        (due.ready, due.held.len(), due.next_ready_time),
        (2, 0, None)
    );

    let claim = |now| Claim {
        engine: EngineKind::LightX2v,
        account: account(),
        instance: world.instance,
        slots: Some(9),
        after_batch: None,
        now,
    };
    let other = world.store.claim(claim(now)).await.unwrap().unwrap();
    assert_ne!(other.1.id, item.id);
    assert!(world.store.claim(claim(now)).await.unwrap().is_none());
    let (_, same) = world.store.claim(claim(until)).await.unwrap().unwrap();
    assert_eq!((same.id, same.last_attempt), (item.id, 2));
    let empty = world
        .store
        .backlog(EngineKind::LightX2v, until)
        .await
        .unwrap();
    assert_eq!(empty, Backlog::default());

    // Cancelling an item that waits takes it out of the queue.
    let again = AttemptEvent::Failed {
        failure: failure(),
        try_again: Some(until.saturating_add(Duration::from_secs(60)).unwrap()),
    };
    world.event(item.id, 2, again).await.unwrap();
    world.cancel(batch.id, &[item.id]).await.unwrap();
    let later = until.saturating_add(Duration::from_secs(600)).unwrap();
    assert!(world.store.claim(claim(later)).await.unwrap().is_none());
    let empty = world
        .store
        .backlog(EngineKind::LightX2v, until)
        .await
        .unwrap();
    assert_eq!(empty, Backlog::default());
    world.check_books(&user).await;
}

/// An attempt that does not own its item any more changes nothing, though others of the same call do.
pub async fn events_of_an_old_attempt_are_dropped(world: World) {
    let user = world.user("wang", 100).await;
    let batch = world.batch(&user, 2, 1).await;
    let (a, b) = (world.claim(9).await.unwrap(), world.claim(9).await.unwrap());
    world.fail(&a).await;
    world.retry(batch.id, &[a.id]).await.unwrap();
    let again = world.claim(9).await.unwrap();
    assert_eq!((again.id, again.last_attempt), (a.id, 2));
    let change = |item: &VideoItem, attempt| AttemptChange {
        item: item.id,
        attempt,
        event: submitted("t"),
    };
    let unknown = AttemptChange {
        item: ItemId(world.clock.uuid()),
        ..change(&a, 1)
    };
    let events = vec![change(&a, 1), change(&b, 1), unknown];
    let applied = world.store.apply(events, world.clock.now()).await.unwrap();
    let ids: Vec<_> = applied
        .iter()
        .map(|item| item.as_ref().map(|item| item.id))
        .collect();
    assert_eq!(ids, [None, Some(b.id), None]);
    assert_eq!(world.item(a.id).await, again);
    world.check_books(&user).await;
}

/// A cancel ends what waits at once; of what runs it is a wish, which a second cancel leaves as it is.
pub async fn a_cancel_is_a_wish_while_an_attempt_runs(world: World) {
    let user = world.user("wang", 100).await;
    let batch = world.batch(&user, 3, 1).await;
    let running = world.claim(9).await.unwrap();
    let changed = world.cancel(batch.id, &[]).await.unwrap();
    assert_eq!((changed.items.len(), changed.balance), (3, 99));
    assert!(changed.batch.cancel_request_time.is_some());
    let wished = world.item(running.id).await;
    assert!(wished.processing().unwrap().cancel_request_time.is_some());

    let revision = world.store.totals().await.unwrap().revision;
    let again = world.cancel(batch.id, &[]).await.unwrap();
    assert_eq!(again.items, [running.id]);
    assert_eq!(world.store.totals().await.unwrap().revision, revision);

    let released = AttemptEvent::Released {
        reason: WaitReason::Slot,
        not_before: None,
    };
    let ended = world.event(running.id, 1, released).await.unwrap();
    assert!(matches!(ended.state, ItemState::Cancelled { .. }));
    assert_eq!(world.stored(&user).await.credit_balance, 100);
    assert!(matches!(
        world.cancel(batch.id, &[]).await,
        Err(ChangeItemsError::Nothing)
    ));
    let other = world.batch(&user, 1, 1).await;
    assert!(matches!(
        world.cancel(other.id, &[running.id]).await,
        Err(ChangeItemsError::ItemNotFound(_))
    ));
    world.check_books(&user).await;
}

/// A submit counts once an attempt, whether it was answered, resolved later or never; one that made no task does not.
pub async fn a_submit_counts_once_towards_its_day(world: World) {
    let user = world.user("wang", 100).await;
    world.batch(&user, 3, 1).await;
    let used = async || {
        let now = world.clock.now();
        let daily = world.store.daily_use(&account(), now).await.unwrap();
        assert_eq!(daily.oldest.is_some(), daily.submitted > 0);
        daily.submitted
    };
    let first = world.claim(9).await.unwrap();
    world.event(first.id, 1, submitted("a")).await.unwrap();
    assert_eq!(used().await, 1);
    let second = world.claim(9).await.unwrap();
    world
        .event(second.id, 1, AttemptEvent::Unanswered)
        .await
        .unwrap();
    assert_eq!(used().await, 2);
    world.event(second.id, 1, submitted("b")).await.unwrap();
    assert_eq!(used().await, 2);
    let third = world.claim(9).await.unwrap();
    world
        .event(third.id, 1, AttemptEvent::Unanswered)
        .await
        .unwrap();
    world
        .event(third.id, 1, AttemptEvent::NotFound)
        .await
        .unwrap();
    assert_eq!(used().await, 2);
    let found = FoundTask {
        key: third.client_ref(1),
        task: TaskId("late".to_owned()),
        ended: false,
        instance: world.instance,
        now: world.clock.now(),
    };
    world.store.settle_watch(found).await.unwrap().unwrap();
    assert_eq!(used().await, 3);
    let tomorrow = world
        .clock
        .now()
        .saturating_add(Duration::from_secs(24 * 3600 + 1))
        .unwrap();
    let daily = world.store.daily_use(&account(), tomorrow).await.unwrap();
    assert_eq!(daily, DailyUse::default());
}

/// What an administrator sets, tokens, and the server's own values.
pub async fn settings_and_tokens_persist(world: World) {
    let store = &world.store;
    let first = store.dispatch_settings().await.unwrap();
    assert_eq!(first.state, DispatchState::Running);
    assert_eq!(first.concurrency, DEFAULT_CONCURRENCY);
    let paused = DispatchSettings {
        state: DispatchState::Paused,
        concurrency: 7,
        changed_by: Actor::System,
        change_time: world.clock.now(),
    };
    store.set_dispatch_settings(paused.clone()).await.unwrap();
    assert_eq!(store.dispatch_settings().await.unwrap(), paused);

    let token = |account: &str, token: &str| UpstreamToken {
        account: Account(account.to_owned()),
        token: token.to_owned(),
        set_time: world.clock.now(),
        current: true,
        refused_since: None,
    };
    let set = async |token| {
        store
            .set_upstream_token(token, Actor::System)
            .await
            .unwrap()
    };
    set(token("a", "1")).await;
    set(token("b", "2")).await;
    set(token("b", "3")).await;
    let tokens = store.upstream_tokens().await.unwrap();
    let shown: Vec<_> = tokens
        .iter()
        .map(|token| {
            (
                token.account.0.as_str(),
                token.token.as_str(),
                token.current,
            )
        })
        .collect();
    assert_eq!(shown, [("b", "3", true), ("a", "1", false)]);
    let now = Some(world.clock.now());
    store.mark_token(&tokens[1].account, now).await.unwrap();
    assert_eq!(store.upstream_tokens().await.unwrap()[1].refused_since, now);
    let again = now.map(|now| now.saturating_add(Duration::from_secs(5)).unwrap());
    store.mark_token(&tokens[1].account, again).await.unwrap();
    let kept = store.upstream_tokens().await.unwrap();
    assert_eq!(kept[1].refused_since, now, "refused since the first time");
    for token in &tokens {
        store.drop_token(&token.account).await.unwrap();
    }
    let left = store.upstream_tokens().await.unwrap();
    assert_eq!((left.len(), &left[0].token), (1, &"3".to_owned()));
    let audit = store.audit(None, 9).await.unwrap();
    assert!(audit.iter().all(|event| !event.detail.contains('3')));

    assert_eq!(store.setting("key").await.unwrap(), None);
    store.set_setting("key", vec![1, 2]).await.unwrap();
    assert_eq!(store.setting("key").await.unwrap(), Some(vec![1, 2]));
}
