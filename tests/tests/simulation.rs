//! Many lives, each from its seed: see `vbatch_tests::simulation`.
//!
//! `VBATCH_SEEDS=N` lives N of them, `VBATCH_SEED=S` the one of that seed, `VBATCH_FIRST_SEED=S` begins there.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "the counts are what a long run is for")]

use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use vbatch_server::domain::media::BlobKind;
use vbatch_server::media::{Media, MediaError};
use vbatch_tests::simulation::disk::Disk;
use vbatch_tests::simulation::media::picture;
use vbatch_tests::simulation::node::ROOT;
use vbatch_tests::simulation::{History, run};

/// Few enough that every run of the tests can afford them: about a minute on two cores.
const SEEDS: u64 = 1_000;

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn nothing_is_lost_and_nothing_paid_twice_in_many_lives() {
    let only = from_environment("VBATCH_SEED");
    let first = only
        .or(from_environment("VBATCH_FIRST_SEED"))
        .unwrap_or_default();
    let count = if only.is_some() {
        1
    } else {
        from_environment("VBATCH_SEEDS").unwrap_or(SEEDS)
    };
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let sum = Mutex::new(History::default());
    let threads = std::thread::available_parallelism().map_or(2, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    match run(seed) {
                        Ok(life) => {
                            let mut sum = sum.lock().unwrap();
                            sum.items += life.items;
                            sum.tasks += life.tasks;
                            sum.crashes += life.crashes;
                            sum.power_losses += life.power_losses;
                            sum.disk_calls += life.disk_calls;
                            sum.failures += life.failures;
                            sum.late += life.late;
                            sum.looks += life.looks;
                        }
                        Err(wrong) => failures.lock().unwrap().push((seed, wrong)),
                    }
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap();
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let told: Vec<String> = failures
        .iter()
        .take(12)
        .map(|(seed, wrong)| format!("VBATCH_SEED={seed}: {}", short(wrong, only.is_some())))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {count} lives went wrong ({sum:?}):\n{}",
        failures.len(),
        told.join("\n")
    );
    println!("{count} lives from seed {first}: {sum:?}");
    // A simulation in which nothing happens proves nothing.
    if only.is_none() {
        assert!(
            sum.items as u64 > count && sum.tasks as u64 > count,
            "{sum:?}"
        );
        assert!(sum.crashes > 0 && sum.late > 0, "{sum:?}");
    }
}

#[test]
fn the_same_seed_lives_the_same_life() {
    for seed in [1, 7, 42, 1_000_003] {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first, second, "VBATCH_SEED={seed}");
    }
    assert_ne!(run(1).unwrap().digest, run(2).unwrap().digest);
}

/// A process is killed anywhere while it stores a file; the next one is given the same file, stores it, says so, and the
/// power fails. Found by the simulation: the second took folders and names of the first for durable that were not.
#[test]
fn a_stored_file_outlives_a_kill_and_then_a_loss_of_power() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    for seed in 0..200 {
        let disk = Disk::new(seed);
        disk.die_at_call(seed % 25 + 1);
        let lived = runtime.block_on(async {
            for _ in 0..3 {
                let stored = store_one_file(&disk).await;
                disk.cut();
                if stored.is_ok() {
                    disk.lose_power();
                    return true;
                }
            }
            false
        });
        assert!(lived, "seed {seed}");
        let files = disk.files();
        let content = picture(1);
        assert!(
            files.values().any(|it| *it == content),
            "seed {seed}: {files:?}"
        );
    }
}

async fn store_one_file(disk: &Disk) -> Result<(), MediaError> {
    let media = Media::over(Arc::new(disk.take()), Path::new(ROOT))?;
    let mut incoming = media.receive(BlobKind::Image, 1 << 20).await?;
    incoming.write(&picture(1)).await?;
    let staged = incoming.finish().await?;
    media.adopt(vec![staged]).await.map(drop)
}

fn short(text: &str, whole: bool) -> &str {
    let end = if whole { text.len() } else { 700 };
    let end = text.len().min(end);
    text.get(..end).unwrap_or(text)
}
