//! A restored copy: its mark, and the tasks of its other life.

use std::time::Duration;

use crate::domain::batch::EngineKind;
use crate::domain::dispatching::{DispatchState, UpstreamToken};
use crate::domain::ids::{Account, ClientRef, TaskId};
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::ledger::Actor;
use crate::domain::transition::TaskStanding;
use crate::store::restored::{ListedTask, MatchList, Matched, Restore};
use crate::store::{Claim, NewApiKey};

use super::world::{World, account, submitted};

async fn mark(world: &World) {
    let restore = Restore {
        backup_time: world.clock.now(),
        ended_settings: vec!["secret".to_owned()],
        detail: String::new(),
        now: world.clock.now(),
    };
    world.store.mark_restored(restore).await.unwrap();
}

fn listed(item: &VideoItem, attempt: u32, task: &str, standing: TaskStanding) -> ListedTask {
    ListedTask {
        key: ClientRef {
            item: item.id,
            attempt,
        },
        task: TaskId(task.to_owned()),
        created: None,
        standing,
    }
}

async fn match_list(world: &World, tasks: Vec<ListedTask>) -> Matched {
    let now = world.clock.now();
    let list = MatchList {
        account: account(),
        tasks,
        keyless: Vec::new(),
        since: now,
        instance: world.instance,
        now,
    };
    world.store.match_list(list).await.unwrap()
}

/// The mark says what the other life knew; dispatch is paused, and its secrets are gone.
pub async fn a_mark_pauses_and_forgets(world: World) {
    let store = &world.store;
    assert_eq!(store.restored().await.unwrap(), None);
    assert_eq!(match_list(&world, Vec::new()).await, Matched::default());
    assert_eq!(store.restored().await.unwrap(), None);

    let user = world.user("wang", 5).await;
    let batch = world.batch(&user, 1, 1).await;
    let key = super::accounts::key(&world, &user, 7);
    let new = NewApiKey {
        key,
        actor: Actor::System,
    };
    store.create_api_key(new).await.unwrap();
    store.set_setting("secret", vec![1]).await.unwrap();
    store.set_setting("other", vec![2]).await.unwrap();
    let token = UpstreamToken {
        account: account(),
        token: "t".to_owned(),
        set_time: world.clock.now(),
        current: true,
        refused_since: None,
    };
    store
        .set_upstream_token(token, Actor::System)
        .await
        .unwrap();
    mark(&world).await;
    let restored = store.restored().await.unwrap().unwrap();
    assert_eq!(restored.newest_batch, Some(batch.id));
    let submitters: Vec<_> = restored.unmatched_submitters().collect();
    assert_eq!(submitters, [(&account(), batch.id)]);
    let settings = store.dispatch_settings().await.unwrap();
    assert_eq!(settings.state, DispatchState::Paused);
    assert_eq!(store.setting("secret").await.unwrap(), None);
    assert_eq!(store.setting("other").await.unwrap(), Some(vec![2]));
    assert_eq!(store.api_keys(user.id).await.unwrap(), []);
    assert_eq!(store.api_key_by_digest(&[7; 32]).await.unwrap(), None);

    match_list(&world, Vec::new()).await;
    let restored = store.restored().await.unwrap().unwrap();
    assert_eq!(restored.unmatched_submitters().count(), 0);
}

/// A copy of a copy inherits what its original had not found out: the account of the first life, up to the newest batch
/// of then, until that account's list is matched.
pub async fn a_copy_of_a_copy_inherits_what_is_not_matched(world: World) {
    let store = &world.store;
    let user = world.user("wang", 5).await;
    let old = world.batch(&user, 1, 1).await;
    let token = |name: &str| UpstreamToken {
        account: Account(name.to_owned()),
        token: name.to_owned(),
        set_time: world.clock.now(),
        current: true,
        refused_since: None,
    };
    let set = |token| store.set_upstream_token(token, Actor::System);
    set(token("first")).await.unwrap();
    mark(&world).await;
    // Another account is all that the copy has; it is copied in its turn, again and again.
    set(token(&account().0)).await.unwrap();
    store
        .drop_token(&Account("first".to_owned()))
        .await
        .unwrap();
    let new = world.batch(&user, 1, 1).await;
    for _ in 0..3 {
        mark(&world).await;
    }
    let submitters = || async {
        let restored = store.restored().await.unwrap().unwrap();
        let submitters = restored.unmatched_submitters();
        let mut submitters: Vec<_> = submitters
            .map(|(account, batch)| (account.0.clone(), batch))
            .collect();
        submitters.sort();
        submitters.dedup();
        submitters
    };
    let first = ("first".to_owned(), old.id);
    let mut both = vec![first.clone(), (account().0, new.id)];
    both.sort();
    assert_eq!(submitters().await, both);
    match_list(&world, Vec::new()).await;
    assert_eq!(submitters().await, [first]);
}

