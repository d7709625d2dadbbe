//! Lists, filters, pages and who sees what.

use std::time::Duration;

use uuid::Uuid;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;

use super::bench::*;
use crate::domain::batch::EngineKind;
use crate::domain::failure::{Wait, WaitReason};
use crate::domain::transition::AttemptEvent;
use crate::service::error::Reason;
use crate::service::session::Session;

async fn list(
    bench: &Bench,
    session: &Session,
    request: v1::ListBatchesRequest,
) -> Result<v1::ListBatchesResponse, tonic::Status> {
    let answer = bench.face.list_batches(by(session, request)).await;
    answer.map(tonic::Response::into_inner)
}

#[tokio::test(start_paused = true)]
async fn an_unknown_batch_and_someone_elses_look_the_same() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    for unknown in [
        Uuid::from_u128(5).to_string(),
        "nonsense".to_owned(),
        String::new(),
    ] {
        let status = bench.get_batch(&bench.wang, &unknown).await.unwrap_err();
        assert_eq!(reason(&status), "BATCH_NOT_FOUND");
    }
    let theirs = bench.get_batch(&bench.li, &batch.id).await.unwrap_err();
    let unknown = bench
        .get_batch(&bench.li, &Uuid::from_u128(5).to_string())
        .await
        .unwrap_err();
    assert_eq!(theirs.code(), unknown.code());
    assert_eq!(theirs.message(), unknown.message());
    assert!(bench.get_batch(&bench.admin, &batch.id).await.is_ok());
    let items = v1::ListItemsRequest {
        batch_id: batch.id.clone(),
        ..Default::default()
    };
    let answer = bench.face.list_items(by(&bench.li, items)).await;
    assert_reason(answer, Reason::BatchNotFound);
}

#[tokio::test(start_paused = true)]
async fn pages_follow_each_other_and_tokens_hold_for_their_filter() {
    let bench = Bench::new().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(bench.batch("preview", 1).await.id);
    }
    made.reverse();
    let page = |page_size, page_token: &str| v1::ListBatchesRequest {
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let answer = list(&bench, &bench.wang, page(2, &token)).await.unwrap();
        assert_eq!(answer.counts.unwrap().total, 5);
        seen.extend(answer.batches.into_iter().map(|batch| batch.id));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
        let other_filters = [
            v1::ListBatchesRequest {
                filter: Some(v1::BatchFilter {
                    text: "三八".to_owned(),
                    ..Default::default()
                }),
                ..page(2, &token)
            },
            v1::ListBatchesRequest {
                order_by: "attention".to_owned(),
                ..page(2, &token)
            },
        ];
        for other in other_filters {
            let answer = list(&bench, &bench.wang, other).await;
            assert_reason(answer, Reason::PageTokenInvalid);
        }
        let theirs = list(&bench, &bench.li, page(2, &token)).await;
        assert_reason(theirs, Reason::PageTokenInvalid);
    }
    assert_eq!(seen, made);
    let broken = list(&bench, &bench.wang, page(2, "broken")).await;
    assert_reason(broken, Reason::PageTokenInvalid);
    let negative = list(&bench, &bench.wang, page(-1, "")).await;
    assert_reason(negative, Reason::FieldInvalid);
    assert!(
        list(&bench, &bench.li, page(0, ""))
            .await
            .unwrap()
            .batches
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_of_items_holds_for_its_batch_and_states() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 3).await;
    let other = bench.batch("preview", 3).await;
    let page = |batch_id: &str, states: Vec<i32>, page_token: &str| v1::ListItemsRequest {
        batch_id: batch_id.to_owned(),
        states,
        page_size: 2,
        page_token: page_token.to_owned(),
    };
    let items = |message| bench.face.list_items(by(&bench.wang, message));
    let first = items(page(&batch.id, vec![], ""))
        .await
        .unwrap()
        .into_inner();
    let token = first.next_page_token;
    assert_eq!(first.items.len(), 2);
    let rest = items(page(&batch.id, vec![], &token))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (rest.items[0].position, rest.next_page_token.as_str()),
        (3, "")
    );
    let pending = vec![v1::video_item::State::Pending.into()];
    for (id, states) in [(&other.id, vec![]), (&batch.id, pending)] {
        let answer = items(page(id, states, &token)).await;
        assert_reason(answer, Reason::PageTokenInvalid);
    }
}

