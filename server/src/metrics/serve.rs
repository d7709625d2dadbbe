//! `GET /metrics` on an address of its own: plain HTTP/1.1, one answer a connection.
//!
//! Invariant: it can be kept busy, but not keep the server busy: at most `AT_ONCE` connections, each for at most
//! `PATIENCE`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Metrics;
use super::scrape::Sources;

/// Connections at a time; those beyond it wait.
const AT_ONCE: usize = 8;

/// A connection that has not been served within this time is closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What [`Metrics::text`] is.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers until `stop`.
pub async fn run(
    listener: TcpListener,
    metrics: Metrics,
    sources: Sources,
    stop: CancellationToken,
) {
    let told = Arc::new((metrics, sources));
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = take(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else {
            // Out of file handles, or a connection that was gone at once.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let told = Arc::clone(&told);
        connections.spawn(async move {
            let _place = place;
            let serve = http1::Builder::new()
                .keep_alive(false)
                .header_read_timeout(None)
                .serve_connection(
                    TokioIo::new(stream),
                    service_fn(|request| answer(Arc::clone(&told), request)),
                );
            // Whoever broke it off, or took too long, has nobody to tell.
            drop(timeout(PATIENCE, serve).await);
        });
    }
}

async fn take(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, place))
}

async fn answer(
    told: Arc<(Metrics, Sources)>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/metrics" {
        return Ok(words(StatusCode::NOT_FOUND, "There is only /metrics.\n"));
    }
    if request.method() != Method::GET {
        return Ok(words(StatusCode::METHOD_NOT_ALLOWED, "GET it.\n"));
    }
    let (metrics, sources) = told.as_ref();
    Ok(match metrics.text(sources).await {
        Ok(text) => reply(StatusCode::OK, TEXT, text.into()),
        Err(error) => {
            tracing::error!(%error, "metrics could not be read");
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            words(status, "The storage failed; the log says why.\n")
        }
    })
}

fn words(status: StatusCode, words: &'static str) -> Response<Full<Bytes>> {
    let bytes = Bytes::from_static(words.as_bytes());
    reply(status, "text/plain; charset=utf-8", bytes)
}

fn reply(status: StatusCode, media_type: &'static str, bytes: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
