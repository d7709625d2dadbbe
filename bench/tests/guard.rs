//! What fixed work costs, counted and held against recorded bounds: flushes, transactions, reads, calls to the upstream,
//! bytes sent, allocations. None of it depends on how fast the machine is.
//!
//! A bound is what was counted when it was recorded, with a little room where an innocent change may cost a little; whoever
//! makes a thing cheaper lowers its bound. Counts that a rule fixes (no work while nothing happens) have no room.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use prost::Message as _;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use vbatch_bench::commits::{WRITERS, advance, claimed};
use vbatch_bench::{fill, idle, screen, slots, turns};
use vbatch_server::clock::Clock;
use vbatch_server::domain::user::Role;
use vbatch_server::store::redb::{RedbStore, Writing};
use vbatch_tests::face::{Face, as_sent_in};
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::world::World;
use vbatch_tui::view;
use vision_batch::v1;
use vision_batch::v1::auth_service_server::AuthService as _;
use vision_batch::v1::batch_service_server::BatchService as _;

/// Fails when more was counted than was recorded; tells when so much less was that the bound should be lowered.
#[track_caller]
fn at_most(what: &str, counted: f64, bound: f64) {
    assert!(
        counted <= bound,
        "{what}: {counted}, recorded was at most {bound}"
    );
    assert!(
        counted >= bound * 0.7 || bound < 3.0,
        "{what}: {counted}; better than the recorded {bound}: lower the bound, so that it stays"
    );
}

fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// A disk in memory on which a flush can be made to take until it is let go.
#[derive(Debug)]
struct SlowDisk {
    memory: InMemoryBackend,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    held: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    fn hold(&self, held: bool) {
        self.held.lock().unwrap().0 = held;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut state = self.held.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| state.0).unwrap());
    }

    fn until_flushing(&self, before: usize) {
        let state = self.held.lock().unwrap();
        drop(
            self.changed
                .wait_while(state, |state| state.1 == before)
                .unwrap(),
        );
    }

    fn flushes(&self) -> usize {
        self.held.lock().unwrap().1
    }
}

impl StorageBackend for SlowDisk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass();
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory.write(offset, data)
    }
}

#[test]
fn whoever_comes_during_a_flush_shares_the_next_commit() {
    let gate = Arc::new(Gate::default());
    let clock = Clock::system();
    let disk = Arc::clone(&gate);
    let backends = move || {
        let memory = InMemoryBackend::new();
        let gate = Arc::clone(&disk);
        Ok(Box::new(SlowDisk { memory, gate }) as Box<dyn StorageBackend>)
    };
    let store = RedbStore::with_backend(backends, clock.clone(), Writing::Thread).unwrap();
    let store = Arc::new(store);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let items = runtime.block_on(claimed(&store, &clock, WRITERS + 1));
    let before = (store.commits(), store.operations(), store.syncs());

    gate.hold(true);
    let flushes = gate.flushes();
    runtime.block_on(async {
        let write = |item| {
            let (store, clock) = (Arc::clone(&store), clock.clone());
            tokio::spawn(async move { advance(store.as_ref(), &clock, item, 0.3).await })
        };
        let mut writers = vec![write(items[0])];
        // The first is handed in, and its flush begins.
        tokio::task::yield_now().await;
        gate.until_flushing(flushes);
        writers.extend(items[1..].iter().map(|item| write(*item)));
        // Each has handed its operation in once it waits for the answer.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        gate.hold(false);
        for writer in writers {
            writer.await.unwrap();
        }
    });
    let commits = store.commits() - before.0;
    assert_eq!(store.operations() - before.1, u64::from(WRITERS) + 1);
    assert_eq!(commits, 2, "one for the first, one for all the others");
    at_most(
        "fsyncs a commit",
        (store.syncs() - before.2) as f64 / commits as f64,
        1.0,
    );
}

#[test]
fn a_hundred_items_keep_the_slots_busy_and_cost_what_they_did() {
    let run = slots::run(100, Duration::from_secs(20));
    at_most("slots idle, percent", run.idle_percent(), 2.3);
    at_most("upstream calls an item above three", run.calls_above(), 1.8);
    at_most("upstream calls", run.calls as f64, 480.0);
    at_most("transactions", run.commits as f64, 485.0);
    at_most("fsyncs", run.syncs as f64, 485.0);
    at_most("operations", run.operations as f64, 485.0);
    at_most("reads", run.reads as f64, 4_950.0);
}

