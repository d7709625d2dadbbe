//! Downloads that go on where they broke off.

use sha2::{Digest as _, Sha256};
use tokio_stream::StreamExt as _;
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::download_file_response::Content;

use super::door::is_said;
use super::moments::Sight;
use super::round::World;
use crate::programs::Session;

/// A whole video, over as many lives of the server as it takes.
///
/// # Errors
/// In words, when the server refuses it or it is not what its item says.
pub async fn video(world: &World, token: &str, item: &v1::VideoItem) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let whole = loop {
        let entry = world.door.enter().await;
        let session = Session {
            channel: entry.channel,
            token: token.to_owned(),
        };
        match go_on(world, &session, item, &mut content).await {
            Ok(size) if content.len() as i64 == size => break content,
            // The stream's end without a word: the server ended.
            Ok(_) => {}
            Err(status) if is_said(&status) => return Err(format!("{status} for {item:?}")),
            Err(_) => {}
        }
        world.report.count("downloads that broke off");
        world.door.step_back(entry.life).await;
    };
    let digest: String = Sha256::digest(&whole)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match &item.result {
        Some(told) if told.sha256 == digest && told.size_bytes == whole.len() as i64 => Ok(whole),
        told => Err(format!("{} bytes, {digest} of {told:?}", whole.len())),
    }
}

async fn go_on(
    world: &World,
    session: &Session,
    item: &v1::VideoItem,
    content: &mut Vec<u8>,
) -> Result<i64, tonic::Status> {
    let request = v1::DownloadFileRequest {
        batch_id: item.batch_id.clone(),
        item_id: item.id.clone(),
        kind: v1::FileKind::Video.into(),
        offset: content.len() as i64,
    };
    let mut client = BatchServiceClient::new(session.channel.clone());
    let stream = client.download_file(session.request(request)).await?;
    let mut stream = stream.into_inner();
    world.sights.note(Sight::Downloading);
    let mut size = -1;
    while let Some(message) = stream.next().await {
        match message?.content {
            Some(Content::Metadata(metadata)) => size = metadata.size_bytes,
            Some(Content::Chunk(chunk)) => content.extend_from_slice(&chunk),
            None => {}
        }
    }
    Ok(size)
}
