//! What is known of a file: facts, never bytes and never a path.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// SHA-256 of a file's content; the name of its blob.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which of the three folders a blob lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlobKind {
    /// A source image.
    Image,
    /// An audio.
    Audio,
    /// A finished video.
    Video,
}

/// A blob: its content's digest and where to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob {
    /// Which folder.
    pub kind: BlobKind,
    /// Its content.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
}

/// A source image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceImage {
    /// The user's name for it: data, never a path. At most 255 bytes.
    pub filename: String,
    /// IANA media type, by content.
    pub media_type: String,
    /// The stored content.
    pub blob: Blob,
    /// Width as shown (EXIF orientation applied), in pixels.
    pub width_px: u32,
    /// Height as shown, in pixels.
    pub height_px: u32,
    /// When retention removed the content; absent while it is there.
    pub removed_time: Option<Timestamp>,
}

/// The audio of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// The user's name for it: data, never a path. At most 255 bytes.
    pub filename: String,
    /// IANA media type, by content.
    pub media_type: String,
    /// The stored content.
    pub blob: Blob,
    /// How long it plays.
    pub duration: Duration,
    /// When retention removed the content; absent while it is there.
    pub removed_time: Option<Timestamp>,
}

/// A finished video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// IANA media type, by content.
    pub media_type: String,
    /// The stored content.
    pub blob: Blob,
    /// How long it plays; zero when the container does not say.
    pub duration: Duration,
    /// Width in pixels; zero when the container does not say.
    pub width_px: u32,
    /// Height in pixels; zero when the container does not say.
    pub height_px: u32,
    /// When retention removed the content; absent while it is there.
    pub removed_time: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::Sha256;

    #[test]
    fn digests_read_back_what_they_wrote() {
        let digest = Sha256([0xa7; 32]);
        assert_eq!(Sha256::from_hex(&digest.to_string()), Some(digest));
        for bad in ["", "a7", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(Sha256::from_hex(bad), None, "{bad}");
        }
    }
}
