//! What must not happen twice and what must not be spent twice: on a database in a file with its own writer, from
//! several threads, over lost answers and restarts.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::create_batch_request::Part;

use super::bench::*;
use crate::rpc::batch::upload::receive;
use crate::service::error::Reason;
use crate::store::Store;

fn rerun(source: &v1::Batch, request: Option<u128>) -> v1::RerunBatchRequest {
    v1::RerunBatchRequest {
        batch_id: source.id.clone(),
        engine: Some("lightx2v".to_owned()),
        request_id: request.map_or_else(String::new, |id| Uuid::from_u128(id).to_string()),
        ..Default::default()
    }
}

fn retry(batch: &v1::Batch, request: u128) -> v1::RetryItemsRequest {
    v1::RetryItemsRequest {
        batch_id: batch.id.clone(),
        states: vec![v1::video_item::State::Cancelled.into()],
        request_id: Uuid::from_u128(request).to_string(),
        ..Default::default()
    }
}

pub fn upload(images: usize, request: u128) -> Vec<Part> {
    let spec = v1::BatchSpec {
        request_id: Uuid::from_u128(request).to_string(),
        ..spec(images)
    };
    whole(spec, images)
}

async fn cancel(bench: &Bench, batch: &v1::Batch) {
    let cancel = v1::CancelBatchRequest {
        batch_id: batch.id.clone(),
    };
    let cancelled = bench.face.cancel_batch(by(&bench.wang, cancel)).await;
    cancelled.unwrap();
}

/// (item, round, kind) of each entry of wang's that is about a round.
async fn rounds(bench: &Bench) -> Vec<String> {
    let page = bench
        .store
        .entries(bench.wang.caller.user, None, 10_000)
        .await;
    let entries = page.unwrap().entries.into_iter();
    entries
        .filter_map(|entry| {
            let about = entry.subject?;
            Some(format!("{} {} {:?}", about.item, about.round, entry.kind))
        })
        .collect()
}

/// 100 credits, 44 creations at 3 each at the same moment, over both ways to create: 33 are made, the rest is refused,
/// and every item is charged once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn creations_at_the_same_moment_spend_no_more_than_there_is() {
    let bench = Arc::new(Bench::on_disk().await);
    let source = bench.batch("preview", 3).await;
    let mut creations = JoinSet::new();
    for number in 0..44 {
        let (bench, source) = (Arc::clone(&bench), source.clone());
        creations.spawn(async move {
            if number < 4 {
                let created = bench.upload(whole(spec(3), 3)).await;
                created.map(drop).map_err(Status::from)
            } else {
                let message = by(&bench.wang, rerun(&source, None));
                bench.face.rerun_batch(message).await.map(drop)
            }
        });
    }
    let mut made = 0;
    for outcome in creations.join_all().await {
        match outcome {
            Ok(()) => made += 1,
            Err(status) => assert_eq!(reason(&status), Reason::InsufficientCredits.name()),
        }
    }
    assert_eq!(made, 33);
    assert_eq!(bench.balance(&bench.wang).await, 1);
    let rounds = rounds(&bench).await;
    assert_eq!(rounds.len(), 99);
    assert_eq!(rounds.iter().collect::<HashSet<_>>().len(), 99);
    bench.assert_agrees().await;
}

/// Cancels, retries and creations of one user at once: whatever came first, the books agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn retries_cancels_and_creations_at_the_same_moment_leave_books_that_agree() {
    let bench = Arc::new(Bench::on_disk().await);
    let mut batches = Vec::new();
    for _ in 0..4 {
        batches.push(bench.batch("lightx2v", 20).await);
    }
    let mut work = JoinSet::new();
    for turn in 0..6_u128 {
        for (number, batch) in batches.iter().enumerate() {
            let (bench, batch) = (Arc::clone(&bench), batch.clone());
            let request = 100 + turn * 10 + number as u128;
            work.spawn(async move {
                let message = v1::CancelBatchRequest {
                    batch_id: batch.id.clone(),
                };
                let _ = bench.face.cancel_batch(by(&bench.wang, message)).await;
                let retry = retry(&batch, request);
                let _ = bench.face.retry_items(by(&bench.wang, retry)).await;
                let rerun = rerun(&batch, None);
                let _ = bench.face.rerun_batch(by(&bench.wang, rerun)).await;
            });
        }
    }
    work.join_all().await;
    let rounds = rounds(&bench).await;
    assert!(rounds.len() > 100, "{}", rounds.len());
    assert_eq!(rounds.iter().collect::<HashSet<_>>().len(), rounds.len());
    bench.assert_agrees().await;
}

