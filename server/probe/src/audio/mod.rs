//! Owns [`probe_audio`]: the duration of a sound, counted from its frames, and whether it is whole.

pub(crate) mod adts;
mod flac;
pub(crate) mod mp3;
mod mp4;
mod ogg;
mod wav;

use std::io::{Read, Seek};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::ProbeError;
use crate::kind::{MediaKind, SNIFF_BYTES, sniff};
use crate::source::Source;

/// What sound is made with, from bad telephones to laboratories. Beyond it a header is damaged or a trap: a
/// few samples at 1 Hz would play for minutes.
const SAMPLE_RATES_HZ: RangeInclusive<u32> = 1_000..=768_000;
const CHANNELS: RangeInclusive<u16> = 1..=32;

/// What was found out about a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFacts {
    /// WAV, MP3, M4A, AAC, FLAC, Ogg Vorbis or Ogg Opus.
    pub kind: MediaKind,
    /// How long it plays, without an encoder's padding where the file tells of it.
    pub duration: Duration,
    /// Samples a second of each channel as the file declares it, 1,000 to 768,000; for Opus always 48,000.
    pub sample_rate_hz: u32,
    /// Number of channels, 1 to 32.
    pub channels: u16,
}

/// What is taken. [`Default`] gives the server's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLimits {
    /// The longest duration. Default 10 minutes.
    pub max_duration: Duration,
    /// The shortest duration. Default 0.1 s: below it there is nothing to speak, and the upstream refuses it.
    pub min_duration: Duration,
    /// The largest file, in bytes. Default 20 MiB.
    pub max_bytes: u64,
}

impl Default for AudioLimits {
    fn default() -> Self {
        Self {
            max_duration: Duration::from_secs(600),
            min_duration: Duration::from_millis(100),
            max_bytes: 20 * 1024 * 1024,
        }
    }
}

/// What a walk over a file counted.
struct Counted {
    duration: Duration,
    sample_rate_hz: u32,
    channels: u16,
}

impl Counted {
    /// Of a number of samples of each channel.
    fn of_samples(samples: u64, sample_rate_hz: u32, channels: u16) -> Self {
        Self {
            duration: span(samples, sample_rate_hz),
            sample_rate_hz,
            channels,
        }
    }
}

/// `units / units_a_second`, to the nanosecond below; a rate of zero makes no time at all.
fn span(units: u64, units_a_second: u32) -> Duration {
    let rate = u64::from(units_a_second);
    let whole = units.checked_div(rate).unwrap_or(0);
    let rest = units.checked_rem(rate).unwrap_or(0);
    // `rest` is below 2³², so that the product fits.
    let nanos = (rest * 1_000_000_000).checked_div(rate).unwrap_or(0);
    Duration::from_secs(whole).saturating_add(Duration::from_nanos(nanos))
}

/// Reads a sound from its start to its end and tells what it is and how long it lasts.
///
/// The duration is counted from what is there; what headers say is only compared with it. Nothing is decoded.
/// * **WAV** (PCM, float, A-law, µ-law, ADPCM): the length of the data, which must be in the file. The lengths
///   that programs write into a pipe, not knowing the real one, mean "to the end".
/// * **MP3**: every frame, less the encoder's delay and padding where a LAME header tells them. When the header
///   of the first frame counts more frames than there are, the file was cut. Without such a header a cut is not
///   seen; what is there counts.
/// * **AAC** (ADTS): every frame; the last must be whole.
/// * **M4A**: the sample tables, checked against each other and against the media data of the file; also
///   fragmented files. Codecs other than AAC, and any video, are [`ProbeError::KindUnsupported`].
/// * **FLAC**: every frame with both its checksums, and their sum against the header's count.
/// * **Ogg Vorbis, Ogg Opus**: every page with its checksum and number up to the page that is marked as the last;
///   for Opus each packet's own duration. One stream alone, not chained and not mixed with others.
///
/// # Errors
/// [`ProbeError`], of which [`ProbeError::DimensionsExceeded`] does not occur here.
pub fn probe_audio<R: Read + Seek>(
    reader: R,
    limits: &AudioLimits,
) -> Result<AudioFacts, ProbeError> {
    let mut source = Source::open(reader, MediaKind::Mp3)?;
    let mut found = sniff(source.peek(SNIFF_BYTES)?);
    if found == Some(MediaKind::Mp3) {
        // A tag too long for the first look may have hidden what really follows.
        mp3::skip_id3(&mut source)?;
        found = sniff(source.peek(SNIFF_BYTES)?).or(found);
    }
    let Some(kind) = found.filter(|kind| kind.is_audio()) else {
        return Err(ProbeError::KindUnsupported {
            found,
            detail: "WAV, MP3, M4A, AAC, FLAC or Ogg (Vorbis, Opus) is taken as audio",
        });
    };
    source.set_kind(kind);
    if source.length() > limits.max_bytes {
        return Err(ProbeError::TooLarge {
            limit_bytes: limits.max_bytes,
            found_bytes: source.length(),
        });
    }
    let counted = match kind {
        MediaKind::Wav => wav::walk(&mut source)?,
        MediaKind::Mp3 => mp3::walk(&mut source)?,
        MediaKind::Aac => adts::walk(&mut source)?,
        MediaKind::Flac => flac::walk(&mut source)?,
        MediaKind::OggVorbis | MediaKind::OggOpus => ogg::walk(&mut source, kind)?,
        _ => mp4::walk(&mut source)?,
    };
    if !SAMPLE_RATES_HZ.contains(&counted.sample_rate_hz) || !CHANNELS.contains(&counted.channels) {
        return Err(source.corrupt("its sample rate or number of channels is impossible"));
    }
    let duration = counted.duration;
    if duration < limits.min_duration || duration > limits.max_duration {
        return Err(ProbeError::DurationInvalid {
            minimum: limits.min_duration,
            maximum: limits.max_duration,
            found: duration,
        });
    }
    Ok(AudioFacts {
        kind,
        duration,
        sample_rate_hz: counted.sample_rate_hz,
        channels: counted.channels,
    })
}
