//! A server that does what a test tells it, and remembers what it was asked.

mod admin;
mod auth;
mod batches;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use vbatch_tui::net::Client;
use vision_batch::v1;
use vision_batch::v1::admin_service_server::AdminServiceServer;
use vision_batch::v1::auth_service_server::AuthServiceServer;
use vision_batch::v1::batch_service_server::BatchServiceServer;

/// What a connection of a stream does next.
pub enum Step {
    /// Sends an event.
    Batch(v1::batch_status_response::Event),
    /// Sends an event of the list.
    List(v1::watch_batches_response::Event),
    /// Sends an event of the service.
    System(v1::watch_system_response::Event),
    /// Breaks off.
    Break,
    /// Ends with a refusal.
    Refuse(Status),
    /// Is silent for ever.
    Hang,
}

/// What the server shall do, and what it was asked.
#[derive(Default)]
pub struct Script {
    // What it does.
    pub breaks_left: usize,
    pub break_after_bytes: usize,
    pub refuse_upload: Option<Status>,
    pub file: Vec<u8>,
    pub announced_sha256: Option<String>,
    pub streams: VecDeque<Vec<Step>>,
    pub batches: Vec<v1::Batch>,
    pub items: Vec<v1::VideoItem>,
    pub refuse_all: Option<Status>,
    pub password_due: bool,
    pub token_life: i64,
    // What it was asked.
    pub specs: Vec<v1::BatchSpec>,
    pub headers: Vec<v1::FileHeader>,
    pub chunk_sizes: Vec<usize>,
    pub uploaded: Vec<Vec<u8>>,
    pub offsets: Vec<i64>,
    pub known_revisions: Vec<i64>,
    pub tokens: Vec<String>,
    pub passwords: Vec<String>,
    pub cancelled: Vec<v1::CancelItemsRequest>,
    pub retried: Vec<v1::RetryItemsRequest>,
    pub renewals: usize,
}

/// The server.
#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<Script>>);

impl Fake {
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    /// A channel to it; each connection is a pipe within the process.
    pub fn channel(&self) -> Channel {
        let (connections, incoming) = mpsc::channel::<std::io::Result<tokio::io::DuplexStream>>(4);
        tokio::spawn(
            Server::builder()
                .add_service(AuthServiceServer::new(self.clone()))
                .add_service(AdminServiceServer::new(self.clone()))
                .add_service(BatchServiceServer::new(self.clone()))
                .serve_with_incoming(ReceiverStream::new(incoming)),
        );
        Endpoint::from_static("http://fake").connect_with_connector_lazy(tower::service_fn(
            move |_: Uri| {
                let connections = connections.clone();
                async move {
                    let (ours, theirs) = tokio::io::duplex(64 * 1024);
                    connections
                        .send(Ok(theirs))
                        .await
                        .map_err(std::io::Error::other)?;
                    Ok::<_, std::io::Error>(TokioIo::new(ours))
                }
            },
        ))
    }

    /// Listens on a free port of this machine; its address.
    pub async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(
            Server::builder()
                .add_service(AuthServiceServer::new(self.clone()))
                .add_service(AdminServiceServer::new(self.clone()))
                .add_service(BatchServiceServer::new(self.clone()))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        address.to_string()
    }

    pub fn client(&self) -> Client {
        Client::from_channel(self.channel())
    }

    fn gate<T>(&self, request: &Request<T>) -> Result<MutexGuard<'_, Script>, Status> {
        let mut script = self.script();
        if let Some(token) = request.metadata().get("authorization") {
            script.tokens.push(token.to_str().unwrap().to_owned());
        }
        match &script.refuse_all {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(script),
        }
    }
}

pub fn refusal(code: Code, reason: &str, facts: &[(&str, &str)]) -> Status {
    let facts: std::collections::HashMap<String, String> = facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let details = ErrorDetails::with_error_info(reason, "visionbatch", facts);
    Status::with_error_details(code, format!("refused for {reason}"), details)
}

pub fn sha256(bytes: &[u8]) -> String {
    vbatch_tui::net::download::hex(&Sha256::digest(bytes))
}

fn seconds_from_now(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: jiff::Timestamp::now().as_second() + seconds,
        nanos: 0,
    })
}

type Events<T> = ReceiverStream<Result<T, Status>>;

/// Plays the next script of a stream.
fn play<T: Send + 'static>(
    steps: Vec<Step>,
    response: impl Fn(Step) -> Option<T> + Send + 'static,
) -> Events<T> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for step in steps {
            let message = match step {
                Step::Break => Err(Status::unavailable("the connection broke")),
                Step::Refuse(status) => Err(status),
                Step::Hang => {
                    sender.closed().await;
                    return;
                }
                event => match response(event) {
                    Some(message) => Ok(message),
                    None => continue,
                },
            };
            if sender.send(message).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(receiver)
}

/// The batch tests speak of.
pub const BATCH_ID: &str = "0198c0de-0000-7000-8000-0000d3a17b1f";

pub fn batch(state: v1::batch::State, completed: i32, failed: i32, total: i32) -> v1::Batch {
    let finished = completed + failed == total;
    v1::Batch {
        id: BATCH_ID.into(),
        name: "春季宣传片".into(),
        engine: "preview".into(),
        state: state.into(),
        item_counts: Some(v1::ItemCounts {
            total,
            completed,
            failed,
            pending: total - completed - failed,
            ..v1::ItemCounts::default()
        }),
        finish_time: finished.then_some(prost_types::Timestamp {
            seconds: 1_800_000_000,
            nanos: 0,
        }),
        ..v1::Batch::default()
    }
}

pub fn item(position: i32, state: v1::video_item::State) -> v1::VideoItem {
    v1::VideoItem {
        id: format!("0198c0de-0000-7000-8000-00000000b{position:03}"),
        batch_id: BATCH_ID.into(),
        position,
        state: state.into(),
        source_image: Some(v1::SourceImage {
            filename: format!("portrait_{position:02}.png"),
            ..v1::SourceImage::default()
        }),
        ..v1::VideoItem::default()
    }
}

/// A time within which everything in these tests happens; in virtual time it costs nothing.
pub const SOON: Duration = Duration::from_secs(300);
