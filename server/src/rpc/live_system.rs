//! The status of the system, live: at once, and again whenever it has changed, newest state only, in messages made when
//! they are asked for.
//!
//! Nothing is read while nothing happens: a commit, the engines and the accounts wake it, and the heartbeat looks at what
//! wakes nobody, as the room on the disk and the clock's passing of an expiry.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use tokio::sync::watch;
use tonic::Status;
use vision_batch::v1;
use vision_batch::v1::watch_system_response::Event;

use super::convert::system::system_status;
use super::stream::{End, Ended, Pace, heartbeat};
use crate::feed::engine_status::EngineStatuses;
use crate::service::Caller;
use crate::service::admin::Admin;
use crate::service::error::ServiceError;

/// Time between two updates when the request leaves it to us: people read numbers, they do not watch them fly.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The messages of a live system.
pub(super) struct LiveSystem {
    admin: Arc<Admin>,
    caller: Caller,
    revision: watch::Receiver<u64>,
    engines: watch::Receiver<Arc<EngineStatuses>>,
    accounts: watch::Receiver<u64>,
    ended: Ended,
    pace: Pace,
    /// What was sent last.
    status: Option<v1::SystemStatus>,
    /// The revision it was read at.
    seen: u64,
    /// Something may be newer.
    is_stale: bool,
    phase: Phase,
}

enum Phase {
    Open,
    /// The last message.
    Ending(End),
    /// The status.
    Closing(End),
    /// Nothing more.
    Closed,
}

impl LiveSystem {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// FIELD_INVALID.
    pub(super) fn open(
        admin: Arc<Admin>,
        caller: Caller,
        request: v1::WatchSystemRequest,
        ended: Ended,
    ) -> Result<Self, ServiceError> {
        let pace = Pace::new(
            request.heartbeat_interval,
            request.min_interval,
            MIN_INTERVAL,
        )?;
        let feed = admin.feed();
        Ok(Self {
            revision: feed.revision(),
            engines: feed.engines(),
            accounts: feed.accounts(),
            admin,
            caller,
            ended,
            pace,
            status: None,
            seen: 0,
            is_stale: true,
            phase: Phase::Open,
        })
    }

    /// The messages; each is made when it is asked for.
    pub(super) fn into_stream(
        self,
    ) -> impl Stream<Item = Result<v1::WatchSystemResponse, Status>> + Send {
        stream::unfold(self, |mut live| async {
            let message = match live.next().await.transpose()? {
                Ok(event) => Ok(v1::WatchSystemResponse { event: Some(event) }),
                Err(status) => {
                    live.phase = Phase::Closed;
                    Err(status)
                }
            };
            Some((message, live))
        })
    }

    async fn next(&mut self) -> Result<Option<Event>, Status> {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Open) {
                Phase::Open => {
                    if let Some(event) = self.wait().await? {
                        return Ok(Some(event));
                    }
                }
                Phase::Ending(end) => {
                    self.phase = Phase::Closing(end);
                    return Ok(Some(Event::End(end.message())));
                }
                Phase::Closing(end) => {
                    self.phase = Phase::Closed;
                    return end.status().map_or(Ok(None), Err);
                }
                Phase::Closed => {
                    self.phase = Phase::Closed;
                    return Ok(None);
                }
            }
        }
    }

    /// Waits until there is something to say; nothing when the stream has to end.
    async fn wait(&mut self) -> Result<Option<Event>, ServiceError> {
        if self.is_stale && self.pace.next_update() <= tokio::time::Instant::now() {
            return self.read().await;
        }
        // Nothing is lost with an arm that is dropped: all is read anew, and the end stays ended.
        tokio::select! {
            biased;
            end = &mut self.ended => self.phase = Phase::Ending(end),
            () = tokio::time::sleep_until(self.pace.next_update()), if self.is_stale => {}
            _ = self.revision.changed(), if !self.is_stale => self.is_stale = true,
            _ = self.engines.changed(), if !self.is_stale => self.is_stale = true,
            _ = self.accounts.changed(), if !self.is_stale => self.is_stale = true,
            () = tokio::time::sleep_until(self.pace.next_heartbeat()) => {
                let changed = self.read().await?;
                if changed.is_some() {
                    return Ok(changed);
                }
                self.pace.sent();
                let now = self.admin.now();
                return Ok(Some(Event::Heartbeat(heartbeat(now, self.seen))));
            }
        }
        Ok(None)
    }

    /// The status, if it has changed.
    async fn read(&mut self) -> Result<Option<Event>, ServiceError> {
        self.is_stale = false;
        self.seen = *self.revision.borrow_and_update();
        self.engines.mark_unchanged();
        self.accounts.mark_unchanged();
        let status = system_status(self.admin.system_status(&self.caller).await?);
        if self.status.as_ref() == Some(&status) {
            return Ok(None);
        }
        self.status = Some(status.clone());
        self.pace.sent_update();
        Ok(Some(Event::Status(status)))
    }
}
