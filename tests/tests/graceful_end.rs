//! SIGTERM and SIGINT to the real program: what is under way comes to a known end, within 10 s.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;
use vbatch_tests::batches::{create, finished, new_batch, next, status};
use vbatch_tests::programs::{Daemon, Session, folder};
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::upstream::fake::FakeUpstream;
use vbatch_tests::upstream::faults::{Call, Fault};
use vision_batch::v1;
use vision_batch::v1::auth_service_client::AuthServiceClient;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::batch_status_response::Event;
use vision_batch::v1::video_item::State;

/// The promise, and room for a machine that does much else.
const LIMIT: Duration = Duration::from_secs(12);

fn server(data: &Path, fake: &FakeUpstream) -> Daemon {
    let (url, token) = (fake.base_url(), fake.token());
    let variables = [
        ("LIGHTX2V_BASE_URL", url.as_str()),
        ("LIGHTX2V_ACCESS_TOKEN", token.as_str()),
    ];
    Daemon::start(data, &variables, &[])
}

async fn fake() -> FakeUpstream {
    let config = UpstreamConfig {
        video: vbatch_tests::batches::read(&vbatch_tests::programs::media("film.mp4")),
        ..UpstreamConfig::default()
    };
    FakeUpstream::start(config).await.unwrap()
}

async fn submitted(fake: &FakeUpstream, times: usize) {
    fake.until_called(Call::Submit, times).await;
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_submit_that_is_answered_after_the_signal_is_recorded() {
    let fake = fake().await;
    let data = folder();
    let daemon = server(data.path(), &fake);
    let session = daemon.sign_in().await;
    fake.fault(Fault::on(Call::Submit).after(Duration::from_secs(3)).pass());
    let batch = create(&session, "lightx2v", 3).await;
    submitted(&fake, 3).await;
    let begun = Instant::now();
    assert_eq!(daemon.terminate(), Some(0));
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    assert_eq!(fake.tasks().len(), 3);

    let daemon = server(data.path(), &fake);
    let session = daemon.sign_in().await;
    let items = finished(&session, &batch).await;
    assert!(items.iter().all(|item| item.state() == State::Completed));
    assert_eq!(fake.calls_of(Call::Submit).len(), 3, "nothing twice");
    assert_eq!(fake.calls_of(Call::List).len(), 0, "nothing was unresolved");
    assert_eq!(daemon.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_begins_after_the_signal() {
    let fake = fake().await;
    let data = folder();
    let daemon = server(data.path(), &fake);
    let session = daemon.sign_in().await;
    // Three slots, of which none comes free before the end.
    fake.fault(
        Fault::on(Call::Submit)
            .times(3)
            .after(Duration::from_secs(2))
            .pass(),
    );
    let batch = create(&session, "lightx2v", 6).await;
    submitted(&fake, 3).await;
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(fake.calls_of(Call::Submit).len(), 3);
    let daemon = server(data.path(), &fake);
    let session = daemon.sign_in().await;
    let items = finished(&session, &batch).await;
    assert!(items.iter().all(|item| item.state() == State::Completed));
    assert_eq!(fake.tasks().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_told_why_they_end_and_new_calls_are_refused() {
    for signal in ["TERM", "INT"] {
        let fake = fake().await;
        let data = folder();
        let daemon = server(data.path(), &fake);
        let session = daemon.sign_in().await;
        fake.fault(Fault::on(Call::Submit).after(Duration::from_secs(4)).pass());
        let batch = create(&session, "lightx2v", 1).await;
        let mut stream = status(&session, &batch).await;
        while !matches!(next(&mut stream).await, Event::SnapshotComplete(_)) {}
        submitted(&fake, 1).await;
        let begun = Instant::now();
        daemon.signal(signal);
        let end = loop {
            if let Event::End(end) = next(&mut stream).await {
                break end;
            }
        };
        assert_eq!(end.reason(), v1::stream_end::Reason::ShuttingDown);
        let last = stream.next().await.unwrap().unwrap_err();
        assert_eq!(last.code(), Code::Unavailable);
        let reason = last.get_details_error_info().unwrap().reason;
        assert_eq!(reason, "SHUTTING_DOWN");

        // The submit is still under way: the process lives, and takes nothing new, over an old connection or a new one.
        for channel in [session.channel.clone(), daemon.channel().await] {
            let mut auth = AuthServiceClient::new(channel);
            let refused = auth
                .get_profile(session.request(v1::GetProfileRequest::default()))
                .await
                .unwrap_err();
            assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
            let reason = refused.get_details_error_info().unwrap().reason;
            assert_eq!(reason, "SHUTTING_DOWN");
        }
        assert_eq!(daemon.ended(), Some(0));
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_and_who_never_sends_keep_nobody_for_long_and_leave_nothing() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let session = daemon.sign_in().await;
    let batch = create(&session, "preview", 1).await;
    finished(&session, &batch).await;
    let kept = files(data.path());

    // A download by somebody whose windows are small and who reads nothing.
    let deaf = Channel::from_shared(format!("http://{}", daemon.address))
        .unwrap()
        .initial_stream_window_size(1_024)
        .initial_connection_window_size(1_024)
        .connect()
        .await
        .unwrap();
    let deaf = Session {
        channel: deaf,
        token: session.token.clone(),
    };
    let mut client = BatchServiceClient::new(deaf.channel.clone());
    let request = v1::DownloadFileRequest {
        batch_id: batch.clone(),
        item_id: String::new(),
        kind: v1::FileKind::Audio.into(),
        offset: 0,
    };
    let unread = client
        .download_file(deaf.request(request))
        .await
        .unwrap()
        .into_inner();

    // An upload that stops in the middle of its audio.
    let mut messages = new_batch("preview", 1);
    messages.truncate(3);
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    for message in messages {
        sender.send(message).await.unwrap();
    }
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut client = BatchServiceClient::new(session.channel.clone());
    let upload = session.request(stream);
    let upload = tokio::spawn(async move { client.create_batch(upload).await });
    let arrived = || {
        let mut temporaries = std::fs::read_dir(data.path().join("tmp")).unwrap();
        temporaries.next().is_some()
    };
    while !arrived() {
        tokio::task::yield_now().await;
    }

    let begun = Instant::now();
    assert_eq!(daemon.terminate(), Some(0));
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    let refused = upload.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let reason = refused.get_details_error_info().unwrap().reason;
    assert_eq!(reason, "SHUTTING_DOWN");
    drop((unread, sender));
    let mut left = files(data.path());
    let mut kept: Vec<_> = kept
        .into_iter()
        .filter(|path| !path.ends_with("owner.sock"))
        .collect();
    left.sort();
    kept.sort();
    assert_eq!(left, kept, "the end leaves no file");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_ends_at_once() {
    let fake = fake().await;
    let data = folder();
    let daemon = server(data.path(), &fake);
    let session = daemon.sign_in().await;
    fake.fault(Fault::on(Call::Submit).done_but_hang());
    let batch = create(&session, "lightx2v", 1).await;
    let mut stream = status(&session, &batch).await;
    while !matches!(next(&mut stream).await, Event::SnapshotComplete(_)) {}
    submitted(&fake, 1).await;
    daemon.signal("TERM");
    // It has begun to end, and waits for the submit.
    while !matches!(next(&mut stream).await, Event::End(_)) {}
    let begun = Instant::now();
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), Some(130));
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    // What it did not wait for is found out by the next start; nothing is lost or made twice.
    assert_eq!(fake.tasks().len(), 1);
}
