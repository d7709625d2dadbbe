//! What rounds found and counted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What one round found and counted, shared by all that runs in it.
#[derive(Default)]
pub struct Report(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    findings: Vec<String>,
    counts: Counts,
}

/// Numbers by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Report {
    /// Something that must hold does not.
    pub fn finding(&self, words: impl Into<String>) {
        self.inner().findings.push(words.into());
    }

    /// Notes a finding where there is one.
    pub fn check(&self, what: &str, outcome: Result<(), String>) {
        if let Err(words) = outcome {
            self.finding(format!("{what}: {words}"));
        }
    }

    /// Counts something.
    pub fn count(&self, name: &str) {
        self.add(name, 1);
    }

    /// Counts several at once.
    pub fn add(&self, name: &str, several: usize) {
        let mut inner = self.inner();
        *inner.counts.0.entry(name.to_owned()).or_default() += several as u64;
    }

    /// Everything so far.
    pub fn taken(&self) -> (Vec<String>, Counts) {
        let mut inner = self.inner();
        (
            std::mem::take(&mut inner.findings),
            std::mem::take(&mut inner.counts),
        )
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Adds those of another round.
    pub fn merge(&mut self, other: Self) {
        for (name, count) in other.0 {
            *self.0.entry(name).or_default() += count;
        }
    }

    /// One of them; 0 when it was never counted.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.0 {
            writeln!(f, "{count:>8}  {name}")?;
        }
        Ok(())
    }
}
