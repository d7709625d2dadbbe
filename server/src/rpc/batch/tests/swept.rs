//! Files that nothing refers to go, and none that a batch refers to or is about to.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::bench::*;
use crate::domain::media::BlobKind;
use crate::media::sweep::{SAFE_AGE, Swept};
use crate::store::Store;

/// Sweeps as if so much time had passed since the files were written.
pub async fn sweep_after(bench: &Bench, age: Duration) -> Swept {
    let now = jiff::Timestamp::now().saturating_add(age).unwrap();
    let stop = CancellationToken::new();
    let store = &bench.store;
    bench
        .media
        .sweep(now, |blob| store.is_referenced(blob), &stop)
        .await
}

/// A file as a crash leaves it: in its place, and nothing refers to it.
async fn leave(bench: &Bench, name: &str) {
    let mut incoming = bench.media.receive(BlobKind::Image, 1 << 20).await.unwrap();
    incoming.write(&sample(name)).await.unwrap();
    let staged = incoming.finish().await.unwrap();
    drop(bench.media.adopt(vec![staged]).await.unwrap());
}

#[tokio::test]
async fn what_a_crash_left_goes_when_it_is_old_and_what_is_used_stays() {
    let bench = Bench::new().await;
    bench.batch("preview", 1).await;
    bench.complete_one().await;
    let used = bench.files();
    leave(&bench, "face_grey.jpg").await;
    assert_eq!(
        sweep_after(&bench, SAFE_AGE - Duration::from_secs(60)).await,
        Swept::default()
    );
    assert_eq!(bench.files().len(), used.len() + 1);
    let swept = sweep_after(&bench, SAFE_AGE + Duration::from_secs(60)).await;
    let bytes = sample("face_grey.jpg").len() as u64;
    assert_eq!(swept, Swept { removed: 1, bytes });
    assert_eq!(bench.files(), used);
    bench.assert_agrees().await;
}

/// Uploads of the very content that is being swept, on several threads: the batch that was made has its files.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_of_what_is_being_swept_keeps_its_files() {
    for _ in 0..20 {
        let bench = Arc::new(Bench::on_disk().await);
        leave(&bench, "face.png").await;
        let sweeper = Arc::clone(&bench);
        let sweeping = tokio::spawn(async move { sweep_after(&sweeper, 2 * SAFE_AGE).await });
        bench.batch("preview", 1).await;
        sweeping.await.unwrap();
        sweep_after(&bench, 2 * SAFE_AGE).await;
        bench.assert_agrees().await;
    }
}
