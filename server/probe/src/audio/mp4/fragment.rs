//! Movie fragments: sample tables spread over the file, as streaming services write them.

use std::io::{Read, Seek};

use super::boxes::{Children, read_count, read_version};
use crate::error::ProbeError;
use crate::source::Source;

const HAS_DATA_OFFSET: u32 = 0x1;
const HAS_FIRST_FLAGS: u32 = 0x4;
const HAS_DURATION: u32 = 0x100;
const HAS_SIZE: u32 = 0x200;
const HAS_FLAGS: u32 = 0x400;
const HAS_COMPOSITION: u32 = 0x800;

/// Duration (in the track's units) and size (in bytes) of a sample that does not say its own.
#[derive(Clone, Copy, Default)]
pub(super) struct Defaults {
    duration: u32,
    size: u32,
}

impl Defaults {
    /// Those of every track that `mvex` names, by the track's id. One is a box, so there are no more than the file is long.
    pub(super) fn read_all<R: Read + Seek>(
        source: &mut Source<R>,
        end: u64,
    ) -> Result<Vec<(u32, Self)>, ProbeError> {
        /// More tracks than this no file of ours has; further ones are not kept.
        const MAX_TRACKS: usize = 64;
        let mut all = Vec::new();
        let mut children = Children::of(source, end);
        while let Some(found) = children.next(source)? {
            if &found.name == b"trex" && all.len() < MAX_TRACKS {
                read_version(source)?;
                let id = source.u32_be()?;
                source.skip(4)?;
                all.push((
                    id,
                    Self {
                        duration: source.u32_be()?,
                        size: source.u32_be()?,
                    },
                ));
            }
        }
        Ok(all)
    }
}

/// What the fragments of one track add up to.
#[derive(Default)]
pub(super) struct Fragments {
    /// In the track's units.
    pub(super) duration: u64,
    pub(super) bytes: u64,
    pub(super) samples: u64,
}

impl Fragments {
    /// Adds one `moof`.
    pub(super) fn read<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        end: u64,
        track: u32,
        defaults: Defaults,
    ) -> Result<(), ProbeError> {
        let mut children = Children::of(source, end);
        while let Some(found) = children.next(source)? {
            if &found.name == b"traf" {
                self.read_track(source, found.end, track, defaults)?;
            }
        }
        Ok(())
    }

    fn read_track<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        end: u64,
        track: u32,
        mut defaults: Defaults,
    ) -> Result<(), ProbeError> {
        let mut is_ours = false;
        let mut children = Children::of(source, end);
        while let Some(found) = children.next(source)? {
            match &found.name {
                b"tfhd" => {
                    let (_, flags) = read_version(source)?;
                    is_ours = source.u32_be()? == track;
                    source.skip(if flags & 0x1 == 0 { 0 } else { 8 })?;
                    source.skip(if flags & 0x2 == 0 { 0 } else { 4 })?;
                    if flags & 0x8 != 0 {
                        defaults.duration = source.u32_be()?;
                    }
                    if flags & 0x10 != 0 {
                        defaults.size = source.u32_be()?;
                    }
                }
                b"trun" if is_ours => self.read_run(source, found.end, defaults)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_run<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        end: u64,
        defaults: Defaults,
    ) -> Result<(), ProbeError> {
        let (_, flags) = read_version(source)?;
        let fields = flags & (HAS_DURATION | HAS_SIZE | HAS_FLAGS | HAS_COMPOSITION);
        // The count comes before two optional fields, which therefore are room for entries only if absent.
        let count = read_count(source, end, u64::from(fields.count_ones()) * 4)?;
        source.skip(if flags & HAS_DATA_OFFSET == 0 { 0 } else { 4 })?;
        source.skip(if flags & HAS_FIRST_FLAGS == 0 { 0 } else { 4 })?;
        self.samples = self.samples.saturating_add(u64::from(count));
        if fields == 0 {
            self.duration = self
                .duration
                .saturating_add(u64::from(count) * u64::from(defaults.duration));
            self.bytes = self
                .bytes
                .saturating_add(u64::from(count) * u64::from(defaults.size));
            return Ok(());
        }
        for _ in 0..count {
            let duration = if flags & HAS_DURATION == 0 {
                defaults.duration
            } else {
                source.u32_be()?
            };
            let size = if flags & HAS_SIZE == 0 {
                defaults.size
            } else {
                source.u32_be()?
            };
            source.skip(if flags & HAS_FLAGS == 0 { 0 } else { 4 })?;
            source.skip(if flags & HAS_COMPOSITION == 0 { 0 } else { 4 })?;
            self.duration = self.duration.saturating_add(u64::from(duration));
            self.bytes = self.bytes.saturating_add(u64::from(size));
        }
        Ok(())
    }
}
