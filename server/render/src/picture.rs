//! The source image: decoded within limits, shrunk early, turned upright, laid on a background.
//!
//! Not here: fitting it into the video's shape (`canvas`).

use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};

use crate::canvas::LONG_SIDE;
use crate::error::RenderError;

/// The most pixels that are decoded; the server's own default limit for images.
const MOST_PIXELS: u64 = 50_000_000;

/// The most bytes of one decoded pixel in the kinds that are read: RGBA of 16 bits.
const MOST_BYTES_PER_PIXEL: u64 = 8;

/// What shows through transparent pictures: a grey on which both light and dark drawings can be seen.
const BACKGROUND: [u8; 3] = [118, 126, 140];

/// Pictures are reduced to at most this many pixels a side at once, cheaply, before the careful scaling.
const WORKING_SIDE: u32 = LONG_SIDE * 3;

/// Only one picture is decoded at a time, so that several renderings do not hold several large ones.
static DECODING: Mutex<()> = Mutex::new(());

/// Decodes a PNG, JPEG or WebP.
///
/// The result is upright, opaque, and at most [`WORKING_SIDE`] pixels on its long side.
pub(crate) fn read(bytes: &[u8]) -> Result<RgbImage, RenderError> {
    let format = image::guess_format(bytes).map_err(|_| RenderError::PictureKind)?;
    if !matches!(
        format,
        ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP
    ) {
        return Err(RenderError::PictureKind);
    }
    let broken = |error: image::ImageError| RenderError::PictureBroken(error.to_string());
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format)
        .into_decoder()
        .map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS
        || decoder.total_bytes() > MOST_PIXELS * MOST_BYTES_PER_PIXEL
    {
        return Err(RenderError::PictureTooLarge {
            width,
            height,
            limit: MOST_PIXELS / 1_000_000,
        });
    }
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = {
        // The lock guards nothing that a panic could leave half done.
        let _one_at_a_time = DECODING.lock().unwrap_or_else(PoisonError::into_inner);
        shrink(DynamicImage::from_decoder(decoder).map_err(broken)?)
    };
    picture.apply_orientation(orientation);
    Ok(opaque(picture))
}

fn shrink(picture: DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let long = width.max(height);
    if long <= WORKING_SIDE {
        return picture;
    }
    let side =
        |length: u32| (u64::from(length) * u64::from(WORKING_SIDE) / u64::from(long)).max(1) as u32;
    picture.thumbnail_exact(side(width), side(height))
}

fn opaque(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let (width, height) = picture.dimensions();
    let pixels = picture
        .as_raw()
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, alpha]| {
            let alpha = u16::from(alpha);
            let over = |colour: u8, ground: u8| {
                ((u16::from(colour) * alpha + u16::from(ground) * (255 - alpha) + 127) / 255) as u8
            };
            [
                over(r, BACKGROUND[0]),
                over(g, BACKGROUND[1]),
                over(b, BACKGROUND[2]),
            ]
        })
        .collect();
    RgbImage::from_raw(width, height, pixels)
        .expect("three bytes for each pixel of the same picture")
}
