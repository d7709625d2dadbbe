//! Which item runs when: claims items as slots come free, follows their tasks, fetches their videos.
//!
//! One lane an engine (`lane`). A lane is one task that owns all its state and decides; what takes time (a submit, a
//! poll, a fetch) runs beside it and comes back as a `Done`. All that must survive is in the store: a lane that
//! starts reads what is open there and goes on.
//!
//! The dispatcher follows intentions that others commit (cancel, pause, concurrency, token); nobody calls it.
//! It wakes on commits that concern it, and on timers as a fallback.
//!
//! Not here: RPC, users' rights, what a transition does to an item (`domain::transition`).

mod attempt;
mod cleanup;
mod fetch;
pub mod files;
mod gate;
mod lane;
mod log;
mod poll;
mod recover;
mod restored;
mod schedule;
mod status;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::batch::EngineKind;
use crate::domain::ids::InstanceId;
use crate::engine::Engine;
use crate::feed::Feed;
use crate::store::{Store, StoreError};
use files::Files;
use lane::Lane;
use status::Board;

/// What a dispatcher needs.
pub struct Parts {
    /// What remembers.
    pub store: Arc<dyn Store>,
    /// Wakes it, and carries its status.
    pub feed: Feed,
    /// Time and randomness.
    pub clock: Clock,
    /// This start of the server.
    pub instance: InstanceId,
    /// Sources and videos.
    pub files: Arc<dyn Files>,
    /// The engines of this server.
    pub engines: Vec<EngineSetup>,
    /// How long an item's task may take.
    pub item_deadline: Duration,
}

/// An engine and how it is used.
#[derive(Clone)]
pub struct EngineSetup {
    /// Which.
    pub kind: EngineKind,
    /// The engine itself.
    pub engine: Arc<dyn Engine>,
    /// Fixed slots; absent: the dispatcher's persistent concurrency.
    pub slots: Option<u32>,
    /// Its tasks live and die with this process, and it needs no token.
    pub in_process: bool,
}

/// How long a lane waits for room on a full disk before it looks again.
const ROOM_PAUSE: Duration = Duration::from_secs(5);

/// Runs every lane until `shutdown`; then no work begins, and submits that are under way get their answers recorded,
/// for at most 10 s. Ends early only with the error of a store that has failed; a store without room is waited for.
pub async fn run(parts: Parts, shutdown: CancellationToken) -> Result<(), StoreError> {
    let board = Board::new(parts.feed.clone());
    let mut lanes = JoinSet::new();
    let parts = Arc::new(parts);
    for setup in parts.engines.clone() {
        lanes.spawn(live(
            setup,
            Arc::clone(&parts),
            board.clone(),
            shutdown.clone(),
        ));
    }
    let mut outcome = Ok(());
    while let Some(ended) = lanes.join_next().await {
        let result = ended.unwrap_or_else(|panic| Err(StoreError::Failed(panic.to_string())));
        if result.is_err() {
            shutdown.cancel();
            outcome = outcome.and(result);
        }
    }
    outcome
}

/// Runs a lane. When the store has no room, what the lane knows may be ahead of what is committed: it is given up, as in
/// a crash, and another one takes over from what is stored as soon as the store takes writes again.
async fn live(
    setup: EngineSetup,
    parts: Arc<Parts>,
    board: Board,
    shutdown: CancellationToken,
) -> Result<(), StoreError> {
    loop {
        let lane = Lane::new(setup.clone(), &parts, board.clone());
        match lane.run(shutdown.clone()).await {
            Err(error @ (StoreError::Full(_) | StoreError::Undecided(_)))
                if !shutdown.is_cancelled() =>
            {
                tracing::error!(engine = setup.kind.name(), %error, "the dispatcher waits for room");
                board.put_full(setup.kind);
            }
            ended => return ended,
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(ROOM_PAUSE) => {}
        }
    }
}
