//! Owns [`MediaKind`] and [`sniff`]: what a file is by its first bytes.
//!
//! Sniffing is a first look, good for an early refusal. Only a probe reads on and knows.

use crate::audio::{adts, mp3};

/// How many bytes from the start of a file [`sniff`] makes use of; fewer will do, but may leave it unsure.
pub const SNIFF_BYTES: usize = 4096;

/// A kind of media file that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// PNG, animated or not.
    Png,
    /// JPEG (JFIF, Exif).
    Jpeg,
    /// WebP, lossy, lossless or animated.
    WebP,
    /// RIFF WAVE.
    Wav,
    /// MPEG audio layer III, with or without ID3.
    Mp3,
    /// An ISO base media file. Only a probe knows that it holds AAC and no video.
    M4a,
    /// AAC in ADTS frames, without a container.
    Aac,
    /// Native FLAC.
    Flac,
    /// Vorbis in Ogg.
    OggVorbis,
    /// Opus in Ogg.
    OggOpus,
    /// An ISO base media file that holds video: what the engines produce, never an input.
    Mp4Video,
}

impl MediaKind {
    /// The IANA media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Aac => "audio/aac",
            Self::Flac => "audio/flac",
            Self::OggVorbis | Self::OggOpus => "audio/ogg",
            Self::Mp4Video => "video/mp4",
        }
    }

    /// The usual filename extension, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::M4a => "m4a",
            Self::Aac => "aac",
            Self::Flac => "flac",
            Self::OggVorbis => "ogg",
            Self::OggOpus => "opus",
            Self::Mp4Video => "mp4",
        }
    }

    /// A short name to show to people: `PNG`, `Ogg Opus`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Wav => "WAV",
            Self::Mp3 => "MP3",
            Self::M4a => "M4A",
            Self::Aac => "AAC",
            Self::Flac => "FLAC",
            Self::OggVorbis => "Ogg Vorbis",
            Self::OggOpus => "Ogg Opus",
            Self::Mp4Video => "MP4 video",
        }
    }

    /// Whether it is a kind of picture that can be a source image.
    #[must_use]
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::WebP)
    }

    /// Whether it is a kind of sound that can be a batch's audio.
    #[must_use]
    pub const fn is_audio(self) -> bool {
        !self.is_image() && !matches!(self, Self::Mp4Video)
    }
}

/// What a file is by its first bytes; `head` should hold [`SNIFF_BYTES`] of them, or the whole file if it is shorter.
///
/// An ISO base media file is taken for [`MediaKind::M4a`] unless its brand says video: audio alone is often
/// written under a general brand. [`crate::probe_audio`] then looks at the tracks.
#[must_use]
pub fn sniff(head: &[u8]) -> Option<MediaKind> {
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(MediaKind::Png);
    }
    if head.starts_with(&[0xff, 0xd8, 0xff]) {
        return Some(MediaKind::Jpeg);
    }
    if head.starts_with(b"RIFF") {
        return match head.get(8..12)? {
            b"WAVE" => Some(MediaKind::Wav),
            b"WEBP" => Some(MediaKind::WebP),
            _ => None,
        };
    }
    if head.starts_with(b"fLaC") {
        return Some(MediaKind::Flac);
    }
    if head.starts_with(b"OggS") {
        return sniff_ogg(head);
    }
    if head.get(4..8) == Some(b"ftyp") {
        return sniff_brand(head.get(8..12)?);
    }
    if head.starts_with(b"ID3") {
        // The tag may precede other kinds too; when it is too long to look behind, MP3 is by far the likeliest.
        let behind =
            mp3::id3_length(head).and_then(|length| head.get(usize::try_from(length).ok()?..));
        return match behind {
            Some(rest) if rest.len() >= 4 && !rest.starts_with(b"ID3") => {
                sniff(rest).or(Some(MediaKind::Mp3))
            }
            _ => Some(MediaKind::Mp3),
        };
    }
    if adts::looks_like(head) {
        return Some(MediaKind::Aac);
    }
    mp3::looks_like(head).then_some(MediaKind::Mp3)
}

/// The codec is named by the first packet, which has the first page for itself.
fn sniff_ogg(head: &[u8]) -> Option<MediaKind> {
    let segments = usize::from(*head.get(26)?);
    let packet = head.get(27 + segments..)?;
    if packet.starts_with(b"OpusHead") {
        Some(MediaKind::OggOpus)
    } else if packet.starts_with(b"\x01vorbis") {
        Some(MediaKind::OggVorbis)
    } else {
        None
    }
}

/// Brands of pictures in the same container are none of ours; those of films are told at once.
fn sniff_brand(brand: &[u8]) -> Option<MediaKind> {
    match brand {
        b"avif" | b"avis" | b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"hevx" | b"mif1"
        | b"msf1" | b"jpeg" | b"crx " => None,
        b"M4V " | b"M4VH" | b"M4VP" | b"f4v " | b"avc1" => Some(MediaKind::Mp4Video),
        _ => Some(MediaKind::M4a),
    }
}
