//! Old files go by age and by size, in virtual time; what is gone says so, to whoever asks for it.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic_types::StatusExt;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::export_batch_response::Content;

use super::bench::*;
use crate::domain::retention::{Kept, Limits, Policy};
use crate::service::error::Reason;
use crate::service::retention::{self, EVERY, Taken};
use crate::store::{Expire, Store};

const DAY: Duration = Duration::from_secs(86_400);

fn days(results: Option<u32>, uploads: Option<u32>) -> Policy {
    let limits = |days: Option<u32>| Limits {
        age: days.map(|days| DAY * days),
        bytes: None,
    };
    Policy {
        results: limits(results),
        uploads: limits(uploads),
    }
}

impl Bench {
    async fn look(&self, policy: Policy) -> Taken {
        let stop = CancellationToken::new();
        let taken = retention::look(&self.face.batches, &policy, &stop).await;
        taken.unwrap()
    }

    async fn asked_for(&self, batch: &str, item: &str, kind: v1::FileKind) -> Option<Status> {
        let request = v1::DownloadFileRequest {
            batch_id: batch.to_owned(),
            item_id: item.to_owned(),
            kind: kind.into(),
            ..Default::default()
        };
        let wang = self.signed_in_again(&self.wang).await;
        let answer = self.face.download_file(by(&wang, request)).await;
        match answer {
            Ok(mut stream) => stream.get_mut().next().await.unwrap().err(),
            Err(status) => Some(status),
        }
    }
}

fn assert_removed(status: Option<Status>) {
    let status = status.unwrap();
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, Reason::FileRemoved.name(), "{status}");
    let time: Timestamp = info.metadata["removed_time"].parse().unwrap();
    assert!(time > Timestamp::UNIX_EPOCH);
}

#[tokio::test(start_paused = true)]
async fn old_files_go_at_their_time_and_say_so_in_their_place() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 2).await;
    bench.complete_one().await;
    // A batch that has not ended keeps everything, however old.
    tokio::time::sleep(DAY * 9).await;
    let policy = days(Some(3), Some(1));
    assert_eq!(bench.look(policy).await, Taken::default());
    bench.fail_one().await;
    assert_eq!(bench.look(policy).await, Taken::default());
    // The two pictures are one content.
    assert_eq!(bench.files().len(), 3);

    let stop = CancellationToken::new();
    let keeper = retention::run(bench.face.batches.clone(), policy, stop.clone());
    let keeper = tokio::spawn(keeper);
    tokio::time::sleep(DAY - EVERY * 2).await;
    // The two pictures are one content.
    assert_eq!(bench.files().len(), 3);
    tokio::time::sleep(EVERY * 4).await;
    // The uploads have gone; the video is there and is sent.
    assert_eq!(bench.files().len(), 1);
    let items = bench.items(&batch.id).await;
    let (done, failed) = (&items[0], &items[1]);
    let image = done.source_image.as_ref().unwrap();
    assert!(image.removed_time.is_some());
    let result = done.result.as_ref().unwrap();
    assert!(result.removed_time.is_none());
    assert_removed(bench.asked_for(&batch.id, "", v1::FileKind::Audio).await);
    let kind = v1::FileKind::SourceImage;
    assert_removed(bench.asked_for(&batch.id, &failed.id, kind).await);
    let kind = v1::FileKind::Video;
    assert!(bench.asked_for(&batch.id, &done.id, kind).await.is_none());
    let wang = bench.signed_in_again(&bench.wang).await;
    let retry = v1::RetryItemsRequest {
        batch_id: batch.id.clone(),
        item_ids: vec![failed.id.clone()],
        ..Default::default()
    };
    let refused = bench.face.retry_items(by(&wang, retry)).await;
    assert_removed(refused.err());
    let rerun = v1::RerunBatchRequest {
        batch_id: batch.id.clone(),
        ..Default::default()
    };
    let refused = bench.face.rerun_batch(by(&wang, rerun)).await;
    assert_removed(refused.err());

    tokio::time::sleep(DAY * 2).await;
    assert_eq!(bench.files(), Vec::<String>::new());
    assert_removed(bench.asked_for(&batch.id, &done.id, kind).await);
    let result = bench.items(&batch.id).await[0].result.clone().unwrap();
    assert!(result.removed_time.is_some());
    let shown = bench.get_batch(&wang, &batch.id).await.unwrap();
    assert!(shown.audio.unwrap().removed_time.is_some());
    bench.assert_agrees().await;
    stop.cancel();
    keeper.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn beyond_a_size_the_batches_that_ended_first_lose_theirs() {
    let bench = Bench::new().await;
    let mut batches = Vec::new();
    for _ in 0..3 {
        let batch = bench.batch("preview", 1).await;
        bench.complete_one().await;
        batches.push(batch.id);
    }
    // Each content is stored and counted once: the same video for all of them.
    let totals = bench.store.totals().await.unwrap();
    let limited = |bytes| Policy {
        results: Limits {
            age: None,
            bytes: Some(bytes),
        },
        ..Policy::default()
    };
    assert_eq!(
        bench.look(limited(totals.video_bytes)).await,
        Taken::default()
    );
    let taken = bench.look(limited(totals.video_bytes - 1)).await;
    assert_eq!(taken.files, 3);
    assert_eq!(taken.freed_bytes, totals.video_bytes);
    for batch in &batches {
        let item = bench.items(batch).await.remove(0);
        assert!(item.source_image.unwrap().removed_time.is_none());
        assert!(item.result.unwrap().removed_time.is_some());
    }
    bench.assert_agrees().await;
}

