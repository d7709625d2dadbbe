//! The dispatcher on a disk that is full for a while: nothing is lost, nothing is paid twice, and it goes on by itself.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redb::StorageBackend;
use vbatch_server::clock::Clock;
use vbatch_server::domain::failure::WaitReason;
use vbatch_server::domain::item::{ItemState, Stage, VideoItem};
use vbatch_server::media::Media;
use vbatch_server::store::redb::{RedbStore, Writing};
use vbatch_server::store::{CreateBatchError, StoreError};
use vbatch_server::verify;
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::world::{Step, World, epoch};

/// How long a disk stays full, in virtual time: what ran upstream has ended by then.
const FULL_FOR: Duration = Duration::from_secs(600);

/// A disk in memory that outlives the databases on it.
#[derive(Debug, Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    fn turn_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, Error> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let bytes = self.bytes.lock().unwrap();
        let offset = offset as usize;
        out.copy_from_slice(&bytes[offset..offset + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.check()?;
        self.bytes.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.check()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.check()?;
        let offset = offset as usize;
        self.bytes.lock().unwrap()[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}

async fn world(disk: &Disk) -> World {
    let upstream = UpstreamConfig {
        run: Duration::from_secs(20),
        latency: Duration::from_millis(20),
        epoch: epoch(),
        ..UpstreamConfig::default()
    };
    let clock = Clock::simulated(upstream.epoch, 7);
    let theirs = disk.clone();
    let backends = move || Ok(Box::new(theirs.clone()) as Box<dyn StorageBackend>);
    let store = RedbStore::with_backend(backends, clock.clone(), Writing::Inline).unwrap();
    let mut world = World::asleep_on(store, upstream, clock);
    world.set_token(&world.upstream.token()).await;
    world.start();
    world
}

fn is_at(items: &[VideoItem], wanted: fn(&Stage) -> bool) -> bool {
    items.iter().any(|item| {
        item.processing()
            .is_some_and(|running| wanted(&running.stage))
    })
}

/// Fills the disk when an item is at that stage, for long enough that what runs upstream ends meanwhile.
async fn full_while(stage: fn(&Stage) -> bool) {
    let disk = Disk::default();
    let world = world(&disk).await;
    let user = world.user("wang", 6).await;
    let batch = world.batch(user, 6).await;
    world
        .until(batch, "it is at that stage", |items| is_at(items, stage))
        .await;
    disk.turn_full(true);
    world.until_wait(WaitReason::StorageFull).await;
    let refused = world.try_batch(user, 1).await;
    assert!(
        matches!(refused, Err(CreateBatchError::Store(StoreError::Full(_)))),
        "{refused:?}"
    );
    tokio::time::sleep(FULL_FOR).await;
    disk.turn_full(false);

    let items = world.finished(batch).await;
    assert!(
        items
            .iter()
            .all(|item| matches!(item.state, ItemState::Completed { .. })),
        "{items:#?}"
    );
    world.until_all_ended().await;
    world.assert_no_task_is_unowned(&[batch]).await;
    assert_eq!(world.upstream.tasks().len(), 6, "nothing was made twice");
    assert_eq!(world.balance(user).await, 0);
    let nowhere = Media::untouched("/nonexistent".as_ref());
    let report = verify::look(world.store.as_ref(), &nowhere).await.unwrap();
    let differences: Vec<_> = report
        .differences
        .iter()
        .filter(|one| one.check != vbatch_server::domain::books::Check::File)
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test(start_paused = true)]
async fn while_submitting() {
    full_while(|stage| matches!(stage, Stage::Submitting)).await;
}

#[tokio::test(start_paused = true)]
async fn while_generating() {
    full_while(|stage| matches!(stage, Stage::Generating { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn while_fetching() {
    full_while(|stage| matches!(stage, Stage::Fetching { .. })).await;
}

/// The disk of the videos is full: the item stays in FETCHING and says why it waits, nothing new is begun, and the video
/// is fetched when there is room.
async fn no_room_for_videos(step: Step) {
    // Three run at a time; three more may be begun while the first find no room.
    const ITEMS: i32 = 9;
    let world = world(&Disk::default()).await;
    let user = world.user("wang", ITEMS).await;
    let batch = world.batch(user, ITEMS as u32).await;
    world.set_full(Some(step));
    world.until_wait(WaitReason::StorageFull).await;
    world
        .until(batch, "all that was made waits to be fetched", |items| {
            let mut running = items.iter().filter_map(VideoItem::processing);
            running.all(|running| matches!(running.stage, Stage::Fetching { .. }))
        })
        .await;
    let begun = world.upstream.tasks().len();
    assert!(begun < ITEMS as usize, "{begun}");
    tokio::time::sleep(FULL_FOR).await;
    assert_eq!(world.upstream.tasks().len(), begun, "nothing new is begun");
    world.set_full(None);

    let items = world.finished(batch).await;
    assert!(
        items
            .iter()
            .all(|item| matches!(item.state, ItemState::Completed { .. })),
        "{items:#?}"
    );
    assert_eq!(
        world.upstream.tasks().len(),
        ITEMS as usize,
        "nothing was made twice"
    );
    assert_eq!(world.balance(user).await, 0);
}

#[tokio::test(start_paused = true)]
async fn no_room_to_begin_a_video() {
    no_room_for_videos(Step::Begin).await;
}

#[tokio::test(start_paused = true)]
async fn no_room_for_its_bytes() {
    no_room_for_videos(Step::Write).await;
}

#[tokio::test(start_paused = true)]
async fn no_room_to_flush_it() {
    no_room_for_videos(Step::Finish).await;
}
