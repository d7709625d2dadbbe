//! Walks a WebP's RIFF chunks and the headers of its bitstreams.

use std::io::{Read, Seek};

use super::{ImageLimits, Orientation, exif};
use crate::error::ProbeError;
use crate::source::Source;

const FLAG_ANIMATED: u8 = 0x02;
/// Position, size, duration and flags of a frame, before its own chunks.
const FRAME_HEADER_BYTES: u64 = 16;

pub(super) fn walk<R: Read + Seek>(
    source: &mut Source<R>,
    limits: &ImageLimits,
) -> Result<(u32, u32, Orientation), ProbeError> {
    source.skip(4)?;
    let end = u64::from(source.u32_le()?) + 8;
    source.skip(4)?;
    if end > source.length() {
        return Err(source.corrupt("it is shorter than it says: it was cut off"));
    }
    let mut canvas = None;
    let mut animated = false;
    let mut picture = None;
    let mut orientation = None;
    while source.position() + 8 <= end {
        let (name, chunk_end) = chunk_header(source, end)?;
        match &name {
            b"VP8X" if canvas.is_none() => {
                let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = source.array()?;
                let size = (
                    u32::from_le_bytes([w0, w1, w2, 0]) + 1,
                    u32::from_le_bytes([h0, h1, h2, 0]) + 1,
                );
                limits.check(size.0, size.1)?;
                animated = flags & FLAG_ANIMATED != 0;
                canvas = Some(size);
            }
            b"VP8 " | b"VP8L" if picture.is_none() && !animated => {
                let size = bitstream_size(source, name, chunk_end)?;
                limits.check(size.0, size.1)?;
                if canvas.is_some_and(|canvas| canvas != size) {
                    return Err(source.corrupt("its picture is not of the size of its canvas"));
                }
                picture = Some(size);
            }
            b"ANMF" if animated => {
                frame(source, canvas, chunk_end)?;
                picture = canvas;
            }
            b"EXIF" if orientation.is_none() => {
                let length = usize::try_from(chunk_end - source.position())
                    .unwrap_or(usize::MAX)
                    .min(exif::MAX_BYTES);
                let block = source.peek(length)?;
                // Some writers keep the name of the JPEG segment in front.
                orientation = Some(exif::orientation(
                    block.strip_prefix(b"Exif\0\0").unwrap_or(block),
                ));
            }
            _ => {}
        }
        next_chunk(source, chunk_end, end)?;
    }
    let Some((width_px, height_px)) = picture else {
        return Err(source.corrupt("it has no picture data"));
    };
    Ok((width_px, height_px, orientation.unwrap_or_default()))
}

/// The name of a chunk and where its content ends, which must be inside `limit`.
fn chunk_header<R: Read + Seek>(
    source: &mut Source<R>,
    limit: u64,
) -> Result<([u8; 4], u64), ProbeError> {
    let name = source.array()?;
    let end = u64::from(source.u32_le()?) + source.position();
    if end > limit {
        return Err(source.corrupt("a chunk is longer than the file: it was cut off"));
    }
    Ok((name, end))
}

/// Goes behind a chunk and its padding to an even length; the padding may be missing at the very end.
fn next_chunk<R: Read + Seek>(
    source: &mut Source<R>,
    chunk_end: u64,
    limit: u64,
) -> Result<(), ProbeError> {
    source.seek((chunk_end + chunk_end % 2).min(limit))
}

/// Checks one frame of an animation: inside the canvas, with a bitstream of the declared size.
fn frame<R: Read + Seek>(
    source: &mut Source<R>,
    canvas: Option<(u32, u32)>,
    end: u64,
) -> Result<(), ProbeError> {
    if end - source.position() < FRAME_HEADER_BYTES {
        return Err(source.corrupt("a frame is too short"));
    }
    let [x0, x1, x2, y0, y1, y2, w0, w1, w2, h0, h1, h2, _, _, _, _] = source.array()?;
    let [x, y, w, h] = [
        [x0, x1, x2, 0],
        [y0, y1, y2, 0],
        [w0, w1, w2, 0],
        [h0, h1, h2, 0],
    ]
    .map(u32::from_le_bytes);
    let (left, top, size) = (x * 2, y * 2, (w + 1, h + 1));
    if canvas.is_none_or(|(width, height)| left + size.0 > width || top + size.1 > height) {
        return Err(source.corrupt("a frame lies outside its canvas"));
    }
    while source.position() + 8 <= end {
        let (name, chunk_end) = chunk_header(source, end)?;
        if matches!(&name, b"VP8 " | b"VP8L") {
            if bitstream_size(source, name, chunk_end)? != size {
                return Err(source.corrupt("a frame is not of the size it declares"));
            }
            return source.seek(end);
        }
        next_chunk(source, chunk_end, end)?;
    }
    Err(source.corrupt("a frame has no picture data"))
}

/// Width and height from the header of a VP8 (lossy) or VP8L (lossless) bitstream.
fn bitstream_size<R: Read + Seek>(
    source: &mut Source<R>,
    name: [u8; 4],
    end: u64,
) -> Result<(u32, u32), ProbeError> {
    let length = end - source.position();
    if &name == b"VP8L" {
        let [signature, b0, b1, b2, b3] = source.array()?;
        let bits = u32::from_le_bytes([b0, b1, b2, b3]);
        // Five bytes of header, and no picture is coded in nothing.
        if length <= 5 || signature != 0x2f || bits >> 29 != 0 {
            return Err(source.corrupt("its lossless picture has no valid header"));
        }
        return Ok(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1));
    }
    let [t0, t1, t2, s0, s1, s2, w0, w1, h0, h1] = source.array()?;
    let tag = u32::from_le_bytes([t0, t1, t2, 0]);
    let first_partition = u64::from(tag >> 5);
    if tag & 1 != 0 || [s0, s1, s2] != [0x9d, 0x01, 0x2a] {
        return Err(source.corrupt("its lossy picture has no valid header"));
    }
    if first_partition == 0 || first_partition + 10 >= length {
        return Err(source.corrupt("its lossy picture is cut off"));
    }
    let size = (
        u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff),
        u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff),
    );
    if size.0 == 0 || size.1 == 0 {
        return Err(source.corrupt("its width or height is zero"));
    }
    Ok(size)
}
