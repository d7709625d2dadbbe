//! Whole lives in virtual time, derived from one seed: users who act through the service, an upstream full of faults, a
//! disk that loses what was not flushed and fails on purpose, processes that crash at any await. What is committed is
//! held against the upstream's book at every commit, and against what users and watchers were told after every crash;
//! then the weather clears and everything must drain.
//!
//! Same seed, same run: a [`History`] tells two runs apart.

mod acts;
pub mod audit;
pub mod books;
pub mod dice;
pub mod disk;
mod life;
pub mod media;
mod moments;
pub mod node;
pub mod turns;
pub mod watcher;
mod weather;
pub mod wishes;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{Instant, timeout};

use books::Stored;
use dice::Dice;
use life::Life;
use wishes::lock;

/// After the weather has cleared everything ends within this, a task beyond its deadline and a wait for a token
/// included.
const DRAIN: Duration = Duration::from_secs(12 * 3600);

/// A submit without an answer is matched against lists for a day.
const FORGOTTEN: Duration = Duration::from_secs(25 * 3600);

/// Users ask so often, a minute apart, before they are told what became of a wish; the weather is fine.
const ASKED: u32 = 8;

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Of every call with its time and answer, every item and every ledger entry.
    pub digest: u64,
    /// Items that users were promised.
    pub items: usize,
    /// Tasks that the upstream made, foreign ones included.
    pub tasks: usize,
    /// Ends of a process that were not graceful.
    pub crashes: usize,
    /// Those in which the disk lost what was not flushed.
    pub power_losses: usize,
    /// Calls on the disk.
    pub disk_calls: u64,
    /// Those that failed on purpose.
    pub failures: u64,
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
    let mut life = Life::begin(seed, &mut dice).await?;
    // Many short lives find more than few long ones.
    let longest = dice.pick(&[12, 12, 20, 20, 40, 80]);
    for _ in 0..dice.below(longest) + 4 {
        life.step(&mut dice).await?;
        tokio::time::sleep(pause(&mut dice)).await;
        life.check().await?;
    }
    life.clear_up(&mut dice).await?;
    settle(&mut life, &mut dice).await?;
    drain(&mut life, &mut dice).await?;
    if dice.chance(2) {
        forget(&life).await?;
    }
    tokio::time::sleep(watcher::SLOWEST * 2).await;
    life.check_all().await?;
    {
        let books = lock(&life.books);
        for watcher in &life.watchers {
            watcher.converged(&books)?;
        }
        books.close()?;
    }
    history(&mut life, &mut dice).await
}

/// Between two steps: mostly shorter than anything takes, sometimes longer than patience lasts.
fn pause(dice: &mut Dice) -> Duration {
    match dice.below(100) {
        0..=34 => dice.between(Duration::ZERO, Duration::from_millis(200)),
        35..=69 => dice.between(Duration::ZERO, Duration::from_secs(5)),
        70..=94 => dice.seconds(5, 70),
        95..=98 => dice.seconds(70, 900),
        _ if dice.chance(20) => dice.seconds(7000, 8000),
        _ => dice.seconds(10, 200),
    }
}

/// Every user is told what became of every wish.
async fn settle(life: &mut Life, dice: &mut Dice) -> Result<(), String> {
    // Calls whose users went away have ended by then, whatever they came to.
    tokio::time::sleep(Duration::from_secs(60)).await;
    lock(&life.wishes).all_calls_are_lost();
    for _ in 0..ASKED {
        let open = lock(&life.wishes).open();
        if open.is_empty() {
            return Ok(());
        }
        for place in open {
            life.ask(place, dice);
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        life.bury(dice).await?;
    }
    match lock(&life.wishes).first_open() {
        Some(wish) => Err(format!("nobody says what became of {wish:?}")),
        None => Ok(()),
    }
}

async fn drain(life: &mut Life, dice: &mut Dice) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        life.bury(dice).await?;
        let node = life.node.as_ref().ok_or("no process")?;
        let mut commits = node.feed.revision();
        let Some(open) = still_open(life).await? else {
            return Ok(());
        };
        life.check().await?;
        if begun.elapsed() > DRAIN {
            return Err(format!("does not drain: {open}"));
        }
        // Also without a commit: tasks end upstream by themselves.
        let _ = timeout(Duration::from_secs(60), commits.changed()).await;
    }
}

/// Waits until nothing of ours is open that could still be reached.
async fn still_open(life: &Life) -> Result<Option<String>, String> {
    let unfinished = {
        let books = lock(&life.books);
        let open = books.items.values().find(|item| !item.is_terminal());
        open.map(|item| format!("{item:#?}"))
    };
    if unfinished.is_some() {
        return Ok(unfinished);
    }
    let store = &life.node.as_ref().ok_or("no process")?.store;
    let failed = |error: vbatch_server::store::StoreError| error.to_string();
    let tokens = store.upstream_tokens().await.map_err(failed)?;
    let reachable = |account: &str| tokens.iter().any(|token| token.account.0 == account);
    let cleanups = store.cleanups().await.map_err(failed)?;
    if let Some(cleanup) = cleanups.iter().find(|it| reachable(&it.account.0)) {
        return Ok(Some(format!("{cleanup:#?}")));
    }
    Ok(life.upstream.with_tasks(|tasks| {
        let mut active = tasks.iter().filter(|task| task.status.is_active());
        active
            .find(|task| books::key_of(task).is_some() && reachable(&task.account))
            .map(|task| format!("{task:#?}"))
    }))
}

/// A day later nothing is remembered that is not needed.
async fn forget(life: &Life) -> Result<(), String> {
    tokio::time::sleep(FORGOTTEN).await;
    let store = &life.node.as_ref().ok_or("no process")?.store;
    let failed = |error: vbatch_server::store::StoreError| error.to_string();
    let tokens = store.upstream_tokens().await.map_err(failed)?;
    let reachable = |account: &str| tokens.iter().any(|token| token.account.0 == account);
    let watches = store.watches().await.map_err(failed)?;
    match watches.iter().find(|watch| reachable(&watch.account.0)) {
        Some(watch) => Err(format!("watched for ever: {watch:?}")),
        None if tokens.len() != 1 => Err(format!("kept for nothing: {tokens:?}")),
        None => Ok(()),
    }
}

async fn history(life: &mut Life, dice: &mut Dice) -> Result<History, String> {
    let mut hasher = DefaultHasher::new();
    for call in life.upstream.calls() {
        (call.call, call.at, call.status, call.task).hash(&mut hasher);
    }
    let node = life.node.as_ref().ok_or("no process")?;
    let stored = Stored::read(node.store.as_ref()).await;
    let stored = stored.map_err(|error| error.to_string())?;
    format!("{:?}", stored.entries).hash(&mut hasher);
    life.stop(dice).await?;
    let books = lock(&life.books);
    for item in books.items.values() {
        format!("{item:?}").hash(&mut hasher);
    }
    Ok(History {
        digest: hasher.finish(),
        items: books.items.len(),
        tasks: life.upstream.with_tasks(<[_]>::len),
        crashes: life.crashes,
        power_losses: life.power_losses,
        disk_calls: life.disk.calls(),
        failures: life.failures,
        late: books.excused(),
        looks: books.looks,
    })
}