#[tokio::test(start_paused = true)]
async fn filters_narrow_and_what_they_cannot_be_is_refused_by_name() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    bench.fail_one().await;
    bench.batch("lightx2v", 1).await;
    let with = |filter| v1::ListBatchesRequest {
        filter: Some(filter),
        ..Default::default()
    };
    let failed = v1::BatchFilter {
        states: vec![v1::batch::State::Failed.into()],
        has_failures: Some(true),
        text: "GREETINGS".to_owned(),
        ..Default::default()
    };
    let answer = list(&bench, &bench.wang, with(failed)).await.unwrap();
    assert_eq!(answer.batches.len(), 1);
    assert_eq!(answer.batches[0].id, batch.id);
    let counts = answer.counts.unwrap();
    assert_eq!(
        (counts.total, counts.failed, counts.needs_attention),
        (2, 1, 1)
    );

    let digits = batch.id.replace('-', "");
    let end = |length: usize| digits[digits.len() - length..].to_uppercase();
    for (text, found) in [
        (end(8), 1),
        (end(4), 1),
        (batch.id.clone(), 1),
        (digits.clone(), 1),
        // Too few, another end, and only the beginning.
        (end(3), 0),
        (format!("{}0", end(8)), 0),
        (digits[..12].to_owned(), 0),
        // The owner's name is no text of the batch.
        ("wang".to_owned(), 0),
    ] {
        let filter = v1::BatchFilter {
            text: text.clone(),
            ..Default::default()
        };
        let answer = list(&bench, &bench.wang, with(filter)).await.unwrap();
        assert_eq!(answer.batches.len(), found, "{text}");
    }

    let bad = [
        (
            v1::BatchFilter {
                states: vec![0],
                ..Default::default()
            },
            "filter.states",
        ),
        (
            v1::BatchFilter {
                text: "x".repeat(201),
                ..Default::default()
            },
            "filter.text",
        ),
        (
            v1::BatchFilter {
                create_time_after: Some(prost_types::Timestamp {
                    seconds: 0,
                    nanos: -1,
                }),
                ..Default::default()
            },
            "filter.create_time_after",
        ),
    ];
    for (filter, field) in bad {
        use tonic_types::StatusExt;
        let status = list(&bench, &bench.wang, with(filter)).await.unwrap_err();
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, field);
    }
}

