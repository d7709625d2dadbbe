//! What live streams have in common: how they end, and when they may speak.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use vision_batch::v1;
use vision_batch::v1::stream_end::Reason;

use crate::domain::ids::BatchId;
use crate::rpc::convert::batch::limits::HEARTBEATS;
use crate::rpc::convert::{read_duration, time, wide};
use crate::service::accounts::OpenStream;
use crate::service::batches::refusal::batch_not_found;
use crate::service::error::{self, ServiceError};
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

/// The end of the session or of the server. The stream counts as open while this lives.
pub(super) fn end(open: OpenStream, shutdown: CancellationToken) -> Ended {
    Box::pin(async move {
        // Either arm ends the stream; the other has nothing to lose.
        tokio::select! {
            () = shutdown.cancelled() => End::ShuttingDown,
            end = open.ended() => End::Session(end),
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
        let refusal = match self {
            Self::BatchFinished => return None,
            Self::BatchDeleted(batch) => batch_not_found(batch),
            Self::Session(end) => end.refusal(),
            Self::ShuttingDown => ServiceError::new(
                error::Reason::ShuttingDown,
                "The server is shutting down. Open the stream again soon.",
            ),
        };
        Some(refusal.into())
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
