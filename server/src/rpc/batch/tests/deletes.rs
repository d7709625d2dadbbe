//! Deleting batches: what is refused, which files go, who is told.

use futures::StreamExt;
use uuid::Uuid;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::watch_batches_response::removal::Reason as Gone;
use vision_batch::v1::{batch_status_response, watch_batches_response};

use super::bench::*;
use crate::domain::ledger::Actor;
use crate::service::error::Reason;
use crate::service::session::Session;
use crate::store::{DeleteBatch, Store};

impl Bench {
    async fn delete(&self, session: &Session, id: &str) -> Result<i64, tonic::Status> {
        let request = v1::DeleteBatchRequest {
            batch_id: id.to_owned(),
        };
        let answer = self.face.delete_batch(by(session, request)).await?;
        Ok(answer.into_inner().freed_bytes)
    }

    async fn cancelled(&self, id: &str) {
        let request = v1::CancelBatchRequest {
            batch_id: id.to_owned(),
        };
        let cancelled = self.face.cancel_batch(by(&self.wang, request)).await;
        cancelled.unwrap();
    }

    fn bytes_stored(&self) -> u64 {
        let files = self.files();
        let lengths = files
            .iter()
            .map(|path| std::fs::metadata(path).unwrap().len());
        lengths.sum()
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_batch_is_deleted_with_its_files_and_its_charges_stay() {
    let bench = Bench::new().await;
    let mut spec = spec(2);
    spec.engine = "preview".to_owned();
    spec.request_id = Uuid::from_u128(7).to_string();
    let parts = whole(spec, 2);
    let made = bench.upload(parts.clone()).await.unwrap();
    let batch = made.batch.unwrap();
    assert_reason(
        bench.delete(&bench.wang, &batch.id).await,
        Reason::BatchNotFinished,
    );
    bench.complete_one().await;
    bench.fail_one().await;
    assert_reason(
        bench.delete(&bench.li, &batch.id).await,
        Reason::BatchNotFound,
    );
    for unknown in [Uuid::from_u128(9).to_string(), "nonsense".to_owned()] {
        assert!(bench.delete(&bench.wang, &unknown).await.is_err());
    }

    let stored = bench.bytes_stored();
    assert!(stored > 0);
    let freed = bench.delete(&bench.wang, &batch.id).await.unwrap();
    assert_eq!(freed, i64::try_from(stored).unwrap());
    assert_eq!(bench.files(), Vec::<String>::new());
    assert_eq!(bench.store.doomed_blobs(9).await.unwrap(), []);
    assert_reason(
        bench.get_batch(&bench.wang, &batch.id).await,
        Reason::BatchNotFound,
    );
    assert_reason(
        bench.delete(&bench.wang, &batch.id).await,
        Reason::BatchNotFound,
    );
    // The same upload again has made its batch: it makes, stores and charges nothing.
    let refused = bench.upload(parts).await.unwrap_err();
    assert_eq!(refused.reason, Reason::BatchNotFound);
    assert_eq!(bench.files(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn files_that_another_batch_uses_stay_with_it() {
    let bench = Bench::new().await;
    let first = bench.batch("lightx2v", 1).await;
    let rerun = v1::RerunBatchRequest {
        batch_id: first.id.clone(),
        ..Default::default()
    };
    let again = bench.face.rerun_batch(by(&bench.wang, rerun)).await;
    let again = again.unwrap().into_inner().batch.unwrap();
    let balance = bench.balance(&bench.wang).await;
    for batch in [&first, &again] {
        bench.cancelled(&batch.id).await;
    }
    assert_eq!(bench.files().len(), 2);
    assert_eq!(bench.delete(&bench.wang, &first.id).await.unwrap(), 0);
    assert_eq!(bench.files().len(), 2);
    let download = v1::DownloadFileRequest {
        batch_id: again.id.clone(),
        kind: v1::FileKind::Audio.into(),
        ..Default::default()
    };
    let download = bench.face.download_file(by(&bench.wang, download)).await;
    assert!(download.is_ok());
    // An admin may delete it, and the audit says who did.
    assert!(bench.delete(&bench.admin, &again.id).await.unwrap() > 0);
    assert_eq!(bench.files(), Vec::<String>::new());
    let newest = bench.store.audit(None, 1).await.unwrap().remove(0);
    assert_eq!(newest.action, "batch.delete");
    assert_eq!(newest.actor, bench.admin.caller.actor());
    assert_eq!(newest.target.unwrap().id, again.id);
    assert_eq!(bench.balance(&bench.wang).await, balance + 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_of_a_deletion_is_removed_later() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    bench.cancelled(&batch.id).await;
    // The commit came through, and then the process ended.
    let delete = DeleteBatch {
        batch: id(&batch.id),
        actor: Actor::System,
        now: bench.clock.now(),
    };
    let deleted = bench.store.delete_batch(delete).await.unwrap();
    assert_eq!((deleted.doomed.len(), bench.files().len()), (2, 2));
    let pin = bench.media.pin(deleted.doomed[0]);
    bench.face.batches.remove_doomed().await.unwrap();
    // Somebody is about to use one of them.
    assert_eq!(bench.files().len(), 1);
    assert_eq!(
        bench.store.doomed_blobs(9).await.unwrap(),
        [deleted.doomed[0]]
    );
    drop(pin);
    bench.face.batches.remove_doomed().await.unwrap();
    assert_eq!(bench.files(), Vec::<String>::new());
    assert_eq!(bench.store.doomed_blobs(9).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn streams_of_the_batch_and_of_lists_are_told() {
    let bench = Bench::new().await;
    let (kept, batch) = (
        bench.batch("preview", 1).await,
        bench.batch("preview", 1).await,
    );
    let follow = v1::BatchStatusRequest {
        batch_id: batch.id.clone(),
        follow: true,
        ..Default::default()
    };
    let one = bench.face.batch_status(by(&bench.wang, follow)).await;
    let mut one = one.unwrap().into_inner();
    let mut lists = Vec::new();
    for (states, owner_id) in [
        (vec![], ""),
        (vec![v1::batch::State::Cancelled.into()], ""),
        (vec![], "-"),
    ] {
        let watch = v1::WatchBatchesRequest {
            filter: Some(v1::BatchFilter {
                states,
                ..Default::default()
            }),
            owner_id: owner_id.to_owned(),
            ..Default::default()
        };
        let session = if owner_id.is_empty() {
            &bench.wang
        } else {
            &bench.admin
        };
        let list = bench.face.watch_batches(by(session, watch)).await;
        let mut list = list.unwrap().into_inner();
        loop {
            let event = list.next().await.unwrap().unwrap().event.unwrap();
            if let watch_batches_response::Event::SnapshotComplete(_) = event {
                break;
            }
        }
        lists.push(list);
    }
    bench.cancelled(&batch.id).await;
    // The list of cancelled batches has it before it goes.
    let event = lists[1].next().await.unwrap().unwrap().event.unwrap();
    let watch_batches_response::Event::Update(update) = event else {
        panic!("an update");
    };
    assert_eq!(update.batches[0].id, batch.id);
    bench.delete(&bench.wang, &batch.id).await.unwrap();

    for list in &mut lists {
        let removal = loop {
            let event = list.next().await.unwrap().unwrap().event.unwrap();
            if let watch_batches_response::Event::Update(update) = event
                && let Some(removal) = update.removals.into_iter().next()
            {
                break removal;
            }
        };
        assert_eq!(removal.batch_id, batch.id);
        assert_eq!(removal.reason(), Gone::Deleted);
    }
    loop {
        let event = one.next().await.unwrap().unwrap().event.unwrap();
        if let batch_status_response::Event::End(end) = event {
            assert_eq!(end.reason(), v1::stream_end::Reason::BatchDeleted);
            break;
        }
    }
    assert_eq!(
        reason(&one.next().await.unwrap().unwrap_err()),
        "BATCH_NOT_FOUND"
    );
    assert!(one.next().await.is_none());
    assert!(bench.get_batch(&bench.wang, &kept.id).await.is_ok());
}
