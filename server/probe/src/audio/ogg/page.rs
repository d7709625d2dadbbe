//! A page: its header, its checksum, and the packets' pieces in it.

use std::io::{Read, Seek};

use crate::error::ProbeError;
use crate::source::Source;

/// The first packet of the page began on the page before.
pub(super) const CONTINUED: u8 = 1;
/// The first page of a stream.
pub(super) const FIRST: u8 = 2;
/// The last page of a stream.
pub(super) const LAST: u8 = 4;
/// The granule position of a page on which no packet ends.
pub(super) const NO_GRANULE: u64 = u64::MAX;

pub(super) struct Page {
    pub(super) flags: u8,
    /// How many samples the stream has played when all packets that end on this page are: below 2⁶³, or
    /// [`NO_GRANULE`].
    pub(super) granule: u64,
    pub(super) serial: u32,
    pub(super) sequence: u32,
    /// The lengths of the pieces of `body`; a packet goes on after a piece of 255.
    pub(super) lacing: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Page {
    /// Reads a page and checks its checksum. By its format it is at most 65,307 bytes long.
    pub(super) fn read<R: Read + Seek>(source: &mut Source<R>) -> Result<Self, ProbeError> {
        let capture: [u8; 4] = source.array()?;
        let [version, flags] = source.array()?;
        if &capture != b"OggS" || version != 0 {
            return Err(source.corrupt("a page has no valid header"));
        }
        let granule: [u8; 8] = source.array()?;
        let serial: [u8; 4] = source.array()?;
        let sequence: [u8; 4] = source.array()?;
        let checksum = u32::from_le_bytes(source.array()?);
        let segments = source.byte()?;
        let mut lacing = vec![0; usize::from(segments)];
        source.fill(&mut lacing)?;
        let mut body = vec![0; lacing.iter().map(|&length| usize::from(length)).sum()];
        source.fill(&mut body)?;
        // The sum is taken as if its own place held zeros.
        let parts: [&[u8]; 9] = [
            &capture,
            &[version, flags],
            &granule,
            &serial,
            &sequence,
            &[0; 4],
            &[segments],
            &lacing,
            &body,
        ];
        let sum = parts.into_iter().flatten().fold(0_u32, |sum, &byte| {
            let [high, ..] = sum.to_be_bytes();
            sum << 8 ^ CRC32[usize::from(high ^ byte)]
        });
        if sum != checksum {
            return Err(source.corrupt("the checksum of a page does not match: it is damaged"));
        }
        let granule = u64::from_le_bytes(granule);
        if granule != NO_GRANULE && i64::try_from(granule).is_err() {
            return Err(source.corrupt("a page lies before the beginning"));
        }
        Ok(Self {
            flags,
            granule,
            serial: u32::from_le_bytes(serial),
            sequence: u32::from_le_bytes(sequence),
            lacing,
            body,
        })
    }
}

/// The polynomial 04c11db7, not reflected, as Ogg wants it.
const CRC32: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut sum = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000_0000 == 0 {
                sum << 1
            } else {
                sum << 1 ^ 0x04c1_1db7
            };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};
