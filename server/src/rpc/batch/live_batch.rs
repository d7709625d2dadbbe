//! One batch, live: a snapshot, then whole items that are newer, in messages made when they are asked for.
//!
//! The watch begins before the snapshot is read, so nothing between the two is missed; an item may come twice, never not
//! at all. What an engine keeps all its items waiting for is not stored with them: when it changes, the waiting items are
//! sent again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use tokio::sync::watch;
use tonic::Status;
use vision_batch::v1;
use vision_batch::v1::batch_status_response::{Event, Snapshot, SnapshotComplete, Update};

use super::part::{PART_ENTRIES, Part};
use crate::domain::batch::Batch;
use crate::domain::failure::Wait;
use crate::domain::item::VideoItem;
use crate::feed::batch_topic::BatchWatcher;
use crate::feed::engine_status::EngineStatuses;
use crate::rpc::convert::batch::{Now, request};
use crate::rpc::convert::wide;
use crate::rpc::stream::{End, Ended, Pace, heartbeat, known_revision};
use crate::service::Caller;
use crate::service::batches::{Batches, OwnerNames};
use crate::service::error::ServiceError;
use crate::store::query::{ItemSelection, ItemStateName};

/// Time between two updates when the request leaves it to us: as fast as eyes tell apart.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// The messages of a live batch.
pub(super) struct LiveBatch {
    batches: Batches,
    names: OwnerNames,
    watcher: BatchWatcher,
    engines: watch::Receiver<Arc<EngineStatuses>>,
    ended: Ended,
    pace: Pace,
    follow: bool,
    /// The batch as it was last read or told.
    batch: Arc<Batch>,
    /// All up to this revision was sent.
    seen: u64,
    /// What keeps the engine's items waiting, as it was last shown.
    wait: Wait,
    /// Something may be newer.
    is_stale: bool,
    phase: Phase,
}

enum Phase {
    /// The next part of the snapshot begins after this position.
    Snapshot { after: u32 },
    /// The snapshot is through, or spared.
    Complete { unchanged: bool },
    /// Nothing to send.
    Idle,
    /// An update is on its way: the items left, and the revision reached with the last of them.
    Sending {
        shows_batch: bool,
        items: VecDeque<Arc<VideoItem>>,
        target: u64,
    },
    /// The waiting items are sent again, from after this position.
    Refreshing { after: u32 },
    /// The last message.
    Ending(End),
    /// The status.
    Closing(End),
    /// Nothing more.
    Closed,
}

impl LiveBatch {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, FIELD_INVALID.
    pub(super) async fn open(
        batches: Batches,
        caller: &Caller,
        request: v1::BatchStatusRequest,
        ended: Ended,
    ) -> Result<Self, ServiceError> {
        let id = request::batch_id(&request.batch_id)?;
        let known = known_revision(request.known_revision)?;
        let pace = Pace::new(
            request.heartbeat_interval,
            request.min_interval,
            MIN_INTERVAL,
        )?;
        let watcher = batches.feed().watch_batch(id);
        let mut engines = batches.feed().engines();
        let batch = batches.batch(caller, id).await?;
        let wait = engines.borrow_and_update().wait_of(batch.engine, id);
        Ok(Self {
            names: batches.owner_names(),
            batches,
            watcher,
            engines,
            ended,
            pace,
            follow: request.follow,
            seen: batch.revision,
            wait,
            is_stale: false,
            phase: if known == batch.revision {
                Phase::Complete { unchanged: true }
            } else {
                Phase::Snapshot { after: 0 }
            },
            batch: Arc::new(batch),
        })
    }

    /// The messages; each is made when it is asked for.
    pub(super) fn into_stream(
        self,
    ) -> impl Stream<Item = Result<v1::BatchStatusResponse, Status>> + Send {
        stream::unfold(self, |mut live| async {
            let message = live.next().await?;
            Some((message, live))
        })
    }

    async fn next(&mut self) -> Option<Result<v1::BatchStatusResponse, Status>> {
        match self.next_event().await {
            Ok(Some(event)) => Some(Ok(v1::BatchStatusResponse { event: Some(event) })),
            Ok(None) => None,
            Err(status) => {
                self.phase = Phase::Closed;
                Some(Err(status))
            }
        }
    }

