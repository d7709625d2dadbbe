//! Real programs, real sockets: a server process, a fake upstream, a gRPC client.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use vbatch_tests::mp4::decode_to_the_end;
use vbatch_tests::programs::{DEADLINE, Daemon, Session, folder, media};
use vbatch_tests::uploads::upload;
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::upstream::fake::FakeUpstream;
use vbatch_tests::upstream::faults::{Call, Fault};
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::video_item::State;
use vision_batch::v1::{batch_status_response, download_file_response};

fn read(path: &Path) -> Bytes {
    std::fs::read(path).unwrap().into()
}

/// Creates a batch of `count` pictures and gives its id.
async fn create(session: &Session, engine: &str, count: usize) -> String {
    let names: Vec<String> = (1..=count)
        .map(|n| format!("portrait_{n:02}.png"))
        .collect();
    let picture = read(&media("face.png"));
    let images: Vec<(&str, Bytes)> = names
        .iter()
        .map(|name| (name.as_str(), picture.clone()))
        .collect();
    let spec = v1::BatchSpec {
        name: "春季宣传片 第一批".to_owned(),
        engine: engine.to_owned(),
        ..v1::BatchSpec::default()
    };
    let messages = upload(spec, ("voice.mp3", read(&media("speech.mp3"))), &images);
    let mut client = BatchServiceClient::new(session.channel.clone());
    let request = session.request(tokio_stream::iter(messages));
    client
        .create_batch(request)
        .await
        .unwrap()
        .into_inner()
        .batch
        .unwrap()
        .id
}

/// Watches a batch until its stream ends, and gives its items as they were last told.
async fn watch(session: &Session, batch: &str) -> Vec<v1::VideoItem> {
    let mut client = BatchServiceClient::new(session.channel.clone());
    let request = v1::BatchStatusRequest {
        batch_id: batch.to_owned(),
        ..v1::BatchStatusRequest::default()
    };
    let mut stream = client
        .batch_status(session.request(request))
        .await
        .unwrap()
        .into_inner();
    let mut items = std::collections::BTreeMap::new();
    let mut last_revision = 0;
    while let Some(message) = timeout(DEADLINE, stream.next())
        .await
        .expect("the stream goes on")
    {
        use batch_status_response::Event;
        let told = match message.unwrap().event.unwrap() {
            Event::Snapshot(snapshot) => snapshot.items,
            Event::Update(update) => update.items,
            Event::SnapshotComplete(complete) => {
                last_revision = complete.revision;
                continue;
            }
            Event::Heartbeat(_) => continue,
            Event::End(end) => {
                assert_eq!(end.reason(), v1::stream_end::Reason::BatchFinished);
                assert!(last_revision > 0, "a snapshot was complete before the end");
                break;
            }
        };
        items.extend(told.into_iter().map(|item| (item.position, item)));
    }
    items.into_values().collect()
}

async fn download(session: &Session, item: &v1::VideoItem) -> Vec<u8> {
    let mut client = BatchServiceClient::new(session.channel.clone());
    let request = v1::DownloadFileRequest {
        batch_id: item.batch_id.clone(),
        item_id: item.id.clone(),
        kind: v1::FileKind::Video.into(),
        offset: 0,
    };
    let mut stream = client
        .download_file(session.request(request))
        .await
        .unwrap()
        .into_inner();
    let mut content = Vec::new();
    while let Some(message) = stream.next().await {
        match message.unwrap().content.unwrap() {
            download_file_response::Content::Metadata(metadata) => {
                assert!(metadata.filename.ends_with(".mp4"))
            }
            download_file_response::Content::Chunk(chunk) => content.extend_from_slice(&chunk),
        }
    }
    content
}

fn upstream(run: Duration) -> UpstreamConfig {
    UpstreamConfig {
        run,
        video: read(&media("film.mp4")),
        ..UpstreamConfig::default()
    }
}

