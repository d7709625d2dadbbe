//! The upstream without sockets: a real engine on a way to it that stays in this process, so that tokio's
//! time can be paused. Everything above the sockets is what runs in production: bodies, answers, retries of a
//! spoiled bulk query, verbs of a cancel, the way to a video. Each call is in the book like one over a socket.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use vbatch_server::domain::ids::TaskId;
use vbatch_server::engine::lightx2v::LightX2v;
use vbatch_server::engine::lightx2v::account::account_of;
use vbatch_server::engine::lightx2v::config::LightX2vConfig;
use vbatch_server::engine::lightx2v::transport::{
    Answer, Failure, Opened, Request, Transport, Url, Verb,
};
use vbatch_server::engine::{
    CancelAnswer, Credentials, Engine, FetchError, NewTask, QueryAnswer, ReadError, SubmitError,
    Submitted, TaskPage, VideoSink,
};

use super::book::Host;
use super::config::UpstreamConfig;
use super::message::{Head, Reply};
use super::service::{Outcome, Upstream};

const BASE_URL: &str = "http://upstream.invalid";
const BUCKET_URL: &str = "http://bucket.invalid";

/// Bytes of a video that come at once.
const PIECE_BYTES: usize = 64 * 1024;

/// An engine and its upstream in one. Everything else about it is on [`Upstream`].
pub struct SimulatedUpstream {
    upstream: Arc<Upstream>,
    engine: LightX2v,
}

impl SimulatedUpstream {
    /// Starts its clock now: pause tokio's before.
    pub fn new(config: UpstreamConfig) -> Self {
        let upstream = Arc::new(Upstream::new(config, BUCKET_URL.to_owned()));
        Self::of_process(&upstream, CancellationToken::new())
    }

    /// The same upstream, met by another life of the server.
    pub fn again(upstream: &Arc<Upstream>) -> Self {
        Self::of_process(upstream, CancellationToken::new())
    }

    /// The same, met by a process that reaches nothing any more, and hears of nothing, once it is `gone`.
    pub fn of_process(upstream: &Arc<Upstream>, gone: CancellationToken) -> Self {
        let transport = Arc::new(InProcess {
            upstream: Arc::clone(upstream),
            gone,
        });
        let engine = LightX2v::over(LightX2vConfig::at(BASE_URL), transport)
            .expect("the configuration is our own");
        Self {
            upstream: Arc::clone(upstream),
            engine,
        }
    }

    /// What outlives a crash of the server.
    pub fn upstream(&self) -> Arc<Upstream> {
        Arc::clone(&self.upstream)
    }

    /// The first account and its token.
    pub fn credentials(&self) -> Credentials {
        credentials(self.token())
    }
}

/// A token and whose it is.
pub fn credentials(token: String) -> Credentials {
    let token = SecretString::from(token);
    Credentials {
        account: account_of(&token),
        token,
    }
}

impl Deref for SimulatedUpstream {
    type Target = Upstream;

    fn deref(&self) -> &Upstream {
        &self.upstream
    }
}

#[async_trait]
impl Engine for SimulatedUpstream {
    async fn submit(
        &self,
        credentials: &Credentials,
        task: NewTask,
    ) -> Result<Submitted, SubmitError> {
        self.engine.submit(credentials, task).await
    }

    async fn query(
        &self,
        credentials: &Credentials,
        tasks: &[TaskId],
    ) -> Result<Vec<(TaskId, QueryAnswer)>, ReadError> {
        self.engine.query(credentials, tasks).await
    }

    async fn list(&self, credentials: &Credentials, page: u32) -> Result<TaskPage, ReadError> {
        self.engine.list(credentials, page).await
    }

    async fn cancel(
        &self,
        credentials: &Credentials,
        task: &TaskId,
    ) -> Result<CancelAnswer, ReadError> {
        self.engine.cancel(credentials, task).await
    }

    async fn fetch(
        &self,
        credentials: &Credentials,
        task: &TaskId,
        sink: &mut dyn VideoSink,
    ) -> Result<(), FetchError> {
        self.engine.fetch(credentials, task, sink).await
    }

    async fn check(&self, credentials: &Credentials) -> Result<(), ReadError> {
        self.engine.check(credentials).await
    }
}

/// The way to an upstream in this process.
struct InProcess {
    upstream: Arc<Upstream>,
    gone: CancellationToken,
}