#[test]
fn many_users_cost_an_item_no_more_than_few_and_turns_stay_fair() {
    let (few, many) = (turns::run(6, 20), turns::run(60, 20));
    let an_item = |run: turns::Run, items: f64| run.operations as f64 / items;
    at_most(
        "store operations an item, of 60 users to 6",
        an_item(many, 1_200.0) / an_item(few, 120.0),
        1.1,
    );
    at_most("store operations an item", an_item(many, 1_200.0), 25.5);
    assert!(many.unfairness <= 1 && few.unfairness <= 1, "{many:?}");
}

#[test]
fn an_idle_server_does_nothing_but_heartbeats() {
    let silence = idle::server(30);
    assert_eq!(
        (silence.commits, silence.syncs, silence.messages),
        (0, 0, 0),
        "{silence:?}"
    );
    assert_eq!(silence.heartbeats, 30 * 40, "{silence:?}");
    at_most("reads in ten minutes", silence.reads as f64, 160.0);
}

#[test]
fn an_idle_screen_draws_nothing() {
    let (before, idle) = idle::client();
    assert!(before > 0, "it was drawn at all");
    assert_eq!(idle, 0);
}

#[test]
fn a_change_of_one_item_sends_few_bytes_to_the_terminal() {
    at_most("bytes", screen::bytes_of_a_change() as f64, 28.0);
}

/// Allocations of this thread.
fn allocations(work: impl FnOnce()) -> f64 {
    allocation_counter::measure(work).count_total as f64
}

#[test]
fn frames_allocate_no_more_than_they_did() {
    let frame = |state: &vbatch_tui::state::State| {
        let mut terminal = Terminal::new(TestBackend::new(screen::SIZE.0, screen::SIZE.1)).unwrap();
        let mut draw = || {
            terminal.draw(|frame| view::draw(state, frame)).unwrap();
        };
        draw();
        allocations(draw)
    };
    let (long, short) = (frame(&screen::list(2_000)), frame(&screen::list(100)));
    at_most("a frame of a list, allocations", long, 650.0);
    assert!(
        long <= short * 1.1,
        "{long} for 2,000 batches, {short} for 100"
    );
    at_most(
        "a frame of 1,000 items, allocations",
        frame(&screen::opened()),
        390.0,
    );
}

#[test]
fn calls_allocate_read_and_send_no_more_than_they_did() {
    on_one_thread(async {
        let clock = Clock::simulated(slots::epoch(), 7);
        let store = Arc::new(RedbStore::in_memory(clock.clone()).unwrap());
        let admin = fill::user(store.as_ref(), &clock, "wang", Role::Admin).await;
        fill::batches(&store, &clock, admin, 500).await;
        let store = Arc::into_inner(store).unwrap();
        let world = World::asleep_on(
            store,
            UpstreamConfig {
                epoch: slots::epoch(),
                ..UpstreamConfig::default()
            },
            clock,
        );
        let face = Face::over(&world).await;
        let session = face.session(admin).await;

        let profile = || async {
            let request = as_sent_in(&session, v1::GetProfileRequest {});
            face.auth.get_profile(request).await.unwrap().into_inner()
        };
        let page = || async {
            let request = as_sent_in(&session, v1::ListBatchesRequest::default());
            face.batches
                .list_batches(request)
                .await
                .unwrap()
                .into_inner()
        };
        let (_, _) = (profile().await, page().await);

        let reads = world.database().reads();
        at_most(
            "bytes of a page of 50 batches",
            page().await.encoded_len() as f64,
            15_000.0,
        );
        at_most(
            "reads of a page of 50 batches",
            (world.database().reads() - reads) as f64,
            2.0,
        );
        at_most(
            "allocations of a page of 50 batches",
            polled(page()),
            1_550.0,
        );
        at_most("allocations of a profile", polled(profile()), 11.0);
    });
}

/// Allocations of something that does not wait: its store answers in the same thread.
fn polled<T>(work: impl Future<Output = T>) -> f64 {
    let mut work = std::pin::pin!(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    allocations(|| {
        let ended = work.as_mut().poll(&mut context).is_ready();
        assert!(ended, "it waits for nothing");
    })
}
