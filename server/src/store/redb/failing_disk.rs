//! A disk in memory that fails when it is told to; for tests.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use super::{OpenError, RedbStore, Writing};
use crate::clock::Clock;

/// How it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Well,
    /// What would be written is refused.
    Full,
    /// Everything is.
    Broken,
    /// The next flush is done and reported as full; then it is well.
    FullAfterTheFact,
    /// The same, and it stays full.
    FullAfterTheFactAndOn,
}

/// It outlives the databases on it. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    health: Arc<Mutex<Health>>,
}

impl Disk {
    pub(crate) fn turn(&self, health: Health) {
        *self.health.lock().unwrap() = health;
    }

    pub(crate) fn open(
        &self,
        clock: Clock,
        writing: Writing,
    ) -> std::result::Result<RedbStore, OpenError> {
        let disk = self.clone();
        let backends = move || Ok(Box::new(disk.clone()) as Box<dyn StorageBackend>);
        RedbStore::with_backend(backends, clock, writing)
    }

    fn health(&self) -> Health {
        *self.health.lock().unwrap()
    }

    fn check(&self) -> Result<()> {
        match self.health() {
            Health::Full => Err(Error::from(ErrorKind::StorageFull)),
            Health::Broken => Err(Error::other("the disk is gone")),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        if self.health() == Health::Broken {
            self.check()?;
        }
        let bytes = self.bytes.lock().unwrap();
        let offset = offset as usize;
        out.copy_from_slice(&bytes[offset..offset + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.check()?;
        self.bytes.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let next = match self.health() {
            Health::FullAfterTheFact => Health::Well,
            Health::FullAfterTheFactAndOn => Health::Full,
            _ => return self.check(),
        };
        self.turn(next);
        Err(Error::from(ErrorKind::StorageFull))
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.check()?;
        let offset = offset as usize;
        self.bytes.lock().unwrap()[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}
