#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::convert::Infallible;
use std::sync::Mutex as StdMutex;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::video_sink::VideoError;
use super::*;
use crate::domain::media::Sha256;
use crate::engine::VideoSink;

const FILM: &[u8] = include_bytes!("../../../tests/media/film.mp4");

struct Bench {
    folder: tempfile::TempDir,
    media: Media,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let media = Media::open(folder.path()).unwrap();
    Bench { folder, media }
}

impl Bench {
    async fn stage(&self, content: &[u8]) -> Staged {
        let mut incoming = self.media.receive(BlobKind::Image, 1 << 20).await.unwrap();
        for chunk in content.chunks(3) {
            incoming.write(chunk).await.unwrap();
        }
        incoming.finish().await.unwrap()
    }

    async fn store(&self, content: &[u8]) -> Pin {
        let staged = self.stage(content).await;
        self.media.adopt(vec![staged]).await.unwrap().pop().unwrap()
    }

    /// Every file below the folder, without the folders.
    fn files(&self) -> usize {
        fn count(path: &Path) -> usize {
            std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| if path.is_dir() { count(&path) } else { 1 })
                .sum()
        }
        count(self.folder.path())
    }
}

async fn unreferenced(_: Blob) -> Result<bool, Infallible> {
    Ok(false)
}

#[tokio::test]
async fn the_same_content_is_stored_once_under_its_digest() {
    let bench = bench();
    let first = bench.store(b"abc").await;
    let second = bench.store(b"abc").await;
    assert_eq!(first.blob(), second.blob());
    assert_eq!(bench.files(), 1);
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(first.blob().sha256, Sha256::from_hex(digest).unwrap());
    assert!(bench.folder.path().join("images/ba").join(digest).is_file());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_folders_and_files() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench();
    let blob = bench.store(b"abc").await.blob();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in ["images", "images/ba", "audios", "videos", "tmp"] {
        assert_eq!(mode(bench.folder.path().join(folder)), 0o700, "{folder}");
    }
    assert_eq!(mode(bench.media.shared.path(blob)), 0o600);
}

#[tokio::test]
async fn a_start_removes_what_a_dead_run_left_half_and_keeps_the_rest() {
    let bench = bench();
    let blob = bench.store(b"abc").await.blob();
    let left = bench.folder.path().join("tmp/17");
    std::fs::write(&left, b"half").unwrap();
    let media = Media::open(bench.folder.path()).unwrap();
    assert!(!left.exists());
    media.check(blob).await.unwrap();
}

#[tokio::test]
async fn what_is_dropped_before_it_is_in_place_leaves_nothing() {
    let bench = bench();
    let mut incoming = bench.media.receive(BlobKind::Audio, 10).await.unwrap();
    incoming.write(b"12345").await.unwrap();
    assert_eq!(bench.files(), 1);
    assert!(matches!(
        incoming.write(b"678901").await,
        Err(MediaError::TooLarge { limit: 10 })
    ));
    drop(incoming);
    drop(bench.stage(b"abc").await);
    assert_eq!(bench.files(), 0);
}

#[tokio::test]
async fn a_refusal_takes_away_only_what_nobody_else_relies_on() {
    let bench = bench();
    let refused = bench.store(b"abc").await;
    let blob = refused.blob();
    let other = bench.store(b"abc").await;
    bench.media.discard(vec![refused], unreferenced).await;
    bench.media.check(blob).await.unwrap();

    bench
        .media
        .discard(vec![other], |_| async { Ok::<_, Infallible>(true) })
        .await;
    bench.media.check(blob).await.unwrap();

    let again = bench.media.pin(blob);
    bench
        .media
        .discard(vec![again], |_| async { Err::<bool, _>("cannot tell") })
        .await;
    bench.media.check(blob).await.unwrap();

    let last = bench.media.pin(blob);
    bench.media.discard(vec![last], unreferenced).await;
    assert!(matches!(
        bench.media.check(blob).await,
        Err(MediaError::Missing(_))
    ));
    assert_eq!(bench.files(), 0);
}

#[tokio::test]
async fn what_is_withdrawn_goes_unless_anybody_else_has_had_to_do_with_it() {
    let bench = bench();
    let own = bench.store(b"abc").await;
    assert!(bench.media.withdraw(vec![own]).await.is_empty());
    assert_eq!(bench.files(), 0);

    // Another has found it in place, and may have been committed before it let go of it.
    let first = bench.store(b"abc").await;
    let blob = first.blob();
    drop(bench.store(b"abc").await);
    let back = bench.media.withdraw(vec![first]).await;
    assert_eq!(back.len(), 1);
    bench.media.check(blob).await.unwrap();

    // What was there before is not one's own either, nor what a backup counts on.
    let second = bench.store(b"abc").await;
    assert_eq!(bench.media.withdraw(vec![second]).await.len(), 1);
    let third = bench.store(b"xyz").await;
    let hold = bench.media.hold();
    let back = bench.media.withdraw(vec![third]).await;
    assert_eq!(back.len(), 1);
    drop(hold);
    assert_eq!(bench.files(), 2);
}

