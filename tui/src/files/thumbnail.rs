//! Owns [`Thumbnail`]: a picture shrunk to what a few cells of a terminal can show.
//!
//! Invariant: whatever a file says of itself, no more than [`DECODED_BYTES_MAX`] are decoded.

use std::io::{BufRead, Seek};

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits};

/// Most bytes a picture may take when it is decoded: of 8 bits a channel, 21 megapixels in colour.
const DECODED_BYTES_MAX: u64 = 64 << 20;

/// A picture of a few pixels, two of them one above the other in a cell.
#[derive(Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Pixels in a row, which is cells.
    pub width: u16,
    /// Rows of pixels; always even.
    pub height: u16,
    /// Red, green and blue of each pixel, row by row.
    pub pixels: Vec<[u8; 3]>,
}

impl std::fmt::Debug for Thumbnail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Thumbnail({}x{})", self.width, self.height)
    }
}

impl Thumbnail {
    /// Shrinks a picture so that it fits into so many cells, upright, on black where it is transparent; none when it is of
    /// no kind that is known, damaged, or would take too much memory.
    pub fn of(source: impl BufRead + Seek, cells: (u16, u16)) -> Option<Self> {
        let mut reader = ImageReader::new(source).with_guessed_format().ok()?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(DECODED_BYTES_MAX);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().ok()?;
        // The limits alone do not hold for what is decoded here.
        if decoder.total_bytes() > DECODED_BYTES_MAX {
            return None;
        }
        let orientation = decoder.orientation().ok();
        let mut picture = DynamicImage::from_decoder(decoder).ok()?;
        let (width, height) = (u32::from(cells.0), u32::from(cells.1) * 2);
        // Roughly first, which is quick, then well.
        if picture.width() > width * 8 || picture.height() > height * 8 {
            picture = picture.thumbnail(width * 4, height * 4);
        }
        if let Some(orientation) = orientation {
            picture.apply_orientation(orientation);
        }
        let small = picture
            .resize(width, height, FilterType::Triangle)
            .into_rgba8();
        let width = u16::try_from(small.width()).ok()?;
        let mut pixels: Vec<[u8; 3]> = small
            .pixels()
            .map(|pixel| {
                let [red, green, blue, alpha] = pixel.0;
                [red, green, blue].map(|value| {
                    let value = u32::from(value) * u32::from(alpha) / 255;
                    u8::try_from(value).unwrap_or(u8::MAX)
                })
            })
            .collect();
        if small.height() % 2 == 1 {
            pixels.extend(std::iter::repeat_n([0; 3], usize::from(width)));
        }
        let height = pixels.len() / usize::from(width.max(1));
        Some(Self {
            width,
            height: u16::try_from(height).ok()?,
            pixels,
        })
    }

    /// The colours of the upper and the lower half of a cell.
    pub(crate) fn cell(&self, x: u16, y: u16) -> Option<([u8; 3], [u8; 3])> {
        let at = |row: u16| usize::from(row) * usize::from(self.width) + usize::from(x);
        if x >= self.width {
            return None;
        }
        Some((
            *self.pixels.get(at(y * 2))?,
            *self.pixels.get(at(y * 2 + 1))?,
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing step fails the test")]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Rgba, RgbaImage};

    use super::*;

    fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
        let picture = RgbaImage::from_fn(width, height, |x, y| Rgba(pixel(x, y)));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_keeps_its_shape_and_colours() {
        let halves = png(300, 100, |x, _| {
            if x < 150 {
                [255, 0, 0, 255]
            } else {
                [0, 0, 255, 255]
            }
        });
        let small = Thumbnail::of(Cursor::new(halves), (30, 20)).unwrap();
        assert_eq!((small.width, small.height), (30, 10));
        assert_eq!(small.cell(2, 1), Some(([255, 0, 0], [255, 0, 0])));
        assert_eq!(small.cell(28, 4), Some(([0, 0, 255], [0, 0, 255])));
        assert_eq!((small.cell(30, 0), small.cell(0, 5)), (None, None));
    }

    #[test]
    fn what_is_transparent_is_black_and_odd_rows_are_filled_up() {
        let clear = png(5, 5, |_, _| [255, 255, 255, 0]);
        let small = Thumbnail::of(Cursor::new(clear), (5, 3)).unwrap();
        assert_eq!(small.height, 6);
        assert!(small.pixels.iter().all(|pixel| *pixel == [0; 3]));
    }

    #[test]
    fn neither_rubbish_nor_a_bomb_is_decoded() {
        assert!(Thumbnail::of(Cursor::new(b"not a picture".to_vec()), (9, 9)).is_none());
        let mut whole = png(64, 64, |_, _| [1, 2, 3, 255]);
        whole.truncate(60);
        assert!(Thumbnail::of(Cursor::new(whole), (9, 9)).is_none());
        // A small file that would become 67 MB.
        let picture = image::GrayImage::new(8_200, 8_200);
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let bomb = bytes.into_inner();
        assert!(bomb.len() < 4 << 20, "{}", bomb.len());
        assert!(Thumbnail::of(Cursor::new(bomb), (9, 9)).is_none());
    }
}
