//! What is wrong with an uploaded file, in the words and with the data of the contract.

use vbatch_probe::{ProbeError, sniff};

use super::refusal;
use super::upload::FileHeader;
use crate::domain::media::BlobKind;
use crate::service::error::{Reason, ServiceError};

/// The first look at a file: its beginning must be of a kind that is taken for what it is to be.
pub(super) fn check_kind(header: &FileHeader, head: &[u8]) -> Result<(), ServiceError> {
    let found = sniff(head);
    let fits = found.is_some_and(|kind| match header.kind {
        BlobKind::Audio => kind.is_audio(),
        _ => kind.is_image(),
    });
    if fits {
        return Ok(());
    }
    let media_type = found.map_or("", |kind| kind.media_type());
    Err(unsupported(&header.filename, header.kind, media_type))
}

pub(super) fn unsupported(file: &str, kind: BlobKind, media_type: &str) -> ServiceError {
    let taken = if kind == BlobKind::Audio {
        "WAV, MP3, M4A, AAC, FLAC or Ogg (Vorbis, Opus)"
    } else {
        "PNG, JPEG or WebP"
    };
    ServiceError::new(
        Reason::FileKindUnsupported,
        format!("{file} is of a kind that is not taken. Send {taken}."),
    )
    .with("file", file)
    .with("media_type", media_type)
}

pub(super) fn of_probe(error: ProbeError, file: &str) -> ServiceError {
    let refused = |reason, message| ServiceError::new(reason, message).with("file", file);
    match error {
        ProbeError::KindUnsupported { found, detail } => {
            refused(Reason::FileKindUnsupported, format!("{file}: {detail}"))
                .with("media_type", found.map_or("", |kind| kind.media_type()))
        }
        ProbeError::Corrupt { detail, .. } => refused(
            Reason::FileCorrupt,
            format!("{file} is broken or cut off: {detail}."),
        ),
        ProbeError::TooLarge {
            limit_bytes,
            found_bytes,
        } => refusal::too_large(file, limit_bytes).with("size", found_bytes),
        ProbeError::DimensionsExceeded {
            limit_pixels,
            width_px,
            height_px,
        } => refused(
            Reason::ImageDimensionsExceeded,
            format!(
                "{file} has {width_px}x{height_px} pixels, at most {limit_pixels} in all are taken."
            ),
        )
        .with("limit", limit_pixels)
        .with("width", width_px)
        .with("height", height_px),
        ProbeError::DurationInvalid {
            minimum,
            maximum,
            found,
        } => refused(
            Reason::AudioDurationInvalid,
            format!(
                "{file} plays {:.1} s, {:.1} to {:.0} s are taken.",
                found.as_secs_f64(),
                minimum.as_secs_f64(),
                maximum.as_secs_f64()
            ),
        )
        .with(
            "limit",
            if found < minimum { minimum } else { maximum }.as_secs_f64(),
        )
        .with("duration", found.as_secs_f64()),
        ProbeError::Read(error) => {
            let error = crate::media::MediaError::io(format!("probe {file}"), error);
            refusal::of_media(error, file)
        }
    }
}