#[tokio::test]
async fn who_pins_a_blob_while_it_is_being_discarded_keeps_it() {
    let bench = bench();
    let pin = bench.store(b"abc").await;
    let blob = pin.blob();
    let late = std::sync::Mutex::new(None);
    let gone = bench
        .media
        .discard(vec![pin], |blob| {
            *late.lock().unwrap() = Some(bench.media.pin(blob));
            async { Ok::<_, Infallible>(false) }
        })
        .await;
    assert_eq!(gone, []);
    bench.media.check(blob).await.unwrap();
    let late = late.into_inner().unwrap().unwrap();
    let gone = bench.media.discard(vec![late], unreferenced).await;
    assert_eq!(gone, [blob]);
    assert_eq!(bench.files(), 0);
}

#[tokio::test]
async fn a_read_goes_on_where_it_broke_off_and_notices_damage() {
    let bench = bench();
    let blob = bench.store(b"0123456789").await.blob();
    let mut reader = bench.media.read(blob, 7).await.unwrap();
    assert_eq!(reader.next(2).await.unwrap().unwrap(), "78");
    assert_eq!(reader.next(2).await.unwrap().unwrap(), "9");
    assert!(reader.next(2).await.unwrap().is_none());

    let path = bench.media.shared.path(blob);
    std::fs::write(&path, b"0123456780").unwrap();
    let mut reader = bench.media.read(blob, 0).await.unwrap();
    assert_eq!(reader.next(100).await.unwrap().unwrap().len(), 10);
    assert!(matches!(
        reader.next(100).await,
        Err(MediaError::Corrupt(_))
    ));

    std::fs::write(&path, b"short").unwrap();
    assert!(matches!(
        bench.media.read(blob, 0).await,
        Err(MediaError::Corrupt(_))
    ));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(
        bench.media.read(blob, 0).await,
        Err(MediaError::Missing(_))
    ));
}

#[tokio::test]
async fn an_engine_reads_a_source_as_often_as_it_opens_it() {
    let bench = bench();
    let blob = bench.store(b"picture").await.blob();
    let source = bench.media.source(blob, "image/png");
    assert_eq!(source.size_bytes, 7);
    for _ in 0..2 {
        let mut content = String::new();
        let mut reader = source.opener.open().await.unwrap();
        reader.read_to_string(&mut content).await.unwrap();
        assert_eq!(content, "picture");
    }
}

#[tokio::test]
async fn a_fetched_video_is_kept_with_its_facts_and_told_of_as_it_comes() {
    let bench = bench();
    let told = Arc::new(StdMutex::new(Vec::new()));
    let hook: FetchProgress = Box::new({
        let told = Arc::clone(&told);
        move |bytes, total| told.lock().unwrap().push((bytes, total))
    });
    let mut sink = bench.media.video_sink(1 << 30, Some(hook));
    // A fetch that broke off is thrown away by the next start.
    sink.start(None).await.unwrap();
    sink.write(Bytes::from_static(b"half")).await.unwrap();
    let total = Some(FILM.len() as u64);
    sink.start(total).await.unwrap();
    sink.write(Bytes::from_static(FILM)).await.unwrap();
    let stored = sink.finish().await.unwrap();
    assert_eq!(stored.video.media_type, "video/mp4");
    assert_eq!(stored.video.blob.size_bytes, FILM.len() as u64);
    assert_eq!(
        *told.lock().unwrap(),
        [(4, None), (FILM.len() as u64, total)]
    );
    assert_eq!(bench.files(), 1);
}

#[tokio::test]
async fn what_is_no_video_or_too_large_is_not_kept() {
    let bench = bench();
    let mut sink = bench.media.video_sink(1 << 30, None);
    sink.start(None).await.unwrap();
    sink.write(Bytes::from_static(b"<html>try later</html>"))
        .await
        .unwrap();
    assert!(matches!(sink.finish().await, Err(VideoError::Invalid(_))));

    let mut sink = bench.media.video_sink(1 << 30, None);
    sink.start(Some(FILM.len() as u64 + 1)).await.unwrap();
    sink.write(Bytes::from_static(FILM)).await.unwrap();
    assert!(matches!(sink.finish().await, Err(VideoError::Invalid(_))));

    let mut sink = bench.media.video_sink(10, None);
    assert!(sink.start(Some(11)).await.is_err());
    sink.start(None).await.unwrap();
    let refused = sink.write(Bytes::from_static(b"12345678901")).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    drop(sink);
    assert_eq!(bench.files(), 0);
}

