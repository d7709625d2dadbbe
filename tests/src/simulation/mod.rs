//! Whole lives in virtual time, derived from one seed: users who act, an upstream full of faults, a dispatcher that
//! crashes at any moment. The books are held against each other after every commit and every step; then the weather
//! clears and everything must drain.
//!
//! Same seed, same run: a [`History`] tells two runs apart.

pub mod books;
pub mod dice;
mod life;
mod moments;
pub mod watcher;
mod weather;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{Instant, timeout};

use books::items_of;
use dice::Dice;
use life::Life;

/// After the weather has cleared everything ends within this, a task beyond its deadline and a wait for a token
/// included.
const DRAIN: Duration = Duration::from_secs(12 * 3600);

/// A submit without an answer is matched against lists for a day.
const FORGOTTEN: Duration = Duration::from_secs(25 * 3600);

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Of every call with its time and answer, every item and every ledger entry.
    pub digest: u64,
    /// Items that users were promised.
    pub items: usize,
    /// Tasks that the upstream made, foreign ones included.
    pub tasks: usize,
    /// Ends of the dispatcher.
    pub crashes: usize,
    /// Attempts that were released though a task could still appear.
    pub late: usize,
    /// Looks at the books.
    pub looks: u64,
}

/// Lives one life on this thread.
///
/// # Errors
/// What did not hold, in words.
pub fn run(seed: u64) -> Result<History, String> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let lived = catch_unwind(AssertUnwindSafe(|| runtime.block_on(live(seed))));
    lived.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        Err(format!("panicked: {}", words.unwrap_or_default()))
    })
}

async fn live(seed: u64) -> Result<History, String> {
    let mut dice = Dice::new(seed);
    let mut life = Life::begin(seed, &mut dice).await;
    for _ in 0..dice.below(60) + 20 {
        life.step(&mut dice).await;
        tokio::time::sleep(pause(&mut dice)).await;
        life.check().await?;
    }
    life.clear_up(&mut dice).await;
    drain(&life).await?;
    life.check().await?;
    if dice.chance(4) {
        forget(&life).await?;
    }
    for watcher in &life.watchers {
        watcher.converged(life.world.store.as_ref()).await?;
    }
    life.check().await?;
    life.books.lock().await.close(&life.batches).await?;
    Ok(history(&life).await)
}

/// Between two steps: mostly shorter than anything takes, sometimes longer than patience lasts.
fn pause(dice: &mut Dice) -> Duration {
    match dice.below(100) {
        0..=29 => dice.between(Duration::ZERO, Duration::from_millis(200)),
        30..=64 => dice.between(Duration::ZERO, Duration::from_secs(5)),
        65..=92 => dice.seconds(5, 70),
        93..=98 => dice.seconds(70, 900),
        _ if dice.chance(30) => dice.seconds(7000, 8000),
        _ => dice.seconds(10, 200),
    }
}

async fn drain(life: &Life) -> Result<(), String> {
    let begun = Instant::now();
    let mut commits = life.world.feed().revision();
    loop {
        commits.mark_unchanged();
        let Some(open) = still_open(life).await else {
            return Ok(());
        };
        life.found()?;
        if begun.elapsed() > DRAIN {
            return Err(format!("does not drain: {open}"));
        }
        // Also without a commit: tasks end upstream by themselves.
        let _ = timeout(Duration::from_secs(60), commits.changed()).await;
    }
}

async fn still_open(life: &Life) -> Option<String> {
    let store = life.world.store.as_ref();
    for batch in &life.batches {
        let items = items_of(store, *batch).await;
        if let Some(item) = items.iter().find(|item| !item.is_terminal()) {
            return Some(format!("{item:#?}"));
        }
    }
    let tokens = store.upstream_tokens().await.expect("readable");
    let reachable = |account: &str| tokens.iter().any(|token| token.account.0 == account);
    let cleanups = store.cleanups().await.expect("readable");
    if let Some(cleanup) = cleanups.iter().find(|it| reachable(&it.account.0)) {
        return Some(format!("{cleanup:#?}"));
    }
    let tasks = life.world.upstream.tasks();
    let mut active = tasks.iter().filter(|task| task.status.is_active());
    active
        .find(|task| books::key_of(task).is_some() && reachable(&task.account))
        .map(|task| format!("{task:#?}"))
}

/// A day later nothing is remembered that is not needed.
async fn forget(life: &Life) -> Result<(), String> {
    tokio::time::sleep(FORGOTTEN).await;
    let store = life.world.store.as_ref();
    let tokens = store.upstream_tokens().await.expect("readable");
    let reachable = |account: &str| tokens.iter().any(|token| token.account.0 == account);
    let watches = store.watches().await.expect("readable");
    match watches.iter().find(|watch| reachable(&watch.account.0)) {
        Some(watch) => Err(format!("watched for ever: {watch:?}")),
        None if tokens.len() != 1 => Err(format!("kept for nothing: {tokens:?}")),
        None => Ok(()),
    }
}

async fn history(life: &Life) -> History {
    let store = Arc::clone(&life.world.store);
    let mut hasher = DefaultHasher::new();
    let mut items = 0;
    for call in life.world.upstream.calls() {
        (call.call, call.at, call.status, call.task).hash(&mut hasher);
    }
    for batch in &life.batches {
        for item in items_of(store.as_ref(), *batch).await {
            items += 1;
            format!("{item:?}").hash(&mut hasher);
        }
    }
    for user in &life.users {
        let page = store.entries(*user, None, 10_000).await.expect("readable");
        format!("{:?}", page.entries).hash(&mut hasher);
    }
    let books = life.books.lock().await;
    History {
        digest: hasher.finish(),
        items,
        tasks: life.world.upstream.tasks().len(),
        crashes: life.crashes,
        late: books.excused(),
        looks: books.looks,
    }
}
