//! How long a start takes after a crash with a million records, and what quick repair costs each commit. Run by hand:
//!
//! `cargo test -p vision-batch-server --lib repair_time -- --ignored --nocapture`
//!
//! The process that loads is this test itself, started again, so that it can be killed for real. What was measured stands
//! at `database::QUICK_REPAIR`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it is run by hand and tells"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::RedbStore;
use crate::clock::Clock;
use crate::domain::user::MAX_CREDITS;
use crate::store::Store;
use crate::store::conformance::world::World;

/// Items of each batch; each leaves an item and a ledger entry, and a batch one more.
const ITEMS: u32 = 1_000;

const LOADER: &str = "VBATCH_TEST_REPAIR_LOADER";

fn clock() -> Clock {
    Clock::simulated(Timestamp::from_second(1_790_000_000).unwrap(), 1)
}

/// Loads until it is killed, and says after each batch how many records there are.
async fn load(path: &Path, quick_repair: bool) {
    let clock = clock();
    let store = Arc::new(RedbStore::open(path, clock.clone()).unwrap());
    store.shared.set_quick_repair(quick_repair);
    let world = World::new(store.clone(), store.feed().clone(), clock);
    let user = world.user("wang", MAX_CREDITS).await;
    let mut records = 2;
    loop {
        world.batch(&user, ITEMS, 1).await;
        records += 2 * ITEMS + 1;
        println!("\nrecords {records}");
        std::io::stdout().flush().unwrap();
    }
}

fn loaded_and_killed(path: &Path, quick_repair: bool, records: u32) {
    let begun = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::redb::repair_time_tests::a_start_after_a_crash",
            "--ignored",
        ])
        .arg("--nocapture")
        .env(LOADER, format!("{quick_repair} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let enough = lines.map_while(Result::ok).find(|line| {
        let count = line
            .strip_prefix("records ")
            .and_then(|count| count.parse().ok());
        count.is_some_and(|count: u32| count >= records)
    });
    assert!(enough.is_some(), "the loader has ended");
    child.kill().unwrap();
    child.wait().unwrap();
    let megabytes = std::fs::metadata(path).unwrap().len() >> 20;
    println!(
        "loaded {records} records in {:?}, {megabytes} MiB",
        begun.elapsed()
    );
}

/// Time that this thread was on a processor, in so far as the system says: what others do at the same moment is not in
/// it.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// Does something and says how long it took.
async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let (begun, spent) = (Instant::now(), on_processor());
    let outcome = work.await;
    let (passed, spent) = (begun.elapsed(), on_processor() - spent);
    println!("{what}: {passed:?}, of it {spent:?} on a processor");
    outcome
}

/// Small commits, one after the other.
async fn commits(store: &RedbStore, quick_repair: bool, count: u32) -> Duration {
    store.shared.set_quick_repair(quick_repair);
    let begun = Instant::now();
    for turn in 0..count {
        let value = turn.to_be_bytes().to_vec();
        store.set_setting("measured", value).await.unwrap();
    }
    begun.elapsed() / count
}

#[tokio::test]
#[ignore = "takes minutes: a measurement, run by hand"]
async fn a_start_after_a_crash() {
    if let Ok(order) = std::env::var(LOADER) {
        let (quick_repair, path) = order.split_once(' ').unwrap();
        load(Path::new(path), quick_repair == "true").await;
        return;
    }
    let records =
        std::env::var("VBATCH_TEST_RECORDS").map_or(1_000_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    for quick_repair in [false, true] {
        println!("\nquick repair {quick_repair}");
        let path = folder.path().join(format!("{quick_repair}.redb"));
        loaded_and_killed(&path, quick_repair, records);
        // As the server opens it: tried first over a storage that keeps what is written in memory.
        timed(
            "opening it untouched after SIGKILL, every page checked",
            async {
                drop(RedbStore::open_untouched(&path, clock()).unwrap());
            },
        )
        .await;
        let open = async || RedbStore::open(&path, clock()).unwrap();
        let store = timed("start after SIGKILL", open()).await;
        for quick in [false, true] {
            let each = commits(&store, quick, 200).await;
            println!("a small commit, quick repair {quick}: {each:?}");
        }
        let nowhere = crate::media::Media::untouched(folder.path());
        let report = timed(
            "a look at everything",
            crate::verify::look(&store, &nowhere),
        )
        .await;
        println!("{}", report.unwrap().counts());
        store.shared.set_quick_repair(false);
        store.set_setting("measured", vec![1]).await.unwrap();
        drop(store);
        let store = timed("start after a clean end", open()).await;
        drop(store);
        std::fs::remove_file(&path).unwrap();
    }
}
