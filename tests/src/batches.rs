//! What tests of whole programs do with batches, as any gRPC client would.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tonic::Streaming;
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::batch_status_response::Event;
use vision_batch::v1::download_file_response::Content;

use crate::programs::{DEADLINE, Session, media};
use crate::uploads::upload;

/// A file's content.
///
/// # Panics
/// When it cannot be read.
pub fn read(path: &Path) -> Bytes {
    std::fs::read(path).expect("readable").into()
}

/// The messages that create a batch of `count` pictures.
pub fn new_batch(engine: &str, count: usize) -> Vec<v1::CreateBatchRequest> {
    let names: Vec<String> = (1..=count)
        .map(|n| format!("portrait_{n:02}.png"))
        .collect();
    let picture = read(&media("face.png"));
    let images: Vec<(&str, Bytes)> = names
        .iter()
        .map(|name| (name.as_str(), picture.clone()))
        .collect();
    let spec = v1::BatchSpec {
        name: "第一批".to_owned(),
        engine: engine.to_owned(),
        ..v1::BatchSpec::default()
    };
    upload(spec, ("voice.mp3", read(&media("speech.mp3"))), &images)
}

/// Creates a batch of `count` pictures and gives its id.
///
/// # Panics
/// When it is refused.
pub async fn create(session: &Session, engine: &str, count: usize) -> String {
    let messages = tokio_stream::iter(new_batch(engine, count));
    let mut client = BatchServiceClient::new(session.channel.clone());
    let created = client.create_batch(session.request(messages)).await;
    let created = created.expect("a good batch").into_inner();
    created.batch.expect("always there").id
}

/// The live status of a batch.
///
/// # Panics
/// When it is refused.
pub async fn status(session: &Session, batch: &str) -> Streaming<v1::BatchStatusResponse> {
    let request = v1::BatchStatusRequest {
        batch_id: batch.to_owned(),
        ..v1::BatchStatusRequest::default()
    };
    let mut client = BatchServiceClient::new(session.channel.clone());
    let stream = client.batch_status(session.request(request)).await;
    stream.expect("a batch of its user").into_inner()
}

/// The next event of a stream.
///
/// # Panics
/// When none comes, or the stream ends without a word.
pub async fn next(stream: &mut Streaming<v1::BatchStatusResponse>) -> Event {
    let message = timeout(DEADLINE, stream.next()).await;
    let message = message
        .expect("the stream goes on")
        .expect("an end is told");
    message
        .expect("no error before the end")
        .event
        .expect("always there")
}

/// Watches a batch until everything in it has ended, and gives its items as they were last told.
///
/// # Panics
/// When the stream ends for another reason.
pub async fn finished(session: &Session, batch: &str) -> Vec<v1::VideoItem> {
    let mut stream = status(session, batch).await;
    let mut items = BTreeMap::new();
    loop {
        let told = match next(&mut stream).await {
            Event::Snapshot(snapshot) => snapshot.items,
            Event::Update(update) => update.items,
            Event::SnapshotComplete(_) | Event::Heartbeat(_) => continue,
            Event::End(end) => {
                assert_eq!(end.reason(), v1::stream_end::Reason::BatchFinished);
                return items.into_values().collect();
            }
        };
        items.extend(told.into_iter().map(|item| (item.position, item)));
    }
}

/// The video of an item.
///
/// # Panics
/// When there is none.
pub async fn video(session: &Session, item: &v1::VideoItem) -> Vec<u8> {
    let request = v1::DownloadFileRequest {
        batch_id: item.batch_id.clone(),
        item_id: item.id.clone(),
        kind: v1::FileKind::Video.into(),
        offset: 0,
    };
    let mut client = BatchServiceClient::new(session.channel.clone());
    let stream = client.download_file(session.request(request)).await;
    let mut stream = stream.expect("a finished item").into_inner();
    let mut content = Vec::new();
    while let Some(message) = stream.next().await {
        if let Some(Content::Chunk(chunk)) = message.expect("it reads").content {
            content.extend_from_slice(&chunk);
        }
    }
    content
}
