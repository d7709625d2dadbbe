//! Walks a JPEG's markers from start-of-image to end-of-image.

use std::io::{Read, Seek};

use super::{ImageLimits, Orientation, exif};
use crate::error::ProbeError;
use crate::source::Source;

const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const APP1: u8 = 0xe1;

/// A frame header: dimensions, and the fewest bits each block of 8×8 pixels takes.
struct Frame {
    width_px: u32,
    height_px: u32,
    least_bits_a_block: u64,
}

pub(super) fn walk<R: Read + Seek>(
    source: &mut Source<R>,
    limits: &ImageLimits,
) -> Result<(u32, u32, Orientation), ProbeError> {
    source.skip(2)?;
    let mut frame: Option<Frame> = None;
    let mut orientation = None;
    let mut coded_bytes = 0;
    loop {
        match next_marker(source)? {
            END_OF_IMAGE => break,
            // Markers without a segment: TEM, stray restarts, a second start.
            0x00 | 0x01 | START_OF_IMAGE | 0xd0..=0xd7 => {}
            marker @ (0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) => {
                if frame.is_some() {
                    return Err(source.corrupt("it has two frame headers"));
                }
                frame = Some(read_frame(source, marker, limits)?);
            }
            START_OF_SCAN => {
                if frame.is_none() {
                    return Err(source.corrupt("its picture data come before their header"));
                }
                skip_segment(source)?;
                coded_bytes += skip_coded(source)?;
            }
            APP1 if orientation.is_none() => orientation = read_exif(source)?,
            _ => skip_segment(source)?,
        }
    }
    let Some(frame) = frame.filter(|_| coded_bytes > 0) else {
        return Err(source.corrupt("it has no picture data"));
    };
    let blocks = u64::from(frame.width_px.div_ceil(8)) * u64::from(frame.height_px.div_ceil(8));
    if coded_bytes * 8 < blocks * frame.least_bits_a_block {
        return Err(source.corrupt("its picture data are too few for its size"));
    }
    Ok((
        frame.width_px,
        frame.height_px,
        orientation.unwrap_or_default(),
    ))
}

/// The next marker's code. Stray bytes before it are passed over, as decoders do.
fn next_marker<R: Read + Seek>(source: &mut Source<R>) -> Result<u8, ProbeError> {
    while source.byte()? != 0xff {}
    loop {
        let code = source.byte()?;
        if code != 0xff {
            return Ok(code);
        }
    }
}

/// The length of a segment's content, behind its two length bytes.
fn segment_length<R: Read + Seek>(source: &mut Source<R>) -> Result<u64, ProbeError> {
    u64::from(source.u16_be()?)
        .checked_sub(2)
        .ok_or_else(|| source.corrupt("a segment has an impossible length"))
}

fn skip_segment<R: Read + Seek>(source: &mut Source<R>) -> Result<(), ProbeError> {
    let length = segment_length(source)?;
    source.skip(length)
}

fn read_frame<R: Read + Seek>(
    source: &mut Source<R>,
    marker: u8,
    limits: &ImageLimits,
) -> Result<Frame, ProbeError> {
    // One block takes at least one bit for its first coefficient and, unless progressive, one for its end.
    let least_bits_a_block = match marker {
        0xc0 | 0xc1 => 2,
        0xc2 => 1,
        _ => {
            return Err(source.unsupported(
                "a JPEG must be baseline, extended or progressive with Huffman coding",
            ));
        }
    };
    let length = segment_length(source)?;
    if length < 6 {
        return Err(source.corrupt("its frame header is too short"));
    }
    let [precision, h1, h0, w1, w0, components] = source.array()?;
    let (width_px, height_px) = (
        u32::from(u16::from_be_bytes([w1, w0])),
        u32::from(u16::from_be_bytes([h1, h0])),
    );
    if width_px == 0 || height_px == 0 {
        return Err(source.corrupt("its width or height is zero"));
    }
    limits.check(width_px, height_px)?;
    if precision != 8 {
        return Err(source.unsupported("a JPEG must have 8 bits a sample"));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(source.corrupt("its number of colour components is none that exists"));
    }
    source.skip(length - 6)?;
    Ok(Frame {
        width_px,
        height_px,
        least_bits_a_block,
    })
}

fn read_exif<R: Read + Seek>(source: &mut Source<R>) -> Result<Option<Orientation>, ProbeError> {
    const NAME: &[u8] = b"Exif\0\0";
    let length = segment_length(source)?;
    let end = source.position() + length;
    let segment = source.peek(usize::try_from(length).unwrap_or(exif::MAX_BYTES))?;
    let orientation = segment.strip_prefix(NAME).map(exif::orientation);
    source.seek(end)?;
    Ok(orientation)
}

/// Passes over entropy-coded data to just before the marker that ends it; says how many bytes they were.
fn skip_coded<R: Read + Seek>(source: &mut Source<R>) -> Result<u64, ProbeError> {
    let start = source.position();
    loop {
        let chunk = source.chunk()?;
        let Some(escape) = chunk.iter().position(|&byte| byte == 0xff) else {
            let all = chunk.len();
            if all == 0 {
                return Err(source.corrupt("its picture data are cut off"));
            }
            source.consume(all);
            continue;
        };
        source.consume(escape);
        match source.peek(2)? {
            // A stuffed byte, or a restart inside the data.
            [_, 0x00 | 0xd0..=0xd7] => source.consume(2),
            // A fill byte.
            [_, 0xff] => source.consume(1),
            [_, _] => return Ok(source.position() - start),
            _ => return Err(source.corrupt("its picture data are cut off")),
        }
    }
}