async fn server(data: &Path, fake: &FakeUpstream) -> Daemon {
    let url = fake.base_url();
    let token = fake.token();
    let variables = [
        ("LIGHTX2V_BASE_URL", url.as_str()),
        ("LIGHTX2V_ACCESS_TOKEN", token.as_str()),
    ];
    Daemon::start(data, &variables, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_items_under_the_real_limits_all_complete() {
    let fake = FakeUpstream::start(upstream(Duration::from_millis(300)))
        .await
        .unwrap();
    let data = folder();
    let daemon = server(data.path(), &fake).await;
    let session = daemon.sign_in().await;

    let batch = create(&session, "lightx2v", 20).await;
    let items = watch(&session, &batch).await;
    assert_eq!(items.len(), 20);
    for item in &items {
        assert_eq!(item.state(), State::Completed, "{item:?}");
        assert!(item.failure.is_none());
    }
    assert!(fake.max_active() <= 3, "{}", fake.max_active());
    assert_eq!(fake.tasks().len(), 20);
    assert_eq!(
        download(&session, &items[7]).await,
        read(&media("film.mp4"))
    );
    assert_eq!(daemon.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_goes_on_where_it_was_and_pays_nothing_twice() {
    let fake = FakeUpstream::start(upstream(Duration::from_millis(800)))
        .await
        .unwrap();
    let data = folder();
    let daemon = server(data.path(), &fake).await;
    let session = daemon.sign_in().await;
    let batch = create(&session, "lightx2v", 6).await;
    fake.until("three tasks run", |_, tasks| tasks.len() == 3)
        .await;
    // The answers of these three have been committed once they are asked about.
    fake.until_called(Call::Query, 1).await;
    daemon.kill();

    let daemon = server(data.path(), &fake).await;
    let session = daemon.sign_in().await;
    let items = watch(&session, &batch).await;
    assert_eq!(items.len(), 6);
    assert!(
        items.iter().all(|item| item.state() == State::Completed),
        "{items:?}"
    );
    assert_eq!(fake.tasks().len(), 6);
    let tasks = fake.tasks();
    let keys: std::collections::BTreeSet<_> = tasks.iter().map(|task| task.client_ref()).collect();
    assert_eq!(keys.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_weather_fails_no_item() {
    let fake = FakeUpstream::start(upstream(Duration::from_millis(200)))
        .await
        .unwrap();
    fake.fault(Fault::on(Call::Query).times(2).html(200));
    fake.fault(
        Fault::on(Call::Query)
            .nth(3)
            .error(500, "Internal Server Error"),
    );
    fake.fault(Fault::on(Call::ResultUrl).half_answer());
    fake.fault(Fault::on(Call::Result).cut_after(100));
    fake.fault(
        Fault::on(Call::Submit)
            .nth(2)
            .error(500, "Queue busy, please try again later"),
    );
    let data = folder();
    let daemon = server(data.path(), &fake).await;
    let session = daemon.sign_in().await;
    let batch = create(&session, "lightx2v", 4).await;
    let items = watch(&session, &batch).await;
    assert!(
        items.iter().all(|item| item.state() == State::Completed),
        "{items:?}"
    );
    assert_eq!(fake.tasks().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_need_nothing_and_decode_to_their_end() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let session = daemon.sign_in().await;
    let batch = create(&session, "", 2).await;
    let items = watch(&session, &batch).await;
    assert_eq!(items.len(), 2);
    for item in &items {
        assert_eq!(item.state(), State::Completed, "{item:?}");
        let decoded = decode_to_the_end(&download(&session, item).await).unwrap();
        let audio = vbatch_probe::probe_audio(
            std::fs::File::open(media("speech.mp3")).unwrap(),
            &vbatch_probe::AudioLimits::default(),
        )
        .unwrap();
        let difference = decoded.audio_duration.abs_diff(audio.duration);
        assert!(
            difference <= Duration::from_millis(40),
            "{decoded:?} {audio:?}"
        );
        assert!(decoded.video_frames > 0);
    }
}
