//! The list of batches, live: the first ones of a filter, then every batch of it that changes, with the caller's balance
//! and the state of the service, in messages made when they are asked for.
//!
//! The watch begins before the snapshot is read, so nothing between the two is missed. Who falls too far behind gets a new
//! snapshot.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use tokio::sync::watch;
use tonic::Status;
use vision_batch::v1;
use vision_batch::v1::watch_batches_response::removal::Reason;
use vision_batch::v1::watch_batches_response::{
    Event, Removal, Snapshot, SnapshotComplete, Update,
};

use super::part::Part;
use crate::domain::batch::{Batch, EngineKind};
use crate::domain::failure::Wait;
use crate::domain::ids::{BatchId, UserId};
use crate::feed::engine_status::EngineStatuses;
use crate::feed::list_topic::{ListChanges, ListWatcher};
use crate::rpc::convert::batch::{Now, counts, request};
use crate::rpc::convert::system::service_status;
use crate::rpc::convert::wide;
use crate::rpc::stream::{End, Ended, Pace, heartbeat, known_revision};
use crate::service::Caller;
use crate::service::batches::page::BatchList;
use crate::service::batches::{Batches, OwnerNames};
use crate::service::error::ServiceError;
use crate::service::page_token;
use crate::store::query::BatchFilter;

/// Time between two updates when the request leaves it to us.
const MIN_INTERVAL: Duration = Duration::from_millis(250);

/// Batches that are remembered as sent, to tell when they leave the filter; beyond it every batch that is not of the
/// filter is told as having left.
const LISTED: usize = 4_096;

/// The messages of a live list.
pub(super) struct LiveList {
    batches: Batches,
    names: OwnerNames,
    caller: UserId,
    owner: Option<UserId>,
    list: BatchList,
    page_size: usize,
    watcher: ListWatcher,
    engines: watch::Receiver<Arc<EngineStatuses>>,
    accounts: watch::Receiver<u64>,
    ended: Ended,
    pace: Pace,
    listed: Listed,
    /// All up to this revision was sent.
    seen: u64,
    waits: Waits,
    balance: i32,
    status: Option<v1::ServiceStatus>,
    /// Something may be newer.
    is_stale: bool,
    phase: Phase,
}

/// What keeps the items of each engine waiting.
type Waits = [(EngineKind, Wait); 2];

enum Phase {
    /// The snapshot is to be read; spared when it is still at this revision.
    Begin { known: Option<u64> },
    /// Batches of the snapshot that are left.
    Snapshot { batches: VecDeque<Batch> },
    /// The snapshot is through, or spared.
    Complete { unchanged: bool },
    /// Nothing to send.
    Idle,
    /// An update is on its way.
    Sending(Box<Outgoing>),
    /// The last message.
    Ending(End),
    /// The status.
    Closing(End),
    /// Nothing more.
    Closed,
}

struct Outgoing {
    batches: VecDeque<Arc<Batch>>,
    removals: Vec<(BatchId, Reason)>,
    /// The revision reached with the last message.
    target: u64,
    status: Option<v1::ServiceStatus>,
}

/// The batches the reader has, as far as that matters.
#[derive(Default)]
struct Listed {
    ids: HashSet<BatchId>,
    is_too_many: bool,
}

impl Listed {
    fn insert(&mut self, id: BatchId) {
        if self.ids.len() < LISTED || self.ids.contains(&id) {
            self.ids.insert(id);
        } else {
            self.is_too_many = true;
        }
    }

    /// Whether the reader has it, or may have it.
    fn remove(&mut self, id: BatchId) -> bool {
        self.ids.remove(&id) || self.is_too_many
    }
}

impl LiveList {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, USER_NOT_FOUND, FIELD_INVALID.
    pub(super) async fn open(
        batches: Batches,
        caller: &Caller,
        request: v1::WatchBatchesRequest,
        ended: Ended,
    ) -> Result<Self, ServiceError> {
        let list = request::list(request.filter, &request.owner_id, &request.order_by)?;
        let page_size = page_token::page_size(request.page_size)?;
        let known = known_revision(request.known_revision)?;
        let pace = Pace::new(
            request.heartbeat_interval,
            request.min_interval,
            MIN_INTERVAL,
        )?;
        let owner = batches.owner(caller, list.scope).await?;
        let feed = batches.feed();
        let watcher = feed.watch_list(owner);
        let mut engines = feed.engines();
        let accounts = feed.accounts();
        let waits = waits(&engines.borrow_and_update());
        Ok(Self {
            names: batches.owner_names(),
            batches,
            caller: caller.user,
            owner,
            list,
            page_size,
            watcher,
            engines,
            accounts,
            ended,
            pace,
            listed: Listed::default(),
            seen: 0,
            waits,
            balance: 0,
            status: None,
            is_stale: false,
            phase: Phase::Begin {
                known: (known > 0).then_some(known),
            },
        })
    }

