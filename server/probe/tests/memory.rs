//! Memory while probing does not follow the size of what is probed. Alone in its program, so that the peak is its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use flate2::{Compression, write::ZlibEncoder};
use vbatch_probe::{AudioLimits, ImageLimits, ProbeError, probe_audio, probe_image};

const MEBIBYTE: u64 = 1024 * 1024;

/// The largest resident size of this process so far, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(name);
    checksum.update(content);
    let length = u32::try_from(content.len()).unwrap();
    [
        &length.to_be_bytes()[..],
        name,
        content,
        &checksum.finalize().to_be_bytes(),
    ]
    .concat()
}

/// A picture of one colour: 147 MB of rows in some 150 KB.
fn png(width_px: u32, height_px: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = vec![0; 1 + width_px as usize * 3];
    for _ in 0..height_px {
        encoder.write_all(&row).unwrap();
    }
    let header = [
        &width_px.to_be_bytes()[..],
        &height_px.to_be_bytes(),
        &[8, 2, 0, 0, 0],
    ]
    .concat();
    let data = encoder.finish().unwrap();
    [
        &b"\x89PNG\r\n\x1a\n"[..],
        &chunk(b"IHDR", &header),
        &chunk(b"IDAT", &data),
        &chunk(b"IEND", b""),
    ]
    .concat()
}

/// A file that begins as given and goes on with nothing but zeros to its length.
struct Zeros {
    head: Vec<u8>,
    length: u64,
    position: u64,
}

impl Read for Zeros {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length - self.position).unwrap_or(usize::MAX);
        let count = target.len().min(left);
        for (offset, byte) in target[..count].iter_mut().enumerate() {
            let at = usize::try_from(self.position).unwrap() + offset;
            *byte = self.head.get(at).copied().unwrap_or(0);
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Zeros {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(offset) => self.length.checked_add_signed(offset).unwrap(),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset).unwrap(),
        };
        Ok(self.position)
    }
}

#[test]
fn probing_the_largest_files_takes_little_memory() {
    let picture = png(7000, 7000);
    // A FLAC whose metadata blocks claim all they can, and an Ogg page that never comes.
    let tagged = Zeros {
        head: b"ID3\x04\0\0\x7f\x7f\x7f\x7f".to_vec(),
        length: 300 * MEBIBYTE,
        position: 0,
    };
    let flac = Zeros {
        head: b"fLaC\0\xff\xff\xff".to_vec(),
        length: 64 * MEBIBYTE,
        position: 0,
    };
    let index = Zeros {
        head: [
            &b"\0\0\0\x10ftypM4A \0\0\0\0"[..],
            b"\x03\0\0\0moov\x02\0\0\0trak",
        ]
        .concat(),
        length: 64 * MEBIBYTE,
        position: 0,
    };
    let audio_limits = AudioLimits {
        max_bytes: u64::MAX,
        ..AudioLimits::default()
    };

    let before = peak();
    let facts = probe_image(Cursor::new(&picture), &ImageLimits::default()).unwrap();
    assert_eq!((facts.width_px, facts.height_px), (7000, 7000));
    for file in [tagged, flac, index] {
        assert!(matches!(
            probe_audio(file, &audio_limits),
            Err(ProbeError::Corrupt { .. })
        ));
    }
    let rise = peak() - before;
    assert!(rise < 4 * MEBIBYTE, "memory rose by {rise} bytes");
}
