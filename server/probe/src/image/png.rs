//! Walks a PNG's chunks with their checksums and inflates its picture data through a fixed buffer.

use std::io::{Read, Seek};

use fdeflate::Decompressor;

use super::{ImageLimits, Orientation, exif};
use crate::error::ProbeError;
use crate::source::Source;

/// What the format may refer back to.
const WINDOW_BYTES: usize = 32 * 1024;
/// The window, and what is inflated at a time.
const INFLATED_BYTES: usize = 3 * WINDOW_BYTES;
/// The largest value of a length or a side: the format keeps the top bit clear.
const MAX_VALUE: u32 = 0x7fff_ffff;

pub(super) fn walk<R: Read + Seek>(
    source: &mut Source<R>,
    limits: &ImageLimits,
) -> Result<(u32, u32, Orientation), ProbeError> {
    source.skip(8)?;
    let header = Header::read(source, limits)?;
    let mut picture = Picture::new(&header);
    let mut orientation = None;
    let mut has_palette = false;
    let mut data = Data::Ahead;
    loop {
        let length = source.u32_be()?;
        let name: [u8; 4] = source.array()?;
        if length > MAX_VALUE {
            return Err(source.corrupt("a chunk has an impossible length"));
        }
        data = match (&name, data) {
            (b"IDAT", Data::Ahead | Data::Here) => Data::Here,
            (b"IDAT", Data::Behind) => {
                return Err(source.corrupt("its picture data are not in one piece"));
            }
            (_, Data::Here | Data::Behind) => Data::Behind,
            (_, Data::Ahead) => Data::Ahead,
        };
        if &name == b"eXIf" && orientation.is_none() {
            let block = source.peek(usize::try_from(length).unwrap_or(exif::MAX_BYTES))?;
            orientation = Some(exif::orientation(block));
        }
        has_palette |= &name == b"PLTE";
        if &name == b"IDAT" && header.needs_palette && !has_palette {
            return Err(source.corrupt("it lacks its palette"));
        }
        read_content(
            source,
            name,
            length,
            if &name == b"IDAT" {
                Some(&mut picture)
            } else {
                None
            },
        )?;
        if &name == b"IEND" {
            break;
        }
    }
    if !picture.is_whole() {
        return Err(source.corrupt("its picture data are incomplete"));
    }
    Ok((
        header.width_px,
        header.height_px,
        orientation.unwrap_or_default(),
    ))
}

/// Where the walk stands to the run of `IDAT` chunks.
#[derive(Clone, Copy)]
enum Data {
    Ahead,
    Here,
    Behind,
}

/// Reads a chunk's content and checks its checksum; picture data are inflated on the way.
fn read_content<R: Read + Seek>(
    source: &mut Source<R>,
    name: [u8; 4],
    length: u32,
    mut picture: Option<&mut Picture>,
) -> Result<(), ProbeError> {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&name);
    let mut left = usize::try_from(length).unwrap_or(usize::MAX);
    while left > 0 {
        let chunk = source.chunk()?;
        let piece = &chunk[..chunk.len().min(left)];
        if piece.is_empty() {
            return Err(source.corrupt("it ends too early: it was cut off"));
        }
        checksum.update(piece);
        let taken = piece.len();
        if let Some(picture) = picture.as_deref_mut()
            && let Err(detail) = picture.inflate(piece)
        {
            return Err(source.corrupt(detail));
        }
        source.consume(taken);
        left -= taken;
    }
    if source.u32_be()? != checksum.finalize() {
        return Err(source.corrupt("a checksum does not match: it is damaged"));
    }
    Ok(())
}

struct Header {
    width_px: u32,
    height_px: u32,
    bits_a_pixel: u64,
    interlaced: bool,
    needs_palette: bool,
}

