//! A server that does what a test tells it, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt as _};
use vbatch_tui::net::Client;
use vision_batch::v1;
use vision_batch::v1::auth_service_server::{AuthService, AuthServiceServer};
use vision_batch::v1::batch_service_server::{BatchService, BatchServiceServer};
use vision_batch::v1::create_batch_request::Part;

/// What a connection of a stream does next.
pub enum Step {
    /// Sends an event.
    Batch(v1::batch_status_response::Event),
    /// Sends an event of the list.
    List(v1::watch_batches_response::Event),
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

#[tonic::async_trait]
impl BatchService for Fake {
    type BatchStatusStream = Events<v1::BatchStatusResponse>;
    type WatchBatchesStream = Events<v1::WatchBatchesResponse>;
    type DownloadFileStream = Events<v1::DownloadFileResponse>;
    type ExportBatchStream = Events<v1::ExportBatchResponse>;

    async fn create_batch(
        &self,
        request: Request<Streaming<v1::CreateBatchRequest>>,
    ) -> Result<Response<v1::CreateBatchResponse>, Status> {
        if let Some(refusal) = self.gate(&request)?.refuse_upload.clone() {
            return Err(refusal);
        }
        let mut parts = request.into_inner();
        let mut received = 0;
        while let Some(message) = parts.message().await? {
            let mut script = self.script();
            match message.part.unwrap() {
                Part::Spec(spec) => script.specs.push(spec),
                Part::File(header) => {
                    script.headers.push(header);
                    script.uploaded.push(Vec::new());
                }
                Part::Chunk(chunk) => {
                    received += chunk.len();
                    script.chunk_sizes.push(chunk.len());
                    script
                        .uploaded
                        .last_mut()
                        .unwrap()
                        .extend_from_slice(&chunk);
                }
            }
            if script.breaks_left > 0 && received > script.break_after_bytes {
                script.breaks_left -= 1;
                script.headers.clear();
                script.uploaded.clear();
                return Err(Status::unavailable("the connection broke"));
            }
        }
        let script = self.script();
        let spec = script.specs.last().unwrap();
        Ok(Response::new(v1::CreateBatchResponse {
            batch: Some(v1::Batch {
                id: BATCH_ID.into(),
                engine: "preview".into(),
                item_counts: Some(v1::ItemCounts {
                    total: spec.image_count,
                    ..v1::ItemCounts::default()
                }),
                ..v1::Batch::default()
            }),
            credit_balance: 95,
            replayed: false,
        }))
    }

