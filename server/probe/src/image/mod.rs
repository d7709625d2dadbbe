//! Owns [`probe_image`]: the dimensions of a picture, and whether it is whole.

mod exif;
mod jpeg;
mod png;
mod webp;

use std::io::{Read, Seek};

use crate::error::ProbeError;
use crate::kind::{MediaKind, SNIFF_BYTES, sniff};
use crate::source::Source;

/// How a stored picture must be turned to be seen upright: the values of the Exif tag `Orientation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// 1: as it is stored.
    #[default]
    Upright,
    /// 2: mirrored left to right.
    Mirrored,
    /// 3: turned by half.
    Rotated180,
    /// 4: mirrored top to bottom.
    Flipped,
    /// 5: mirrored left to right, then turned a quarter counter-clockwise.
    Transposed,
    /// 6: to be turned a quarter clockwise.
    Rotated90,
    /// 7: mirrored left to right, then turned a quarter clockwise.
    Transversed,
    /// 8: to be turned a quarter counter-clockwise.
    Rotated270,
}

impl Orientation {
    /// From the value of the Exif tag; `None` for anything but 1 to 8.
    #[must_use]
    pub const fn from_exif(value: u16) -> Option<Self> {
        Some(match value {
            1 => Self::Upright,
            2 => Self::Mirrored,
            3 => Self::Rotated180,
            4 => Self::Flipped,
            5 => Self::Transposed,
            6 => Self::Rotated90,
            7 => Self::Transversed,
            8 => Self::Rotated270,
            _ => return None,
        })
    }

    /// Whether width and height change places.
    #[must_use]
    pub const fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::Transposed | Self::Rotated90 | Self::Transversed | Self::Rotated270
        )
    }
}

/// What was found out about a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// PNG, JPEG or WebP.
    pub kind: MediaKind,
    /// The stored width in pixels, at least 1.
    pub width_px: u32,
    /// The stored height in pixels, at least 1.
    pub height_px: u32,
    /// How the stored picture must be turned to be upright.
    pub orientation: Orientation,
}

impl ImageFacts {
    /// Width and height in pixels as people see the picture, once it is turned upright.
    #[must_use]
    pub const fn upright_px(&self) -> (u32, u32) {
        if self.orientation.swaps_sides() {
            (self.height_px, self.width_px)
        } else {
            (self.width_px, self.height_px)
        }
    }
}

/// What is taken. [`Default`] gives the server's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// The largest width × height, in pixels. Default 50 million.
    pub max_pixels: u64,
    /// The largest file, in bytes. Default 20 MiB.
    pub max_bytes: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self {
            max_pixels: 50_000_000,
            max_bytes: 20 * 1024 * 1024,
        }
    }
}

impl ImageLimits {
    /// Called as soon as a header declares the dimensions, before anything is decoded.
    fn check(&self, width_px: u32, height_px: u32) -> Result<(), ProbeError> {
        if u64::from(width_px) * u64::from(height_px) > self.max_pixels {
            return Err(ProbeError::DimensionsExceeded {
                limit_pixels: self.max_pixels,
                width_px,
                height_px,
            });
        }
        Ok(())
    }
}

/// Reads a picture from its start to its end and tells what it is.
///
/// What is checked, so that a cut or damaged file is refused:
/// * **PNG**: every chunk with its checksum up to `IEND`, and the whole of the picture data is inflated (in a
///   fixed buffer), its checksum and each row's filter checked. Of an animated PNG the still picture counts.
/// * **JPEG**: every marker up to the end-of-image marker, dimensions, and that there is at least as much coded
///   data as a picture of this size can be coded in. The coded data itself is not decoded: that takes memory
///   for the whole picture. Damage inside it that leaves the markers whole is not seen.
/// * **WebP**: every chunk's size against its container's and the file's, and the headers of the bitstreams. The
///   bitstreams are not decoded, for the same reason. Of an animated WebP the first frame counts.
///
/// Bytes after the end of a picture are ignored: cameras put things there.
///
/// # Errors
/// [`ProbeError`], of which [`ProbeError::DurationInvalid`] does not occur here.
pub fn probe_image<R: Read + Seek>(
    reader: R,
    limits: &ImageLimits,
) -> Result<ImageFacts, ProbeError> {
    let mut source = Source::open(reader, MediaKind::Png)?;
    let found = sniff(source.peek(SNIFF_BYTES)?);
    let Some(kind) = found.filter(|kind| kind.is_image()) else {
        return Err(ProbeError::KindUnsupported {
            found,
            detail: "PNG, JPEG or WebP is taken as an image",
        });
    };
    source.set_kind(kind);
    if source.length() > limits.max_bytes {
        return Err(ProbeError::TooLarge {
            limit_bytes: limits.max_bytes,
            found_bytes: source.length(),
        });
    }
    let (width_px, height_px, orientation) = match kind {
        MediaKind::Png => png::walk(&mut source, limits)?,
        MediaKind::Jpeg => jpeg::walk(&mut source, limits)?,
        _ => webp::walk(&mut source, limits)?,
    };
    Ok(ImageFacts {
        kind,
        width_px,
        height_px,
        orientation,
    })
}
