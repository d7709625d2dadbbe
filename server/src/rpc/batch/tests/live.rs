//! Live streams: no gap, always the newest, signs of life, and why they end.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use prost_types::Duration as Span;
use tokio::time::Instant;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::stream_end::Reason as Why;
use vision_batch::v1::{batch_status_response, watch_batches_response};

use super::bench::*;
use crate::domain::batch::EngineKind;
use crate::domain::dispatching::{DispatchSettings, DispatchState};
use crate::domain::ledger::Actor;
use crate::feed::engine_status::EngineStatuses;
use crate::rpc::batch::Answers;
use crate::service::error::Reason;
use crate::service::session::{STREAMS_PER_USER, Session};
use crate::store::{PasswordChange, Store};

type Statuses = Answers<v1::BatchStatusResponse>;
type Lists = Answers<v1::WatchBatchesResponse>;

fn request(batch: &v1::Batch) -> v1::BatchStatusRequest {
    v1::BatchStatusRequest {
        batch_id: batch.id.clone(),
        ..Default::default()
    }
}

async fn watch(bench: &Bench, session: &Session, request: v1::BatchStatusRequest) -> Statuses {
    let answer = bench.face.batch_status(by(session, request)).await;
    answer.unwrap().into_inner()
}

async fn watch_list(bench: &Bench, session: &Session, request: v1::WatchBatchesRequest) -> Lists {
    let answer = bench.face.watch_batches(by(session, request)).await;
    answer.unwrap().into_inner()
}

async fn event(stream: &mut Statuses) -> batch_status_response::Event {
    stream.next().await.unwrap().unwrap().event.unwrap()
}

async fn list_event(stream: &mut Lists) -> watch_batches_response::Event {
    stream.next().await.unwrap().unwrap().event.unwrap()
}

/// What a reader knows: the newest of each.
#[derive(Default)]
struct Reader {
    batch: Option<v1::Batch>,
    items: BTreeMap<i32, v1::VideoItem>,
    revision: i64,
    messages: usize,
}

impl Reader {
    fn take(&mut self, batch: Option<v1::Batch>, items: Vec<v1::VideoItem>) {
        self.messages += 1;
        assert!(items.len() <= 200);
        if let Some(batch) = batch {
            self.batch = Some(batch);
        }
        for item in items {
            let known = self.items.get(&item.position);
            if known.is_none_or(|known| known.revision <= item.revision) {
                self.items.insert(item.position, item);
            }
        }
    }

    /// Reads up to the snapshot's end.
    async fn snapshot(stream: &mut Statuses) -> Self {
        use batch_status_response::Event;
        let mut reader = Self::default();
        loop {
            match event(stream).await {
                Event::Snapshot(part) => reader.take(part.batch, part.items),
                Event::SnapshotComplete(complete) => {
                    assert!(!complete.unchanged);
                    reader.revision = complete.revision;
                    return reader;
                }
                other => panic!("{other:?} within a snapshot"),
            }
        }
    }

    /// Reads updates until the batch is finished and the stream ends.
    async fn until_end(&mut self, stream: &mut Statuses) -> Why {
        use batch_status_response::Event;
        loop {
            match event(stream).await {
                Event::Update(update) => {
                    self.take(update.batch, update.items);
                    assert!(update.revision >= self.revision);
                    self.revision = update.revision;
                }
                Event::Heartbeat(_) => {}
                Event::End(end) => return end.reason(),
                other => panic!("{other:?} after a snapshot"),
            }
        }
    }