    async fn next_event(&mut self) -> Result<Option<Event>, Status> {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Idle) {
                Phase::Snapshot { after } => return Ok(Some(self.snapshot(after).await?)),
                Phase::Complete { unchanged } => {
                    self.pace.sent();
                    self.end_if_finished();
                    return Ok(Some(Event::SnapshotComplete(SnapshotComplete {
                        revision: wide(self.seen),
                        unchanged,
                    })));
                }
                Phase::Idle => {
                    if let Some(event) = self.idle().await {
                        return Ok(Some(event));
                    }
                }
                Phase::Sending {
                    shows_batch,
                    items,
                    target,
                } => return Ok(Some(self.update(shows_batch, items, target).await?)),
                Phase::Refreshing { after } => {
                    if let Some(event) = self.refresh(after).await? {
                        return Ok(Some(event));
                    }
                }
                Phase::Ending(end) => {
                    self.phase = Phase::Closing(end);
                    return Ok(Some(Event::End(end.message())));
                }
                Phase::Closing(end) => {
                    self.phase = Phase::Closed;
                    return match end.status() {
                        Some(status) => Err(status),
                        None => Ok(None),
                    };
                }
                Phase::Closed => {
                    self.phase = Phase::Closed;
                    return Ok(None);
                }
            }
        }
    }

    /// The items of one part come from one read; the next part is read when it is asked for.
    async fn snapshot(&mut self, after: u32) -> Result<Event, ServiceError> {
        let page = self
            .batches
            .items_after(
                self.batch.id,
                after,
                &ItemSelection::default(),
                PART_ENTRIES,
            )
            .await?;
        let (items, next) = self.fill(page.items, page.next_after);
        let batch = match after {
            0 => Some(self.show_batch().await?),
            _ => None,
        };
        self.phase = match next {
            Some(after) => Phase::Snapshot { after },
            None => Phase::Complete { unchanged: false },
        };
        self.pace.sent();
        Ok(Event::Snapshot(Snapshot { batch, items }))
    }

    /// As many items of a page as fit into a message, and the position after which the next message begins.
    fn fill(
        &self,
        items: Vec<VideoItem>,
        next_after: Option<u32>,
    ) -> (Vec<v1::VideoItem>, Option<u32>) {
        let engines = self.batches.engines();
        let now = self.now(&engines);
        let mut part = Part::new();
        let mut last = 0;
        for item in items {
            if part.push(now.item(self.batch.engine, &item)).is_err() {
                return (part.into_entries(), Some(last));
            }
            last = item.position;
        }
        (part.into_entries(), next_after)
    }

    /// Waits until there is something to say; nothing when that is another phase's matter.
    async fn idle(&mut self) -> Option<Event> {
        if self.is_stale && self.pace.next_update() <= tokio::time::Instant::now() {
            self.gather();
            return None;
        }
        // Nothing is lost with an arm that is dropped: what changed is read anew from the watcher and the engines, and
        // the end stays ended.
        tokio::select! {
            biased;
            end = &mut self.ended => self.phase = Phase::Ending(end),
            () = tokio::time::sleep_until(self.pace.next_update()), if self.is_stale => {}
            () = self.watcher.changed(), if !self.is_stale => self.is_stale = true,
            _ = self.engines.changed(), if !self.is_stale => self.is_stale = true,
            () = tokio::time::sleep_until(self.pace.next_heartbeat()) => {
                self.pace.sent();
                let now = self.batches.clock().now();
                return Some(Event::Heartbeat(heartbeat(now, self.seen)));
            }
        }
        None
    }

    /// Decides what to send of what is newer.
    fn gather(&mut self) {
        self.is_stale = false;
        let changes = self.watcher.newer_than(self.seen);
        if changes.deleted {
            self.phase = Phase::Ending(End::BatchDeleted(self.batch.id));
            return;
        }
        // Items come before their batch: without it, they are told again with it.
        if let Some(batch) = changes.batch {
            let mut items = changes.items;
            items.sort_by_key(|item| item.position);
            let target = batch.revision;
            self.batch = batch;
            self.phase = Phase::Sending {
                shows_batch: true,
                items: items.into(),
                target,
            };
        } else {
            self.settle();
        }
    }

    async fn update(
        &mut self,
        shows_batch: bool,
        mut items: VecDeque<Arc<VideoItem>>,
        target: u64,
    ) -> Result<Event, ServiceError> {
        let batch = match shows_batch {
            true => Some(self.show_batch().await?),
            false => None,
        };
        let engines = self.batches.engines();
        let now = self.now(&engines);
        let mut part = Part::new();
        while let Some(item) = items.front() {
            if part.push(now.item(self.batch.engine, item)).is_err() {
                break;
            }
            items.pop_front();
        }
        if items.is_empty() {
            self.seen = target;
            self.pace.sent_update();
            self.settle();
        } else {
            self.pace.sent();
            self.phase = Phase::Sending {
                shows_batch: false,
                items,
                target,
            };
        }
        Ok(Event::Update(Update {
            batch,
            items: part.into_entries(),
            revision: wide(self.seen),
        }))
    }

    /// After an update: the waiting items again when they wait for something else now, or the end.
    fn settle(&mut self) {
        let engines = self.engines.borrow_and_update();
        let wait = engines.wait_of(self.batch.engine, self.batch.id);
        drop(engines);
        if wait != self.wait {
            self.wait = wait;
            if self.batch.counts.pending > 0 {
                self.phase = Phase::Refreshing { after: 0 };
                return;
            }
        }
        self.end_if_finished();
    }

    fn end_if_finished(&mut self) {
        self.phase = if self.batch.finish_time.is_some() && !self.follow {
            Phase::Ending(End::BatchFinished)
        } else {
            Phase::Idle
        };
    }

    async fn refresh(&mut self, after: u32) -> Result<Option<Event>, ServiceError> {
        let pending = ItemSelection {
            ids: Vec::new(),
            states: vec![ItemStateName::Pending],
        };
        let page = self
            .batches
            .items_after(self.batch.id, after, &pending, PART_ENTRIES)
            .await?;
        let (items, next) = self.fill(page.items, page.next_after);
        match next {
            Some(after) => self.phase = Phase::Refreshing { after },
            None => self.end_if_finished(),
        }
        if items.is_empty() && after > 0 {
            return Ok(None);
        }
        let batch = match after {
            0 => Some(self.show_batch().await?),
            _ => None,
        };
        self.pace.sent_update();
        Ok(Some(Event::Update(Update {
            batch,
            items,
            revision: wide(self.seen),
        })))
    }

    async fn show_batch(&mut self) -> Result<v1::Batch, ServiceError> {
        let owner = self.names.of(self.batch.owner).await?;
        let engines = self.batches.engines();
        Ok(self.now(&engines).batch(&self.batch, owner))
    }

    fn now<'a>(&self, engines: &'a EngineStatuses) -> Now<'a> {
        Now {
            engines,
            time: self.batches.clock().now(),
        }
    }
}
