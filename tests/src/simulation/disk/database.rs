//! The database's file: what is on the disk for certain, what a process sees, and the writes between the two.
//!
//! What redb assumes (its design page, "Assumptions about underlying media"): a byte is written or not, what was flushed
//! stays, and nothing outside a write changes. Everything else is taken from it here.

use std::io::{Error, ErrorKind, Result};

use redb::StorageBackend;

use super::super::dice::Dice;
use super::{Call, Fate, Handle};

/// Parts of a write that are lost one by one are of this size, or begin at any byte.
const SECTOR: usize = 512;

/// The file.
#[derive(Default)]
pub(super) struct Image {
    durable: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<Change>,
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Image {
    fn write(&mut self, offset: usize, data: &[u8]) -> Result<()> {
        let end = offset + data.len();
        if end > self.seen.len() {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        self.seen[offset..end].copy_from_slice(data);
        self.unsynced.push(Change::Write(offset, data.to_vec()));
        Ok(())
    }

    fn resize(&mut self, length: usize) {
        self.seen.resize(length, 0);
        self.unsynced.push(Change::Length(length));
    }

    fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            match change {
                Change::Write(offset, data) => put(&mut self.durable, offset, &data),
                Change::Length(length) => self.durable.resize(length, 0),
            }
        }
    }

    /// Some of the unsynced changes are kept.
    pub(super) fn lose(&mut self, dice: &mut Dice) {
        // All, none, or each by its own chance.
        let chance = dice.pick(&[0, 0, 20, 50, 80, 100]);
        let torn = dice.chance(50);
        for change in std::mem::take(&mut self.unsynced) {
            if !dice.chance(chance) {
                continue;
            }
            match change {
                Change::Length(length) => self.durable.resize(length, 0),
                Change::Write(offset, data) if torn => {
                    for (from, to) in parts(data.len(), dice) {
                        put(&mut self.durable, offset + from, &data[from..to]);
                    }
                }
                Change::Write(offset, data) => put(&mut self.durable, offset, &data),
            }
        }
        self.seen.clone_from(&self.durable);
    }
}

fn put(image: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[offset..end].copy_from_slice(data);
}

/// What is kept of a write of that length.
fn parts(length: usize, dice: &mut Dice) -> Vec<(usize, usize)> {
    let cut = dice.below(length as u64 + 1) as usize;
    match dice.below(4) {
        0 => vec![(0, cut)],
        1 => vec![(cut, length)],
        2 => vec![(0, length)],
        _ => (0..length)
            .step_by(SECTOR)
            .filter(|_| dice.chance(50))
            .map(|from| (from, length.min(from + SECTOR)))
            .collect(),
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> Result<u64> {
        self.call(Call::Read, |state, fate| {
            fate.outcome()?;
            Ok(state.database.seen.len() as u64)
        })
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.call(Call::Read, |state, fate| {
            fate.outcome()?;
            let offset = offset as usize;
            let seen = &state.database.seen;
            let found = seen.get(offset..offset + out.len());
            out.copy_from_slice(found.ok_or(ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.call(Call::Write, |state, fate| {
            if !matches!(fate, Fate::Fails(_)) {
                state.database.resize(len as usize);
            }
            fate.outcome()
        })
    }

    fn sync_data(&self) -> Result<()> {
        self.call(Call::Sync, |state, fate| {
            // One that dies or fails may have done its work all the same.
            if fate == Fate::Done || state.dice.chance(50) {
                state.database.sync();
            }
            fate.outcome()
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.call(Call::Write, |state, fate| {
            if !matches!(fate, Fate::Fails(_)) {
                state.database.write(offset as usize, data)?;
            }
            fate.outcome()
        })
    }
}
