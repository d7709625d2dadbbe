//! A storage that reads a file and keeps what is written in memory: the file stays as it is.
//!
//! redb cannot read a database that did not end cleanly without repairing it first, and a repair writes. Over this it
//! may: what a repair writes is small (a header and which pages are in use), and goes when the storage is dropped.

use std::collections::BTreeMap;
use std::io::Error;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

/// What is written is kept in blocks of this many bytes.
const BLOCK: u64 = 4_096;

/// The storage.
#[derive(Debug)]
pub(super) struct Overlay {
    file: Box<dyn StorageBackend>,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    length: u64,
    /// The file counts up to here; behind it, what was not written is zero.
    file_length: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    /// Over `file`, which is only ever read, and locked as if it were written.
    pub fn over(file: Box<dyn StorageBackend>) -> Result<Self, Error> {
        let length = file.len()?;
        Ok(Self {
            file,
            written: Mutex::new(Written {
                length,
                file_length: length,
                blocks: BTreeMap::new(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the file, and zeros behind it.
    fn read_file(&self, file_length: u64, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        let there = file_length.saturating_sub(offset);
        let there = usize::try_from(there).map_or(out.len(), |there| there.min(out.len()));
        if there == 0 {
            return Ok(());
        }
        self.file.read(offset, &mut out[..there])
    }
}

/// The parts of a span that lie in one block each: (block, offset in it, part of the span).
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let within = (at % BLOCK) as usize;
        let count = (BLOCK as usize - within).min(length - done);
        let part = done..done + count;
        done += count;
        Some((at / BLOCK, within, part))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> Result<u64, Error> {
        Ok(self.lock().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let written = self.lock();
        if offset.saturating_add(out.len() as u64) > written.length {
            return Err(Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        self.read_file(written.file_length, offset, out)?;
        for (block, within, part) in parts(offset, out.len()) {
            if let Some(bytes) = written.blocks.get(&block) {
                let count = part.len();
                out[part].copy_from_slice(&bytes[within..within + count]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        let mut written = self.lock();
        if len < written.length {
            // What is cut off reads as zeros when the storage grows again.
            written.file_length = written.file_length.min(len);
            drop(written.blocks.split_off(&len.div_ceil(BLOCK)));
            if let Some(last) = written.blocks.get_mut(&(len / BLOCK)) {
                last[(len % BLOCK) as usize..].fill(0);
            }
        }
        written.length = len;
        Ok(())
    }

    fn sync_data(&self) -> Result<(), Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let mut written = self.lock();
        for (block, within, part) in parts(offset, data.len()) {
            if !written.blocks.contains_key(&block) {
                let mut bytes = vec![0; BLOCK as usize];
                self.read_file(written.file_length, block * BLOCK, &mut bytes)?;
                written.blocks.insert(block, bytes);
            }
            if let Some(bytes) = written.blocks.get_mut(&block) {
                bytes[within..within + part.len()].copy_from_slice(&data[part]);
            }
        }
        Ok(())
    }

    fn close(&self) -> Result<(), Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use redb::backends::InMemoryBackend;

    use super::*;

    fn over(content: &[u8]) -> Overlay {
        let file = InMemoryBackend::new();
        file.set_len(content.len() as u64).unwrap();
        file.write(0, content).unwrap();
        Overlay::over(Box::new(file)).unwrap()
    }

    fn content(storage: &dyn StorageBackend) -> Vec<u8> {
        let mut bytes = vec![7; storage.len().unwrap() as usize];
        storage.read(0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn it_reads_as_if_it_had_been_written_and_the_file_has_not() {
        let before: Vec<u8> = (0..10_000_u32).map(|byte| byte as u8).collect();
        let overlay = over(&before);
        let mut expected = before.clone();
        for (offset, data) in [
            (0, vec![1; 3]),
            (4_090, vec![2; 4_200]),
            (9_990, vec![3; 10]),
        ] {
            overlay.write(offset, &data).unwrap();
            expected[offset as usize..offset as usize + data.len()].copy_from_slice(&data);
        }
        assert_eq!(content(&overlay), expected);
        assert_eq!(content(overlay.file.as_ref()), before);
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let overlay = over(&[5; 10_000]);
        overlay.write(8_000, &[6; 1_000]).unwrap();
        overlay.set_len(4_100).unwrap();
        overlay.set_len(20_000).unwrap();
        let mut expected = vec![5; 4_100];
        expected.resize(20_000, 0);
        assert_eq!(content(&overlay), expected);
        overlay.write(19_999, &[1]).unwrap();
        expected[19_999] = 1;
        assert_eq!(content(&overlay), expected);
        assert!(overlay.read(19_999, &mut [0; 2]).is_err());
    }
}
