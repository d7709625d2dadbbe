//! Pictures and recordings made on the spot.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use opus_pure::{Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead};

/// A picture with edges and slopes: a face of sorts before a coloured ground.
pub fn portrait(width: u32, height: u32) -> RgbImage {
    let (across, down) = (width as f32, height as f32);
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / across - 0.5, y as f32 / down - 0.5);
        let eye = |side: f32| (x - side).hypot(y + 0.08) < 0.04;
        if eye(0.1) || eye(-0.1) {
            Rgb([30, 40, 60])
        } else if (x / 0.28).hypot(y / 0.38) < 1.0 {
            Rgb([230, 190 - (y * 60.0) as u8, 160])
        } else {
            Rgb([(90.0 + x * 120.0) as u8, (120.0 + y * 100.0) as u8, 170])
        }
    })
}

/// Something like a voice: a buzz in syllables, four a second, −1…1.
pub fn speech(rate: u32, seconds: f64) -> Vec<f32> {
    let samples = (f64::from(rate) * seconds).round() as usize;
    (0..samples)
        .map(|n| {
            let time = n as f32 / rate as f32;
            let syllable = (time * 4.0 * std::f32::consts::PI).sin().abs();
            let buzz: f32 = (1..6)
                .map(|harmonic| (time * 140.0 * harmonic as f32 * std::f32::consts::TAU).sin())
                .sum();
            buzz / 6.0 * syllable
        })
        .collect()
}

/// A WAV of 16 bits in which each channel holds the same samples.
pub fn wav(rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| std::iter::repeat_n((sample * 32_767.0) as i16, usize::from(channels)))
        .flat_map(i16::to_le_bytes)
        .collect();
    let frame = channels * 2;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    wav.extend(channels.to_le_bytes());
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * u32::from(frame)).to_le_bytes());
    wav.extend(frame.to_le_bytes());
    wav.extend(16u16.to_le_bytes());
    wav.extend(b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

/// An Ogg Opus file of one channel, from samples at 48 kHz.
pub fn ogg_opus(samples: &[f32]) -> Vec<u8> {
    const FRAME: usize = 960;
    let mut encoder = OpusEncoder::new(48_000, 1, Application::Voip).unwrap();
    let head = OpusHead::for_encoder(&encoder, 48_000);
    let pre_skip = usize::from(head.pre_skip);
    let frames = (samples.len() + pre_skip).div_ceil(FRAME);
    let last = (pre_skip + samples.len() - (frames - 1) * FRAME) as u32;
    let mut padded = samples.to_vec();
    padded.resize(frames * FRAME, 0.0);
    let mut writer = OggOpusWriter::new(Vec::new(), head).unwrap();
    let mut packet = vec![0; MAX_PACKET_BYTES];
    for (number, frame) in padded.chunks_exact(FRAME).enumerate() {
        let length = encoder.encode(frame, FRAME, &mut packet).unwrap();
        let duration = if number + 1 == frames {
            last
        } else {
            FRAME as u32
        };
        writer
            .write_packet_with_duration(&packet[..length], duration)
            .unwrap();
    }
    writer.finish().unwrap()
}

/// An MP3 of silence without a header of its own: frames of 1,152 samples at 44.1 kHz, the first few of 320 kbit/s
/// and the others of 32 kbit/s, so that its length cannot be told from its size.
pub fn bare_mp3(frames: u32) -> Vec<u8> {
    (0..frames)
        .flat_map(|number| {
            let (rate, size) = if number < 20 { (14, 1044) } else { (1, 104) };
            let mut frame = vec![0; size];
            frame[..4].copy_from_slice(&[0xff, 0xfb, rate << 4, 0xc0]);
            frame
        })
        .collect()
}

/// The picture as PNG, in its own kind of pixels.
pub fn png(picture: &DynamicImage) -> Vec<u8> {
    written(picture, ImageFormat::Png)
}

/// The picture as JPEG.
pub fn jpeg(picture: &DynamicImage) -> Vec<u8> {
    written(picture, ImageFormat::Jpeg)
}

/// The picture as lossless WebP.
pub fn webp(picture: &DynamicImage) -> Vec<u8> {
    written(picture, ImageFormat::WebP)
}

fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG whose EXIF data says that it is to be turned by a quarter, as telephones write them.
pub fn turned_jpeg(picture: &DynamicImage) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08".to_vec();
    // One entry: orientation (0x0112), one short, 6: the row 0 is on the right.
    exif.extend(b"\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    let mut turned = b"\xff\xd8\xff\xe1".to_vec();
    turned.extend((exif.len() as u16 + 2).to_be_bytes());
    turned.extend(exif);
    turned.extend(&jpeg(picture)[2..]);
    turned
}

/// A PNG of two palette colours, one bit a pixel; its data is stored, not compressed.
pub fn paletted_png(width: u32, height: u32) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([1, 3, 0, 0, 0]);
    let row: Vec<u8> = std::iter::once(0)
        .chain(std::iter::repeat_n(0xf0, width.div_ceil(8) as usize))
        .collect();
    let pixels = row.repeat(height as usize);
    png_of(&[
        (b"IHDR", &header),
        (b"PLTE", &[200, 40, 40, 40, 40, 200]),
        (b"IDAT", &stored(&pixels)),
        (b"IEND", &[]),
    ])
}

/// The beginning of a PNG of 10,000 × 10,000 pixels.
pub fn huge_png() -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(10_000u32.to_be_bytes());
    header.extend(10_000u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    png_of(&[
        (b"IHDR", &header),
        (b"IDAT", &stored(&[0; 64])),
        (b"IEND", &[]),
    ])
}

fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks {
        png.extend((data.len() as u32).to_be_bytes());
        let body = [&kind[..], data].concat();
        png.extend(&body);
        png.extend(crc(&body).to_be_bytes());
    }
    png
}

/// A zlib stream of stored blocks (RFC 1950, RFC 1951 §3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let mut zlib = vec![0x78, 0x01];
    let blocks = data.chunks(0xffff);
    let last = blocks.len() - 1;
    for (number, block) in blocks.enumerate() {
        let length = block.len() as u16;
        zlib.push(u8::from(number == last));
        zlib.extend(length.to_le_bytes());
        zlib.extend((!length).to_le_bytes());
        zlib.extend(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    zlib.extend((b << 16 | a).to_be_bytes());
    zlib
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}
