//! Boxes: their headers, their nesting, and the few fields that several share.

use std::io::{Read, Seek};

use crate::error::ProbeError;
use crate::source::Source;

/// A box whose header was read; the source stands at its content.
pub(super) struct Found {
    pub(super) name: [u8; 4],
    /// Where the content ends, in the file.
    pub(super) end: u64,
}

/// Goes through the boxes between here and an end, each wholly inside. Whatever is read of one in between, the
/// next is found from the sizes alone.
pub(super) struct Children {
    next: u64,
    end: u64,
    is_file: bool,
}

impl Children {
    pub(super) fn of<R: Read + Seek>(source: &Source<R>, end: u64) -> Self {
        Self {
            next: source.position(),
            end,
            is_file: false,
        }
    }

    pub(super) fn of_file<R: Read + Seek>(source: &Source<R>) -> Self {
        Self {
            next: source.position(),
            end: source.length(),
            is_file: true,
        }
    }

    pub(super) fn next<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
    ) -> Result<Option<Found>, ProbeError> {
        // Also what keeps the time linear: nobody reads a byte twice.
        if source.position() > self.next {
            return Err(source.corrupt("a box is shorter than its fields"));
        }
        source.seek(self.next)?;
        let Some(left) = self.end.checked_sub(self.next) else {
            return Err(source.corrupt("a box is shorter than its fields"));
        };
        // Less than a header is padding inside a box, but at the end of a file a header that was cut.
        if left < 8 && (!self.is_file || self.end == self.next) {
            return Ok(None);
        }
        let size = source.u32_be()?;
        let name = source.array()?;
        let end = match size {
            0 if self.is_file => Some(self.end),
            1 => {
                let size = source.u64_be()?;
                if size < 16 {
                    None
                } else {
                    self.next.checked_add(size)
                }
            }
            2..=7 => None,
            0 => None,
            size => Some(self.next + u64::from(size)),
        };
        let Some(end) = end else {
            return Err(source.corrupt("a box has an impossible size"));
        };
        if end > self.end {
            return Err(source.corrupt("a box is longer than what holds it: it was cut off"));
        }
        self.next = end;
        Ok(Some(Found { name, end }))
    }
}

/// Version and flags, with which many boxes begin.
pub(super) fn read_version<R: Read + Seek>(
    source: &mut Source<R>,
) -> Result<(u8, u32), ProbeError> {
    let [version, f2, f1, f0] = source.array()?;
    Ok((version, u32::from_be_bytes([0, f2, f1, f0])))
}

/// The timescale of `mvhd` and `mdhd`: units a second.
pub(super) fn read_timescale<R: Read + Seek>(source: &mut Source<R>) -> Result<u32, ProbeError> {
    let (version, _) = read_version(source)?;
    source.skip(if version == 1 { 16 } else { 8 })?;
    source.u32_be()
}

/// The number of entries of a table, if that many of `entry_bytes` fit before `end`.
pub(super) fn read_count<R: Read + Seek>(
    source: &mut Source<R>,
    end: u64,
    entry_bytes: u64,
) -> Result<u32, ProbeError> {
    let count = source.u32_be()?;
    if u64::from(count) * entry_bytes > end.saturating_sub(source.position()) {
        return Err(source.corrupt("a table has more entries than room"));
    }
    Ok(count)
}
