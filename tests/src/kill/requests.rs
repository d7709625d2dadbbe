//! What a user asks of the server, each call repeated until it is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;
use tokio_stream::StreamExt as _;
use tonic::Status;
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::create_batch_request::Part;

use super::ground::Person;
use super::moments::Sight;
use super::round::World;
use crate::programs::{Session, media};
use crate::uploads::upload;

/// Chunks of an upload; small, so that there is a middle to be killed in.
const CHUNK_BYTES: usize = 2_048;

/// The pictures of a batch, over and over.
const PICTURES: [&str; 3] = ["face.png", "face_rotated.jpg", "face_lossy.webp"];

/// Asks in a user's name.
pub struct Requests {
    /// What all clients share.
    pub world: Arc<World>,
    /// The user.
    pub person: Person,
}

impl Requests {
    /// Uploads a batch, with a pause before each message.
    ///
    /// # Errors
    /// What the server refuses with; so it is with all of these.
    pub async fn create(
        &self,
        parts: &[v1::CreateBatchRequest],
        pause: Duration,
    ) -> Result<v1::CreateBatchResponse, Status> {
        let (middle, last) = (parts.len() / 2, parts.len() - 1);
        self.until_said(|session| {
            let world = Arc::clone(&self.world);
            let numbered: Vec<_> = parts.iter().cloned().enumerate().collect();
            let stream = tokio_stream::iter(numbered).then(move |(index, part)| {
                let world = Arc::clone(&world);
                async move {
                    if index == middle {
                        world.sights.note(Sight::Uploading);
                    }
                    if !pause.is_zero() {
                        sleep(pause).await;
                    }
                    if index == last {
                        world.sights.note(Sight::Asked);
                    }
                    part
                }
            });
            async move {
                let mut client = BatchServiceClient::new(session.channel.clone());
                client.create_batch(session.request(stream)).await
            }
        })
        .await
    }

    /// Cancels a whole batch.
    pub async fn cancel_batch(&self, batch: &str) -> Result<v1::CancelBatchResponse, Status> {
        self.world.sights.note(Sight::Asked);
        self.until_said(|session| {
            let request = v1::CancelBatchRequest {
                batch_id: batch.to_owned(),
            };
            async move {
                let mut client = BatchServiceClient::new(session.channel.clone());
                client.cancel_batch(session.request(request)).await
            }
        })
        .await
    }

    /// Cancels some items.
    pub async fn cancel_items(
        &self,
        batch: &str,
        item_ids: &[String],
    ) -> Result<v1::CancelItemsResponse, Status> {
        self.world.sights.note(Sight::Asked);
        self.until_said(|session| {
            let request = v1::CancelItemsRequest {
                batch_id: batch.to_owned(),
                item_ids: item_ids.to_vec(),
                ..v1::CancelItemsRequest::default()
            };
            async move {
                let mut client = BatchServiceClient::new(session.channel.clone());
                client.cancel_items(session.request(request)).await
            }
        })
        .await
    }

    /// Begins a new round of items.
    pub async fn retry(
        &self,
        request: &v1::RetryItemsRequest,
    ) -> Result<v1::RetryItemsResponse, Status> {
        self.world.sights.note(Sight::Asked);
        self.until_said(|session| {
            let request = request.clone();
            async move {
                let mut client = BatchServiceClient::new(session.channel.clone());
                client.retry_items(session.request(request)).await
            }
        })
        .await
    }

    async fn until_said<T, Answer>(&self, call: impl FnMut(Session) -> Answer) -> Result<T, Status>
    where
        Answer: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let World { door, report, .. } = self.world.as_ref();
        door.until_said(&self.person.token, report, call).await
    }
}

/// The messages of an upload.
pub fn batch(count: usize, request_id: &str, prompt: &str) -> Vec<v1::CreateBatchRequest> {
    let names: Vec<&str> = PICTURES.into_iter().cycle().take(count).collect();
    let contents: Vec<(&str, Bytes)> = names.iter().map(|name| (*name, read(name))).collect();
    let spec = v1::BatchSpec {
        prompt: prompt.to_owned(),
        engine: "lightx2v".to_owned(),
        request_id: request_id.to_owned(),
        ..v1::BatchSpec::default()
    };
    let whole = upload(spec, ("speech.mp3", read("speech.mp3")), &contents);
    whole.into_iter().flat_map(pieces).collect()
}

/// A chunk in smaller ones.
fn pieces(message: v1::CreateBatchRequest) -> Vec<v1::CreateBatchRequest> {
    match message.part {
        Some(Part::Chunk(chunk)) => (0..chunk.len())
            .step_by(CHUNK_BYTES)
            .map(|start| v1::CreateBatchRequest {
                part: Some(Part::Chunk(
                    chunk.slice(start..chunk.len().min(start + CHUNK_BYTES)),
                )),
            })
            .collect(),
        part => vec![v1::CreateBatchRequest { part }],
    }
}

fn read(name: &str) -> Bytes {
    std::fs::read(media(name))
        .expect("a file of tests/media")
        .into()
}
