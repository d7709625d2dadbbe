//! The video's shape, and the source picture fitted into it.
//!
//! The long side is always 640 pixels, small pictures included. Very long or very high pictures are shown whole
//! before a blurred, darkened copy of themselves, so that label and strip always have room.
//!
//! Not here: movement (`motion`).

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use crate::motion::ROOM;
use crate::planes::Planes;

/// The long side of every preview video, in pixels.
pub(crate) const LONG_SIDE: u32 = 640;

/// The least short side: 640 × 272 is a little wider than the widest films.
const LEAST_SHORT_SIDE: u32 = 272;

/// How bright the blurred copy behind a padded picture is, in 256ths.
const BACKDROP_BRIGHTNESS: u16 = 120;

/// The size of the video; both sides even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Canvas {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Canvas {
    /// The canvas for a picture of this shape.
    pub(crate) fn of(picture: &RgbImage) -> Self {
        let (width, height) = picture.dimensions();
        let long = width.max(height);
        let side = |length: u32| {
            let scaled = u64::from(length) * u64::from(LONG_SIDE) / u64::from(long);
            (scaled as u32).next_multiple_of(2).max(LEAST_SHORT_SIDE)
        };
        Self {
            width: side(width),
            height: side(height),
        }
    }

    /// A black frame.
    pub(crate) fn frame(self) -> Planes {
        Planes::black(self.width as usize, self.height as usize)
    }

    /// The picture in the canvas' shape, [`ROOM`] times its size.
    pub(crate) fn compose(self, picture: &RgbImage) -> Planes {
        let larger = |side: u32| ((side as f32 * ROOM) as u32).next_multiple_of(2);
        let (width, height) = (larger(self.width), larger(self.height));
        let fits =
            (width as f32 / picture.width() as f32).min(height as f32 / picture.height() as f32);
        let fitted = |length: u32, whole: u32| {
            let scaled = (length as f32 * fits).round() as u32;
            // A rest of a few pixels is rounding, not another shape.
            if scaled.abs_diff(whole) <= 4 {
                whole
            } else {
                scaled.clamp(2, whole)
            }
        };
        let (inner_width, inner_height) = (
            fitted(picture.width(), width),
            fitted(picture.height(), height),
        );
        let inner = imageops::resize(picture, inner_width, inner_height, FilterType::CatmullRom);
        let composed = if (inner_width, inner_height) == (width, height) {
            inner
        } else {
            let mut ground = backdrop(picture, width, height);
            imageops::replace(
                &mut ground,
                &inner,
                i64::from((width - inner_width) / 2),
                i64::from((height - inner_height) / 2),
            );
            ground
        };
        Planes::from_rgb(width as usize, height as usize, composed.as_raw())
    }
}

/// The picture, stretched over the whole area, blurred and darkened.
fn backdrop(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let tiny = imageops::thumbnail(picture, 6, 6);
    let mut ground = imageops::resize(&tiny, width, height, FilterType::CatmullRom);
    for Rgb(channels) in ground.pixels_mut() {
        for channel in channels {
            *channel = (u16::from(*channel) * BACKDROP_BRIGHTNESS / 256) as u8;
        }
    }
    ground
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_side_is_640_and_the_short_side_even_and_never_narrow() {
        for (picture, canvas) in [
            ((1, 1), (640, 640)),
            ((640, 480), (640, 480)),
            ((1920, 1080), (640, 360)),
            ((1080, 1920), (360, 640)),
            ((1000, 667), (640, 426)),
            ((3000, 10), (640, 272)),
            ((10, 3000), (272, 640)),
        ] {
            let found = Canvas::of(&RgbImage::new(picture.0, picture.1));
            assert_eq!((found.width, found.height), canvas, "{picture:?}");
        }
    }

    #[test]
    fn a_long_picture_stands_before_its_own_darker_colours() {
        let long = RgbImage::from_pixel(1000, 100, Rgb([200, 200, 200]));
        let canvas = Canvas::of(&long);
        let composed = canvas.compose(&long);
        let middle = composed.y[composed.height / 2 * composed.width + composed.width / 2];
        let edge = composed.y[0];
        assert!(middle > 180, "{middle}");
        assert!(edge > 16 && edge < 110, "{edge}");
    }
}
