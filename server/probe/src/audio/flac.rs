//! Walks FLAC frames. A frame does not say how long it is: it ends where its checksum comes out and the next begins.

use std::io::{Read, Seek};

use super::Counted;
use crate::error::ProbeError;
use crate::source::Source;

const STREAMINFO: u8 = 0;
/// The longest frame header: sync, codes, seven bytes of number, block size, rate, checksum.
const HEADER_BYTES: usize = 16;
/// The shortest frame: a header, one constant subframe, the checksum.
const LEAST_FRAME_BYTES: u64 = 10;

struct StreamInfo {
    sample_rate_hz: u32,
    channels: u16,
    /// 0 when the encoder did not know.
    samples: u64,
}

pub(super) fn walk<R: Read + Seek>(source: &mut Source<R>) -> Result<Counted, ProbeError> {
    source.skip(4)?;
    let info = read_metadata(source)?;
    let mut samples = 0;
    let mut next = parse_header(source.peek(HEADER_BYTES)?);
    if next.is_none() && source.remaining() > 0 {
        return Err(source.corrupt("its first frame is damaged"));
    }
    while let Some(block_samples) = next {
        samples += block_samples;
        next = pass_frame(source)?;
    }
    if samples < info.samples {
        return Err(source.corrupt("it has fewer samples than it says: it was cut off"));
    }
    Ok(Counted::of_samples(
        samples,
        info.sample_rate_hz,
        info.channels,
    ))
}

fn read_metadata<R: Read + Seek>(source: &mut Source<R>) -> Result<StreamInfo, ProbeError> {
    let mut info = None;
    loop {
        let [kind, l2, l1, l0] = source.array()?;
        let length = u64::from(u32::from_be_bytes([0, l2, l1, l0]));
        let end = source.position() + length;
        if kind & 0x7f == STREAMINFO && info.is_none() && length >= 34 {
            source.skip(10)?;
            let packed = source.u64_be()?;
            info = Some(StreamInfo {
                sample_rate_hz: u32::try_from(packed >> 44).unwrap_or(0),
                channels: u16::try_from(packed >> 41 & 7).unwrap_or(0) + 1,
                samples: packed & 0xf_ffff_ffff,
            });
        } else if info.is_none() {
            return Err(source.corrupt("it does not begin with its stream information"));
        }
        source.seek(end)?;
        if kind & 0x80 != 0 {
            return info.ok_or_else(|| source.corrupt("it has no stream information"));
        }
    }
}

/// Reads the frame that begins here to its end; then the number of samples of the next one, `None` at the end of the file.
fn pass_frame<R: Read + Seek>(source: &mut Source<R>) -> Result<Option<u64>, ProbeError> {
    let start = source.position();
    let mut checksum: u16 = 0;
    loop {
        let mut taken = 0;
        let mut ended = false;
        for &byte in source.chunk()? {
            checksum = checksum << 8 ^ CRC16[usize::from(checksum >> 8) ^ usize::from(byte)];
            taken += 1;
            // Over a whole frame, its own checksum included, the sum is zero; inside one it rarely is.
            if checksum == 0 {
                ended = true;
                break;
            }
        }
        if taken == 0 {
            return Err(source.corrupt("a frame is cut off or damaged"));
        }
        source.consume(taken);
        if ended && source.position() - start >= LEAST_FRAME_BYTES {
            if source.remaining() == 0 || source.remaining() == 128 && source.peek(3)? == b"TAG" {
                return Ok(None);
            }
            if let Some(samples) = parse_header(source.peek(HEADER_BYTES)?) {
                return Ok(Some(samples));
            }
        }
    }
}

/// The number of samples of the frame whose header `bytes` begin with, if its own checksum is right.
fn parse_header(bytes: &[u8]) -> Option<u64> {
    let &[sync, strategy, codes, layout, number, ..] = bytes else {
        return None;
    };
    if sync != 0xff
        || strategy & 0xfe != 0xf8
        || layout & 1 != 0
        || layout >> 4 > 10
        || codes & 0xf == 0xf
    {
        return None;
    }
    // The frame's or sample's number is coded like a character of UTF-8, in up to seven bytes.
    let number_bytes = match number.leading_ones() {
        0 => 1,
        ones @ 2..=7 => ones as usize,
        _ => return None,
    };
    let mut at = 4 + number_bytes;
    let samples = match codes >> 4 {
        1 => 192,
        code @ 2..=5 => 576 << (code - 2),
        6 => {
            at += 1;
            u64::from(*bytes.get(at - 1)?) + 1
        }
        7 => {
            at += 2;
            u64::from(u16::from_be_bytes([
                *bytes.get(at - 2)?,
                *bytes.get(at - 1)?,
            ])) + 1
        }
        code @ 8..=15 => 256 << (code - 8),
        _ => return None,
    };
    at += match codes & 0xf {
        12 => 1,
        13 | 14 => 2,
        _ => 0,
    };
    let checksum = bytes
        .get(..at)?
        .iter()
        .fold(0, |sum, &byte| CRC8[usize::from(sum ^ byte)]);
    (*bytes.get(at)? == checksum).then_some(samples)
}

/// The polynomial x⁸ + x² + x + 1.
const CRC8: [u8; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut sum = index as u8;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x80 == 0 {
                sum << 1
            } else {
                sum << 1 ^ 0x07
            };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};

/// The polynomial x¹⁶ + x¹⁵ + x² + 1.
const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut sum = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000 == 0 {
                sum << 1
            } else {
                sum << 1 ^ 0x8005
            };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};