/// Twins at the same moment make one batch, one rerun, one retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twins_at_the_same_moment_make_one_thing() {
    let bench = Arc::new(Bench::on_disk().await);
    let mut uploads = JoinSet::new();
    for _ in 0..4 {
        let bench = Arc::clone(&bench);
        uploads.spawn(async move { bench.upload(upload(2, 1)).await.unwrap() });
    }
    let uploads = uploads.join_all().await;
    let made = uploads[0].batch.clone().unwrap();
    let is_same =
        |batch: &Option<v1::Batch>| batch.as_ref().is_some_and(|batch| batch.id == made.id);
    assert!(uploads.iter().all(|created| is_same(&created.batch)));
    assert_eq!(
        uploads.iter().filter(|created| !created.replayed).count(),
        1
    );
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 2);

    let mut reruns = JoinSet::new();
    for _ in 0..8 {
        let (bench, made) = (Arc::clone(&bench), made.clone());
        reruns.spawn(async move {
            let message = by(&bench.wang, rerun(&made, Some(2)));
            bench.face.rerun_batch(message).await.unwrap().into_inner()
        });
    }
    let reruns = reruns.join_all().await;
    let ids: HashSet<_> = reruns
        .iter()
        .map(|created| created.batch.as_ref().unwrap().id.clone())
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(reruns.iter().filter(|created| !created.replayed).count(), 1);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 4);

    cancel(&bench, &made).await;
    let mut retries = JoinSet::new();
    for _ in 0..8 {
        let (bench, made) = (Arc::clone(&bench), made.clone());
        retries.spawn(async move {
            let message = by(&bench.wang, retry(&made, 3));
            bench.face.retry_items(message).await.unwrap().into_inner()
        });
    }
    for retried in retries.join_all().await {
        assert_eq!(
            (retried.item_count, retried.credit_balance),
            (2, CREDITS - 4)
        );
    }
    bench.assert_agrees().await;
}

/// Of two uploads with one request id, the slower is at its price when the other has just taken the credits for it.
#[tokio::test]
async fn a_twin_is_answered_though_the_other_has_spent_the_credits() {
    let bench = Bench::new().await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let life = bench.life(&bench.wang);
    let slow = receive(
        &bench.face.batches,
        &bench.wang.caller,
        ReceiverStream::new(receiver),
        &life,
    );
    let bench = &bench;
    let drive = async move {
        let mut parts = upload(60, 1).into_iter();
        let send = async |part: Part| {
            let message = v1::CreateBatchRequest { part: Some(part) };
            sender.send(Ok(message)).await.unwrap();
        };
        // With room for one, the second goes in when the first, which names the request, was taken.
        for part in parts.by_ref().take(2) {
            send(part).await;
        }
        let quick = bench.upload(upload(60, 1)).await.unwrap();
        for part in parts {
            send(part).await;
        }
        quick
    };
    let (slow, quick) = tokio::join!(slow, drive);
    let slow = bench.face.created(slow.unwrap()).await.unwrap();
    assert!(slow.replayed && !quick.replayed);
    assert_eq!(slow.batch.unwrap().id, quick.batch.unwrap().id);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 60);
}