    fn states(&self) -> Vec<v1::video_item::State> {
        self.items.values().map(v1::VideoItem::state).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_comes_in_parts_and_what_changes_meanwhile_is_not_missed() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 450).await;
    let mut stream = watch(&bench, &bench.wang, request(&batch)).await;
    let mut reader = Reader::default();
    let batch_status_response::Event::Snapshot(first) = event(&mut stream).await else {
        panic!("a snapshot comes first");
    };
    assert_eq!(first.items.len(), 200);
    reader.take(first.batch, first.items);
    // Items of parts that were sent and of parts that were not.
    let failed = bench.fail_one().await;
    assert_eq!(failed.position, 1);
    let cancel = v1::CancelBatchRequest {
        batch_id: batch.id.clone(),
    };
    bench
        .face
        .cancel_batch(by(&bench.wang, cancel))
        .await
        .unwrap();

    let mut rest = Reader::snapshot(&mut stream).await;
    assert_eq!(rest.messages, 2);
    rest.items.extend(reader.items);
    assert_eq!(rest.items.len(), 450);
    let end = rest.until_end(&mut stream).await;
    assert_eq!(end, Why::BatchFinished);
    let states = rest.states();
    assert_eq!(states[0], v1::video_item::State::Failed);
    assert!(
        states[1..]
            .iter()
            .all(|state| *state == v1::video_item::State::Cancelled)
    );
    let finished = rest.batch.unwrap();
    assert_eq!(finished.state(), v1::batch::State::Failed);
    assert_eq!(finished.revision, rest.revision);
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_skips_states_and_ends_on_the_newest() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 3).await;
    let mut stream = watch(&bench, &bench.wang, request(&batch)).await;
    let mut reader = Reader::snapshot(&mut stream).await;
    for _ in 0..3 {
        bench.complete_one().await;
    }
    let before = reader.messages;
    assert_eq!(reader.until_end(&mut stream).await, Why::BatchFinished);
    assert_eq!(reader.messages, before + 1);
    assert!(
        reader
            .states()
            .iter()
            .all(|state| *state == v1::video_item::State::Completed)
    );
    assert_eq!(reader.batch.unwrap().progress_estimate, 1.0);
}

