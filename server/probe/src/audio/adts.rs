//! Walks AAC frames in ADTS headers.

use std::io::{Read, Seek};

use super::Counted;
use crate::error::ProbeError;
use crate::source::Source;

/// Samples a second by the index in a header (ISO/IEC 14496-3, table 1.18).
pub(super) const SAMPLE_RATES_HZ: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

struct Header {
    sample_rate_hz: u32,
    channels: u16,
    frame_bytes: u64,
    samples: u64,
}

fn parse(bytes: &[u8]) -> Option<Header> {
    let &[sync, version, first, second, third, fourth, last, ..] = bytes else {
        return None;
    };
    if sync != 0xff || version & 0xf6 != 0xf0 {
        return None;
    }
    let sample_rate_hz = *SAMPLE_RATES_HZ.get(usize::from(first >> 2 & 0xf))?;
    let configuration = (first & 1) << 2 | second >> 6;
    let frame_bytes = u64::from(second & 3) << 11 | u64::from(third) << 3 | u64::from(fourth >> 5);
    let header_bytes = if version & 1 == 1 { 7 } else { 9 };
    if frame_bytes <= header_bytes {
        return None;
    }
    Some(Header {
        sample_rate_hz,
        // Eight channels are configuration 7; 0 means that the first frame itself says, which is at least one.
        channels: u16::from(match configuration {
            0 => 1,
            7 => 8,
            other => other,
        }),
        frame_bytes,
        samples: 1024 * (u64::from(last & 3) + 1),
    })
}

/// Whether `head` begins with a frame that another frame or the end of `head` follows.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let Some(first) = parse(head) else {
        return false;
    };
    let next = usize::try_from(first.frame_bytes)
        .ok()
        .and_then(|at| head.get(at..))
        .unwrap_or_default();
    next.len() < 7 || parse(next).is_some_and(|next| next.sample_rate_hz == first.sample_rate_hz)
}

pub(super) fn walk<R: Read + Seek>(source: &mut Source<R>) -> Result<Counted, ProbeError> {
    let mut stream: Option<(u32, u16)> = None;
    let mut samples = 0;
    while source.remaining() > 0 {
        if source.remaining() == 128 && source.peek(3)? == b"TAG" {
            break;
        }
        let Some(header) = parse(source.peek(7)?) else {
            return Err(source.corrupt("a frame has no valid header: it was cut off or damaged"));
        };
        let (sample_rate_hz, _) = *stream.get_or_insert((header.sample_rate_hz, header.channels));
        if header.sample_rate_hz != sample_rate_hz {
            return Err(source.corrupt("its sample rate changes on the way: it is damaged"));
        }
        samples += header.samples;
        source.skip(header.frame_bytes)?;
    }
    let (sample_rate_hz, channels) = stream.ok_or_else(|| source.corrupt("it has no frames"))?;
    Ok(Counted::of_samples(samples, sample_rate_hz, channels))
}
