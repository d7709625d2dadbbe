//! A disk that fails: full for a while, broken for good, or reporting at its last flush what is done all the same.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use futures::future::join_all;
use jiff::Timestamp;

use super::failing_disk::{Disk, Health};
use super::tables::ITEMS;
use super::{OpenError, RedbStore, Writing};
use crate::clock::Clock;
use crate::domain::failure::WaitReason;
use crate::domain::transition::AttemptEvent;
use crate::store::conformance::world::World;
use crate::store::{Store, StoreError};

fn clock() -> Clock {
    Clock::simulated(Timestamp::from_second(1_790_000_000).unwrap(), 1)
}

fn open(disk: &Disk, writing: Writing) -> Result<RedbStore, OpenError> {
    disk.open(clock(), writing)
}

async fn set(store: &RedbStore, value: u8) -> Result<(), StoreError> {
    store.set_setting("key", vec![value]).await
}

async fn value(store: &RedbStore) -> u8 {
    store.setting("key").await.unwrap().unwrap()[0]
}

/// What was being committed when the disk became full is undecided; what is asked for after it is certainly not done.
fn is_refused(error: &StoreError, turn: usize) -> bool {
    match turn {
        0 => matches!(error, StoreError::Undecided(_)),
        _ => matches!(error, StoreError::Full(_)),
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    for writing in [Writing::Inline, Writing::Thread] {
        let disk = Disk::default();
        let store = open(&disk, writing).unwrap();
        set(&store, 1).await.unwrap();
        disk.turn(Health::Full);
        for turn in 0..3 {
            let error = set(&store, 2).await.unwrap_err();
            assert!(is_refused(&error, turn), "{turn}: {error}");
        }
        disk.turn(Health::Well);
        assert_eq!(value(&store).await, 1);
        set(&store, 3).await.unwrap();
        assert_eq!(value(&store).await, 3);
        assert_eq!(store.totals().await.unwrap().revision, 2);
        drop(store);
        assert_eq!(value(&open(&disk, writing).unwrap()).await, 3);
    }
}

#[tokio::test]
async fn a_commit_that_is_on_the_disk_is_answered_so() {
    let disk = Disk::default();
    let store = open(&disk, Writing::Inline).unwrap();
    set(&store, 1).await.unwrap();
    let mut revision = store.feed().revision();
    revision.mark_unchanged();
    disk.turn(Health::FullAfterTheFact);
    set(&store, 2).await.unwrap();
    assert_eq!(value(&store).await, 2);
    assert!(revision.has_changed().unwrap(), "the feed knows it");
    set(&store, 3).await.unwrap();
    assert_eq!(value(&store).await, 3);
}

/// Who asks while the disk stays full must not make the store forget that a commit is undecided.
#[tokio::test]
async fn a_commit_that_turns_out_to_be_on_a_disk_that_stayed_full_is_told() {
    let disk = Disk::default();
    let store = open(&disk, Writing::Inline).unwrap();
    set(&store, 1).await.unwrap();
    let told = *store.feed().revision().borrow();
    disk.turn(Health::FullAfterTheFactAndOn);
    for (turn, value) in [2, 3, 3].into_iter().enumerate() {
        let error = set(&store, value).await.unwrap_err();
        assert!(is_refused(&error, turn), "{turn}: {error}");
    }
    disk.turn(Health::Well);
    assert_eq!(value(&store).await, 2, "it is on the disk");
    let revision = store.totals().await.unwrap().revision;
    assert_eq!(revision, told + 1);
    assert_eq!(
        *store.feed().revision().borrow(),
        revision,
        "the feed knows"
    );
}

#[tokio::test]
async fn a_broken_disk_closes_the_store_for_good() {
    let disk = Disk::default();
    let store = open(&disk, Writing::Thread).unwrap();
    set(&store, 1).await.unwrap();
    disk.turn(Health::Broken);
    let outcomes = join_all((0..5).map(|_| set(&store, 2))).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Err(StoreError::Failed(_))))
    );
    disk.turn(Health::Well);
    assert!(matches!(set(&store, 2).await, Err(StoreError::Failed(_))));
    drop(store);
    let store = open(&disk, Writing::Thread).unwrap();
    assert_eq!(value(&store).await, 1, "what was answered is there");
}

/// A claim that moves a delayed item and then meets a record that does not read has written before it failed: it
/// alone fails, and those who shared its transaction do not notice.
#[tokio::test]
async fn a_damaged_record_spoils_nobody_elses_operation() {
    let disk = Disk::default();
    let store = Arc::new(open(&disk, Writing::Thread).unwrap());
    let world = World::new(store.clone(), store.feed().clone(), clock());
    let user = world.user("wang", 10).await;
    world.batch(&user, 1, 1).await;
    let item = world.claim(9).await.unwrap();
    let released = AttemptEvent::Released {
        reason: WaitReason::UpstreamBusy,
        not_before: Some(Timestamp::UNIX_EPOCH),
    };
    world.event(item.id, 1, released).await.unwrap();
    let database = store.shared.database().unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut items = transaction.open_table(ITEMS).unwrap();
        let key = (item.batch.0.as_u128(), item.position);
        items.insert(key, &b"\xff\xff"[..]).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);

    let claim = || async {
        let claim = crate::store::Claim {
            engine: crate::domain::batch::EngineKind::LightX2v,
            account: crate::store::conformance::world::account(),
            instance: world.instance,
            slots: Some(9),
            after_batch: None,
            now: world.clock.now(),
        };
        world.store.claim(claim).await.map(|_| ())
    };
    let others = ["a", "b", "c", "d"].map(|name| world.user(name, 1));
    let (first, second, made) = tokio::join!(claim(), claim(), join_all(others));
    for outcome in [first, second] {
        let error = outcome.unwrap_err();
        assert!(
            matches!(&error, StoreError::Corrupt { place, .. } if place.starts_with("items ")),
            "{error}"
        );
    }
    assert_eq!(made.len(), 4);
    let totals = world.store.totals().await.unwrap();
    assert_eq!((totals.users, totals.revision), (5, 8));
}
