//! What Vorbis and Opus packets say about themselves, and the duration that follows from them.

use std::io::{Read, Seek};

use super::Position;
use crate::audio::Counted;
use crate::error::ProbeError;
use crate::kind::MediaKind;
use crate::source::Source;

/// Opus positions and durations are in samples of this rate, whatever the sound was made from (RFC 7845).
const OPUS_RATE_HZ: u32 = 48_000;
/// How far the position of the last page may stay behind what the Opus packets hold, in samples: trimming ends
/// inside a page, and a page rarely holds a second.
const MAX_TRIM_SAMPLES: u64 = 2 * 48_000;

/// The codec by its first packet.
pub(super) enum Codec {
    Opus {
        channels: u16,
        pre_skip: u64,
    },
    Vorbis {
        channels: u16,
        sample_rate_hz: u32,
        short_block: u64,
        long_block: u64,
    },
}

impl Codec {
    /// Reads the first packet, which `sniff` has seen to begin with the codec's name.
    pub(super) fn parse<R: Read + Seek>(
        source: &Source<R>,
        kind: MediaKind,
        head: &[u8],
    ) -> Result<Self, ProbeError> {
        if kind == MediaKind::OggOpus {
            let Some(&[version, channels, p0, p1]) = head
                .strip_prefix(b"OpusHead")
                .filter(|rest| rest.len() >= 11)
                .and_then(<[u8]>::first_chunk)
            else {
                return Err(source.corrupt("its stream header is too short"));
            };
            // The upper four bits are for versions that old readers cannot read.
            if version >> 4 != 0 || channels == 0 {
                return Err(source.unsupported("a version of Opus in Ogg that is not known here"));
            }
            return Ok(Self::Opus {
                channels: u16::from(channels),
                pre_skip: u64::from(u16::from_le_bytes([p0, p1])),
            });
        }
        // Version 0, channels, rate, three bit rates, block sizes, the framing bit.
        let Some(
            &[
                0,
                0,
                0,
                0,
                channels,
                r0,
                r1,
                r2,
                r3,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                blocks,
                _,
            ],
        ) = head
            .strip_prefix(b"\x01vorbis")
            .and_then(<[u8]>::first_chunk)
        else {
            return Err(source.corrupt("its stream header is too short or of another version"));
        };
        let (short, long) = (blocks & 0xf, blocks >> 4);
        if !(6..=13).contains(&short) || !(short..=13).contains(&long) {
            return Err(source.corrupt("its stream header is damaged"));
        }
        Ok(Self::Vorbis {
            channels: u16::from(channels),
            sample_rate_hz: u32::from_le_bytes([r0, r1, r2, r3]),
            short_block: 1 << short,
            long_block: 1 << long,
        })
    }

    /// What a packet plays: exactly for Opus, at most for Vorbis (half of a long block).
    pub(super) fn most_samples(&self, packet: &[u8]) -> Option<u64> {
        match self {
            Self::Opus { .. } => opus_samples(packet),
            Self::Vorbis { long_block, .. } => Some(long_block / 2),
        }
    }

    /// Compares the positions on the pages with the packets, and makes a duration of them.
    pub(super) fn count<R: Read + Seek>(
        &self,
        source: &Source<R>,
        position: &Position,
    ) -> Result<Counted, ProbeError> {
        let (Some(start), Some(end)) = (position.start, position.end) else {
            return Err(source.corrupt("it has no sound data"));
        };
        let contradiction =
            || source.corrupt("its pages and its packets disagree about how long it is");
        match *self {
            Self::Opus { channels, pre_skip } => {
                let length = end.checked_sub(start).ok_or_else(contradiction)?;
                if length > position.played || position.played - length > MAX_TRIM_SAMPLES {
                    return Err(contradiction());
                }
                Ok(Counted::of_samples(
                    length.saturating_sub(pre_skip),
                    OPUS_RATE_HZ,
                    channels,
                ))
            }
            Self::Vorbis {
                channels,
                sample_rate_hz,
                short_block,
                long_block: _,
            } => {
                // The bounds of what packets can play: the first plays nothing, and the last page may be trimmed.
                let least = position.packets_before_last.saturating_sub(1) * (short_block / 2);
                if end > start + position.played || end - start.min(end) < least {
                    return Err(contradiction());
                }
                Ok(Counted::of_samples(
                    end - start.min(end),
                    sample_rate_hz,
                    channels,
                ))
            }
        }
    }
}

/// Samples at 48 kHz of an Opus packet by its first two bytes (RFC 6716, section 3.1).
fn opus_samples(packet: &[u8]) -> Option<u64> {
    let (&toc, rest) = packet.split_first()?;
    let frame = match toc >> 3 {
        // SILK: 10, 20, 40, 60 ms.
        configuration @ 0..=11 => [480, 960, 1920, 2880][usize::from(configuration & 3)],
        // Hybrid: 10, 20 ms.
        configuration @ 12..=15 => [480, 960][usize::from(configuration & 1)],
        // CELT: 2.5, 5, 10, 20 ms.
        configuration => [120, 240, 480, 960][usize::from(configuration & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(rest.first()? & 0x3f),
    };
    // A packet lasts at most 120 ms.
    (1..=5760)
        .contains(&(frame * frames))
        .then_some(frame * frames)
}
