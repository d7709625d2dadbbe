//! Owns [`Live`]: a server stream of the contract that outlives its connections.
//!
//! A `Live` opens its stream, passes on every event as it came, and when the stream breaks opens it again after a
//! wait with jitter, with the revision it had whole as `known_revision`, until the stream says that it is at its end,
//! or the server refuses it for a reason that waiting does not mend. A stream without any message for two and a half
//! heartbeats counts as dead. Nothing is buffered: whoever does not ask for news slows the server's stream down.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tonic::Streaming;
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::stream_end;
use vision_batch::v1::{batch_status_response, watch_batches_response, watch_system_response};

use super::backoff::{Backoff, jitter};
use super::client::{Client, within};
use super::error::{Class, NetError};

/// How long opening a stream may take.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// Time between heartbeats when the request names none; the contract's default.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a live stream has to say.
#[derive(Debug)]
pub enum News<E> {
    /// It was opened, or opened again: a snapshot follows, or word that nothing changed.
    Opened,
    /// An event, as it came.
    Event(E),
    /// It broke off and is opened again by itself.
    Lost {
        /// Why.
        error: NetError,
        /// How long until then.
        retry_in: Duration,
    },
    /// It is over: by its own word (no error), or because trying again would not help.
    Closed(Option<NetError>),
}

/// What an event means for the life of its stream.
pub enum Mark {
    /// Nothing.
    Alive,
    /// The caller has this revision whole.
    Whole(i64),
    /// The stream says that it ends.
    End(stream_end::Reason),
}

/// A kind of server stream that has revisions, heartbeats and an end.
pub trait Feed: Send {
    /// A message of the stream.
    type Response: Send;
    /// What it carries.
    type Event: Send;

    /// Time between heartbeats.
    fn heartbeat(&self) -> Duration;
    /// The revision the caller had whole before the stream was ever opened.
    fn known_revision(&self) -> i64;
    /// Opens the stream from what is known.
    fn open(
        &self,
        client: &Client,
        known_revision: i64,
    ) -> impl Future<Output = Result<Streaming<Self::Response>, NetError>> + Send;
    /// What a message carries; nothing for one of a newer contract.
    fn event(response: Self::Response) -> Option<Self::Event>;
    /// What an event means.
    fn mark(event: &Self::Event) -> Mark;
}

enum Stage<R> {
    Waiting { until: Instant },
    Open { stream: Box<Streaming<R>> },
    Over,
}

/// A server stream that outlives its connections. See the module.
pub struct Live<F: Feed> {
    client: Client,
    feed: F,
    known_revision: i64,
    backoff: Backoff,
    stage: Stage<F::Response>,
    ending: Option<Ending>,
}

/// What is left to do after the stream's last event was passed on.
enum Ending {
    Finished,
    Refused(NetError),
    RenewThenReopen,
    ReopenLater,
}

impl<F: Feed> Live<F> {
    /// A stream that will be opened when first asked for news.
    pub fn new(client: Client, feed: F) -> Self {
        Self {
            client,
            known_revision: feed.known_revision(),
            feed,
            backoff: Backoff::default(),
            stage: Stage::Waiting {
                until: Instant::now(),
            },
            ending: None,
        }
    }

    /// The next news; nothing after [`News::Closed`]. May be dropped at any time and asked again: what was received is
    /// never lost, an opening that was under way begins anew.
    pub async fn next(&mut self) -> Option<News<F::Event>> {
        if let Some(ending) = self.ending.take() {
            match ending {
                Ending::Finished => return Some(self.close(None)),
                Ending::Refused(error) => return Some(self.close(Some(error))),
                Ending::ReopenLater => {
                    let error = NetError::broken("The server stops.");
                    return Some(self.lose(error));
                }
                Ending::RenewThenReopen => {
                    // Put back first: when this future is dropped, the renewal begins anew.
                    self.ending = Some(Ending::RenewThenReopen);
                    let renewed = self.client.renew().await;
                    self.ending = None;
                    match renewed {
                        Ok(_) => self.reopen_at_once(),
                        Err(error) => return Some(self.fail(error)),
                    }
                }
            }
        }
        loop {
            match &mut self.stage {
                Stage::Over => return None,
                Stage::Waiting { until } => {
                    tokio::time::sleep_until(*until).await;
                    match self.feed.open(&self.client, self.known_revision).await {
                        Ok(stream) => {
                            self.stage = Stage::Open {
                                stream: Box::new(stream),
                            };
                            return Some(News::Opened);
                        }
                        Err(error) => return Some(self.fail(error)),
                    }
                }
                Stage::Open { stream } => {
                    let silence = self.feed.heartbeat().mul_f64(2.5);
                    let Ok(message) = tokio::time::timeout(silence, stream.message()).await else {
                        let error = NetError::timed_out(format!(
                            "The server has been silent for {} s.",
                            silence.as_secs()
                        ));
                        return Some(self.lose(error));
                    };
                    match message {
                        Ok(Some(response)) => {
                            if let Some(event) = F::event(response) {
                                self.note(&event);
                                return Some(News::Event(event));
                            }
                        }
                        Ok(None) => {
                            let error = NetError::broken("The server ended the stream.");
                            return Some(self.lose(error));
                        }
                        Err(status) => return Some(self.fail(status.into())),
                    }
                }
            }
        }
    }

