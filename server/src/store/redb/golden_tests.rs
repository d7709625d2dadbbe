//! A database file that version 1 wrote is kept here and must read for ever.
//!
//! `VBATCH_WRITE_GOLDEN=1 cargo test -p vision-batch-server golden` writes it anew. Do that only before a release
//! has written files of this schema; afterwards keep the file, and add another for the new version.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::RedbStore;
use crate::clock::Clock;
use crate::domain::batch::Ending;
use crate::domain::dispatching::{DispatchSettings, DispatchState, UpstreamToken};
use crate::domain::failure::{Failure, FailureReason, WaitReason};
use crate::domain::ids::{BatchId, RequestId, TaskId};
use crate::domain::item::{ItemState, Stage, VideoItem};
use crate::domain::ledger::{Actor, EntryKind};
use crate::domain::transition::AttemptEvent;
use crate::domain::user::User;
use crate::store::conformance::world::{World, account, failed, failure, submitted};
use crate::store::{CreditChange, Made, NewBatch, Request, RequestKey, RetryItems};

const START: i64 = 1_790_000_000;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/redb/golden/v1.redb")
}

fn open(path: &Path) -> World {
    let clock = Clock::simulated(Timestamp::from_second(START).unwrap(), 1);
    let store = RedbStore::open(path, clock.clone()).unwrap();
    let feed = store.feed().clone();
    World::new(Arc::new(store), feed, clock)
}

fn request(user: &User, method: &'static str) -> Request {
    Request {
        key: RequestKey {
            user: user.id,
            method,
            id: RequestId(uuid::Uuid::from_u128(77)),
        },
        digest: [method.len() as u8; 32],
    }
}

/// The batch from whose media the one in the file was made.
fn source() -> BatchId {
    BatchId(uuid::Uuid::from_u128(78))
}

/// One record of each kind, in each state.
async fn write(world: &World) {
    let user = world.user("王芳", 100).await;
    let actor = Actor::User {
        id: user.id,
        name: user.username.clone(),
    };
    let mut new = NewBatch {
        request: Some(request(&user, "CreateBatch")),
        actor: actor.clone(),
        ..world.new_batch(user.id, 12, 2)
    };
    new.batch.source_batch = Some(source());
    let batch = world.store.create_batch(new).await.unwrap().batch;
    let mut items = Vec::new();
    for _ in 0..10 {
        items.push(world.claim(100).await.unwrap());
    }
    let event = async |index: usize, event| {
        let item: &VideoItem = &items[index];
        world
            .event(item.id, item.last_attempt, event)
            .await
            .unwrap()
    };
    let generating = AttemptEvent::Progress {
        stage: Stage::Generating {
            expected_run: Some(Duration::from_secs(40)),
        },
        share: Some(0.5),
        answered: Duration::from_secs(3),
    };
    let queued = AttemptEvent::Progress {
        stage: Stage::Queued {
            position: Some(4),
            expected_wait: Some(Duration::from_secs(9)),
        },
        share: None,
        answered: Duration::from_secs(1),
    };
    let fetched = AttemptEvent::Fetched {
        fetched_bytes: 10,
        total_bytes: Some(90),
    };
    let gave_up = AttemptEvent::GaveUp { failure: failure() };
    let again = AttemptEvent::Failed {
        failure: Failure::new(FailureReason::WorkerLost, "lost", "PING timeout"),
        try_again: Some(Timestamp::from_second(START + 3_600).unwrap()),
    };
    // Position 1 stays SUBMITTING, 11 and 12 PENDING.
    event(1, AttemptEvent::Unanswered).await;
    event(2, submitted("t3")).await;
    event(2, queued).await;
    event(3, submitted("t4")).await;
    event(3, generating).await;
    event(4, submitted("t5")).await;
    event(4, AttemptEvent::Succeeded).await;
    event(4, fetched).await;
    world.complete(&items[5]).await;
    event(6, failed()).await;
    event(7, submitted("t8")).await;
    event(7, gave_up.clone()).await;
    event(8, AttemptEvent::Unanswered).await;
    event(8, gave_up).await;
    event(9, again).await;
    world.cancel(batch.id, &[items[0].id]).await.unwrap();
    let last = world.items(batch.id).await[11].id;
    world.cancel(batch.id, &[last]).await.unwrap();
    let retry = RetryItems {
        request: Some(request(&user, "RetryItems")),
        actor: actor.clone(),
        ..world.new_retry(batch.id, &[items[7].id])
    };
    world.store.retry_items(retry).await.unwrap();

    let change = CreditChange {
        user: user.id,
        delta: 7,
        note: "谢谢".to_owned(),
        actor: actor.clone(),
        request: Some(request(&user, "AdjustCredits")),
        now: world.clock.now(),
    };
    world.store.adjust_credits(change).await.unwrap();
    let settings = DispatchSettings {
        state: DispatchState::Draining,
        concurrency: 5,
        changed_by: actor.clone(),
        change_time: world.clock.now(),
    };
    world.store.set_dispatch_settings(settings).await.unwrap();
    let token = UpstreamToken {
        account: account(),
        token: "secret".to_owned(),
        set_time: world.clock.now(),
        current: true,
        refused_since: None,
    };
    world.store.set_upstream_token(token, actor).await.unwrap();
    let store = &world.store;
    store.set_setting("key", vec![1, 2, 3]).await.unwrap();
}

