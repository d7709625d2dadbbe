//! Whether an item costs the same among a hundred thousand of a thousand users as among a thousand, in virtual time, and
//! whether turns stay fair.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vbatch_server::domain::dispatching::DispatchSettings;
use vbatch_server::domain::ids::{BatchId, ItemId, UserId};
use vbatch_tests::upstream::config::{Limits, UpstreamConfig};
use vbatch_tests::world::World;

use crate::figure::{Figure, Target};
use crate::process;
use crate::slots::epoch;

/// Tasks at a time.
const SLOTS: u32 = 20;

/// What was counted over a run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Reads and writes of the store.
    pub operations: u64,
    /// Largest difference ever between the claims of two users who both had more waiting.
    pub unfairness: u32,
    /// Processor time.
    pub time: Duration,
}

/// Counts claims, and how unevenly they fall.
struct Turns {
    owners: HashMap<BatchId, UserId>,
    /// Claims and items left, by user.
    users: HashMap<UserId, (u32, u32)>,
    claimed: HashMap<ItemId, ()>,
    most: u32,
    /// Users with items left, by how many claims they have had.
    levels: std::collections::BTreeMap<u32, u32>,
}

impl Turns {
    fn claimed(&mut self, batch: BatchId, item: ItemId) {
        if self.claimed.insert(item, ()).is_some() {
            return;
        }
        let owner = self.owners[&batch];
        let (claims, left) = self.users.get_mut(&owner).unwrap();
        let level = self.levels.get_mut(claims).unwrap();
        *level -= 1;
        if *level == 0 {
            self.levels.remove(claims);
        }
        (*claims, *left) = (*claims + 1, *left - 1);
        if *left > 0 {
            *self.levels.entry(*claims).or_default() += 1;
        }
        if let (Some((least, _)), Some((most, _))) =
            (self.levels.first_key_value(), self.levels.last_key_value())
        {
            self.most = self.most.max(most - least);
        }
    }
}

/// Lets a batch of `items` of each of so many users run to its end.
///
/// # Panics
/// When one does not end well.
pub fn run(users: u32, items: u32) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::asleep(UpstreamConfig {
            run: Duration::from_secs(20),
            queue: Duration::ZERO,
            workers: SLOTS as usize,
            limits: Limits::none(),
            epoch: epoch(),
            ..UpstreamConfig::default()
        })
        .await;
        let settings = world.store.dispatch_settings().await.unwrap();
        let settings = DispatchSettings {
            concurrency: SLOTS,
            ..settings
        };
        world.store.set_dispatch_settings(settings).await.unwrap();
        let mut turns = Turns {
            owners: HashMap::new(),
            users: HashMap::new(),
            claimed: HashMap::new(),
            most: 0,
            levels: [(0, users)].into(),
        };
        let mut batches = Vec::new();
        for number in 0..users {
            let user = world.user(&format!("user{number}"), 1_000).await;
            let batch = world.batch(user, items).await;
            turns.owners.insert(batch, user);
            turns.users.insert(user, (0, items));
            batches.push(batch);
        }
        let turns = Arc::new(Mutex::new(turns));
        let told = Arc::clone(&turns);
        world.feed().observe(move |commit| {
            let mut turns = told.lock().unwrap_or_else(PoisonError::into_inner);
            for item in commit.items.iter().filter(|item| item.last_attempt > 0) {
                turns.claimed(item.batch, item.id);
            }
        });
        let counted = |world: &World| world.database().operations() + world.database().reads();
        let before = counted(&world);
        let begun = process::thread_time();
        world.set_token(&world.upstream.token()).await;
        world.start();
        let mut commits = world.feed().revision();
        while world.store.totals().await.unwrap().items_by_state.completed
            < u64::from(users * items)
        {
            // Looked at rarely, so that looking is no part of what is counted.
            for _ in 0..users * 5 {
                commits.mark_unchanged();
                let more = commits.changed();
                if tokio::time::timeout(Duration::from_secs(120), more)
                    .await
                    .is_err()
                {
                    break;
                }
            }
        }
        let turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
        Run {
            operations: counted(&world) - before,
            unfairness: turns.most,
            time: process::thread_time() - begun,
        }
    })
}

/// See the module's page.
pub fn figures() -> Vec<Figure> {
    let many = run(1_000, 100);
    let few = run(10, 100);
    let an_item = |run: Run, items: f64| run.operations as f64 / items;
    vec![
        Figure::ratio(
            "store operations an item, 100,000 items of 1,000 users",
            "1,000 items of 10 users",
            an_item(many, 1e5) / an_item(few, 1e3),
            Target::AtMost(1.1),
        )
        .with(format!(
            "{:.1}, {:.1}; CPU {:.2} ms, {:.2} ms",
            an_item(many, 1e5),
            an_item(few, 1e3),
            many.time.as_secs_f64() * 1e3 / 1e5,
            few.time.as_secs_f64() * 1e3 / 1e3
        )),
        Figure::count(
            "the same: largest difference between backlogged users' claims",
            f64::from(many.unfairness.max(few.unfairness)),
            "",
            Target::AtMost(1.0),
        ),
    ]
}