impl InProcess {
    async fn exchange(&self, head: Head, request: Option<Request>) -> Result<Outcome, Failure> {
        if self.gone.is_cancelled() {
            std::future::pending::<()>().await;
        }
        if self.upstream.is_down() {
            return Err(Failure::NotSent("connection refused".to_owned()));
        }
        let arrival = self.upstream.arrive(head);
        let mut body = BytesMut::new();
        if let Some(sent) = request.and_then(|request| request.body)
            && !arrival.is_early()
        {
            let mut pieces = std::pin::pin!(sent.into_stream());
            loop {
                match pieces.try_next().await {
                    Ok(Some(piece)) => body.extend_from_slice(&piece),
                    Ok(None) => break,
                    Err(error) => return Err(Failure::Broken(error.to_string())),
                }
            }
        }
        // What has arrived is worked on, whatever becomes of who asked.
        let upstream = Arc::clone(&self.upstream);
        let served = tokio::spawn(async move { upstream.serve(arrival, &body).await });
        let outcome = served
            .await
            .map_err(|error| Failure::Broken(error.to_string()))?;
        if self.gone.is_cancelled() {
            std::future::pending::<()>().await;
        }
        match outcome {
            Outcome::Hang => {
                sleep(self.upstream.config().patience).await;
                Err(Failure::Broken("no sign of life".to_owned()))
            }
            Outcome::Drop => Err(Failure::Broken(
                "connection closed before message completed".to_owned(),
            )),
            outcome => Ok(outcome),
        }
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn call(&self, token: &SecretString, request: Request) -> Result<Answer, Failure> {
        let query = request
            .query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        let mut head = head(
            Host::Api,
            format!("/{}", request.path),
            query.collect(),
            Some(token),
        );
        if request.verb == Verb::Post {
            head.verb = "POST".to_owned();
        }
        head.content_length = request.body.as_ref().map(|body| body.content_length());
        let max_bytes = request.max_answer_bytes;
        let (reply, bytes) = split(self.exchange(head, Some(request)).await?);
        let kept = bytes.min(max_bytes);
        Ok(Answer {
            status: reply.status,
            retry_after: seconds(&reply),
            whole: kept == reply.body.len(),
            body: reply.body.slice(..kept),
        })
    }

    async fn open(&self, token: Option<&SecretString>, address: &Url) -> Result<Opened, Failure> {
        let host = match address.host_str() {
            Some("bucket.invalid") => Host::Bucket,
            _ => Host::Api,
        };
        let query = address.query_pairs().into_owned().collect();
        let head = head(host, address.path().to_owned(), query, token);
        let (reply, bytes) = split(self.exchange(head, None).await?);
        let cut = bytes < reply.body.len();
        let mut pieces: Vec<Result<Bytes, Failure>> = (0..bytes)
            .step_by(PIECE_BYTES)
            .map(|from| Ok(reply.body.slice(from..bytes.min(from + PIECE_BYTES))))
            .collect();
        if cut {
            pieces.push(Err(Failure::Broken(
                "end of file before message length reached".to_owned(),
            )));
        }
        Ok(Opened {
            status: reply.status,
            retry_after: seconds(&reply),
            total_bytes: Some(reply.body.len() as u64),
            media_type: reply.media_type.to_owned(),
            location: reply.location.clone(),
            body: stream::iter(pieces).boxed(),
        })
    }
}

fn head(
    host: Host,
    path: String,
    query: BTreeMap<String, String>,
    token: Option<&SecretString>,
) -> Head {
    let authorization = token
        .map(|token| token.expose_secret())
        .filter(|token| !token.is_empty())
        .map(|token| format!("Bearer {token}"));
    Head {
        verb: "GET".to_owned(),
        host,
        path,
        query,
        header_names: authorization
            .iter()
            .map(|_| "authorization".to_owned())
            .collect(),
        authorization,
        content_length: None,
        connection: 0,
    }
}

/// An answer and how much of its body comes.
fn split(outcome: Outcome) -> (Reply, usize) {
    match outcome {
        Outcome::Reply(reply) | Outcome::Slowly(reply, _) => {
            let all = reply.body.len();
            (reply, all)
        }
        Outcome::Partly(reply, bytes) => {
            let bytes = bytes.min(reply.body.len());
            (reply, bytes)
        }
        Outcome::Hang | Outcome::Drop => unreachable!("both were failures before"),
    }
}

fn seconds(reply: &Reply) -> Option<Duration> {
    reply
        .retry_after
        .as_ref()?
        .parse()
        .ok()
        .map(Duration::from_secs)
}
