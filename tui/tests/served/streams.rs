//! Streams that outlive their connections.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::Code;
use vbatch_tui::net::Client;
use vbatch_tui::net::live::{Live, News};
use vision_batch::v1;
use vision_batch::v1::batch_status_response::{Event, Snapshot, SnapshotComplete, Update};
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::stream_end;

use super::fake::{BATCH_ID, Fake, SOON, Step, batch, refusal};

fn live(client: Client) -> Live<v1::BatchStatusRequest> {
    Live::new(
        client,
        v1::BatchStatusRequest {
            batch_id: BATCH_ID.into(),
            ..v1::BatchStatusRequest::default()
        },
    )
}

pub fn snapshot(batch: v1::Batch) -> Step {
    Step::Batch(Event::Snapshot(Snapshot {
        batch: Some(batch),
        items: Vec::new(),
    }))
}

pub fn complete(revision: i64) -> Step {
    Step::Batch(Event::SnapshotComplete(SnapshotComplete {
        revision,
        unchanged: false,
    }))
}

pub fn update(batch: v1::Batch, items: Vec<v1::VideoItem>, revision: i64) -> Step {
    Step::Batch(Event::Update(Update {
        batch: Some(batch),
        items,
        revision,
    }))
}

pub fn end(reason: stream_end::Reason) -> Step {
    Step::Batch(Event::End(v1::StreamEnd {
        reason: reason.into(),
    }))
}

/// The news until the stream is over, each in a word.
async fn words(mut live: Live<v1::BatchStatusRequest>) -> Vec<&'static str> {
    let mut words = Vec::new();
    while let Some(news) = timeout(SOON, live.next()).await.expect("news in time") {
        words.push(match news {
            News::Opened => "opened",
            News::Event(Event::Snapshot(_)) => "snapshot",
            News::Event(Event::SnapshotComplete(_)) => "complete",
            News::Event(Event::Update(_)) => "update",
            News::Event(Event::Heartbeat(_)) => "heartbeat",
            News::Event(Event::End(_)) => "end",
            News::Lost { .. } => "lost",
            News::Closed(None) => "closed",
            News::Closed(Some(_)) => "refused",
        });
    }
    words
}

fn open() -> v1::Batch {
    batch(v1::batch::State::Processing, 0, 0, 2)
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_is_opened_again_from_the_revision_that_is_whole() {
    let fake = Fake::default();
    fake.script().streams.extend([
        // Breaks within the snapshot: nothing is whole yet.
        vec![snapshot(open()), Step::Break],
        vec![
            snapshot(open()),
            complete(4),
            update(open(), Vec::new(), 6),
            Step::Break,
        ],
        vec![complete(6), end(stream_end::Reason::BatchFinished)],
    ]);
    assert_eq!(
        words(live(fake.client())).await,
        [
            "opened", "snapshot", "lost", "opened", "snapshot", "complete", "update", "lost",
            "opened", "complete", "end", "closed"
        ]
    );
    assert_eq!(fake.script().known_revisions, [0, 0, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_counts_as_dead_after_two_and_a_half_heartbeats() {
    let fake = Fake::default();
    fake.script()
        .streams
        .extend([vec![snapshot(open()), complete(1), Step::Hang]]);
    let mut live = live(fake.client());
    let mut begin = Instant::now();
    loop {
        match timeout(SOON, live.next()).await.expect("news in time") {
            Some(News::Lost { error, retry_in }) => {
                assert!(error.is_retryable());
                assert!(retry_in <= Duration::from_millis(500));
                let silence = begin.elapsed();
                assert!(
                    silence >= Duration::from_millis(37_500)
                        && silence < Duration::from_millis(38_500),
                    "{silence:?}"
                );
                return;
            }
            Some(News::Event(_)) => begin = Instant::now(),
            Some(News::Opened) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_grow_while_nobody_answers() {
    let fake = Fake::default();
    let mut live = live(fake.client());
    let mut waits = Vec::new();
    for _ in 0..9 {
        match timeout(SOON, live.next()).await.expect("news in time") {
            Some(News::Lost { retry_in, .. }) => waits.push(retry_in),
            other => panic!("{other:?}"),
        }
    }
    assert!(waits[0] <= Duration::from_millis(500));
    assert!(waits[8] >= Duration::from_millis(7_500) && waits[8] <= Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_closes_the_stream_for_good() {
    let fake = Fake::default();
    fake.script().refuse_all = Some(refusal(Code::NotFound, "BATCH_NOT_FOUND", &[]));
    assert_eq!(words(live(fake.client())).await, ["refused"]);

    let fake = Fake::default();
    fake.script().streams.extend([vec![
        snapshot(open()),
        Step::Refuse(refusal(Code::Unauthenticated, "TOKEN_REVOKED", &[])),
    ]]);
    assert_eq!(
        words(live(fake.client())).await,
        ["opened", "snapshot", "refused"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_says_what_comes_next() {
    use stream_end::Reason::{BatchDeleted, ShuttingDown, TokenExpired, TokenRevoked};

    for (reason, expected) in [
        (BatchDeleted, vec!["opened", "end", "closed"]),
        (TokenRevoked, vec!["opened", "end", "refused"]),
        (
            ShuttingDown,
            vec!["opened", "end", "lost", "opened", "end", "closed"],
        ),
        // Renewed and opened again at once.
        (
            TokenExpired,
            vec!["opened", "end", "opened", "end", "closed"],
        ),
    ] {
        let fake = Fake::default();
        fake.script()
            .streams
            .extend([vec![end(reason)], vec![end(BatchDeleted)]]);
        let client = fake.client().with_token("old");
        assert_eq!(words(live(client)).await, expected, "{reason:?}");
        let expected_renewals = usize::from(reason == TokenExpired);
        assert_eq!(fake.script().renewals, expected_renewals, "{reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_asks_for_a_sign_in() {
    let fake = Fake::default();
    fake.script()
        .streams
        .extend([vec![end(stream_end::Reason::TokenExpired)]]);
    let mut live = live(fake.client().with_token("old"));
    assert!(matches!(live.next().await, Some(News::Opened)));
    assert!(matches!(
        live.next().await,
        Some(News::Event(Event::End(_)))
    ));
    fake.script().refuse_all = Some(refusal(Code::Unauthenticated, "TOKEN_EXPIRED", &[]));
    match timeout(SOON, live.next()).await.expect("news in time") {
        Some(News::Closed(Some(error))) => {
            assert_eq!(error.known_reason(), Some(Reason::TokenExpired));
        }
        other => panic!("{other:?}"),
    }
    assert!(live.next().await.is_none());
}