    async fn download_file(
        &self,
        request: Request<v1::DownloadFileRequest>,
    ) -> Result<Response<Self::DownloadFileStream>, Status> {
        use v1::download_file_response::Content;

        let mut script = self.gate(&request)?;
        let request = request.into_inner();
        script.offsets.push(request.offset);
        let offset = usize::try_from(request.offset).unwrap();
        if offset > script.file.len() {
            return Err(refusal(Code::OutOfRange, "OFFSET_INVALID", &[]));
        }
        let metadata = v1::FileMetadata {
            filename: "王芳.mp4".into(),
            media_type: "video/mp4".into(),
            size_bytes: i64::try_from(script.file.len()).unwrap(),
            sha256: script
                .announced_sha256
                .clone()
                .unwrap_or_else(|| sha256(&script.file)),
            offset: request.offset,
        };
        let rest = script.file[offset..].to_vec();
        let broken = script.breaks_left > 0;
        script.breaks_left = script.breaks_left.saturating_sub(1);
        let limit = if broken {
            script.break_after_bytes
        } else {
            rest.len()
        };
        drop(script);
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let message = |content| {
                Ok(v1::DownloadFileResponse {
                    content: Some(content),
                })
            };
            let mut messages = vec![message(Content::Metadata(metadata))];
            for chunk in rest[..limit.min(rest.len())].chunks(1_000) {
                messages.push(message(Content::Chunk(chunk.to_vec().into())));
            }
            if broken {
                messages.push(Err(Status::unavailable("the connection broke")));
            }
            for message in messages {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn export_batch(
        &self,
        request: Request<v1::ExportBatchRequest>,
    ) -> Result<Response<Self::ExportBatchStream>, Status> {
        use v1::export_batch_response::Content;

        let mut script = self.gate(&request)?;
        let file = script.file.clone();
        let broken = script.breaks_left > 0;
        script.breaks_left = script.breaks_left.saturating_sub(1);
        drop(script);
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            let message = |content| {
                Ok(v1::ExportBatchResponse {
                    content: Some(content),
                })
            };
            let half = file.len() / 2;
            let mut messages = vec![
                message(Content::Metadata(v1::ExportMetadata {
                    filename: "春季.zip".into(),
                    video_count: 2,
                    estimated_size_bytes: 10,
                })),
                message(Content::Chunk(file[..half].to_vec().into())),
            ];
            messages.push(if broken {
                Err(Status::unavailable("the connection broke"))
            } else {
                message(Content::Chunk(file[half..].to_vec().into()))
            });
            for message in messages {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn batch_status(
        &self,
        request: Request<v1::BatchStatusRequest>,
    ) -> Result<Response<Self::BatchStatusStream>, Status> {
        let mut script = self.gate(&request)?;
        script
            .known_revisions
            .push(request.into_inner().known_revision);
        let steps = script
            .streams
            .pop_front()
            .ok_or_else(|| Status::unavailable("no more streams"))?;
        Ok(Response::new(play(steps, |step| match step {
            Step::Batch(event) => Some(v1::BatchStatusResponse { event: Some(event) }),
            _ => None,
        })))
    }

    async fn watch_batches(
        &self,
        request: Request<v1::WatchBatchesRequest>,
    ) -> Result<Response<Self::WatchBatchesStream>, Status> {
        let mut script = self.gate(&request)?;
        script
            .known_revisions
            .push(request.into_inner().known_revision);
        let steps = script
            .streams
            .pop_front()
            .ok_or_else(|| Status::unavailable("no more streams"))?;
        Ok(Response::new(play(steps, |step| match step {
            Step::List(event) => Some(v1::WatchBatchesResponse { event: Some(event) }),
            _ => None,
        })))
    }

    async fn list_batches(
        &self,
        request: Request<v1::ListBatchesRequest>,
    ) -> Result<Response<v1::ListBatchesResponse>, Status> {
        let script = self.gate(&request)?;
        let request = request.into_inner();
        if !request.owner_id.is_empty() {
            return Err(refusal(Code::PermissionDenied, "ADMIN_REQUIRED", &[]));
        }
        let text = request.filter.unwrap_or_default().text;
        let found: Vec<v1::Batch> = script
            .batches
            .iter()
            .filter(|batch| batch.id.ends_with(&text) || batch.name.contains(&text))
            .cloned()
            .collect();
        // Pages of one, so that whoever asks must go on.
        let at: usize = request.page_token.parse().unwrap_or(0);
        Ok(Response::new(v1::ListBatchesResponse {
            next_page_token: if at + 1 < found.len() {
                (at + 1).to_string()
            } else {
                String::new()
            },
            batches: found.into_iter().skip(at).take(1).collect(),
            counts: None,
        }))
    }

    async fn get_batch(
        &self,
        request: Request<v1::GetBatchRequest>,
    ) -> Result<Response<v1::GetBatchResponse>, Status> {
        let script = self.gate(&request)?;
        let wanted = request.into_inner().batch_id;
        let batch = script.batches.iter().find(|batch| batch.id == wanted);
        match batch {
            Some(batch) => Ok(Response::new(v1::GetBatchResponse {
                batch: Some(batch.clone()),
            })),
            None => Err(refusal(
                Code::NotFound,
                "BATCH_NOT_FOUND",
                &[("batch_id", &wanted)],
            )),
        }
    }

    async fn list_items(
        &self,
        request: Request<v1::ListItemsRequest>,
    ) -> Result<Response<v1::ListItemsResponse>, Status> {
        let script = self.gate(&request)?;
        Ok(Response::new(v1::ListItemsResponse {
            items: script.items.clone(),
            next_page_token: String::new(),
        }))
    }

    async fn cancel_items(
        &self,
        request: Request<v1::CancelItemsRequest>,
    ) -> Result<Response<v1::CancelItemsResponse>, Status> {
        let mut script = self.gate(&request)?;
        let request = request.into_inner();
        script.cancelled.push(request.clone());
        Ok(Response::new(v1::CancelItemsResponse {
            batch: None,
            item_count: i32::try_from(request.item_ids.len()).unwrap(),
            item_ids: request.item_ids,
        }))
    }

    async fn retry_items(
        &self,
        request: Request<v1::RetryItemsRequest>,
    ) -> Result<Response<v1::RetryItemsResponse>, Status> {
        let mut script = self.gate(&request)?;
        script.retried.push(request.into_inner());
        Err(refusal(
            Code::FailedPrecondition,
            "INSUFFICIENT_CREDITS",
            &[("required", "2"), ("available", "1")],
        ))
    }

    async fn quote_batch(
        &self,
        request: Request<v1::QuoteBatchRequest>,
    ) -> Result<Response<v1::QuoteBatchResponse>, Status> {
        drop(self.gate(&request)?);
        let request = request.into_inner();
        Ok(Response::new(v1::QuoteBatchResponse {
            engine: "lightx2v".into(),
            credits: request.image_count * 2,
            credits_per_item: 2,
            balance_before: 5,
            balance_after: 5 - request.image_count * 2,
            affordable: request.image_count * 2 <= 5,
            ..v1::QuoteBatchResponse::default()
        }))
    }

    async fn get_service_info(
        &self,
        request: Request<v1::GetServiceInfoRequest>,
    ) -> Result<Response<v1::GetServiceInfoResponse>, Status> {
        drop(self.gate(&request)?);
        Ok(Response::new(v1::GetServiceInfoResponse::default()))
    }

    async fn rerun_batch(
        &self,
        _: Request<v1::RerunBatchRequest>,
    ) -> Result<Response<v1::RerunBatchResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn get_item(
        &self,
        _: Request<v1::GetItemRequest>,
    ) -> Result<Response<v1::GetItemResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn cancel_batch(
        &self,
        _: Request<v1::CancelBatchRequest>,
    ) -> Result<Response<v1::CancelBatchResponse>, Status> {
        Err(refusal(Code::FailedPrecondition, "ALREADY_FINISHED", &[]))
    }

    async fn delete_batch(
        &self,
        _: Request<v1::DeleteBatchRequest>,
    ) -> Result<Response<v1::DeleteBatchResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }
}

#[tonic::async_trait]
impl AuthService for Fake {
    async fn login(
        &self,
        request: Request<v1::LoginRequest>,
    ) -> Result<Response<v1::LoginResponse>, Status> {
        let mut script = self.gate(&request)?;
        let request = request.into_inner();
        script.passwords.push(request.password.clone());
        if request.password != "right" {
            return Err(refusal(Code::Unauthenticated, "CREDENTIALS_INVALID", &[]));
        }
        Ok(Response::new(v1::LoginResponse {
            access_token: "token-of-login".into(),
            expire_time: seconds_from_now(script.token_life),
            renewable_until_time: seconds_from_now(1_000_000),
            user: Some(v1::User {
                username: request.username,
                ..v1::User::default()
            }),
            password_change_required: script.password_due,
        }))
    }

    async fn change_password(
        &self,
        request: Request<v1::ChangePasswordRequest>,
    ) -> Result<Response<v1::ChangePasswordResponse>, Status> {
        let mut script = self.gate(&request)?;
        script.passwords.push(request.into_inner().new_password);
        script.password_due = false;
        Ok(Response::new(v1::ChangePasswordResponse {
            access_token: "token-of-change".into(),
            expire_time: seconds_from_now(3_600),
            renewable_until_time: seconds_from_now(1_000_000),
            user: Some(v1::User {
                username: "wang".into(),
                ..v1::User::default()
            }),
        }))
    }

    async fn renew_token(
        &self,
        request: Request<v1::RenewTokenRequest>,
    ) -> Result<Response<v1::RenewTokenResponse>, Status> {
        let mut script = self.gate(&request)?;
        script.renewals += 1;
        Ok(Response::new(v1::RenewTokenResponse {
            access_token: format!("token-of-renewal-{}", script.renewals),
            expire_time: seconds_from_now(3_600),
            renewable_until_time: seconds_from_now(1_000_000),
        }))
    }

    async fn get_profile(
        &self,
        request: Request<v1::GetProfileRequest>,
    ) -> Result<Response<v1::GetProfileResponse>, Status> {
        drop(self.gate(&request)?);
        Ok(Response::new(v1::GetProfileResponse {
            user: Some(v1::User {
                username: "wang".into(),
                credit_balance: 42,
                ..v1::User::default()
            }),
        }))
    }

    async fn create_api_key(
        &self,
        _: Request<v1::CreateApiKeyRequest>,
    ) -> Result<Response<v1::CreateApiKeyResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn list_api_keys(
        &self,
        _: Request<v1::ListApiKeysRequest>,
    ) -> Result<Response<v1::ListApiKeysResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn revoke_api_key(
        &self,
        _: Request<v1::RevokeApiKeyRequest>,
    ) -> Result<Response<v1::RevokeApiKeyResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn add_ssh_key(
        &self,
        _: Request<v1::AddSshKeyRequest>,
    ) -> Result<Response<v1::AddSshKeyResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn list_ssh_keys(
        &self,
        _: Request<v1::ListSshKeysRequest>,
    ) -> Result<Response<v1::ListSshKeysResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn remove_ssh_key(
        &self,
        _: Request<v1::RemoveSshKeyRequest>,
    ) -> Result<Response<v1::RemoveSshKeyResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }
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
