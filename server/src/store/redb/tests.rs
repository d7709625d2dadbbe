//! The conformance suite on both ways of writing, and what only this driver does: files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use jiff::Timestamp;

use super::RedbStore;
use crate::clock::Clock;
use crate::store::conformance::conformance_suite;
use crate::store::conformance::world::World;

fn clock() -> Clock {
    Clock::simulated(Timestamp::from_second(1_790_000_000).unwrap(), 1)
}

fn inline() -> World {
    let clock = clock();
    let store = RedbStore::in_memory(clock.clone()).unwrap();
    let feed = store.feed().clone();
    World::new(Arc::new(store), feed, clock)
}

/// On a real file, which goes when the test ends.
fn thread() -> World {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("state.redb"), clock.clone()).unwrap();
    let feed = store.feed().clone();
    World::new(Arc::new(store), feed, clock)
}

conformance_suite!(inline_suite, super::inline());
conformance_suite!(thread_suite, super::thread());
