//! The upstream over sockets: the API on one port of 127.0.0.1, presigned addresses on another.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use futures::stream;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};

use super::book::Host;
use super::config::UpstreamConfig;
use super::connection::{BreakableListener, Breaker, Connections};
use super::faults::PIECES;
use super::message::{Head, Reply};
use super::service::{Outcome, Upstream};

/// A LightX2V upstream on 127.0.0.1. Everything else about it is on [`Upstream`].
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use vbatch_tests::upstream::{config::UpstreamConfig, fake::FakeUpstream, faults::{Call, Fault}};
///
/// let fake = FakeUpstream::start(UpstreamConfig::default()).await?;
/// fake.fault(Fault::on(Call::Submit).nth(2).lose_answer());
/// println!("{} {}", fake.base_url(), fake.token());
/// # Ok(())
/// # }
/// ```
pub struct FakeUpstream {
    upstream: Arc<Upstream>,
    connections: Connections,
    api: SocketAddr,
    bucket: SocketAddr,
    serving: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Clone)]
struct Front {
    upstream: Arc<Upstream>,
    host: Host,
}

impl FakeUpstream {
    /// Listens on two free ports.
    pub async fn start(config: UpstreamConfig) -> io::Result<Self> {
        let api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let bucket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let bucket_url = format!("http://{}", bucket.local_addr()?);
        let fake = Self {
            upstream: Arc::new(Upstream::new(config, bucket_url)),
            connections: Connections::default(),
            api: api.local_addr()?,
            bucket: bucket.local_addr()?,
            serving: Mutex::default(),
        };
        fake.serve(api, Host::Api);
        fake.serve(bucket, Host::Bucket);
        Ok(fake)
    }

    /// What `LIGHTX2V_BASE_URL` would be.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// The shared controls, for tasks of their own.
    pub fn upstream(&self) -> Arc<Upstream> {
        Arc::clone(&self.upstream)
    }

    /// Connections made so far, over both hosts.
    pub fn connection_count(&self) -> u64 {
        self.calls()
            .iter()
            .map(|record| record.connection)
            .max()
            .unwrap_or_default()
    }

    /// Stops listening and breaks all connections: connections are refused until it listens again. Tasks go on.
    pub async fn stop(&self) {
        let serving =
            std::mem::take(&mut *self.serving.lock().unwrap_or_else(PoisonError::into_inner));
        for server in serving {
            server.abort();
            // Awaited so that the port is closed when this returns.
            let _ = server.await;
        }
        self.connections.break_all();
    }

    /// Waits until it has seen that every connection to it has ended, as when the only client was killed: from then
    /// on nothing comes of what that client had sent. Breaks what is still open after `patience`.
    pub async fn until_left_alone(&self, patience: Duration) {
        if timeout(patience, self.connections.until_none())
            .await
            .is_err()
        {
            self.connections.break_all();
            self.connections.until_none().await;
        }
    }

    /// Listens again, on the same ports.
    pub async fn listen_again(&self) -> io::Result<()> {
        for (address, host) in [(self.api, Host::Api), (self.bucket, Host::Bucket)] {
            self.serve(TcpListener::bind(address).await?, host);
        }
        Ok(())
    }

    fn serve(&self, listener: TcpListener, host: Host) {
        let front = Front {
            upstream: Arc::clone(&self.upstream),
            host,
        };
        let service = Router::new()
            .fallback(answer)
            .with_state(front)
            .into_make_service_with_connect_info::<Breaker>();
        let listener = BreakableListener {
            listener,
            connections: self.connections.clone(),
        };
        let server = tokio::spawn(async move {
            // It ends only by being aborted.
            let _ = axum::serve(listener, service).await;
        });
        self.serving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(server);
    }
}

impl Deref for FakeUpstream {
    type Target = Upstream;

    fn deref(&self) -> &Upstream {
        &self.upstream
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        let serving = self
            .serving
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        serving.iter().for_each(JoinHandle::abort);
        self.connections.break_all();
    }
}

async fn answer(
    State(front): State<Front>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    Query(query): Query<BTreeMap<String, String>>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let arrival = front.upstream.arrive(Head {
        verb: parts.method.to_string(),
        host: front.host,
        path: parts.uri.path().to_owned(),
        query,
        authorization: text(&parts.headers, AUTHORIZATION.as_str()),
        header_names: parts.headers.keys().map(ToString::to_string).collect(),
        content_length: text(&parts.headers, CONTENT_LENGTH.as_str())
            .and_then(|length| length.parse().ok()),
        connection: breaker.number(),
    });
    let read = match arrival.is_early() {
        true => Ok(Bytes::new()),
        false => to_bytes(body, usize::MAX).await,
    };
    // A body that was cut by the other side makes no task and gets no answer.
    let Ok(read) = read else {
        breaker.break_off();
        return pending().await;
    };
    match front.upstream.serve(arrival, &read).await {
        Outcome::Reply(reply) => response(&reply, Body::from(reply.body.clone())),
        Outcome::Partly(reply, bytes) => response(
            &reply,
            part(reply.body.slice(..bytes.min(reply.body.len()))),
        ),
        Outcome::Slowly(reply, pause) => response(&reply, trickle(reply.body.clone(), pause)),
        Outcome::Hang => pending().await,
        Outcome::Drop => {
            breaker.break_off();
            pending().await
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn response(reply: &Reply, body: Body) -> Response<Body> {
    let mut response = Response::builder()
        .status(reply.status)
        .header(CONTENT_TYPE, reply.media_type)
        .header(CONTENT_LENGTH, reply.body.len());
    if let Some(retry_after) = &reply.retry_after {
        response = response.header(RETRY_AFTER, retry_after);
    }
    if let Some(location) = &reply.location {
        response = response.header(LOCATION, location);
    }
    response
        .body(body)
        .expect("scripted answers have valid headers")
}

/// A whole body in pieces, with a pause after each.
fn trickle(bytes: Bytes, pause: Duration) -> Body {
    let piece = bytes.len().div_ceil(PIECES).max(1);
    Body::from_stream(stream::unfold(bytes, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        let next = left.split_to(piece.min(left.len()));
        sleep(pause).await;
        Some((Ok::<_, io::Error>(next), left))
    }))
}

/// The beginning of a body, flushed, and then an error, by which the connection breaks.
fn part(bytes: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(bytes), |left| async move {
        match left {
            Some(bytes) if !bytes.is_empty() => Some((Ok(bytes), Some(Bytes::new()))),
            Some(_) => {
                yield_now().await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
            }
            None => None,
        }
    }))
}
