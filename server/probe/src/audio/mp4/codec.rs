//! The codec of a sound track: only AAC is taken, and its own configuration says rate and channels.

use std::io::{Read, Seek};

use super::super::adts::SAMPLE_RATES_HZ;
use super::boxes::{Children, read_version};
use crate::error::ProbeError;
use crate::source::Source;

/// Tags of the descriptors in `esds` (ISO/IEC 14496-1).
const ELEMENTARY_STREAM: u8 = 3;
const DECODER_CONFIGURATION: u8 = 4;
const DECODER_SPECIFIC: u8 = 5;
/// Object types: AAC of MPEG-4, and Main, LC and SSR of MPEG-2.
const AAC: [u8; 4] = [0x40, 0x66, 0x67, 0x68];

/// Samples of each channel in a frame of AAC at the rate of its configuration. (There are frames of 960 too.)
pub(super) const FRAME_SAMPLES: u64 = 1024;

pub(super) struct Sound {
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u16,
}

impl Sound {
    /// Reads the first entry of `stsd`.
    pub(super) fn read<R: Read + Seek>(
        source: &mut Source<R>,
        end: u64,
    ) -> Result<Self, ProbeError> {
        source.skip(8)?;
        let Some(entry) = Children::of(source, end).next(source)? else {
            return Err(source.corrupt("its sound track names no codec"));
        };
        if &entry.name != b"mp4a" {
            return Err(source.unsupported("the sound of an M4A must be AAC; export it again"));
        }
        source.skip(8)?;
        let version = source.u16_be()?;
        source.skip(6)?;
        let channels = source.u16_be()?;
        source.skip(6)?;
        let sample_rate_hz = source.u32_be()? >> 16;
        // QuickTime's later versions of this entry have more fields.
        source.skip(match version {
            0 => 0,
            1 => 16,
            _ => 36,
        })?;
        let mut sound = Self {
            sample_rate_hz,
            channels,
        };
        let mut children = Children::of(source, entry.end);
        while let Some(found) = children.next(source)? {
            match &found.name {
                b"esds" => sound.read_descriptors(source, found.end)?,
                // QuickTime wraps it once more.
                b"wave" => {
                    let mut inner = Children::of(source, found.end);
                    while let Some(found) = inner.next(source)? {
                        if &found.name == b"esds" {
                            sound.read_descriptors(source, found.end)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(sound)
    }

    fn read_descriptors<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        end: u64,
    ) -> Result<(), ProbeError> {
        read_version(source)?;
        while source.position() + 2 <= end {
            let tag = source.byte()?;
            let length = read_length(source)?;
            let inner_end = source.position() + length;
            match tag {
                ELEMENTARY_STREAM => {
                    source.skip(2)?;
                    let flags = source.byte()?;
                    source.skip(if flags & 0x80 == 0 { 0 } else { 2 })?;
                    if flags & 0x40 != 0 {
                        let url_bytes = source.byte()?;
                        source.skip(u64::from(url_bytes))?;
                    }
                    source.skip(if flags & 0x20 == 0 { 0 } else { 2 })?;
                }
                DECODER_CONFIGURATION => {
                    let object_type = source.byte()?;
                    if !AAC.contains(&object_type) {
                        return Err(
                            source.unsupported("the sound of an M4A must be AAC; export it again")
                        );
                    }
                    source.skip(12)?;
                }
                DECODER_SPECIFIC => {
                    self.refine(u16::from_be_bytes(source.array()?));
                    return Ok(());
                }
                _ => source.seek(inner_end)?,
            }
        }
        Ok(())
    }

    /// The first two bytes of an AudioSpecificConfig: five bits of object type, four of rate, four of channels.
    fn refine(&mut self, configuration: u16) {
        if let Some(&rate) = SAMPLE_RATES_HZ.get(usize::from(configuration >> 7 & 0xf)) {
            self.sample_rate_hz = rate;
        }
        match configuration >> 3 & 0xf {
            0 => {}
            7 => self.channels = 8,
            channels => self.channels = channels,
        }
    }
}

/// The length of a descriptor: seven bits a byte, in at most four.
fn read_length<R: Read + Seek>(source: &mut Source<R>) -> Result<u64, ProbeError> {
    let mut length = 0;
    for _ in 0..4 {
        let byte = source.byte()?;
        length = length << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(length)
}