impl Header {
    fn read<R: Read + Seek>(
        source: &mut Source<R>,
        limits: &ImageLimits,
    ) -> Result<Self, ProbeError> {
        let length = source.u32_be()?;
        let name: [u8; 4] = source.array()?;
        if &name == b"CgBI" {
            return Err(source.unsupported(
                "a PNG optimised for one maker's devices is not taken; export a plain one",
            ));
        }
        if &name != b"IHDR" || length != 13 {
            return Err(source.corrupt("it does not begin with its header"));
        }
        let bytes: [u8; 13] = source.array()?;
        let [
            w3,
            w2,
            w1,
            w0,
            h3,
            h2,
            h1,
            h0,
            depth,
            colour,
            compression,
            filter,
            interlace,
        ] = bytes;
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&name);
        checksum.update(&bytes);
        if source.u32_be()? != checksum.finalize() {
            return Err(source.corrupt("the checksum of its header does not match: it is damaged"));
        }
        let (width_px, height_px) = (
            u32::from_be_bytes([w3, w2, w1, w0]),
            u32::from_be_bytes([h3, h2, h1, h0]),
        );
        if width_px == 0 || height_px == 0 || width_px > MAX_VALUE || height_px > MAX_VALUE {
            return Err(source.corrupt("its width or height is impossible"));
        }
        limits.check(width_px, height_px)?;
        let samples = match (colour, depth) {
            (0, 1 | 2 | 4 | 8 | 16) | (3, 1 | 2 | 4 | 8) => 1,
            (2, 8 | 16) => 3,
            (4, 8 | 16) => 2,
            (6, 8 | 16) => 4,
            _ => return Err(source.corrupt("its colour type is none that exists")),
        };
        if compression != 0 || filter != 0 || interlace > 1 {
            return Err(source.corrupt("its header names methods that do not exist"));
        }
        Ok(Self {
            width_px,
            height_px,
            bits_a_pixel: samples * u64::from(depth),
            interlaced: interlace == 1,
            needs_palette: colour == 3,
        })
    }

    /// Bytes a row (with its filter byte) and number of rows of each pass that holds any pixel.
    fn passes(&self) -> Vec<(u64, u64)> {
        // First column, first row, column step, row step: the seven passes of Adam7.
        const ADAM7: [[u32; 4]; 7] = [
            [0, 0, 8, 8],
            [4, 0, 8, 8],
            [0, 4, 4, 8],
            [2, 0, 4, 4],
            [0, 2, 2, 4],
            [1, 0, 2, 2],
            [0, 1, 1, 2],
        ];
        let passes: &[[u32; 4]] = if self.interlaced {
            &ADAM7
        } else {
            &[[0, 0, 1, 1]]
        };
        let mut sizes = Vec::with_capacity(passes.len());
        for &[column, row, column_step, row_step] in passes {
            let columns = u64::from(self.width_px.saturating_sub(column).div_ceil(column_step));
            let rows = u64::from(self.height_px.saturating_sub(row).div_ceil(row_step));
            if columns > 0 && rows > 0 {
                sizes.push((1 + (columns * self.bits_a_pixel).div_ceil(8), rows));
            }
        }
        sizes
    }
}

/// Follows the inflated picture data: how much is still to come, and whether each row's filter exists.
struct Picture {
    inflater: Box<Decompressor>,
    inflated: Box<[u8]>,
    /// Bytes of that which are filled; the last of them are the window.
    filled: usize,
    ended: bool,
    /// Passes still to come, the current one last.
    passes: Vec<(u64, u64)>,
    /// Bytes of the current row seen so far.
    column: u64,
}

impl Picture {
    fn new(header: &Header) -> Self {
        let mut passes = header.passes();
        passes.reverse();
        Self {
            inflater: Box::new(Decompressor::new()),
            inflated: vec![0; INFLATED_BYTES].into_boxed_slice(),
            filled: 0,
            ended: false,
            passes,
            column: 0,
        }
    }

    fn is_whole(&self) -> bool {
        self.passes.is_empty()
    }

    /// Inflates a piece. What comes beyond the last row is not looked at: decoders ignore it too.
    fn inflate(&mut self, mut piece: &[u8]) -> Result<(), &'static str> {
        while !self.ended {
            if self.filled == INFLATED_BYTES {
                self.inflated
                    .copy_within(INFLATED_BYTES - WINDOW_BYTES.., 0);
                self.filled = WINDOW_BYTES;
            }
            let (taken, made) = self
                .inflater
                .read(piece, &mut self.inflated, self.filled, false)
                .map_err(|_| "its picture data are damaged")?;
            piece = piece.get(taken..).unwrap_or_default();
            let from = self.filled;
            self.filled += made;
            let excess = self.follow(from)?;
            self.ended = excess || self.inflater.is_done();
            if piece.is_empty() && self.filled < INFLATED_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// Counts what was inflated from there on off the rows; true when there is more than the picture has.
    fn follow(&mut self, from: usize) -> Result<bool, &'static str> {
        let mut at = from;
        while at < self.filled {
            let Some((row_bytes, rows)) = self.passes.last_mut() else {
                return Ok(true);
            };
            if self.column == 0 && self.inflated[at] > 4 {
                return Err("a row of its picture data is damaged");
            }
            let step = usize::try_from(*row_bytes - self.column)
                .unwrap_or(usize::MAX)
                .min(self.filled - at);
            at += step;
            self.column += step as u64;
            if self.column == *row_bytes {
                self.column = 0;
                *rows -= 1;
                if *rows == 0 {
                    self.passes.pop();
                }
            }
        }
        Ok(false)
    }
}
