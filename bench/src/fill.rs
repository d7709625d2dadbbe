//! Users and batches, as many as are wanted, straight into a store.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use vbatch_server::clock::Clock;
use vbatch_server::domain::batch::{Batch, DEFAULT_PROMPT, EngineKind, ItemCounts};
use vbatch_server::domain::failure::{Failure, FailureReason};
use vbatch_server::domain::ids::UserId;
use vbatch_server::domain::item::{ItemState, Pending, VideoItem};
use vbatch_server::domain::ledger::Actor;
use vbatch_server::domain::media::{Audio, Blob, BlobKind, Sha256, SourceImage, Video};
use vbatch_server::domain::user::{MAX_CREDITS, Role, User};
use vbatch_server::store::redb::{DATABASE, RedbStore, Writing};
use vbatch_server::store::{NewBatch, Store};

/// Batches that are handed to the writer at a time.
const AT_ONCE: u64 = 256;

/// A user without a password, with all credits there can be.
///
/// # Panics
/// When the name is taken.
pub async fn user(store: &dyn Store, clock: &Clock, name: &str, role: Role) -> UserId {
    let user = User {
        id: clock.user_id(),
        username: name.to_owned(),
        display_name: String::new(),
        language: String::new(),
        role,
        disabled: false,
        password_hash: String::new(),
        password_change_required: false,
        password_expire_time: None,
        token_epoch: 0,
        credit_balance: 0,
        credits_held: 0,
        active_item_count: 0,
        completed_video_count: 0,
        ledger_sequence: 0,
        create_time: clock.now(),
        last_sign_in_time: None,
        last_sign_in_method: None,
        version: 1,
    };
    let made = store.create_user(user, MAX_CREDITS, Actor::System).await;
    made.unwrap().id
}

/// A batch with an item in each of these states, at a credit each.
pub fn batch(clock: &Clock, owner: UserId, number: u64, states: Vec<ItemState>) -> NewBatch {
    let now = clock.now();
    let blob = |kind| Blob {
        kind,
        sha256: Sha256([7; 32]),
        size_bytes: 64,
    };
    let batch = Batch {
        id: clock.batch_id(),
        owner,
        name: format!("spring campaign {number}"),
        prompt: DEFAULT_PROMPT.to_owned(),
        negative_prompt: String::new(),
        engine: EngineKind::LightX2v,
        labels: BTreeMap::new(),
        source_batch: None,
        audio: Audio {
            filename: "voice.mp3".to_owned(),
            media_type: "audio/mpeg".to_owned(),
            blob: blob(BlobKind::Audio),
            duration: Duration::from_secs(20),
            removed_time: None,
        },
        credits_per_item: 1,
        counts: ItemCounts::default(),
        credits_charged: 0,
        credits_refunded: 0,
        progress_permille_sum: 0,
        create_time: now,
        start_time: None,
        finish_time: None,
        cancel_request_time: None,
        results_removed_time: None,
        uploads_removed_time: None,
        last_ended: None,
        failures_seen: 0,
        held: BTreeMap::new(),
        revision: 0,
    };
    let items = (1..)
        .zip(states)
        .map(|(position, state)| VideoItem {
            id: clock.item_id(),
            batch: batch.id,
            position,
            source_image: SourceImage {
                filename: format!("portrait_{position:02}.png"),
                media_type: "image/png".to_owned(),
                blob: blob(BlobKind::Image),
                width_px: 1024,
                height_px: 1024,
                removed_time: None,
            },
            state,
            round: 1,
            charge: 1,
            failures_in_round: 0,
            last_attempt: 0,
            ended_attempts: Vec::new(),
            progress_permille: 0,
            create_time: now,
            start_time: None,
            update_time: now,
            revision: 0,
        })
        .collect();
    NewBatch {
        batch,
        items,
        request: None,
        actor: Actor::System,
    }
}

/// An item that waits.
pub fn pending() -> ItemState {
    ItemState::Pending(Pending::default())
}

/// The state of the only item of the `number`th batch: of twenty, fourteen are completed, two failed, one was cancelled,
/// and three wait.
fn mixed(number: u64, now: Timestamp) -> ItemState {
    match number % 20 {
        0..=13 => ItemState::Completed {
            video: Video {
                media_type: "video/mp4".to_owned(),
                blob: Blob {
                    kind: BlobKind::Video,
                    sha256: Sha256([9; 32]),
                    size_bytes: 64,
                },
                duration: Duration::from_secs(20),
                width_px: 640,
                height_px: 640,
                removed_time: None,
            },
            finish_time: now,
        },
        14 | 15 => ItemState::Failed {
            failure: Failure::new(
                FailureReason::UpstreamBadInput,
                "The upstream does not take the picture. Send another one.",
                "cannot identify image file",
            ),
            finish_time: now,
        },
        16 => ItemState::Cancelled { finish_time: now },
        _ => pending(),
    }
}

/// `count` batches of one item each, in all the states there are.
///
/// # Panics
/// When one is refused.
pub async fn batches(store: &Arc<RedbStore>, clock: &Clock, owner: UserId, count: u64) {
    let mut begun = 0;
    while begun < count {
        let together = (begun..count.min(begun + AT_ONCE)).map(|number| {
            let new = batch(clock, owner, number, vec![mixed(number, clock.now())]);
            store.create_batch(new)
        });
        for made in futures::future::join_all(together).await {
            made.unwrap();
        }
        begun = count.min(begun + AT_ONCE);
    }
}

/// A data directory of one admin with `count` batches, closed cleanly. Gives the admin.
///
/// # Panics
/// When the folder cannot be written.
pub async fn data_directory(folder: &Path, count: u64) -> UserId {
    let clock = Clock::system();
    let path = folder.join(DATABASE);
    // Made as the program makes it, then filled without waiting for the disk.
    RedbStore::open(&path, clock.clone()).unwrap().close().await;
    let backends = move || {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)?;
        let file = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Box::new(Unsynced(file)) as Box<dyn StorageBackend>)
    };
    let store = RedbStore::with_backend(backends, clock.clone(), Writing::Thread).unwrap();
    let store = Arc::new(store);
    let admin = user(store.as_ref(), &clock, "filler", Role::Admin).await;
    batches(&store, &clock, admin, count).await;
    store.close().await;
    admin
}

/// A file that is never waited for: what is filled into it is no measurement.
#[derive(Debug)]
struct Unsynced(FileBackend);

impl StorageBackend for Unsynced {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn unlock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }
}
