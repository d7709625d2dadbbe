//! The opponents: the calls that are measured, on tonic alone, in the contract's own messages and with nothing behind them.

use std::convert::Infallible;
use std::fs::File;
use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _};
use http::{Request, Response};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;
use vision_batch::v1;
use vision_batch::v1::create_batch_request::Part;

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;
type Updates = Pin<Box<dyn Stream<Item = Result<v1::BatchStatusResponse, Status>> + Send>>;

/// The newest message of the one batch there is.
pub type Newest = watch::Receiver<Option<Arc<v1::BatchStatusResponse>>>;

/// AuthService with GetProfile, which answers the same each time.
#[derive(Clone)]
struct Profiles(Arc<v1::GetProfileResponse>);

impl NamedService for Profiles {
    const NAME: &'static str = "visionbatch.v1.AuthService";
}

impl tower::Service<Request<Body>> for Profiles {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let profile = Arc::clone(&self.0);
        Box::pin(async move {
            let codec = ProstCodec::<v1::GetProfileResponse, v1::GetProfileRequest>::default();
            let answer = service_fn(move |_: tonic::Request<v1::GetProfileRequest>| {
                let profile = v1::GetProfileResponse::clone(&profile);
                async move { Ok::<_, Status>(tonic::Response::new(profile)) }
            });
            Ok(Grpc::new(codec).unary(answer, request).await)
        })
    }
}

/// BatchService with BatchStatus, fed by a watch channel, and CreateBatch, which keeps files where there is a folder.
#[derive(Clone)]
struct Batches(Newest, Option<PathBuf>);

impl NamedService for Batches {
    const NAME: &'static str = "visionbatch.v1.BatchService";
}

impl tower::Service<Request<Body>> for Batches {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let Self(newest, folder) = self.clone();
        Box::pin(async move {
            if request.uri().path().ends_with("/BatchStatus") {
                let codec =
                    ProstCodec::<v1::BatchStatusResponse, v1::BatchStatusRequest>::default();
                let answer = service_fn(move |_: tonic::Request<v1::BatchStatusRequest>| {
                    let updates =
                        WatchStream::new(newest.clone()).filter_map(|newest| async move {
                            newest.map(|newest| Ok(v1::BatchStatusResponse::clone(&newest)))
                        });
                    let updates: Updates = Box::pin(updates);
                    async move { Ok::<_, Status>(tonic::Response::new(updates)) }
                });
                return Ok(Grpc::new(codec).server_streaming(answer, request).await);
            }
            let codec = ProstCodec::<v1::CreateBatchResponse, v1::CreateBatchRequest>::default();
            let answer = service_fn(
                move |request: tonic::Request<Streaming<v1::CreateBatchRequest>>| {
                    digest(request.into_inner(), folder.clone())
                },
            );
            Ok(Grpc::new(codec).client_streaming(answer, request).await)
        })
    }
}

/// Files that were kept.
static FILES: AtomicU64 = AtomicU64::new(0);

/// The digest of each file, and what the picture's header says of it; with a folder each is written there and flushed.
async fn digest(
    mut messages: Streaming<v1::CreateBatchRequest>,
    folder: Option<PathBuf>,
) -> Result<tonic::Response<v1::CreateBatchResponse>, Status> {
    let mut digest = Sha256::new();
    let mut is_first = false;
    let mut seen = 0_u64;
    let mut kept: Option<File> = None;
    while let Some(message) = messages.message().await? {
        match message.part {
            Some(Part::File(_)) => {
                seen += u64::from(digest.finalize_reset()[0]);
                is_first = true;
                if let Some(folder) = &folder {
                    if let Some(file) = kept.take() {
                        file.sync_all()?;
                    }
                    // A new one each: pages that the system has at hand from a file before are written to faster.
                    let number = FILES.fetch_add(1, Ordering::Relaxed);
                    kept = Some(File::create(folder.join(number.to_string()))?);
                }
            }
            Some(Part::Chunk(chunk)) => {
                if std::mem::take(&mut is_first) {
                    let reader = image::ImageReader::new(std::io::Cursor::new(&chunk[..]));
                    let reader = reader.with_guessed_format()?;
                    let size = reader.into_dimensions().unwrap_or_default();
                    seen += u64::from(size.0);
                }
                digest.update(&chunk);
                if let Some(file) = &mut kept {
                    file.write_all(&chunk)?;
                }
            }
            _ => {}
        }
    }
    if let Some(file) = kept {
        file.sync_all()?;
    }
    let response = v1::CreateBatchResponse {
        credit_balance: i32::try_from(seen & 0xffff).unwrap_or_default(),
        ..v1::CreateBatchResponse::default()
    };
    Ok(tonic::Response::new(response))
}

/// Serves both until the runtime ends; files that come are kept in `folder`, if there is one.
pub fn serve(listener: TcpListener, newest: Newest, folder: Option<PathBuf>) {
    let profile = v1::GetProfileResponse {
        user: Some(v1::User {
            id: "0193a5b2-0000-7000-8000-000000000001".to_owned(),
            username: "filler".to_owned(),
            role: v1::user::Role::Admin.into(),
            credit_balance: 1_000_000,
            ..v1::User::default()
        }),
    };
    let routes = Routes::new(Profiles(Arc::new(profile))).add_service(Batches(newest, folder));
    // As tonic takes connections when it is told nothing: what is written goes at once.
    let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_routes(routes)
            .serve_with_incoming(connections),
    );
}