/// The commit came through, and then the process ended: the file goes at the next start, as those of deletions do.
#[tokio::test(start_paused = true)]
async fn what_a_crash_left_of_a_step_is_removed_later() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    bench.complete_one().await;
    let expire = Expire {
        kept: Kept::Results,
        ended_before: bench.clock.now(),
        limit: 9,
        now: bench.clock.now(),
    };
    let expired = bench.store.expire(expire).await.unwrap().unwrap();
    assert_eq!((expired.doomed.len(), bench.files().len()), (1, 3));
    let item = bench.items(&batch.id).await.remove(0);
    assert_removed(
        bench
            .asked_for(&batch.id, &item.id, v1::FileKind::Video)
            .await,
    );
    // A file that is there though nothing refers to it is no fault.
    bench.assert_agrees().await;
    bench.face.batches.remove_doomed().await.unwrap();
    assert_eq!(bench.files().len(), 2);
    bench.assert_agrees().await;
}

#[tokio::test(start_paused = true)]
async fn an_export_names_what_it_has_no_longer() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 2).await;
    bench.complete_one().await;
    bench.fail_one().await;
    bench.look(days(None, None)).await;
    tokio::time::sleep(DAY * 2).await;
    let wang = bench.signed_in_again(&bench.wang).await;
    bench.look(days(Some(1), None)).await;
    let request = || v1::ExportBatchRequest {
        batch_id: batch.id.clone(),
        ..Default::default()
    };
    let refused = bench.face.export_batch(by(&wang, request())).await;
    let status = match refused {
        Err(status) => Some(status),
        Ok(mut stream) => stream.get_mut().next().await.unwrap().err(),
    };
    assert_removed(status);

    // The one that failed succeeds after all.
    let retry = v1::RetryItemsRequest {
        batch_id: batch.id.clone(),
        states: vec![v1::video_item::State::Failed.into()],
        ..Default::default()
    };
    let retried = bench.face.retry_items(by(&wang, retry)).await;
    retried.unwrap();
    bench.complete_one().await;
    let answer = bench.face.export_batch(by(&wang, request())).await;
    let mut stream = answer.unwrap().into_inner();
    let (mut zip, mut video_count) = (Vec::new(), 0);
    while let Some(message) = stream.next().await {
        match message.unwrap().content {
            Some(Content::Metadata(metadata)) => video_count = metadata.video_count,
            Some(Content::Chunk(chunk)) => zip.extend_from_slice(&chunk),
            None => {}
        }
    }
    assert_eq!(video_count, 1);
    let text = String::from_utf8_lossy(&zip);
    let manifest = &text[text.find("{\n").unwrap()..=text.rfind("\n}").unwrap() + 1];
    let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap();
    let removed = manifest["removed"].as_array().unwrap();
    assert_eq!((removed.len(), &removed[0]["position"]), (1, &1.into()));
    assert!(removed[0]["removed_time"].is_string());
    assert_eq!(manifest["videos"][0]["position"], 2);
}