#[tokio::test]
async fn golden_file_of_version_1_reads() {
    if std::env::var_os("VBATCH_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(golden().parent().unwrap()).unwrap();
        drop(std::fs::remove_file(golden()));
        write(&open(&golden())).await;
        let mut database = redb::Database::open(golden()).unwrap();
        database.compact().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("state.redb");
    std::fs::copy(golden(), &copy).unwrap();
    let world = open(&copy);
    let store = &world.store;

    let user = store.user_by_name("王芳").await.unwrap().unwrap();
    world.check_books(&user).await;
    assert_eq!(user.credit_balance, 100 - 24 + 4 * 2 - 2 + 7);
    assert_eq!((user.credits_held, user.active_item_count), (16, 8));
    assert_eq!(user.completed_video_count, 1);
    let page = store.entries(user.id, None, 100).await.unwrap();
    let kinds = |kind| {
        let entries = page.entries.iter();
        entries.filter(|entry| entry.kind == kind).count()
    };
    assert_eq!(
        [
            kinds(EntryKind::Grant),
            kinds(EntryKind::Charge),
            kinds(EntryKind::Refund),
            kinds(EntryKind::Adjustment)
        ],
        [1, 13, 4, 1]
    );
    assert_eq!(page.entries[0].note, "谢谢");

    let made = async |method| {
        let recorded = store.request(request(&user, method).key).await;
        let recorded = recorded.unwrap().unwrap();
        assert_eq!(recorded.digest, [method.len() as u8; 32]);
        recorded.made
    };
    let Made::Batch(id) = made("CreateBatch").await else {
        panic!("no batch");
    };
    assert!(
        matches!(made("RetryItems").await, Made::Rounds(batch, items) if batch == id && items.len() == 1)
    );
    assert!(matches!(made("AdjustCredits").await, Made::Entry(of, 19) if of == user.id));

    let batch = store.batch(id).await.unwrap().unwrap();
    assert_eq!((batch.name.as_str(), batch.labels.len()), ("春节", 1));
    assert_eq!((batch.credits_charged, batch.credits_refunded), (26, 8));
    assert_eq!(batch.source_batch, Some(source()));
    let ended = batch.last_ended.unwrap();
    assert_eq!(
        (ended.position, ended.filename.as_str(), ended.ending),
        (12, "王芳-12.png", Ending::Cancelled)
    );
    let items = world.items(id).await;
    assert_eq!(ended.item, items[11].id);
    assert_eq!(Some(ended.finish_time), items[11].finish_time());
    let stage = |index: usize| &items[index].processing().unwrap().stage;
    assert!(items[0].processing().unwrap().cancel_request_time.is_some());
    assert_eq!(*stage(0), Stage::Submitting);
    assert!(matches!(stage(1), Stage::Unresolved { .. }));
    assert_eq!(
        *stage(2),
        Stage::Queued {
            position: Some(4),
            expected_wait: Some(Duration::from_secs(9))
        }
    );
    assert_eq!(
        *stage(3),
        Stage::Generating {
            expected_run: Some(Duration::from_secs(40))
        }
    );
    assert_eq!(
        *stage(4),
        Stage::Fetching {
            fetched_bytes: 10,
            total_bytes: Some(90)
        }
    );
    let ItemState::Completed { video, .. } = &items[5].state else {
        panic!("not completed");
    };
    assert!(store.is_referenced(video.blob).await.unwrap());
    let ItemState::Failed { failure, .. } = &items[6].state else {
        panic!("not failed");
    };
    assert_eq!(failure.upstream_message, "boom");
    let wait = |index: usize| match &items[index].state {
        ItemState::Pending(pending) => pending.reason,
        _ => panic!("not pending"),
    };
    assert_eq!((items[7].round, wait(7)), (2, Some(WaitReason::Cleanup)));
    assert!(matches!(items[8].state, ItemState::Failed { .. }));
    assert_eq!(wait(9), Some(WaitReason::BackOff));
    assert_eq!(items[9].ended_attempts.len(), 1);
    assert_eq!(wait(10), None);
    assert!(matches!(items[11].state, ItemState::Cancelled { .. }));
    assert_eq!(items[11].source_image.filename, "王芳-12.png");

    let cleanup = store.cleanups().await.unwrap().remove(0);
    assert_eq!(cleanup.task, TaskId("t8".to_owned()));
    assert_eq!(cleanup.client_ref.item, items[7].id);
    let watch = store.watches().await.unwrap().remove(0);
    assert_eq!(watch.client_ref.item, items[8].id);
    assert!(!watch.matched);
    assert_eq!(store.active(batch.engine).await.unwrap().len(), 5);
    let daily = store
        .daily_use(&account(), world.clock.now())
        .await
        .unwrap();
    assert_eq!(daily.submitted, 7);
    let hours = store.throughput(Timestamp::from_second(START).unwrap());
    let hour = hours.await.unwrap().pop().unwrap();
    assert_eq!((hour.completed, hour.failed), (1, 3));
    let settings = store.dispatch_settings().await.unwrap();
    assert_eq!(settings.state, DispatchState::Draining);
    let token = store.upstream_tokens().await.unwrap().remove(0);
    assert_eq!((token.token.as_str(), token.current), ("secret", true));
    assert_eq!(store.setting("key").await.unwrap(), Some(vec![1, 2, 3]));
    let audit = store.audit(None, 100).await.unwrap();
    assert_eq!(audit.last().unwrap().action, "user.create");
    assert_eq!(store.counts(Some(user.id)).await.unwrap().processing, 1);

    // And work goes on with it: the one that waits is claimed, behind the slots that are held.
    assert_eq!(world.claim(6).await, None);
    assert_eq!(world.claim(7).await.unwrap().position, 11);
}
