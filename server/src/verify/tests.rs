//! Files against what refers to them, and a look that is given up. What is found within the database is tested beside its
//! walk.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::*;
use crate::domain::media::BlobKind;
use crate::store::conformance::world::World;

struct Bench {
    folder: tempfile::TempDir,
    world: World,
    batch: Batch,
    item: VideoItem,
}

fn path(folder: &Path, blob: Blob) -> PathBuf {
    let kind = match blob.kind {
        BlobKind::Image => "images",
        BlobKind::Audio => "audios",
        BlobKind::Video => "videos",
    };
    let digest = blob.sha256.to_string();
    folder.join(kind).join(&digest[..2]).join(digest)
}

/// A batch of two with one video, and all their files.
async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::simulated(Timestamp::from_second(1_790_000_000).unwrap(), 1);
    let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
    let world = World::new(store.clone(), store.feed().clone(), clock);
    let user = world.user("wang", 10).await;
    let batch = world.batch(&user, 2, 1).await;
    let claimed = world.claim(9).await.unwrap();
    let item = world.complete(&claimed).await;
    let mut blobs = vec![batch.audio.blob, video_of(&item)];
    let items = world.items(batch.id).await;
    blobs.extend(items.iter().map(|item| item.source_image.blob));
    for blob in blobs {
        let path = path(folder.path(), blob);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, vec![0; blob.size_bytes as usize]).unwrap();
    }
    Bench {
        folder,
        world,
        batch,
        item,
    }
}

fn video_of(item: &VideoItem) -> Blob {
    match &item.state {
        ItemState::Completed { video, .. } => video.blob,
        other => panic!("{other:?}"),
    }
}

impl Bench {
    async fn look(&self) -> Vec<String> {
        let media = Media::untouched(self.folder.path());
        let report = look(self.world.store.as_ref(), &media).await.unwrap();
        assert_eq!(report.files, 4);
        let differences = report.differences.iter();
        differences.map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn files_that_are_there_are_no_difference() {
    assert_eq!(bench().await.look().await, [""; 0]);
}

#[tokio::test]
async fn a_missing_file_is_named_with_its_item_or_batch() {
    let bench = bench().await;
    let (image, audio) = (
        path(bench.folder.path(), bench.item.source_image.blob),
        path(bench.folder.path(), bench.batch.audio.blob),
    );
    std::fs::remove_file(&image).unwrap();
    std::fs::remove_file(&audio).unwrap();
    let (item, batch) = (bench.item.id, bench.batch.id);
    assert_eq!(
        bench.look().await,
        [
            format!(
                "file: item {item} (batch {batch}, position 1): its source image {} is missing",
                image.display()
            ),
            format!(
                "file: batch {batch}: its audio {} is missing",
                audio.display()
            ),
        ]
    );
}

#[tokio::test]
async fn a_file_of_another_size_is_named() {
    let bench = bench().await;
    let blob = video_of(&bench.item);
    std::fs::write(path(bench.folder.path(), blob), b"cut").unwrap();
    let told = bench.look().await;
    let size = blob.size_bytes;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("its video"), "{told:?}");
    assert!(
        told[0].ends_with(&format!("has 3 bytes, it should have {size}")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_look_that_is_given_up_says_nothing() {
    let bench = bench().await;
    let stop = CancellationToken::new();
    stop.cancel();
    let media = Media::untouched(bench.folder.path());
    let given_up = look_until(bench.world.store.as_ref(), &media, stop).await;
    assert!(matches!(given_up, Err(StoreError::Closed)), "{given_up:?}");
}
