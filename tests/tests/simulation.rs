//! Many lives, each from its seed: see `vbatch_tests::simulation`.
//!
//! `VBATCH_SEEDS=N` lives N of them, `VBATCH_SEED=S` the one of that seed, `VBATCH_FIRST_SEED=S` begins there.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "the counts are what a long run is for")]

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use vbatch_tests::simulation::{History, run};

/// Few enough that every run of the tests can afford them: about half a minute on two slow cores.
const SEEDS: u64 = 40;

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

fn short(text: &str, whole: bool) -> &str {
    let end = if whole { text.len() } else { 700 };
    let end = text.len().min(end);
    text.get(..end).unwrap_or(text)
}
