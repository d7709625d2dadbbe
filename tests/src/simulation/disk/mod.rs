//! A disk in memory that outlives the processes on it, with the database and the stored files.
//!
//! What a process has written and not flushed is there for the next process; a loss of power keeps of it what chance
//! keeps: of the database any subset of the writes, of each any part; of the files any length beyond what was flushed, and
//! names that were not made durable, or their old ones. It may die at any call, and fail on purpose: with an error for
//! once, or full for a while.
//!
//! Invariant: a process whose life is over reaches nothing any more, whatever of it is still to be dropped.

mod database;
mod files;

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::dice::Dice;
use super::node::ROOT;
use database::Image;
use files::Tree;

/// The disk. Clones are the same one.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<State>>);

/// The disk as one process has it.
#[derive(Clone)]
pub struct Handle {
    disk: Disk,
    life: u64,
}

struct State {
    dice: Dice,
    /// Counts processes.
    life: u64,
    on: bool,
    /// A check is looking: nothing goes wrong meanwhile, and nothing counts.
    looking: bool,
    calls: u64,
    dies_at: Option<u64>,
    fails_at: Option<u64>,
    full: Option<(u64, u64)>,
    /// Failures that this life has met.
    failures: u64,
    opening: bool,
    /// The database was made whole once. It appears under its name only then: a start that ends before leaves none.
    made: bool,
    database: Image,
    files: Tree,
}

/// What a call does to the disk.
#[derive(Clone, Copy, PartialEq)]
enum Call {
    Read,
    Write,
    Sync,
}

/// How a call goes.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Done,
    /// The disk dies in the middle of it.
    Dies,
    Fails(ErrorKind),
}

impl Fate {
    fn outcome(self) -> Result<()> {
        match self {
            Self::Done => Ok(()),
            Self::Dies => Err(Error::other("the power is gone")),
            Self::Fails(kind) => Err(Error::from(kind)),
        }
    }
}

impl Disk {
    /// An empty one, whose decisions come from this seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            dice: Dice::new(seed),
            life: 0,
            on: false,
            looking: false,
            calls: 0,
            dies_at: None,
            fails_at: None,
            full: None,
            failures: 0,
            opening: false,
            made: false,
            database: Image::default(),
            files: Tree::with(ROOT),
        })))
    }

    /// A new process takes the disk; what is scripted to go wrong stays.
    pub fn take(&self) -> Handle {
        let mut state = self.state();
        state.life += 1;
        state.on = true;
        state.failures = 0;
        if !state.made {
            state.database = Image::default();
        }
        Handle {
            disk: self.clone(),
            life: state.life,
        }
    }

    /// The process that has it reaches it no more.
    pub fn cut(&self) {
        let mut state = self.state();
        state.on = false;
        state.dies_at = None;
    }

    /// The power fails: only what chance keeps of the unflushed is there from now on.
    pub fn lose_power(&self) {
        let mut state = self.state();
        assert!(!state.on, "cut the process off before");
        let State {
            dice,
            database,
            files,
            ..
        } = &mut *state;
        database.lose(dice);
        files.lose(dice);
    }

    /// Whether no process reaches it.
    pub fn is_off(&self) -> bool {
        !self.state().on
    }

    /// It dies at the n-th call from now.
    pub fn die_at_call(&self, n: u64) {
        let mut state = self.state();
        state.dies_at = Some(state.calls + n);
    }

    /// The n-th call from now fails.
    pub fn fail_at_call(&self, n: u64) {
        let mut state = self.state();
        state.fails_at = Some(state.calls + n);
    }

    /// It is full from the n-th call from now on, for so many calls.
    pub fn full_at_call(&self, n: u64, calls: u64) {
        let mut state = self.state();
        let from = state.calls + n;
        state.full = Some((from, from + calls));
    }

    /// Nothing is scripted any more.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.dies_at, state.fails_at, state.full) = (None, None, None);
    }

    /// Failures that the present process has met.
    pub fn failures(&self) -> u64 {
        self.state().failures
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// From here until what is given back is dropped, nothing goes wrong.
    pub fn look(&self) -> Looking {
        let before = std::mem::replace(&mut self.state().looking, true);
        Looking(self.clone(), before)
    }

    /// Whether the database was opened since this was asked last.
    pub fn was_opened(&self) -> bool {
        std::mem::take(&mut self.state().opening)
    }

    /// All files with their contents.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.state().files.all()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Disk::look`].
pub struct Looking(Disk, bool);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.state().looking = self.1;
    }
}

impl Handle {
    /// The database is open, and so it is whole and has its name.
    pub fn database_is_made(&self) {
        self.disk.state().made = true;
    }

    /// Another handle of the database, as its store opens it.
    pub fn database(&self) -> Box<dyn redb::StorageBackend> {
        self.disk.state().opening = true;
        Box::new(self.clone())
    }

    /// Runs a call on the disk, if it still is this process's. `act` is told how the call goes and does of it what is
    /// done in that case.
    fn call<T>(&self, call: Call, act: impl FnOnce(&mut State, Fate) -> Result<T>) -> Result<T> {
        let mut state = self.disk.state();
        if !state.on || state.life != self.life {
            return Err(Error::other("the process is gone"));
        }
        let fate = state.fate(call);
        act(&mut state, fate)
    }

    /// What a call on a busy disk takes.
    async fn pause(&self) {
        let random = self.disk.state().dice.bits();
        match random % 16 {
            0..=9 => {}
            10..=13 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_millis(random >> 32 & 15)).await,
        }
    }
}

impl State {
    fn fate(&mut self, call: Call) -> Fate {
        if self.looking {
            return Fate::Done;
        }
        self.calls += 1;
        if self.dies_at.is_some_and(|at| at <= self.calls) {
            (self.dies_at, self.on) = (None, false);
            return Fate::Dies;
        }
        if self.fails_at.is_some_and(|at| at <= self.calls) {
            self.fails_at = None;
            self.failures += 1;
            return Fate::Fails(ErrorKind::Other);
        }
        let is_full = self
            .full
            .is_some_and(|(from, to)| (from..to).contains(&self.calls));
        if is_full && call != Call::Read {
            self.failures += 1;
            return Fate::Fails(ErrorKind::StorageFull);
        }
        Fate::Done
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "disk, process {}", self.life)
    }
}
