//! Walks a WAV's chunks: the format, and how much data there really is.

use std::io::{Read, Seek};

use super::Counted;
use crate::error::ProbeError;
use crate::source::Source;

/// Lengths from here on are what programs write when they do not know the length: `ffffffff`, `7ffff000`.
const UNKNOWN_LENGTH: u32 = 0x7fff_0000;

struct Format {
    channels: u16,
    sample_rate_hz: u32,
    block_bytes: u64,
    samples_a_block: u64,
}

pub(super) fn walk<R: Read + Seek>(source: &mut Source<R>) -> Result<Counted, ProbeError> {
    source.skip(12)?;
    let mut format = None;
    loop {
        if source.remaining() < 8 {
            return Err(source.corrupt("it has no sound data"));
        }
        let name: [u8; 4] = source.array()?;
        let length = source.u32_le()?;
        let end = source.position() + u64::from(length);
        match &name {
            b"fmt " => format = Some(read_format(source, length)?),
            b"data" => {
                let Some(format) = format else {
                    return Err(source.corrupt("its sound data come before their format"));
                };
                let bytes = if length >= UNKNOWN_LENGTH {
                    source.remaining()
                } else {
                    u64::from(length)
                };
                if bytes > source.remaining() {
                    return Err(source.corrupt("it is shorter than it says: it was cut off"));
                }
                let samples = bytes / format.block_bytes * format.samples_a_block;
                return Ok(Counted::of_samples(
                    samples,
                    format.sample_rate_hz,
                    format.channels,
                ));
            }
            _ => {}
        }
        source.seek(end + end % 2)?;
    }
}

fn read_format<R: Read + Seek>(source: &mut Source<R>, length: u32) -> Result<Format, ProbeError> {
    if length < 16 {
        return Err(source.corrupt("its format chunk is too short"));
    }
    let [t0, t1, c0, c1, r0, r1, r2, r3, _, _, _, _, a0, a1, b0, b1] = source.array()?;
    let mut tag = u16::from_le_bytes([t0, t1]);
    let channels = u16::from_le_bytes([c0, c1]);
    let sample_rate_hz = u32::from_le_bytes([r0, r1, r2, r3]);
    let block_bytes = u64::from(u16::from_le_bytes([a0, a1]));
    let bits = u16::from_le_bytes([b0, b1]);
    // What follows the sixteen bytes: its own length, then what depends on the tag.
    let mut extra = [0; 10];
    let extra_length = usize::try_from(length - 16)
        .unwrap_or(extra.len())
        .min(extra.len());
    source.fill(&mut extra[..extra_length])?;
    let [_, _, e0, e1, _, _, _, _, g0, g1] = extra;
    if tag == 0xfffe {
        tag = u16::from_le_bytes([g0, g1]);
    }
    let samples_a_block = match tag {
        1 | 3 | 6 | 7 => {
            if block_bytes == 0 || block_bytes != u64::from(channels) * u64::from(bits.div_ceil(8))
            {
                return Err(source.corrupt("its format contradicts itself"));
            }
            1
        }
        // ADPCM of Microsoft and of IMA: a block holds as many samples as it says, at most two in a byte and
        // the two of its head.
        2 | 0x11 => {
            let samples = u64::from(u16::from_le_bytes([e0, e1]));
            if channels == 0
                || block_bytes == 0
                || samples == 0
                || samples * u64::from(channels) > block_bytes * 2 + 2
            {
                return Err(source.corrupt("its format contradicts itself"));
            }
            samples
        }
        _ => {
            return Err(
                source.unsupported("a WAV must hold PCM, float, A-law, \u{b5}-law or ADPCM")
            );
        }
    };
    // The rest of the chunk is passed over by the caller, who knows its end.
    Ok(Format {
        channels,
        sample_rate_hz,
        block_bytes,
        samples_a_block,
    })
}