#[tokio::test(start_paused = true)]
async fn only_admins_see_the_batches_of_others() {
    let bench = Bench::new().await;
    bench.batch("preview", 1).await;
    let of = |owner_id: String| v1::ListBatchesRequest {
        owner_id,
        ..Default::default()
    };
    let wang = bench.wang.caller.user.to_string();
    for owner in ["-".to_owned(), wang.clone()] {
        let answer = list(&bench, &bench.li, of(owner.clone())).await;
        assert_reason(answer, Reason::AdminRequired);
        let answer = list(&bench, &bench.admin, of(owner)).await.unwrap();
        assert_eq!(answer.batches[0].owner_name, "wang");
    }
    assert_eq!(
        list(&bench, &bench.wang, of(wang))
            .await
            .unwrap()
            .batches
            .len(),
        1
    );
    let own = list(&bench, &bench.admin, of(String::new())).await;
    assert!(own.unwrap().batches.is_empty());
    for unknown in ["nobody".to_owned(), Uuid::from_u128(1).to_string()] {
        let answer = list(&bench, &bench.admin, of(unknown)).await;
        assert_reason(answer, Reason::UserNotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn lists_cut_prompts_and_stay_below_the_largest_message() {
    use prost::Message;

    let bench = Bench::new().await;
    let large = v1::BatchSpec {
        engine: "preview".to_owned(),
        name: "名".repeat(200),
        prompt: "字".repeat(2_000),
        labels: (0..16)
            .map(|number| (format!("{number:063}"), "v".repeat(255)))
            .collect(),
        ..spec(1)
    };
    for _ in 0..150 {
        bench.upload(whole(large.clone(), 1)).await.unwrap();
    }
    let mut request = v1::ListBatchesRequest {
        page_size: 200,
        ..Default::default()
    };
    let mut count = 0;
    loop {
        let answer = list(&bench, &bench.wang, request.clone()).await.unwrap();
        assert!(answer.encoded_len() < 1 << 20);
        assert_eq!(answer.batches[0].prompt.chars().count(), 200);
        count += answer.batches.len();
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(count, 150);
    let whole = bench
        .get_batch(
            &bench.wang,
            &list(&bench, &bench.wang, v1::ListBatchesRequest::default())
                .await
                .unwrap()
                .batches[0]
                .id,
        )
        .await
        .unwrap();
    assert_eq!(whole.prompt.chars().count(), 2_000);
}

#[tokio::test(start_paused = true)]
async fn only_the_owners_look_takes_the_attention_away() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    bench.fail_one().await;
    let look = |session, acknowledge_failures| {
        let request = v1::GetBatchRequest {
            batch_id: batch.id.clone(),
            acknowledge_failures,
        };
        bench.face.get_batch(by(session, request))
    };
    for (session, acknowledge, attention) in [
        (&bench.wang, false, true),
        (&bench.admin, true, true),
        (&bench.wang, true, false),
        (&bench.wang, false, false),
    ] {
        let answer = look(session, acknowledge).await.unwrap().into_inner();
        assert_eq!(answer.batch.unwrap().needs_attention, attention);
    }
}

fn reason_of(wait: &Option<v1::Wait>) -> v1::wait::Reason {
    wait.as_ref().map(v1::Wait::reason).unwrap_or_default()
}

/// A batch that waits for a token needs attention, in the order, in the count and in its own words; as soon as there is a
/// token it does not.
#[tokio::test(start_paused = true)]
async fn what_only_a_person_can_let_go_on_needs_attention() {
    let bench = Bench::new().await;
    bench.tell_engines(|_| {});
    let paid = bench.batch("lightx2v", 2).await;
    let free = bench.batch("preview", 1).await;
    let by_attention = async || {
        let request = v1::ListBatchesRequest {
            order_by: "attention".to_owned(),
            page_size: 1,
            ..Default::default()
        };
        let first = list(&bench, &bench.wang, request.clone()).await.unwrap();
        let next = v1::ListBatchesRequest {
            page_token: first.next_page_token,
            ..request
        };
        let second = list(&bench, &bench.wang, next).await.unwrap();
        let both = [first.batches[0].clone(), second.batches[0].clone()];
        (both, first.counts.unwrap().needs_attention)
    };
    let ids = |batches: &[v1::Batch; 2]| batches.clone().map(|batch| batch.id);
    let (batches, count) = by_attention().await;
    assert_eq!(
        (ids(&batches), count),
        ([free.id.clone(), paid.id.clone()], 0)
    );

    bench.tell_engines(|engines| {
        let paid = engines.engines.get_mut(&EngineKind::LightX2v).unwrap();
        paid.wait = Some(Wait {
            reason: WaitReason::UpstreamToken,
            until: None,
        });
    });
    let (batches, count) = by_attention().await;
    assert_eq!((ids(&batches), count), ([paid.id, free.id], 1));
    assert!(batches[0].needs_attention && !batches[1].needs_attention);
    assert_eq!(reason_of(&batches[0].wait), v1::wait::Reason::UpstreamToken);
}

/// While all slots are taken, who is next waits for one, and everyone else for their turn. A batch whose items all have a
/// wait of their own tells it.
#[tokio::test(start_paused = true)]
async fn a_batch_tells_what_its_items_wait_for() {
    use v1::wait::Reason::{BackOff, Slot, Turn};
    let bench = Bench::new().await;
    let first = bench.batch("lightx2v", 2).await;
    let second = bench.batch("lightx2v", 1).await;
    let next = id(&first.id);
    bench.tell_engines(|engines| {
        let paid = engines.engines.get_mut(&EngineKind::LightX2v).unwrap();
        paid.next_batch = Some(next);
    });
    let waits = async |of: &v1::Batch| {
        let batch = bench.get_batch(&bench.wang, &of.id).await.unwrap();
        let items = bench.items(&of.id).await;
        let items: Vec<_> = items.iter().map(|item| reason_of(&item.wait)).collect();
        (reason_of(&batch.wait), items)
    };
    assert_eq!(waits(&first).await, (Slot, vec![Slot, Slot]));
    assert_eq!(waits(&second).await, (Turn, vec![Turn]));

    let until = bench.clock.now() + Duration::from_secs(60);
    let mut held = Vec::new();
    while held.len() < 2 {
        let item = bench.claim(EngineKind::LightX2v).await;
        let is_first = item.batch == next;
        let released = AttemptEvent::Released {
            reason: WaitReason::BackOff,
            not_before: Some(until),
        };
        bench.apply(&item, released).await;
        held.extend(is_first.then_some(item));
        if held.len() == 1 && is_first {
            // One of two waits for a slot: that is what the batch waits for.
            assert_eq!(waits(&first).await, (Slot, vec![BackOff, Slot]));
        }
    }
    assert_eq!(waits(&first).await, (BackOff, vec![BackOff, BackOff]));
    let told = bench.get_batch(&bench.wang, &first.id).await.unwrap();
    let told = told.wait.unwrap().until.unwrap();
    assert_eq!(told.seconds, until.as_second());
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(waits(&first).await.0, Slot);
}