    fn note(&mut self, event: &F::Event) {
        match F::mark(event) {
            Mark::Alive => {}
            Mark::Whole(revision) => {
                self.known_revision = revision;
                self.backoff.reset();
            }
            Mark::End(reason) => {
                self.ending = Some(match reason {
                    stream_end::Reason::BatchFinished | stream_end::Reason::BatchDeleted => {
                        Ending::Finished
                    }
                    stream_end::Reason::TokenRevoked => Ending::Refused(NetError::token(
                        Reason::TokenRevoked,
                        "The session was ended; sign in again.",
                    )),
                    stream_end::Reason::TokenExpired => Ending::RenewThenReopen,
                    stream_end::Reason::ShuttingDown | stream_end::Reason::Unspecified => {
                        Ending::ReopenLater
                    }
                });
            }
        }
    }

    /// Waiting mends what is the network's fault, or the server's; not a refusal.
    fn fail(&mut self, error: NetError) -> News<F::Event> {
        let internal = error.class == Class::Refused && error.code_name() == "INTERNAL";
        if error.is_retryable() || internal {
            self.lose(error)
        } else {
            self.close(Some(error))
        }
    }

    fn lose(&mut self, error: NetError) -> News<F::Event> {
        let retry_in = self.backoff.next(jitter(), error.retry_after);
        self.stage = Stage::Waiting {
            until: Instant::now() + retry_in,
        };
        News::Lost { error, retry_in }
    }

    fn close(&mut self, error: Option<NetError>) -> News<F::Event> {
        self.stage = Stage::Over;
        News::Closed(error)
    }

    fn reopen_at_once(&mut self) {
        self.stage = Stage::Waiting {
            until: Instant::now(),
        };
    }
}

fn interval(asked: Option<&prost_types::Duration>) -> Duration {
    asked
        .and_then(|span| Duration::try_from(*span).ok())
        .unwrap_or(HEARTBEAT)
}

impl Feed for v1::BatchStatusRequest {
    type Response = v1::BatchStatusResponse;
    type Event = batch_status_response::Event;

    fn heartbeat(&self) -> Duration {
        interval(self.heartbeat_interval.as_ref())
    }

    fn known_revision(&self) -> i64 {
        self.known_revision
    }

    async fn open(
        &self,
        client: &Client,
        known_revision: i64,
    ) -> Result<Streaming<Self::Response>, NetError> {
        let request = Self {
            known_revision,
            ..self.clone()
        };
        within(OPEN_DEADLINE, client.batches().batch_status(request)).await
    }

    fn event(response: Self::Response) -> Option<Self::Event> {
        response.event
    }

    fn mark(event: &Self::Event) -> Mark {
        match event {
            batch_status_response::Event::SnapshotComplete(complete) => {
                Mark::Whole(complete.revision)
            }
            batch_status_response::Event::Update(update) => Mark::Whole(update.revision),
            batch_status_response::Event::End(end) => Mark::End(end.reason()),
            batch_status_response::Event::Snapshot(_)
            | batch_status_response::Event::Heartbeat(_) => Mark::Alive,
        }
    }
}

impl Feed for v1::WatchBatchesRequest {
    type Response = v1::WatchBatchesResponse;
    type Event = watch_batches_response::Event;

    fn heartbeat(&self) -> Duration {
        interval(self.heartbeat_interval.as_ref())
    }

    fn known_revision(&self) -> i64 {
        self.known_revision
    }

    async fn open(
        &self,
        client: &Client,
        known_revision: i64,
    ) -> Result<Streaming<Self::Response>, NetError> {
        let request = Self {
            known_revision,
            ..self.clone()
        };
        within(OPEN_DEADLINE, client.batches().watch_batches(request)).await
    }

    fn event(response: Self::Response) -> Option<Self::Event> {
        response.event
    }

    fn mark(event: &Self::Event) -> Mark {
        match event {
            watch_batches_response::Event::SnapshotComplete(complete) => {
                Mark::Whole(complete.revision)
            }
            watch_batches_response::Event::Update(update) => Mark::Whole(update.revision),
            watch_batches_response::Event::End(end) => Mark::End(end.reason()),
            watch_batches_response::Event::Snapshot(_)
            | watch_batches_response::Event::Heartbeat(_) => Mark::Alive,
        }
    }
}

impl Feed for v1::WatchSystemRequest {
    type Response = v1::WatchSystemResponse;
    type Event = watch_system_response::Event;

    fn heartbeat(&self) -> Duration {
        interval(self.heartbeat_interval.as_ref())
    }

    /// It has no revisions: every opening brings the whole status.
    fn known_revision(&self) -> i64 {
        0
    }

    async fn open(
        &self,
        client: &Client,
        _known_revision: i64,
    ) -> Result<Streaming<Self::Response>, NetError> {
        within(OPEN_DEADLINE, client.admin().watch_system(*self)).await
    }

    fn event(response: Self::Response) -> Option<Self::Event> {
        response.event
    }

    fn mark(event: &Self::Event) -> Mark {
        match event {
            watch_system_response::Event::Status(_) => Mark::Whole(0),
            watch_system_response::Event::Heartbeat(_) => Mark::Alive,
            watch_system_response::Event::End(end) => Mark::End(end.reason()),
        }
    }
}
