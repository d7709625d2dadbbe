//! Creating, repeating, rerunning, cancelling and retrying.

use uuid::Uuid;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::create_batch_request::Part;

use super::bench::*;
use crate::config::Config;
use crate::domain::batch::{DEFAULT_PROMPT, EngineKind};
use crate::domain::pricing::Pricing;
use crate::service::error::Reason;
use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn a_whole_upload_becomes_a_batch_and_is_charged() {
    let bench = Bench::new().await;
    let mut spec = spec(3);
    spec.name = String::new();
    let created = bench.upload(whole(spec, 3)).await.unwrap();
    assert!(!created.replayed);
    assert_eq!(created.credit_balance, CREDITS - 3);
    let batch = created.batch.unwrap();
    assert_eq!(batch.name, "speech.mp3");
    assert_eq!(batch.prompt, DEFAULT_PROMPT);
    assert_eq!(batch.owner_name, "wang");
    assert_eq!(batch.state(), v1::batch::State::Created);
    assert_eq!(batch.item_counts.unwrap().total, 3);
    assert_eq!((batch.credits_per_item, batch.credits_charged), (1, 3));
    let audio = batch.audio.unwrap();
    assert_eq!(audio.media_type, "audio/mpeg");
    assert!(audio.duration.unwrap().seconds > 0 || audio.duration.unwrap().nanos > 0);
    // One picture was sent three times and is stored once.
    assert_eq!(bench.files().len(), 2);
    let items = bench.items(&batch.id).await;
    let positions: Vec<_> = items.iter().map(|item| item.position).collect();
    assert_eq!(positions, [1, 2, 3]);
    assert_eq!(
        items[1].source_image.as_ref().unwrap().filename,
        "face 2.png"
    );
    assert_eq!(items[0].credits_charged, 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_audio_costs_more_and_is_refused_before_the_images() {
    let bench = Bench::with(Config {
        upstream: Some(upstream()),
        pricing: Pricing {
            seconds_per_credit: Some(1),
        },
        ..Config::default()
    })
    .await;
    let cheap = v1::BatchSpec {
        max_credits: Some(2),
        ..spec(2)
    };
    let parts = [vec![Part::Spec(cheap)], good_audio()].concat();
    let refusal = bench.upload(parts).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::PriceChanged);
    let required: i32 = fact(&refusal, "required").unwrap().parse().unwrap();
    bench.assert_untouched().await;

    let enough = v1::BatchSpec {
        max_credits: Some(required),
        ..spec(2)
    };
    let created = bench.upload(whole(enough, 2)).await.unwrap();
    assert_eq!(created.credit_balance, CREDITS - required);
}

#[tokio::test(start_paused = true)]
async fn a_quote_says_what_it_costs_and_what_is_left() {
    let bench = Bench::new().await;
    bench.tell_engines(|_| {});
    let ask = |engine: &str, image_count, seconds| {
        let quote = v1::QuoteBatchRequest {
            engine: engine.to_owned(),
            image_count,
            audio_duration: Some(prost_types::Duration { seconds, nanos: 0 }),
        };
        bench.face.quote_batch(by(&bench.wang, quote))
    };
    let quote = ask("lightx2v", 120, 30).await.unwrap().into_inner();
    assert_eq!((quote.credits, quote.credits_per_item), (120, 1));
    assert_eq!((quote.balance_before, quote.balance_after), (100, -20));
    assert!(!quote.affordable);
    // Nothing says which engine, and the paid one has no token.
    let quote = ask("", 2, 30).await.unwrap().into_inner();
    assert_eq!((quote.engine.as_str(), quote.credits), ("preview", 0));
    assert!(quote.affordable && quote.wait.is_none());
    assert_reason(ask("preview", 0, 30).await, Reason::ImageCountInvalid);
    assert_reason(ask("preview", 1, 601).await, Reason::AudioDurationInvalid);
    assert_reason(ask("preview", 1, -1).await, Reason::FieldInvalid);
    assert_reason(ask("sora", 1, 1).await, Reason::FieldInvalid);
}

fn with_request_id(images: usize, id: Uuid) -> v1::BatchSpec {
    v1::BatchSpec {
        request_id: id.to_string(),
        ..spec(images)
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_answers_what_it_made_even_without_credits() {
    let bench = Bench::new().await;
    let once = Uuid::from_u128(7);
    let parts = || whole(with_request_id(60, once), 60);
    let first = bench.upload(parts()).await.unwrap();
    let again = bench.upload(parts()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.batch.unwrap().id, first.batch.unwrap().id);
    assert_eq!(again.credit_balance, 40);
    assert_eq!(bench.store.counts(None).await.unwrap().total(), 1);

    // Another's request of the same id is another request.
    let other = bench.upload_then(&bench.li, parts(), None).await.unwrap();
    assert!(!other.replayed);

    let mut different = parts();
    different.extend(image("one more.png", &sample("face.png")));
    if let Part::Spec(spec) = &mut different[0] {
        spec.image_count = 61;
    }
    let refusal = bench.upload(different).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::RequestIdReused);
    assert_eq!(fact(&refusal, "request_id"), Some(&*once.to_string()));
    assert_eq!(bench.balance(&bench.wang).await, 40);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_with_digests_is_answered_before_a_file_came() {
    let bench = Bench::new().await;
    let mut spec = with_request_id(1, Uuid::from_u128(8));
    spec.file_digests = [
        (v1::FileKind::Audio, "speech.mp3", "speech.mp3"),
        (v1::FileKind::SourceImage, "face 1.png", "face.png"),
    ]
    .map(|(kind, filename, content)| {
        use sha2::Digest;
        let content = sample(content);
        let digest: [u8; 32] = sha2::Sha256::digest(&content).into();
        v1::FileDigest {
            kind: kind.into(),
            filename: filename.to_owned(),
            size_bytes: i64::try_from(content.len()).unwrap(),
            sha256: crate::domain::media::Sha256(digest).to_string(),
        }
    })
    .into();
    let first = bench.upload(whole(spec.clone(), 1)).await.unwrap();
    let again = bench.upload(vec![Part::Spec(spec.clone())]).await.unwrap();
    assert!(again.replayed && again.batch == first.batch);

    spec.name.push('!');
    let refusal = bench.upload(vec![Part::Spec(spec)]).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::RequestIdReused);
}

#[tokio::test(start_paused = true)]
async fn a_preview_that_pleased_becomes_the_real_thing_without_an_upload() {
    let bench = Bench::new().await;
    let preview = bench.batch("preview", 3).await;
    assert_eq!(bench.balance(&bench.wang).await, CREDITS);
    let items = bench.items(&preview.id).await;
    let files = bench.files();
    let rerun = v1::RerunBatchRequest {
        batch_id: preview.id.clone(),
        engine: Some("lightx2v".to_owned()),
        item_ids: vec![items[0].id.clone(), items[2].id.clone()],
        request_id: Uuid::from_u128(9).to_string(),
        ..Default::default()
    };
    let rerun_as = |session, message| bench.face.rerun_batch(by(session, message));
    let made = rerun_as(&bench.wang, rerun.clone()).await.unwrap();
    let made = made.into_inner();
    let batch = made.batch.unwrap();
    assert_eq!(
        (batch.name.as_str(), batch.engine.as_str()),
        (preview.name.as_str(), "lightx2v")
    );
    assert_eq!(preview.source_batch_id, None);
    assert_eq!(batch.source_batch_id, Some(preview.id.clone()));
    let read = bench.get_batch(&bench.wang, &batch.id).await.unwrap();
    assert_eq!(read.source_batch_id, batch.source_batch_id);
    assert_eq!((made.credit_balance, made.replayed), (CREDITS - 2, false));
    let copies = bench.items(&batch.id).await;
    let positions: Vec<_> = copies.iter().map(|item| item.position).collect();
    assert_eq!(positions, [1, 2]);
    assert_eq!(copies[1].source_image, items[2].source_image);
    assert_eq!(bench.files(), files);

    let again = rerun_as(&bench.wang, rerun.clone())
        .await
        .unwrap()
        .into_inner();
    assert!(again.replayed && again.batch.unwrap().id == batch.id);
    let other = v1::RerunBatchRequest {
        item_ids: vec![],
        ..rerun.clone()
    };
    assert_reason(rerun_as(&bench.wang, other).await, Reason::RequestIdReused);
    assert_reason(
        rerun_as(&bench.li, rerun.clone()).await,
        Reason::BatchNotFound,
    );
    let unknown = v1::RerunBatchRequest {
        item_ids: vec![Uuid::from_u128(1).to_string()],
        request_id: String::new(),
        ..rerun.clone()
    };
    assert_reason(rerun_as(&bench.wang, unknown).await, Reason::ItemNotFound);
    let dear = v1::RerunBatchRequest {
        max_credits: Some(1),
        request_id: String::new(),
        ..rerun.clone()
    };
    assert_reason(rerun_as(&bench.wang, dear).await, Reason::PriceChanged);

    // An admin's rerun is the owner's batch and bill.
    let by_admin = rerun_as(&bench.admin, rerun.clone()).await;
    let by_admin = by_admin.unwrap().into_inner();
    assert_eq!(by_admin.batch.unwrap().owner_name, "wang");
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 4);
    assert_eq!(bench.balance(&bench.admin).await, CREDITS);

    // A lost answer is answered again though the source is gone by now.
    let preview = || preview.id.clone();
    let cancel = v1::CancelBatchRequest {
        batch_id: preview(),
    };
    let cancel = bench.face.cancel_batch(by(&bench.wang, cancel));
    cancel.await.unwrap();
    let delete = v1::DeleteBatchRequest {
        batch_id: preview(),
    };
    let delete = bench.face.delete_batch(by(&bench.wang, delete));
    delete.await.unwrap();
    let again = rerun_as(&bench.wang, rerun).await.unwrap().into_inner();
    assert!(again.replayed && again.batch.unwrap().id == batch.id);
}

#[tokio::test(start_paused = true)]
async fn cancelling_gives_back_and_finds_nothing_twice() {
    let bench = Bench::new().await;
    let batch = bench.batch("lightx2v", 3).await;
    let items = bench.items(&batch.id).await;
    let cancel_items = |message| bench.face.cancel_items(by(&bench.wang, message));
    let one = v1::CancelItemsRequest {
        batch_id: batch.id.clone(),
        item_ids: vec![items[1].id.clone()],
        states: vec![],
    };
    let answer = cancel_items(one.clone()).await.unwrap().into_inner();
    assert_eq!(answer.item_ids, [items[1].id.clone()]);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 2);
    assert_reason(cancel_items(one.clone()).await, Reason::AlreadyFinished);
    for (item_ids, states) in [
        (vec![], vec![]),
        (vec![items[0].id.clone()], vec![1]),
        (vec![], vec![v1::video_item::State::Failed.into()]),
        (vec![], vec![99]),
    ] {
        let bad = v1::CancelItemsRequest {
            item_ids,
            states,
            ..one.clone()
        };
        assert_reason(cancel_items(bad).await, Reason::FieldInvalid);
    }

    let cancel = |session, id: &str| {
        let batch_id = id.to_owned();
        let message = v1::CancelBatchRequest { batch_id };
        bench.face.cancel_batch(by(session, message))
    };
    assert_reason(cancel(&bench.li, &batch.id).await, Reason::BatchNotFound);
    let answer = cancel(&bench.wang, &batch.id).await.unwrap().into_inner();
    assert_eq!(answer.item_count, 2);
    let cancelled = answer.batch.unwrap();
    assert_eq!(cancelled.state(), v1::batch::State::Cancelled);
    assert!(cancelled.cancel_request_time.is_some());
    assert_eq!(cancelled.credits_refunded, 3);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS);
    assert_reason(
        cancel(&bench.wang, &batch.id).await,
        Reason::AlreadyFinished,
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_a_new_round_all_or_nothing_and_safe_to_repeat() {
    let bench = Bench::new().await;
    let batch = bench.batch("lightx2v", 2).await;
    let retry = |message| bench.face.retry_items(by(&bench.wang, message));
    let all = v1::RetryItemsRequest {
        batch_id: batch.id.clone(),
        states: vec![v1::video_item::State::Cancelled.into()],
        request_id: Uuid::from_u128(3).to_string(),
        ..Default::default()
    };
    assert_reason(retry(all.clone()).await, Reason::NotRetryable);
    let cancel = v1::CancelBatchRequest {
        batch_id: batch.id.clone(),
    };
    bench
        .face
        .cancel_batch(by(&bench.wang, cancel))
        .await
        .unwrap();

    let dear = v1::RetryItemsRequest {
        max_credits: Some(1),
        ..all.clone()
    };
    assert_reason(retry(dear).await, Reason::PriceChanged);
    let first = retry(all.clone()).await.unwrap().into_inner();
    assert_eq!((first.item_count, first.credits_charged), (2, 2));
    assert_eq!((first.credit_balance, first.replayed), (CREDITS - 2, false));
    let again = retry(all.clone()).await.unwrap().into_inner();
    assert!(again.replayed);
    assert_eq!(again.item_ids, first.item_ids);
    assert_eq!(
        (again.credits_charged, again.credit_balance),
        (2, CREDITS - 2)
    );
    let items = bench.items(&batch.id).await;
    assert_eq!(
        (
            items[0].round,
            items[0].credits_charged,
            items[0].credits_refunded
        ),
        (2, 2, 1)
    );
    let other = v1::RetryItemsRequest {
        states: vec![],
        item_ids: vec![items[0].id.clone()],
        ..all
    };
    assert_reason(retry(other).await, Reason::RequestIdReused);
}

#[tokio::test(start_paused = true)]
async fn an_item_tells_its_attempts_to_who_may_see_it() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    let failed = bench.fail_one().await;
    let request = |item_id: String| v1::GetItemRequest {
        batch_id: batch.id.clone(),
        item_id,
    };
    let get = |session, message| bench.face.get_item(by(session, message));
    let answer = get(&bench.admin, request(failed.id.to_string())).await;
    let answer = answer.unwrap().into_inner();
    let item = answer.item.unwrap();
    assert_eq!(item.state(), v1::video_item::State::Failed);
    assert_eq!(
        item.failure.unwrap().reason(),
        v1::item_failure::Reason::EngineFailed
    );
    assert_eq!(answer.attempts.len(), 1);
    assert_eq!(answer.attempts[0].outcome(), v1::attempt::Outcome::Failed);
    assert_eq!(answer.attempts[0].account, "");

    let ended = bench.get_batch(&bench.wang, &batch.id).await.unwrap();
    let ended = ended.last_ended_item.unwrap();
    assert_eq!(ended.item_id, failed.id.to_string());
    assert_eq!((ended.position, ended.filename.as_str()), (1, "face 1.png"));
    assert_eq!(ended.state(), v1::video_item::State::Failed);
    assert_eq!(
        ended.failure_reason(),
        v1::item_failure::Reason::EngineFailed
    );
    assert_eq!(ended.finish_time, item.finish_time);

    let other = request(failed.id.to_string());
    assert_reason(get(&bench.li, other).await, Reason::BatchNotFound);
    for unknown in [Uuid::from_u128(5).to_string(), "nonsense".to_owned()] {
        assert_reason(
            get(&bench.wang, request(unknown)).await,
            Reason::ItemNotFound,
        );
    }
    let claimed = bench.batch("preview", 1).await;
    let elsewhere = bench.claim(EngineKind::Preview).await;
    assert_eq!(elsewhere.batch, id(&claimed.id));
    let wrong_batch = request(elsewhere.id.to_string());
    assert_reason(get(&bench.wang, wrong_batch).await, Reason::ItemNotFound);
}