/// Of two reruns with one request id, the slower may be at any step when the other has just spent the credits for it:
/// both are answered with the one that was made. Each is of the one before, so that these are copies of copies.
#[tokio::test]
async fn a_twin_of_a_rerun_is_answered_wherever_the_other_overtakes_it() {
    let bench = Bench::new().await;
    let mut source = bench.batch("preview", 60).await;
    let mut interrupted = 0;
    for steps in 0..24_usize {
        let ask = || {
            let message = by(&bench.wang, rerun(&source, Some(100 + steps as u128)));
            bench.face.rerun_batch(message)
        };
        let mut slow = pin!(ask());
        let mut left = steps;
        let some_steps = poll_fn(|context| match left.checked_sub(1) {
            Some(less) => {
                left = less;
                slow.as_mut().poll(context).map(Some)
            }
            None => Poll::Ready(None),
        });
        let early = some_steps.await;
        interrupted += usize::from(early.is_none());
        let quick = ask().await.unwrap().into_inner();
        let slow = match early {
            Some(slow) => slow,
            None => slow.await,
        };
        let slow = slow.unwrap().into_inner();
        assert!(slow.replayed != quick.replayed, "after {steps} steps");
        source = quick.batch.unwrap();
        assert_eq!(slow.batch.unwrap().id, source.id);
        assert_eq!(bench.balance(&bench.wang).await, CREDITS - 60);
        cancel(&bench, &source).await;
    }
    assert!(interrupted > 3, "{interrupted}");
    bench.assert_agrees().await;
}

/// The caller is gone when the answer comes; asking again answers what was made. So it does after a restart, and other
/// content under the same id is refused then as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_answer_is_found_again_also_after_a_restart() {
    let bench = Bench::on_disk().await;
    let mut commits = bench.store.feed().revision();
    commits.mark_unchanged();
    tokio::select! {
        biased;
        changed = commits.changed() => changed.unwrap(),
        // It came before the commit was told of: nobody looks at it.
        _ = bench.upload(upload(2, 1)) => {}
    }
    let again = bench.upload(upload(2, 1)).await.unwrap();
    assert!(again.replayed);
    let made = again.batch.unwrap();

    commits.mark_unchanged();
    let message = || by(&bench.wang, rerun(&made, Some(2)));
    tokio::select! {
        biased;
        changed = commits.changed() => changed.unwrap(),
        _ = bench.face.rerun_batch(message()) => {}
    }
    let second = bench
        .face
        .rerun_batch(message())
        .await
        .unwrap()
        .into_inner();
    assert!(second.replayed);

    cancel(&bench, &made).await;
    commits.mark_unchanged();
    let message = || by(&bench.wang, retry(&made, 3));
    tokio::select! {
        biased;
        changed = commits.changed() => changed.unwrap(),
        _ = bench.face.retry_items(message()) => {}
    }
    let retried = bench
        .face
        .retry_items(message())
        .await
        .unwrap()
        .into_inner();
    assert!(retried.replayed);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 4);

    let bench = bench.restarted().await;
    let again = bench.upload(upload(2, 1)).await.unwrap();
    assert!(again.replayed && again.batch.unwrap().id == made.id);
    let other = bench.upload(upload(1, 1)).await.unwrap_err();
    assert_eq!(other.reason, Reason::RequestIdReused);
    let ask = async |message| bench.face.rerun_batch(by(&bench.wang, message)).await;
    let again = ask(rerun(&made, Some(2))).await.unwrap().into_inner();
    assert!(again.replayed && again.batch.unwrap().id == second.batch.unwrap().id);
    let other = v1::RerunBatchRequest {
        prompt: Some("another".to_owned()),
        ..rerun(&made, Some(2))
    };
    assert_reason(ask(other).await, Reason::RequestIdReused);
    let ask = async |message| bench.face.retry_items(by(&bench.wang, message)).await;
    let again = ask(retry(&made, 3)).await.unwrap().into_inner();
    assert!(again.replayed && again.item_ids == retried.item_ids);
    let other = v1::RetryItemsRequest {
        states: vec![v1::video_item::State::Failed.into()],
        ..retry(&made, 3)
    };
    assert_reason(ask(other).await, Reason::RequestIdReused);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 4);
    bench.assert_agrees().await;
}