    /// The messages; each is made when it is asked for.
    pub(super) fn into_stream(
        self,
    ) -> impl Stream<Item = Result<v1::WatchBatchesResponse, Status>> + Send {
        stream::unfold(self, |mut live| async {
            let message = live.next().await?;
            Some((message, live))
        })
    }

    async fn next(&mut self) -> Option<Result<v1::WatchBatchesResponse, Status>> {
        match self.next_event().await {
            Ok(Some(event)) => Some(Ok(v1::WatchBatchesResponse { event: Some(event) })),
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
                Phase::Begin { known } => self.begin(known).await?,
                Phase::Snapshot { batches } => {
                    if let Some(event) = self.snapshot(batches).await? {
                        return Ok(Some(event));
                    }
                }
                Phase::Complete { unchanged } => {
                    return Ok(Some(self.complete(unchanged).await?));
                }
                Phase::Idle => {
                    if let Some(event) = self.idle().await? {
                        return Ok(Some(event));
                    }
                }
                Phase::Sending(outgoing) => return Ok(Some(self.update(outgoing).await?)),
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

    async fn begin(&mut self, known: Option<u64>) -> Result<(), ServiceError> {
        let BatchList { filter, order, .. } = &self.list;
        let (batches, revision) = self
            .batches
            .first_batches(self.owner, filter, *order, self.page_size)
            .await?;
        self.seen = revision;
        self.listed = Listed::default();
        if !takes_all(filter) {
            for batch in &batches {
                self.listed.insert(batch.id);
            }
        }
        self.phase = if known == Some(revision) {
            Phase::Complete { unchanged: true }
        } else {
            Phase::Snapshot {
                batches: batches.into(),
            }
        };
        Ok(())
    }

    async fn snapshot(
        &mut self,
        mut batches: VecDeque<Batch>,
    ) -> Result<Option<Event>, ServiceError> {
        let mut part = Part::new();
        while let Some(batch) = batches.front() {
            let owner = self.names.of(batch.owner).await?;
            let engines = self.batches.engines();
            if part
                .push(self.now(&engines).listed_batch(batch, owner))
                .is_err()
            {
                break;
            }
            batches.pop_front();
        }
        if part.is_empty() {
            self.phase = Phase::Complete { unchanged: false };
            return Ok(None);
        }
        self.phase = Phase::Snapshot { batches };
        self.pace.sent();
        Ok(Some(Event::Snapshot(Snapshot {
            batches: part.into_entries(),
        })))
    }

    async fn complete(&mut self, unchanged: bool) -> Result<Event, ServiceError> {
        self.balance = self.batches.balance(self.caller).await?;
        self.status = Some(self.service_status().await?);
        self.pace.sent();
        Ok(Event::SnapshotComplete(SnapshotComplete {
            revision: wide(self.seen),
            unchanged,
            counts: Some(counts(&self.batches.counts(self.owner).await?)),
            credit_balance: self.balance,
            status: self.status.clone(),
        }))
    }

    /// Waits until there is something to say; nothing when that is another phase's matter.
    async fn idle(&mut self) -> Result<Option<Event>, ServiceError> {
        if self.is_stale && self.pace.next_update() <= tokio::time::Instant::now() {
            self.gather().await?;
            return Ok(None);
        }
        // Nothing is lost with an arm that is dropped: what changed is read anew, and the end stays ended.
        tokio::select! {
            biased;
            end = &mut self.ended => self.phase = Phase::Ending(end),
            () = tokio::time::sleep_until(self.pace.next_update()), if self.is_stale => {}
            () = self.watcher.changed(), if !self.is_stale => self.is_stale = true,
            _ = self.engines.changed(), if !self.is_stale => self.is_stale = true,
            _ = self.accounts.changed(), if !self.is_stale => self.is_stale = true,
            () = tokio::time::sleep_until(self.pace.next_heartbeat()) => {
                // Other people's items change how many wait, and tell nobody here: look now and then.
                if self.pace.next_update() <= tokio::time::Instant::now() {
                    self.gather().await?;
                }
                if matches!(self.phase, Phase::Idle) {
                    self.pace.sent();
                    let now = self.batches.clock().now();
                    return Ok(Some(Event::Heartbeat(heartbeat(now, self.seen))));
                }
            }
        }
        Ok(None)
    }

    /// Decides what to send of what is newer.
    async fn gather(&mut self) -> Result<(), ServiceError> {
        self.is_stale = false;
        self.accounts.mark_unchanged();
        // Read first: every commit up to it is in the watcher whole.
        let target = *self.batches.feed().revision().borrow();
        let (changed, deleted) = match self.watcher.newer_than(self.seen) {
            ListChanges::Newer {
                batches, deleted, ..
            } => (batches, deleted),
            ListChanges::TooFarBehind => {
                self.phase = Phase::Begin { known: None };
                return Ok(());
            }
        };
        let mut outgoing = Outgoing {
            batches: VecDeque::new(),
            removals: Vec::new(),
            target: target.max(self.seen),
            status: None,
        };
        for batch in changed {
            self.sort_in(batch, &mut outgoing);
        }
        for id in deleted {
            // Without a filter nothing is remembered: the reader may have it.
            if takes_all(&self.list.filter) || self.listed.remove(id) {
                outgoing.removals.push((id, Reason::Deleted));
            }
        }
        self.add_waiting(&mut outgoing).await?;

        let balance = self.batches.balance(self.caller).await?;
        let status = self.service_status().await?;
        if self.status.as_ref() != Some(&status) {
            self.status = Some(status.clone());
            outgoing.status = Some(status);
        }
        let is_news = !outgoing.batches.is_empty()
            || !outgoing.removals.is_empty()
            || outgoing.status.is_some()
            || balance != self.balance;
        self.balance = balance;
        if is_news {
            self.phase = Phase::Sending(Box::new(outgoing));
        } else {
            self.seen = outgoing.target;
        }
        Ok(())
    }

    /// A changed batch is of the filter, or it has left it, or it never was.
    fn sort_in(&mut self, batch: Arc<Batch>, outgoing: &mut Outgoing) {
        let filter = &self.list.filter;
        if filter.admits(&batch) {
            if !takes_all(filter) {
                self.listed.insert(batch.id);
            }
            outgoing.batches.push_back(batch);
        } else if self.listed.remove(batch.id) {
            outgoing.removals.push((batch.id, Reason::LeftFilter));
        }
    }

    /// When an engine's items wait for something else now, its open batches are sent again.
    async fn add_waiting(&mut self, outgoing: &mut Outgoing) -> Result<(), ServiceError> {
        let now = waits(&self.engines.borrow_and_update());
        if now == self.waits {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.waits, now);
        let BatchList { filter, order, .. } = &self.list;
        let (batches, _) = self
            .batches
            .first_batches(self.owner, filter, *order, self.page_size)
            .await?;
        for batch in batches {
            let differs = before
                .iter()
                .zip(&now)
                .any(|(before, now)| before != now && now.0 == batch.engine);
            let is_in = outgoing.batches.iter().any(|other| other.id == batch.id);
            if differs && !is_in && batch.counts.pending > 0 {
                self.sort_in(Arc::new(batch), outgoing);
            }
        }
        Ok(())
    }

    async fn update(&mut self, mut outgoing: Box<Outgoing>) -> Result<Event, ServiceError> {
        let mut part = Part::new();
        while let Some(batch) = outgoing.batches.front() {
            let owner = self.names.of(batch.owner).await?;
            let engines = self.batches.engines();
            if part
                .push(self.now(&engines).listed_batch(batch, owner))
                .is_err()
            {
                break;
            }
            outgoing.batches.pop_front();
        }
        let removals = std::mem::take(&mut outgoing.removals)
            .into_iter()
            .map(|(id, reason)| Removal {
                batch_id: id.to_string(),
                reason: reason.into(),
            })
            .collect();
        let status = outgoing.status.take();
        if outgoing.batches.is_empty() {
            self.seen = outgoing.target;
            self.pace.sent_update();
        } else {
            self.pace.sent();
            self.phase = Phase::Sending(outgoing);
        }
        Ok(Event::Update(Update {
            batches: part.into_entries(),
            removals,
            counts: Some(counts(&self.batches.counts(self.owner).await?)),
            credit_balance: self.balance,
            status,
            revision: wide(self.seen),
        }))
    }

    async fn service_status(&mut self) -> Result<v1::ServiceStatus, ServiceError> {
        let overview = self.batches.overview().await?;
        Ok(service_status(&overview, self.batches.clock().now()))
    }

    fn now<'a>(&self, engines: &'a EngineStatuses) -> Now<'a> {
        Now {
            engines,
            time: self.batches.clock().now(),
        }
    }
}

fn takes_all(filter: &BatchFilter) -> bool {
    *filter == BatchFilter::default()
}

fn waits(engines: &EngineStatuses) -> Waits {
    EngineKind::ALL.map(|engine| (engine, engines.wait_for(engine)))
}
