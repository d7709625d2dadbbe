//! Owns [`ProbeError`]: why a file is refused, with the data a caller needs to say so.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::kind::MediaKind;

/// Why a file is not taken. Each variant but [`ProbeError::Read`] is one reason of the gRPC contract.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// `FILE_KIND_UNSUPPORTED`: not a kind that is taken here, or a variant of one that is not.
    #[error("unsupported kind of file: {detail}")]
    KindUnsupported {
        /// What it seems to be, when that is known.
        found: Option<MediaKind>,
        /// What is wrong and what is taken instead, in brief English.
        detail: &'static str,
    },
    /// `FILE_CORRUPT`: of a known kind, but cut off or damaged.
    #[error("corrupt {kind:?} file: {detail}")]
    Corrupt {
        /// What it is by its beginning.
        kind: MediaKind,
        /// What is wrong, in brief English.
        detail: &'static str,
    },
    /// `FILE_TOO_LARGE`: more bytes than the limit allows.
    #[error("the file has {found_bytes} bytes, at most {limit_bytes} are taken")]
    TooLarge {
        /// The limit, in bytes.
        limit_bytes: u64,
        /// The size of the file, in bytes.
        found_bytes: u64,
    },
    /// `IMAGE_DIMENSIONS_EXCEEDED`: more pixels than the limit allows. Found in the header, before any decoding.
    #[error("the image is {width_px}x{height_px}, at most {limit_pixels} pixels in all are taken")]
    DimensionsExceeded {
        /// The limit for width × height, in pixels.
        limit_pixels: u64,
        /// The width the file declares, in pixels.
        width_px: u32,
        /// The height the file declares, in pixels.
        height_px: u32,
    },
    /// `AUDIO_DURATION_INVALID`: too long, or too short to speak of.
    #[error("the audio lasts {found:?}, from {minimum:?} to {maximum:?} is taken")]
    DurationInvalid {
        /// The shortest that is taken.
        minimum: Duration,
        /// The longest that is taken.
        maximum: Duration,
        /// How long the audio is.
        found: Duration,
    },
    /// The reader itself failed; this says nothing about the file.
    #[error("read the file: {0}")]
    Read(#[from] io::Error),
}

impl ProbeError {
    /// The reason of the contract's `ErrorInfo`; `None` for [`ProbeError::Read`], which is not the file's fault.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::KindUnsupported { .. } => Some("FILE_KIND_UNSUPPORTED"),
            Self::Corrupt { .. } => Some("FILE_CORRUPT"),
            Self::TooLarge { .. } => Some("FILE_TOO_LARGE"),
            Self::DimensionsExceeded { .. } => Some("IMAGE_DIMENSIONS_EXCEEDED"),
            Self::DurationInvalid { .. } => Some("AUDIO_DURATION_INVALID"),
            Self::Read(_) => None,
        }
    }
}