/// Two days after everything here was written.
fn later() -> jiff::Timestamp {
    let age = 2 * sweep::SAFE_AGE;
    jiff::Timestamp::now().saturating_add(age).unwrap()
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

#[tokio::test]
async fn a_sweep_takes_old_files_that_nobody_needs_and_no_others() {
    let bench = bench();
    let unused = bench.store(b"unused").await.blob();
    let referenced = bench.store(b"referenced").await.blob();
    let unknown = bench.store(b"unknown").await.blob();
    let pinned = bench.store(b"pinned").await;
    let foreign = bench.folder.path().join("images/ba/readme");
    std::fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    std::fs::write(&foreign, b"somebody's own").unwrap();
    let is_referenced = |blob| async move {
        match blob {
            blob if blob == referenced => Ok(true),
            blob if blob == unknown => Err("cannot tell"),
            _ => Ok(false),
        }
    };
    let now = jiff::Timestamp::now();
    let young = bench.media.sweep(now, is_referenced, &never()).await;
    assert_eq!(young.removed, 0);
    let ended = never();
    ended.cancel();
    let given_up = bench.media.sweep(later(), is_referenced, &ended).await;
    assert_eq!(given_up.removed, 0);

    let swept = bench.media.sweep(later(), is_referenced, &never()).await;
    assert_eq!((swept.removed, swept.bytes), (1, unused.size_bytes));
    assert!(bench.media.check(unused).await.is_err());
    for blob in [referenced, unknown, pinned.blob()] {
        bench.media.check(blob).await.unwrap();
    }
    assert!(foreign.is_file());
    drop(pinned);
    assert_eq!(
        bench
            .media
            .sweep(later(), is_referenced, &never())
            .await
            .removed,
        1
    );
}

/// An upload that finds the content "already there" after the sweep has looked, and before it removes.
#[tokio::test]
async fn a_sweep_leaves_what_an_upload_found_meanwhile() {
    let bench = bench();
    let blob = bench.store(b"abc").await.blob();
    let found = StdMutex::new(None);
    let staged = StdMutex::new(Some(bench.stage(b"abc").await));
    let is_referenced = |_| async {
        let staged = staged.lock().unwrap().take();
        if let Some(staged) = staged {
            let pins = bench.media.adopt(vec![staged]).await.unwrap();
            *found.lock().unwrap() = Some(pins);
        }
        Ok::<_, Infallible>(false)
    };
    let swept = bench.media.sweep(later(), is_referenced, &never()).await;
    assert_eq!(swept.removed, 0);
    bench.media.check(blob).await.unwrap();
    assert!(found.lock().unwrap().is_some());
}

/// An upload that comes while the sweep removes its content waits, and puts it there again.
#[tokio::test]
async fn an_upload_puts_back_what_a_sweep_removes_under_it() {
    let bench = bench();
    let blob = bench.store(b"abc").await.blob();
    let asked = StdMutex::new(0);
    let upload = StdMutex::new(None);
    let staged = StdMutex::new(Some(bench.stage(b"abc").await));
    let is_referenced = |_| async {
        *asked.lock().unwrap() += 1;
        // The second question comes while nothing may be put in place.
        if *asked.lock().unwrap() == 2 {
            let staged = staged.lock().unwrap().take().unwrap();
            let media = bench.media.clone();
            let mut adopting = Box::pin(async move { media.adopt(vec![staged]).await.unwrap() });
            assert!(futures::poll!(&mut adopting).is_pending());
            *upload.lock().unwrap() = Some(adopting);
        }
        Ok::<_, Infallible>(false)
    };
    let swept = bench.media.sweep(later(), is_referenced, &never()).await;
    assert_eq!(swept.removed, 1);
    let adopting = upload.lock().unwrap().take().unwrap();
    let pins = adopting.await;
    assert_eq!(pins[0].blob(), blob);
    bench.media.check(blob).await.unwrap();
}

#[tokio::test]
async fn what_is_there_of_a_blob_is_told_and_nothing_made() {
    let bench = bench();
    let blob = bench.store(b"abc").await.blob();
    assert!(matches!(bench.media.find(blob), Found::Whole));
    let path = bench.media.shared.path(blob);
    std::fs::write(&path, b"longer").unwrap();
    assert!(matches!(
        bench.media.find(blob),
        Found::OtherSize { size_bytes: 6, .. }
    ));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(bench.media.find(blob), Found::Missing { path: at } if at == path));
    let nowhere = bench.folder.path().join("nowhere");
    assert!(matches!(
        Media::untouched(&nowhere).find(blob),
        Found::Missing { .. }
    ));
    assert!(!nowhere.exists());
}
