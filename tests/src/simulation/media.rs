//! The smallest media that are taken: pictures of one pixel, recordings of a fifth of a second, a film of our own.

use bytes::Bytes;

/// Different pictures, and as many recordings, that users have: few, so that they meet in the store.
pub const DIFFERENT: u64 = 6;

/// What every task delivers.
pub fn film() -> Bytes {
    Bytes::from_static(include_bytes!("../../media/film.mp4"))
}

/// A PNG of one grey pixel.
pub fn picture(number: u64) -> Vec<u8> {
    let shade = (number % DIFFERENT) as u8;
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
    // One stored block: no filter, one pixel.
    let sums = adler32(&[0, shade]).to_be_bytes();
    let mut data = vec![0x78, 0x01, 0x01, 2, 0, 0xfd, 0xff, 0, shade];
    data.extend(sums);
    chunk(&mut png, b"IDAT", &data);
    chunk(&mut png, b"IEND", &[]);
    png
}

/// A WAV of a fifth of a second.
pub fn recording(number: u64) -> Vec<u8> {
    const RATE: u32 = 8_000;
    let sound = vec![0x70 + (number % DIFFERENT) as u8; RATE as usize / 5];
    let length = sound.len() as u32;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + length).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(RATE.to_le_bytes());
    wav.extend(RATE.to_le_bytes());
    wav.extend(b"\x01\0\x08\0data");
    wav.extend(length.to_le_bytes());
    wav.extend(sound);
    wav
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let from = png.len();
    png.extend(name);
    png.extend(data);
    let sum = crc32(&png[from..]);
    png.extend(sum.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}
