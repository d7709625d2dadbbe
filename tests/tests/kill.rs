//! `vbatchd` killed at any moment: nothing lost, nothing paid twice, nothing half there.
//!
//! ```text
//! cargo test -p vision-batch-tests --test kill                                   20 rounds
//! VBATCH_ROUNDS=500 VBATCH_SEED=7 cargo test -p vision-batch-tests --test kill -- --nocapture
//! ```
//!
//! `VBATCH_SEED` is the first round's seed, the next rounds count on from it; `VBATCH_ROUNDS=1` tries one again. A seed
//! decides what is tried; how the processes race is chance. `VBATCH_PARALLEL` rounds go at once.

#![allow(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use vbatch_tests::kill::ground::Ground;
use vbatch_tests::kill::report::Counts;
use vbatch_tests::kill::round::{Outcome, play};

const ROUNDS: u64 = 20;

/// Rounds wait more than they work.
const PARALLEL: usize = 8;

fn told(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::print_stderr,
    reason = "what a failing seed was, and what was counted"
)]
async fn nothing_is_lost_and_nothing_paid_twice_when_it_is_killed_at_any_moment() {
    let rounds = told("VBATCH_ROUNDS").unwrap_or(ROUNDS);
    let first = told("VBATCH_SEED").unwrap_or_else(|| rand::random::<u64>() >> 32);
    let parallel = told("VBATCH_PARALLEL").map_or(PARALLEL, |number| number as usize);
    eprintln!("VBATCH_ROUNDS={rounds} VBATCH_SEED={first}");

    let ground = Arc::new(Ground::lay().await);
    let turns = Arc::new(Semaphore::new(parallel));
    let mut playing = JoinSet::new();
    for seed in first..first + rounds {
        let (ground, turns) = (Arc::clone(&ground), Arc::clone(&turns));
        playing.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            play(ground, seed).await
        });
    }
    let mut counts = Counts::default();
    let mut failed = Vec::new();
    while let Some(outcome) = playing.join_next().await {
        let outcome: Outcome = outcome.unwrap();
        counts.merge(outcome.counts);
        if counts.of("rounds") % 50 == 0 {
            eprintln!("{} rounds, failed: {failed:?}", counts.of("rounds"));
        }
        if !outcome.findings.is_empty() {
            failed.push(outcome.seed);
            eprintln!(
                "{}\nVBATCH_ROUNDS=1 VBATCH_SEED={}:\n  {}\n",
                outcome.last_words,
                outcome.seed,
                outcome.findings.join("\n  ")
            );
        }
    }
    eprintln!("{counts}");
    assert!(
        failed.is_empty(),
        "of {rounds} rounds from VBATCH_SEED={first} these failed: {failed:?}"
    );
    // Rounds in which nothing happened would prove nothing.
    for name in ["kills", "batches", "items completed", "tasks upstream"] {
        assert!(counts.of(name) >= rounds, "{name}: {counts}");
    }
}