#[tokio::test(start_paused = true)]
async fn updates_keep_their_distance() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 3).await;
    let calm = v1::BatchStatusRequest {
        min_interval: Some(Span {
            seconds: 3,
            nanos: 0,
        }),
        ..request(&batch)
    };
    let mut stream = watch(&bench, &bench.wang, calm).await;
    Reader::snapshot(&mut stream).await;
    let started = Instant::now();
    for expected in [0, 3, 6] {
        bench.complete_one().await;
        let batch_status_response::Event::Update(_) = event(&mut stream).await else {
            panic!("an update");
        };
        assert_eq!(started.elapsed().as_secs(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_known_revision_spares_the_snapshot_and_only_that_one() {
    use batch_status_response::Event;
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    let known = v1::BatchStatusRequest {
        known_revision: batch.revision,
        ..request(&batch)
    };
    let mut stream = watch(&bench, &bench.wang, known.clone()).await;
    let Event::SnapshotComplete(complete) = event(&mut stream).await else {
        panic!("no part is sent");
    };
    assert!(complete.unchanged && complete.revision == batch.revision);
    bench.complete_one().await;
    let Event::Update(update) = event(&mut stream).await else {
        panic!("what is newer follows");
    };
    assert_eq!(update.items.len(), 1);

    let mut stream = watch(&bench, &bench.wang, known).await;
    assert!(matches!(event(&mut stream).await, Event::Snapshot(_)));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_gives_signs_of_life() {
    use batch_status_response::Event;
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    for (asked, seconds) in [(None, 15), (Some(5), 5), (Some(60), 60)] {
        let asked = asked.map(|seconds| Span { seconds, nanos: 0 });
        let quiet = v1::BatchStatusRequest {
            heartbeat_interval: asked,
            ..request(&batch)
        };
        let mut stream = watch(&bench, &bench.wang, quiet).await;
        Reader::snapshot(&mut stream).await;
        for _ in 0..3 {
            let started = Instant::now();
            let Event::Heartbeat(beat) = event(&mut stream).await else {
                panic!("a heartbeat");
            };
            assert_eq!(started.elapsed().as_secs(), seconds);
            assert_eq!(beat.revision, batch.revision);
            assert_eq!(
                beat.server_time.unwrap().seconds,
                bench.clock.now().as_second()
            );
        }
    }
    for seconds in [0, 4, 61, -1] {
        let bad = v1::BatchStatusRequest {
            heartbeat_interval: Some(Span { seconds, nanos: 0 }),
            ..request(&batch)
        };
        let answer = bench.face.batch_status(by(&bench.wang, bad)).await;
        assert_reason(answer.map(|_| ()), Reason::FieldInvalid);
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_batch_ends_its_stream_unless_it_is_followed() {
    use batch_status_response::Event;
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    bench.complete_one().await;
    let mut stream = watch(&bench, &bench.wang, request(&batch)).await;
    let mut reader = Reader::snapshot(&mut stream).await;
    assert_eq!(reader.until_end(&mut stream).await, Why::BatchFinished);
    assert!(stream.next().await.is_none());

    let follow = v1::BatchStatusRequest {
        follow: true,
        ..request(&batch)
    };
    let mut stream = watch(&bench, &bench.wang, follow).await;
    Reader::snapshot(&mut stream).await;
    assert!(matches!(event(&mut stream).await, Event::Heartbeat(_)));
}

#[tokio::test(start_paused = true)]
async fn every_end_says_why_before_its_status() {
    use batch_status_response::Event;
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;

    // The token expires.
    let mut stream = watch(&bench, &bench.wang, request(&batch)).await;
    let mut reader = Reader::snapshot(&mut stream).await;
    assert_eq!(reader.until_end(&mut stream).await, Why::TokenExpired);
    assert!(bench.clock.now() >= bench.wang.expire_time);
    let status = stream.next().await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "TOKEN_EXPIRED");
    assert!(stream.next().await.is_none());

    // The token is ended.
    let session = bench.fresh(&bench.wang).await;
    let mut stream = watch(&bench, &session, request(&batch)).await;
    Reader::snapshot(&mut stream).await;
    let change = PasswordChange {
        user: session.caller.user,
        expected_epoch: None,
        password_hash: String::new(),
        change_required: false,
        expire_time: None,
        actor: Actor::System,
        now: bench.clock.now(),
    };
    bench.store.set_password(change).await.unwrap();
    let Event::End(end) = event(&mut stream).await else {
        panic!("an end");
    };
    assert_eq!(end.reason(), Why::TokenRevoked);
    let status = stream.next().await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "TOKEN_REVOKED");

    // The server stops.
    let session = bench.fresh(&bench.wang).await;
    let mut stream = watch(&bench, &session, request(&batch)).await;
    let mut list = watch_list(&bench, &session, v1::WatchBatchesRequest::default()).await;
    Reader::snapshot(&mut stream).await;
    list_snapshot(&mut list).await;
    bench.shutdown.cancel();
    let Event::End(end) = event(&mut stream).await else {
        panic!("an end");
    };
    assert_eq!(end.reason(), Why::ShuttingDown);
    let status = stream.next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let watch_batches_response::Event::End(end) = list_event(&mut list).await else {
        panic!("an end");
    };
    assert_eq!(end.reason(), Why::ShuttingDown);
    let status = list.next().await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "SHUTTING_DOWN");
}

impl Bench {
    async fn fresh(&self, session: &Session) -> Session {
        use secrecy::ExposeSecret;
        let issued = self.accounts.mint(session.caller.user).await.unwrap();
        let token = issued.token.expose_secret();
        self.accounts.authenticate(token, None).await.unwrap()
    }

    fn pause(&self, engines: &mut EngineStatuses) {
        engines.settings = Some(DispatchSettings {
            state: DispatchState::Paused,
            concurrency: 3,
            changed_by: Actor::System,
            change_time: Timestamp::UNIX_EPOCH,
        });
    }
}

#[tokio::test(start_paused = true)]
async fn what_keeps_an_engine_waiting_reaches_the_items_that_wait() {
    use batch_status_response::Event;
    let bench = Bench::new().await;
    bench.tell_engines(|_| {});
    let batch = bench.batch("preview", 250).await;
    bench.claim(EngineKind::Preview).await;
    let mut stream = watch(&bench, &bench.wang, request(&batch)).await;
    let mut reader = Reader::snapshot(&mut stream).await;
    let reason = |item: &v1::VideoItem| item.wait.as_ref().map(v1::Wait::reason);
    assert_eq!(reason(&reader.items[&2]), Some(v1::wait::Reason::Slot));
    bench.tell_engines(|engines| bench.pause(engines));
    for expected in [200, 49] {
        let Event::Update(update) = event(&mut stream).await else {
            panic!("an update");
        };
        assert_eq!(update.items.len(), expected);
        reader.take(update.batch, update.items);
    }
    assert_eq!(reason(&reader.items[&1]), None);
    let waits = reader.items.values().skip(1).map(reason);
    assert!(
        waits
            .into_iter()
            .all(|wait| wait == Some(v1::wait::Reason::Paused))
    );
    assert!(matches!(event(&mut stream).await, Event::Heartbeat(_)));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_see_a_batch_may_not_watch_it_and_streams_are_counted() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    let open = |session| bench.face.batch_status(by(session, request(&batch)));
    assert_reason(open(&bench.li).await.map(|_| ()), Reason::BatchNotFound);
    let mut streams = Vec::new();
    for _ in 0..STREAMS_PER_USER {
        streams.push(open(&bench.wang).await.unwrap().into_inner());
    }
    assert_reason(open(&bench.wang).await.map(|_| ()), Reason::TooManyStreams);
    streams.pop();
    assert!(open(&bench.wang).await.is_ok());
    assert!(open(&bench.admin).await.is_ok());
}

async fn list_snapshot(
    stream: &mut Lists,
) -> (Vec<v1::Batch>, watch_batches_response::SnapshotComplete) {
    use watch_batches_response::Event;
    let mut batches = Vec::new();
    loop {
        match list_event(stream).await {
            Event::Snapshot(part) => batches.extend(part.batches),
            Event::SnapshotComplete(complete) => return (batches, complete),
            other => panic!("{other:?} within a snapshot"),
        }
    }
}

async fn list_update(stream: &mut Lists) -> watch_batches_response::Update {
    use watch_batches_response::Event;
    loop {
        match list_event(stream).await {
            Event::Update(update) => return update,
            Event::Heartbeat(_) => {}
            other => panic!("{other:?} after a snapshot"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_shows_its_window_and_then_whatever_changes() {
    let bench = Bench::new().await;
    for _ in 0..3 {
        bench.batch("preview", 1).await;
    }
    let two = v1::WatchBatchesRequest {
        page_size: 2,
        ..Default::default()
    };
    let mut stream = watch_list(&bench, &bench.wang, two).await;
    let (batches, complete) = list_snapshot(&mut stream).await;
    assert_eq!(batches.len(), 2);
    assert_eq!(complete.counts.unwrap().total, 3);
    assert_eq!(complete.credit_balance, CREDITS);
    assert!(complete.status.is_some());

    // A batch outside the window changes, and a new one costs credits.
    let first = bench.complete_one().await.batch.to_string();
    let update = list_update(&mut stream).await;
    assert!(update.batches.iter().any(|batch| batch.id == first));
    assert_eq!(update.counts.unwrap().completed, 1);
    let paid = bench.batch("lightx2v", 5).await;
    let update = list_update(&mut stream).await;
    assert!(update.batches.iter().any(|batch| batch.id == paid.id));
    assert_eq!(update.credit_balance, CREDITS - 5);

    // Another user's batches are not seen here.
    let others = bench
        .upload_then(&bench.li, whole(spec(1), 1), None)
        .await
        .unwrap();
    let other = others.batch.unwrap().id;
    while let Some(message) = stream.next().now_or_never() {
        if let Some(watch_batches_response::Event::Update(update)) = message.unwrap().unwrap().event
        {
            assert!(update.batches.iter().all(|batch| batch.id != other));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_leaves_the_filter_is_told_and_one_that_never_was_in_is_not() {
    use watch_batches_response::removal::Reason;
    let bench = Bench::new().await;
    let open = bench.batch("preview", 1).await;
    let filtered = v1::WatchBatchesRequest {
        filter: Some(v1::BatchFilter {
            states: vec![
                v1::batch::State::Created.into(),
                v1::batch::State::Processing.into(),
            ],
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut stream = watch_list(&bench, &bench.wang, filtered).await;
    let (batches, _) = list_snapshot(&mut stream).await;
    assert_eq!(batches.len(), 1);
    bench.complete_one().await;
    let update = list_update(&mut stream).await;
    assert_eq!(update.removals.len(), 1);
    assert_eq!(update.removals[0].batch_id, open.id);
    assert_eq!(update.removals[0].reason(), Reason::LeftFilter);

    // It changes again outside the filter.
    let cancelled = bench.batch("preview", 1).await;
    let cancel = v1::CancelBatchRequest {
        batch_id: cancelled.id,
    };
    bench
        .face
        .cancel_batch(by(&bench.wang, cancel))
        .await
        .unwrap();
    let mut quiet = Duration::ZERO;
    while quiet < Duration::from_secs(60) {
        let started = Instant::now();
        match list_event(&mut stream).await {
            watch_batches_response::Event::Update(update) => {
                assert!(update.batches.is_empty() && update.removals.is_empty());
            }
            watch_batches_response::Event::Heartbeat(_) => quiet += started.elapsed(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_has_not_changed_is_spared_and_one_too_far_behind_begins_anew() {
    let bench = Bench::new().await;
    for _ in 0..3 {
        bench.batch("preview", 1).await;
    }
    let mut stream = watch_list(&bench, &bench.wang, v1::WatchBatchesRequest::default()).await;
    let (batches, complete) = list_snapshot(&mut stream).await;
    assert_eq!(batches.len(), 3);
    let known = v1::WatchBatchesRequest {
        known_revision: complete.revision,
        ..Default::default()
    };
    let mut again = watch_list(&bench, &bench.wang, known.clone()).await;
    let (batches, complete) = list_snapshot(&mut again).await;
    assert!(batches.is_empty() && complete.unchanged);

    for _ in 0..crate::feed::list_topic::KEPT {
        bench.batch("preview", 1).await;
    }
    bench.batch("preview", 1).await;
    let (batches, complete) = list_snapshot(&mut stream).await;
    assert_eq!(batches.len(), 50);
    assert!(!complete.unchanged);
    assert_eq!(complete.counts.unwrap().total, 3 + 1 + 1_024);
}

#[tokio::test(start_paused = true)]
async fn an_admin_watches_everyone_and_sees_the_own_balance() {
    let bench = Bench::new().await;
    bench.batch("lightx2v", 2).await;
    let everyone = v1::WatchBatchesRequest {
        owner_id: "-".to_owned(),
        ..Default::default()
    };
    let refused = bench
        .face
        .watch_batches(by(&bench.li, everyone.clone()))
        .await;
    assert_reason(refused.map(|_| ()), Reason::AdminRequired);
    let mut stream = watch_list(&bench, &bench.admin, everyone).await;
    let (batches, complete) = list_snapshot(&mut stream).await;
    assert_eq!(batches[0].owner_name, "wang");
    assert_eq!(complete.credit_balance, CREDITS);
    bench.tell_engines(|engines| bench.pause(engines));
    let update = list_update(&mut stream).await;
    assert!(update.status.is_some());
    let wait = update.batches[0].wait.as_ref().unwrap();
    assert_eq!(wait.reason(), v1::wait::Reason::Paused);
}