/// Each item goes on with the task that is furthest along, its numbers continue above all of them, and what still runs
/// beside it is to end. The same list again changes nothing.
pub async fn what_the_other_life_submitted_is_taken_over_once(world: World) {
    let user = world.user("wang", 9).await;
    let batch = world.batch(&user, 5, 1).await;
    let running = world.claim(9).await.unwrap();
    world.event(running.id, 1, submitted("own")).await.unwrap();
    let items = world.items(batch.id).await;
    world.cancel(batch.id, &[items[4].id]).await.unwrap();
    mark(&world).await;

    let mut stranger = listed(&items[0], 1, "stranger", TaskStanding::Active);
    stranger.key.item = world.clock.item_id();
    let list = vec![
        // The first: its own attempt, and the newer one that took its place.
        listed(&items[0], 1, "own", TaskStanding::Ended),
        listed(&items[0], 2, "newer", TaskStanding::Active),
        // The second: lost twice, then done.
        listed(&items[1], 1, "lost", TaskStanding::Ended),
        listed(&items[1], 3, "running", TaskStanding::Active),
        listed(&items[1], 2, "done", TaskStanding::Succeeded),
        // The third ended without a video.
        listed(&items[2], 1, "ended", TaskStanding::Ended),
        // The fifth has been cancelled here.
        listed(&items[4], 1, "late", TaskStanding::Active),
        stranger,
    ];
    let matched = match_list(&world, list.clone()).await;
    let expected = Matched {
        taken_over: 3,
        cleanups: 2,
        unknown: 1,
    };
    assert_eq!(matched, expected);
    let after = world.items(batch.id).await;
    let task = |item: &VideoItem| {
        let attempt = &item.processing().unwrap().attempt;
        (attempt.number, attempt.task.clone().unwrap().0)
    };
    assert_eq!(task(&after[0]), (2, "newer".to_owned()));
    assert_eq!(task(&after[1]), (2, "done".to_owned()));
    assert_eq!(after[1].last_attempt, 3);
    assert_eq!(task(&after[2]), (1, "ended".to_owned()));
    assert!(matches!(after[3].state, ItemState::Pending(_)));
    assert!(matches!(after[4].state, ItemState::Cancelled { .. }));
    assert_eq!(after[4].last_attempt, 1);
    let mut cleanups: Vec<String> = world
        .store
        .cleanups()
        .await
        .unwrap()
        .into_iter()
        .map(|cleanup| cleanup.task.0)
        .collect();
    cleanups.sort();
    assert_eq!(cleanups, ["late", "running"]);
    // Their submits count towards the account's day, once each: the own one, and three that were taken over.
    let now = world.clock.now();
    let used = world.store.daily_use(&account(), now).await.unwrap();
    assert_eq!(used.submitted, 4);

    let again = match_list(&world, list).await;
    assert_eq!(
        again,
        Matched {
            unknown: 1,
            ..Matched::default()
        }
    );
    let user = world.stored(&user).await;
    world.check_books(&user).await;
}

/// Turns go round whoever has batches after the floor; what is older stays where it is.
pub async fn only_batches_after_a_floor_are_claimed(world: World) {
    let (first, second) = (world.user("wang", 9).await, world.user("li", 9).await);
    world.batch(&first, 2, 1).await;
    let floor = world.batch(&second, 2, 1).await;
    let claim = |after_batch| {
        let claim = Claim {
            engine: EngineKind::LightX2v,
            account: account(),
            instance: world.instance,
            slots: Some(9),
            after_batch,
            now: world.clock.now(),
        };
        let store = world.store.clone();
        async move {
            let claimed = store.claim(claim).await.unwrap();
            claimed.map(|(batch, _)| batch.id)
        }
    };
    assert_eq!(claim(Some(floor.id)).await, None);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (new, newer) = (
        world.batch(&first, 1, 1).await.id,
        world.batch(&second, 2, 1).await.id,
    );
    let mut claimed = Vec::new();
    while let Some(batch) = claim(Some(floor.id)).await {
        claimed.push(batch);
    }
    claimed.sort();
    assert_eq!(claimed, [new, newer, newer]);
    let backlog = world
        .store
        .backlog(EngineKind::LightX2v, world.clock.now())
        .await
        .unwrap();
    assert_eq!(backlog.ready, 4);
    assert!(claim(None).await.is_some());
}
