//! A storage backend that counts what another one does: flushes to the disk, and the length of the file.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{BackendError, StorageBackend};

/// What was counted. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    syncs: Arc<AtomicU64>,
    length: Arc<AtomicU64>,
}

impl Meter {
    /// Flushes to the disk since the start.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }
}

/// The counted backend.
#[derive(Debug)]
pub(super) struct Metered {
    inner: Box<dyn StorageBackend>,
    meter: Meter,
}

impl Metered {
    pub fn new(inner: Box<dyn StorageBackend>, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

type Io<T> = Result<T, std::io::Error>;

impl StorageBackend for Metered {
    fn len(&self) -> Io<u64> {
        let length = self.inner.len()?;
        self.meter.length.store(length, Ordering::Relaxed);
        Ok(length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Io<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Io<()> {
        self.inner.set_len(len)?;
        self.meter.length.store(len, Ordering::Relaxed);
        Ok(())
    }

    fn sync_data(&self) -> Io<()> {
        self.meter.syncs.fetch_add(1, Ordering::Relaxed);
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Io<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> Io<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
