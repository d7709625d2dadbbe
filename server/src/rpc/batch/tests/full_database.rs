//! The disk of the database is full: what would be made is refused in words, and nothing of it counts.

use std::time::Duration;

use tonic::{Code, Status};

use super::bench::*;
use super::once::upload;
use super::swept::sweep_after;
use crate::media::sweep::SAFE_AGE;
use crate::service::error::{Reason, ServiceError};
use crate::store::Store;
use crate::store::redb::Writing;
use crate::store::redb::failing_disk::{Disk, Health};

/// With the writer's thread, as in production; what becomes of the files is shown below in virtual time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_without_room_in_the_database_is_refused_and_neither_stored_nor_charged() {
    let disk = Disk::default();
    let bench = Bench::on(&disk, Writing::Thread).await;
    disk.turn(Health::Full);
    // The first meets the full disk, the second a database that waits for room.
    for turn in 0..2 {
        let refused = bench.upload(upload(2, 1)).await.unwrap_err();
        assert_eq!(refused.reason, Reason::StorageFull, "{turn}: {refused}");
        // Only what was being committed may be there all the same.
        assert_eq!(is_undecided(&refused), turn == 0, "{refused}");
        let status = Status::from(refused);
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(reason(&status), "STORAGE_FULL");
    }
    disk.turn(Health::Well);
    assert_eq!(bench.store.counts(None).await.unwrap().total(), 0);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS);
    bench.assert_agrees().await;

    // The same request again: nobody took it for done.
    let made = bench.upload(upload(2, 1)).await.unwrap();
    assert!(!made.replayed);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 2);
    bench.assert_agrees().await;
}

fn is_undecided(refused: &ServiceError) -> bool {
    refused.metadata.iter().any(|(key, _)| *key == "undecided")
}

/// What certainly is not stored leaves no file, also while the database cannot be asked; what may be stored keeps its
/// files until it can, and not longer.
#[tokio::test(start_paused = true)]
async fn files_of_a_refused_upload_go_as_soon_as_that_is_certain() {
    let disk = Disk::default();
    let bench = Bench::on(&disk, Writing::Inline).await;
    disk.turn(Health::Full);
    bench.upload(upload(1, 1)).await.unwrap_err();
    let undecided = bench.files();
    assert_eq!(undecided.len(), 2);
    // One image more; that one is nobody else's.
    let refused = bench.upload(upload(2, 2)).await.unwrap_err();
    assert!(!is_undecided(&refused), "{refused}");
    assert_eq!(bench.files(), undecided);
    disk.turn(Health::Well);
    tokio::time::sleep(Duration::from_secs(60)).await;
    bench.assert_untouched().await;
}

/// The disk says at its last flush that it is full, and has it all the same: it is a batch, charged once, and the same
/// request finds it.
#[tokio::test]
async fn a_batch_whose_commit_turns_out_to_be_there_is_charged_once() {
    for health in [Health::FullAfterTheFact, Health::FullAfterTheFactAndOn] {
        let disk = Disk::default();
        let bench = Bench::on(&disk, Writing::Inline).await;
        disk.turn(health);
        let first = bench.upload(upload(2, 1)).await;
        match health {
            Health::FullAfterTheFact => assert!(!first.unwrap().replayed),
            _ => {
                let refused = first.unwrap_err();
                assert_eq!(refused.reason, Reason::StorageFull);
                assert!(refused.message.contains("same request_id"), "{refused}");
                assert!(is_undecided(&refused), "{refused}");
            }
        }
        disk.turn(Health::Well);
        let again = bench.upload(upload(2, 1)).await.unwrap();
        assert!(again.replayed, "{health:?}");
        assert_eq!(bench.balance(&bench.wang).await, CREDITS - 2);
        sweep_after(&bench, 2 * SAFE_AGE).await;
        bench.assert_agrees().await;
    }
}
