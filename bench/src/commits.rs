//! How many transitions share a commit, and how many flushes to the disk one takes.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use tempfile::TempDir;
use vbatch_server::clock::Clock;
use vbatch_server::domain::batch::EngineKind;
use vbatch_server::domain::ids::{Account, ItemId, TaskId};
use vbatch_server::domain::item::Stage;
use vbatch_server::domain::transition::AttemptEvent;
use vbatch_server::domain::user::Role;
use vbatch_server::store::redb::{DATABASE, RedbStore};
use vbatch_server::store::{AttemptChange, Claim, Store};

use crate::figure::{Figure, Target, median};
use crate::fill;

/// Who commits at the same time.
pub const WRITERS: u32 = 64;
/// What each of them commits, one after the other.
const TRANSITIONS: u32 = 200;
const LONE: usize = 200;

/// A store whose items all have a task at the upstream, by their ids.
///
/// # Panics
/// When it cannot be filled.
pub async fn claimed(store: &RedbStore, clock: &Clock, count: u32) -> Vec<ItemId> {
    let owner = fill::user(store, clock, "wang", Role::User).await;
    let states = (0..count).map(|_| fill::pending()).collect();
    store
        .create_batch(fill::batch(clock, owner, 0, states))
        .await
        .unwrap();
    let mut items = Vec::new();
    for _ in 0..count {
        let claim = Claim {
            engine: EngineKind::LightX2v,
            account: Account("somebody".to_owned()),
            instance: clock.instance_id(),
            slots: Some(count),
            after_batch: None,
            now: clock.now(),
        };
        let item = store.claim(claim).await.unwrap().unwrap().1.id;
        let submitted = AttemptEvent::Submitted {
            task: TaskId(item.0.to_string()),
            expected_wait: None,
        };
        happen(store, clock, item, submitted).await;
        items.push(item);
    }
    items
}

/// One transition of a claimed item: the upstream's word on how far it is.
///
/// # Panics
/// When the store fails.
pub async fn advance(store: &dyn Store, clock: &Clock, item: ItemId, share: f32) {
    let progress = AttemptEvent::Progress {
        stage: Stage::Generating { expected_run: None },
        share: Some(share),
        answered: std::time::Duration::ZERO,
    };
    happen(store, clock, item, progress).await;
}

async fn happen(store: &dyn Store, clock: &Clock, item: ItemId, event: AttemptEvent) {
    let change = AttemptChange {
        item,
        attempt: 1,
        event,
    };
    let applied = store.apply(vec![change], clock.now()).await.unwrap();
    assert!(applied[0].is_some(), "the attempt owns its item");
}

/// See the module's page.
///
/// # Panics
/// When the store fails.
pub async fn figures() -> Vec<Figure> {
    let folder = TempDir::new().unwrap();
    let clock = Clock::system();
    let store = RedbStore::open(&folder.path().join(DATABASE), clock.clone()).unwrap();
    let store = Arc::new(store);
    let items = claimed(&store, &clock, WRITERS).await;

    let before = (store.commits(), store.operations(), store.syncs());
    let writers: Vec<_> = items
        .iter()
        .map(|item| {
            let (store, clock, item) = (Arc::clone(&store), clock.clone(), *item);
            tokio::spawn(async move {
                for turn in 0..TRANSITIONS {
                    advance(
                        store.as_ref(),
                        &clock,
                        item,
                        turn as f32 / TRANSITIONS as f32 * 0.5,
                    )
                    .await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let commits = (store.commits() - before.0) as f64;
    let together = (store.operations() - before.1) as f64 / commits;
    let flushes = (store.syncs() - before.2) as f64 / commits;

    // A lone writer and the disk alone, in turns: as many bytes as a small commit writes, and a flush.
    let mut file = File::create(folder.path().join("plain")).unwrap();
    let (mut lone, mut plain) = (Vec::new(), Vec::new());
    for turn in 0..LONE {
        let begun = Instant::now();
        advance(
            store.as_ref(),
            &clock,
            items[0],
            0.5 + turn as f32 / LONE as f32 * 0.4,
        )
        .await;
        lone.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        plain.push(begun.elapsed().as_secs_f64());
    }
    let (lone, plain) = (median(lone), median(plain));
    vec![
        Figure::count(
            "transitions a commit, 64 writers",
            together,
            "",
            Target::AtLeast(32.0),
        )
        .with(format!(
            "{} transitions in {commits} commits",
            WRITERS * TRANSITIONS
        )),
        Figure::count("fsyncs a commit", flushes, "", Target::AtMost(2.0)),
        Figure::ratio(
            "a lone writer's commit, time",
            "one fsync of 4 KiB",
            lone / plain,
            Target::AtMost(3.0),
        )
        .with(format!("{:.1} ms, {:.1} ms", lone * 1e3, plain * 1e3)),
    ]
}
