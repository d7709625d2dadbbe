//! What live streams have in common: how they end, and when they may speak.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use vision_batch::v1;
use vision_batch::v1::stream_end::Reason;

use crate::domain::ids::BatchId;
use crate::rpc::convert::batch::limits::HEARTBEATS;
use crate::rpc::convert::{read_duration, time, wide};
use crate::rpc::gate::shutting_down;
use crate::service::accounts::OpenStream;
use crate::service::batches::refusal::batch_not_found;
use crate::service::error::ServiceError;
use crate::service::session::SessionEnd;

/// Longest time between two updates that can be asked for.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    BatchFinished,
    BatchDeleted(BatchId),
    Session(SessionEnd),
    ShuttingDown,
}

/// Resolves when a stream has to end from outside.
pub(super) type Ended = Pin<Box<dyn Future<Output = End> + Send>>;

/// What a stream lives on: its session and the server. It counts as open while this lives.
pub(super) struct Life {
    open: OpenStream,
    shutdown: CancellationToken,
}

impl Life {
    pub(super) fn new(open: OpenStream, shutdown: CancellationToken) -> Self {
        Self { open, shutdown }
    }

    /// The end of the session or of the server. Dropping the future loses nothing.
    pub(super) async fn ended(&self) -> End {
        // Either arm ends the stream; the other has nothing to lose.
        tokio::select! {
            () = self.shutdown.cancelled() => End::ShuttingDown,
            end = self.open.ended() => End::Session(end),
        }
    }

    /// Looks at the session once more, for what is done at the end of a long stream.
    ///
    /// # Errors
    ///
    /// TOKEN_EXPIRED, TOKEN_REVOKED, SHUTTING_DOWN.
    pub(super) async fn check(&self) -> Result<(), ServiceError> {
        if self.shutdown.is_cancelled() {
            return Err(shutting_down());
        }
        self.open.check().await
    }
}

/// The end of the session or of the server. The stream counts as open while this lives.
pub(super) fn end(open: OpenStream, shutdown: CancellationToken) -> Ended {
    let life = Life::new(open, shutdown);
    Box::pin(async move { life.ended().await })
}

/// What is sent, until its session or the server ends: then the reason is the last that comes.
pub(super) fn until<T: Send + 'static>(
    ended: Ended,
    sent: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> impl Stream<Item = Result<T, Status>> + Send {
    let alive = (ended, sent.boxed());
    futures::stream::unfold(Some(alive), |alive| async {
        let (mut ended, mut sent) = alive?;
        tokio::select! {
            biased;
            end = &mut ended => end.status().map(|status| (Err(status), None)),
            next = sent.next() => next.map(|next| (next, Some((ended, sent)))),
        }
    })
}

impl End {
    /// The last message.
    pub(super) fn message(self) -> v1::StreamEnd {
        let reason = match self {
            Self::BatchFinished => Reason::BatchFinished,
            Self::BatchDeleted(_) => Reason::BatchDeleted,
            Self::Session(SessionEnd::Expired) => Reason::TokenExpired,
            Self::Session(SessionEnd::Revoked) => Reason::TokenRevoked,
            Self::ShuttingDown => Reason::ShuttingDown,
        };
        v1::StreamEnd {
            reason: reason.into(),
        }
    }

    /// The status after it; absent for OK.
    pub(super) fn status(self) -> Option<Status> {
        match self {
            Self::BatchFinished => None,
            end => Some(end.refusal().into()),
        }
    }

    /// What a call is told that it ends.
    pub(super) fn refusal(self) -> ServiceError {
        match self {
            Self::BatchFinished | Self::ShuttingDown => shutting_down(),
            Self::BatchDeleted(batch) => batch_not_found(batch),
            Self::Session(end) => end.refusal(),
        }
    }
}

/// When a stream may or must speak.
pub(super) struct Pace {
    heartbeat: Duration,
    min_interval: Duration,
    last_message: Instant,
    next_update: Instant,
}

impl Pace {
    /// What the request asks for.
    ///
    /// # Errors
    ///
    /// FIELD_INVALID.
    pub(super) fn new(
        heartbeat: Option<prost_types::Duration>,
        min_interval: Option<prost_types::Duration>,
        own_choice: Duration,
    ) -> Result<Self, ServiceError> {
        let (shortest, longest, usual) = HEARTBEATS;
        let heartbeat = match heartbeat {
            None => usual,
            Some(interval) => {
                let interval = read_duration("heartbeat_interval", interval)?;
                if interval < shortest || interval > longest {
                    return Err(ServiceError::field(
                        "heartbeat_interval",
                        "heartbeat_interval is 5 to 60 s.",
                    )
                    .with("limit", longest.as_secs()));
                }
                interval
            }
        };
        let min_interval = match min_interval {
            None => own_choice,
            Some(interval) => {
                let interval = read_duration("min_interval", interval)?;
                if interval > LONGEST_INTERVAL {
                    return Err(ServiceError::field(
                        "min_interval",
                        "min_interval is at most 60 s.",
                    )
                    .with("limit", LONGEST_INTERVAL.as_secs()));
                }
                interval
            }
        };
        let now = Instant::now();
        Ok(Self {
            heartbeat,
            min_interval,
            last_message: now,
            next_update: now,
        })
    }

    /// Something was sent.
    pub(super) fn sent(&mut self) {
        self.last_message = Instant::now();
    }

    /// The last message of an update was sent.
    pub(super) fn sent_update(&mut self) {
        self.sent();
        self.next_update = self.last_message + self.min_interval;
    }

    /// When the next update may be sent.
    pub(super) fn next_update(&self) -> Instant {
        self.next_update
    }

    /// When a sign of life is due.
    pub(super) fn next_heartbeat(&self) -> Instant {
        self.last_message + self.heartbeat
    }
}

/// A sign of life.
pub(super) fn heartbeat(now: jiff::Timestamp, revision: u64) -> v1::Heartbeat {
    v1::Heartbeat {
        server_time: Some(time(now)),
        revision: wide(revision),
    }
}

/// The revision a request says it has.
///
/// # Errors
///
/// FIELD_INVALID when negative.
pub(super) fn known_revision(revision: i64) -> Result<u64, ServiceError> {
    u64::try_from(revision)
        .map_err(|_| ServiceError::field("known_revision", "known_revision must not be negative."))
}
