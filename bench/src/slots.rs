//! How well the upstream's slots are used, and how often it is asked, in virtual time and under its real limits.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use vbatch_tests::upstream::config::{Limits, UpstreamConfig};
use vbatch_tests::upstream::faults::Call;
use vbatch_tests::world::World;

use crate::figure::{Figure, Target};

/// What was counted over a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// Items, all completed.
    pub items: u32,
    /// From the first submit to the last SUCCEED.
    pub took: Duration,
    /// The least it could have taken on that many slots.
    pub least: Duration,
    /// All calls to the upstream.
    pub calls: usize,
    /// Of them, questions about tasks.
    pub queries: usize,
    /// Durable transactions.
    pub commits: u64,
    /// Flushes of the database.
    pub syncs: u64,
    /// Operations in those transactions.
    pub operations: u64,
    /// Snapshots that were read.
    pub reads: u64,
}

impl Run {
    /// The part of the time in which a slot had nothing to do, in percent.
    pub fn idle_percent(&self) -> f64 {
        (1.0 - self.least.as_secs_f64() / self.took.as_secs_f64()) * 100.0
    }

    /// Calls an item above submit, result_url and fetch.
    pub fn calls_above(&self) -> f64 {
        self.calls as f64 / f64::from(self.items) - 3.0
    }
}

/// Virtual time's beginning: the same each time, so that a run is the same.
pub fn epoch() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// 3 slots, the pace and the daily limit of the upstream's sample configuration, 40 ms to it and back.
pub fn upstream(run: Duration) -> UpstreamConfig {
    UpstreamConfig {
        run,
        latency: Duration::from_millis(20),
        epoch: epoch(),
        limits: Limits::default(),
        ..UpstreamConfig::default()
    }
}

/// Lets one user's batch of `items` run to its end.
///
/// # Panics
/// When it does not end well.
pub fn run(items: u32, run: Duration) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(upstream(run)).await;
        let user = world.user("wang", 1_000).await;
        let database = world.database();
        let before = (
            database.commits(),
            database.syncs(),
            database.operations(),
            database.reads(),
        );
        let begun = Instant::now();
        let batch = world.batch(user, items).await;
        let ended = world.finished(batch).await;
        assert!(begun.elapsed() > run);
        assert!(ended.iter().all(|item| item.progress_permille == 1_000));
        let book = world.upstream.book();
        let tasks = world.upstream.tasks();
        let first = tasks.iter().map(|task| task.created).min().unwrap();
        // The upstream notes the end of a run when it is asked; the run itself ended before.
        let last = tasks.iter().map(|task| task.updated).max().unwrap();
        let rounds = items.div_ceil(world.upstream.config().limits.active as u32);
        Run {
            items,
            took: last - first,
            least: run * rounds,
            calls: book.calls.len(),
            queries: book.count(Call::Query) + book.count(Call::BulkQuery),
            commits: database.commits() - before.0,
            syncs: database.syncs() - before.1,
            operations: database.operations() - before.2,
            reads: database.reads() - before.3,
        }
    })
}

/// See the module's page.
pub fn figures() -> Vec<Figure> {
    let run = run(100, Duration::from_secs(20));
    vec![
        Figure::count(
            "100 items of 20 s on 3 slots: slots idle",
            run.idle_percent(),
            "%",
            Target::AtMost(3.0),
        )
        .with(format!(
            "{:.1} s in virtual time, the least is {:.1} s",
            run.took.as_secs_f64(),
            run.least.as_secs_f64()
        )),
        Figure::count(
            "the same: upstream calls an item above submit + result_url + fetch",
            run.calls_above(),
            "",
            Target::AtMost(2.0),
        )
        .with(format!(
            "{} calls, {} of them questions",
            run.calls, run.queries
        )),
    ]
}
