//! Walks MP3 frames: passes over tags, counts frames, compares with what an info header in the first says.

use std::io::{Read, Seek};

use super::Counted;
use crate::error::ProbeError;
use crate::source::Source;

/// Kilobits a second by the index in a header, for MPEG-1 and for MPEG-2 and 2.5, layer III. 0 is "free", which
/// no encoder in use writes.
const KILOBITS: [[u32; 16]; 2] = [
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0,
    ],
    [
        0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0,
    ],
];
const SAMPLE_RATES_HZ: [u32; 3] = [44_100, 48_000, 32_000];
/// Enough of a first frame to hold its info header.
const INFO_BYTES: usize = 192;
/// How far to look for a frame at a time: more than the longest, 1,441 bytes, so that the next header is in sight.
const SIGHT_BYTES: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stream {
    sample_rate_hz: u32,
    samples_a_frame: u64,
}

struct Header {
    stream: Stream,
    channels: u16,
    frame_bytes: u64,
}

fn parse(bytes: &[u8]) -> Option<Header> {
    let &[sync, version, rates, mode, ..] = bytes else {
        return None;
    };
    // Eleven bits of sync, layer III.
    if sync != 0xff || version & 0xe6 != 0xe2 {
        return None;
    }
    let (divisor, is_first_version) = match version >> 3 & 3 {
        0 => (4, false),
        2 => (2, false),
        3 => (1, true),
        _ => return None,
    };
    let kilobits = KILOBITS[usize::from(!is_first_version)][usize::from(rates >> 4)];
    let sample_rate_hz = SAMPLE_RATES_HZ.get(usize::from(rates >> 2 & 3))? / divisor;
    if kilobits == 0 {
        return None;
    }
    let samples_a_frame: u32 = if is_first_version { 1152 } else { 576 };
    let padding = u32::from(rates >> 1 & 1);
    Some(Header {
        stream: Stream {
            sample_rate_hz,
            samples_a_frame: u64::from(samples_a_frame),
        },
        channels: if mode >> 6 == 3 { 1 } else { 2 },
        frame_bytes: u64::from(samples_a_frame / 8 * kilobits * 1000 / sample_rate_hz + padding),
    })
}

/// Whether `head` begins with a frame that another frame, a tag or the end of `head` follows.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let Some(first) = parse(head) else {
        return false;
    };
    let next = usize::try_from(first.frame_bytes)
        .ok()
        .and_then(|at| head.get(at..))
        .unwrap_or_default();
    next.len() < 4
        || next.starts_with(b"TAG")
        || next.starts_with(b"APE")
        || parse(next).is_some_and(|next| next.stream == first.stream)
}

/// The length of the ID3v2 tag at the start of `head`, with its own header; `None` when there is none.
pub(crate) fn id3_length(head: &[u8]) -> Option<u64> {
    let &[b'I', b'D', b'3', _, _, flags, s3, s2, s1, s0, ..] = head else {
        return None;
    };
    let content = [s3, s2, s1, s0]
        .iter()
        .fold(0, |length, &part| length << 7 | u64::from(part & 0x7f));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    Some(10 + content + footer)
}

/// Passes over the ID3v2 tags at the current position.
pub(super) fn skip_id3<R: Read + Seek>(source: &mut Source<R>) -> Result<(), ProbeError> {
    while let Some(length) = id3_length(source.peek(10)?) {
        source.skip(length)?;
    }
    Ok(())
}

pub(super) fn walk<R: Read + Seek>(source: &mut Source<R>) -> Result<Counted, ProbeError> {
    let start = source.position();
    let Some(first) = find_frame(source, None)? else {
        return Err(source.corrupt("it has no frames"));
    };
    let stream = first.stream;
    let info = Info::parse(source.peek(INFO_BYTES)?);
    let mut frames: u64 = 0;
    let mut frame_bytes = 0;
    if info.is_some() {
        // The frame that carries the info header plays nothing.
        source.skip(first.frame_bytes)?;
        frame_bytes += first.frame_bytes;
    }
    while let Some(header) = find_frame(source, Some(stream))? {
        if header.frame_bytes > source.remaining() {
            break;
        }
        frames += 1;
        frame_bytes += header.frame_bytes;
        source.skip(header.frame_bytes)?;
    }
    if frames == 0 {
        return Err(source.corrupt("it has no frames"));
    }
    if frame_bytes < (source.length() - start) / 2 {
        return Err(source.corrupt("most of it is not MP3: it is damaged"));
    }
    let mut samples = frames * stream.samples_a_frame;
    if let Some(info) = info {
        // Some encoders count the info frame too.
        if info
            .frames
            .is_some_and(|declared| u64::from(declared) > frames + 1)
        {
            return Err(source.corrupt("it has fewer frames than it says: it was cut off"));
        }
        samples = samples.saturating_sub(info.padding);
    }
    Ok(Counted::of_samples(
        samples,
        stream.sample_rate_hz,
        first.channels,
    ))
}

/// Goes to the next frame: right here, or behind tags and junk where a second frame follows the first; `None` at the end.
fn find_frame<R: Read + Seek>(
    source: &mut Source<R>,
    stream: Option<Stream>,
) -> Result<Option<Header>, ProbeError> {
    let fits = |header: &Header| stream.is_none_or(|stream| stream == header.stream);
    if let Some(header) = parse(source.peek(4)?).filter(fits) {
        return Ok(Some(header));
    }
    loop {
        if source.peek(4)?.len() < 4 || source.remaining() <= 128 && source.peek(3)? == b"TAG" {
            return Ok(None);
        }
        let window = source.peek(SIGHT_BYTES)?;
        let at = window
            .iter()
            .position(|&byte| byte == 0xff)
            .unwrap_or(window.len());
        let rest = &window[at..];
        let found = parse(rest).filter(|header| fits(header) && looks_like(rest));
        if found.is_some() {
            source.consume(at);
            return Ok(found);
        }
        let passed = window.len().min(at + 1);
        source.consume(passed);
    }
}

/// What the first frame may carry instead of sound: a Xing, Info or VBRI header.
struct Info {
    /// Frames of sound, when it says.
    frames: Option<u32>,
    /// Samples before and after the sound that the encoder added.
    padding: u64,
}

impl Info {
    fn parse(frame: &[u8]) -> Option<Self> {
        let &[_, version, _, mode, ..] = frame else {
            return None;
        };
        let side_bytes = match (version >> 3 & 3 == 3, mode >> 6 == 3) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        if frame.get(36..40) == Some(b"VBRI") {
            return Some(Self {
                frames: u32_at(frame, 50),
                padding: 0,
            });
        }
        let at = 4 + side_bytes;
        if !matches!(frame.get(at..at + 4)?, b"Xing" | b"Info") {
            return None;
        }
        let flags = u32_at(frame, at + 4)?;
        let mut next = at + 8;
        let mut frames = None;
        for (flag, length) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
            if flags & flag != 0 {
                if flag == 1 {
                    frames = u32_at(frame, next);
                }
                next += length;
            }
        }
        // The LAME extension: nine bytes of the encoder's name, twelve others, then delay and padding of 12 bits each.
        let padding = match (frame.get(next), frame.get(next + 21..next + 24)) {
            (Some(&initial), Some(&[d, both, p])) if initial.is_ascii_alphabetic() => {
                let delay = u64::from(d) << 4 | u64::from(both >> 4);
                delay + (u64::from(both & 0xf) << 8 | u64::from(p))
            }
            _ => 0,
        };
        Some(Self { frames, padding })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)?
        .try_into()
        .ok()
        .map(u32::from_be_bytes)
}
