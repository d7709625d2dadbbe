//! The audio file, decoded packet by packet and mixed down to mono.
//!
//! WAV, MP3, M4A and AAC, FLAC and Ogg Vorbis by symphonia; Ogg Opus by opus-pure. What an encoder put before the
//! beginning is cut off: by the decoders where they know of it, by the edit list in M4A.
//!
//! Not here: the sample rate (`resample`), limits of length (`track`).

use std::io::Cursor;

use mp4_atom::{Decode, DecodeMaybe, Header, Moov};
use opus_pure::{MAX_PACKET_SAMPLES, OggOpusReader, OpusMSDecoder, Trim};
use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use crate::error::RenderError;

/// How many bytes of an Ogg file may come before the name of its codec: one page header and a little more.
const OGG_HEAD: usize = 512;

/// A piece of decoded sound.
pub(crate) struct Piece<'a> {
    /// In Hz.
    pub(crate) rate: u32,
    /// −1…1, nominally.
    pub(crate) mono: &'a [f32],
    /// The part of the file that has been read, 0…1.
    pub(crate) part: f32,
}

/// Takes the pieces of a file one after the other; its error ends the decoding.
pub(crate) type TakePiece<'a> = dyn FnMut(Piece<'_>) -> Result<(), RenderError> + 'a;

/// Decodes a whole file.
pub(crate) fn decode(audio: &[u8], take: &mut TakePiece<'_>) -> Result<(), RenderError> {
    let head = &audio[..audio.len().min(OGG_HEAD)];
    if head.starts_with(b"OggS") && head.windows(8).any(|name| name == b"OpusHead") {
        decode_opus(audio, take)
    } else {
        decode_other(audio, take)
    }
}

fn decode_opus(audio: &[u8], take: &mut TakePiece<'_>) -> Result<(), RenderError> {
    const RATE: i32 = 48_000;
    let broken = |error: opus_pure::Error| RenderError::SoundBroken(error.to_string());
    let mut reader = OggOpusReader::new(Cursor::new(audio)).map_err(broken)?;
    let head = reader.head().clone();
    let channels = usize::from(head.channel_count);
    let mut decoder = OpusMSDecoder::new(RATE, channels, head.mapping_family).map_err(broken)?;
    let mut trim = Trim::new(&head, RATE, channels).map_err(broken)?;
    // RFC 7845 §5.1: the header's gain is to be applied.
    let gain = 10f32.powf(head.output_gain_db() / 20.0);
    let weights: Vec<f32> = opus_weights(channels)
        .iter()
        .map(|weight| weight * gain)
        .collect();
    let mut block = vec![0.0f32; MAX_PACKET_SAMPLES * channels];
    let mut mono = Vec::new();
    let mut read = 0;
    for packet in reader.packets() {
        let packet = packet.map_err(broken)?;
        read += packet.data.len();
        let samples = decoder
            .decode(&packet.data, MAX_PACKET_SAMPLES, &mut block)
            .map_err(broken)?;
        let kept = trim.keep(&packet, &block[..samples * channels]);
        mix(kept, &weights, &mut mono);
        take(Piece {
            rate: RATE as u32,
            mono: &mono,
            part: read as f32 / audio.len() as f32,
        })?;
    }
    Ok(())
}

fn decode_other(audio: &[u8], take: &mut TakePiece<'_>) -> Result<(), RenderError> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(audio)), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(
            &Hint::new(),
            source,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(|error| RenderError::SoundKind(error.to_string()))?;
    let (mut track, mut decoder) = decoder_of(&*format)?;
    let mut edit = Edit::of(audio);
    let mut interleaved: Vec<f32> = Vec::new();
    let mut mono = Vec::new();
    let mut read = 0;
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(()),
            // Another stream is chained to this one.
            Err(Error::ResetRequired) => {
                (track, decoder) = decoder_of(&*format)?;
                continue;
            }
            // Cut off: what there is is played, as players do.
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Ok(());
            }
            Err(error) => return Err(RenderError::SoundBroken(error.to_string())),
        };
        if packet.track_id != track {
            continue;
        }
        read += packet.data.len();
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            // A damaged packet is left out, as players do.
            Err(Error::DecodeError(_) | Error::IoError(_)) => continue,
            Err(error) => return Err(RenderError::SoundBroken(error.to_string())),
        };
        let rate = decoded.spec().rate();
        let weights = weights(decoded.spec().channels());
        decoded.copy_to_vec_interleaved(&mut interleaved);
        mix(&interleaved, &weights, &mut mono);
        take(Piece {
            rate,
            mono: edit.keep(rate, &mono),
            part: read as f32 / audio.len() as f32,
        })?;
    }
}

fn decoder_of(format: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), RenderError> {
    let track = format
        .default_track(TrackType::Audio)
        .ok_or_else(|| RenderError::SoundKind("it has no audio track".to_owned()))?;
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|parameters| parameters.audio())
        .ok_or_else(|| RenderError::SoundKind("its codec is unknown".to_owned()))?;
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| RenderError::SoundKind(error.to_string()))?;
    Ok((track.id, decoder))
}

fn mix(interleaved: &[f32], weights: &[f32], mono: &mut Vec<f32>) {
    mono.clear();
    mono.extend(interleaved.chunks_exact(weights.len().max(1)).map(|frame| {
        let sum: f32 = frame
            .iter()
            .zip(weights)
            .map(|(sample, weight)| sample * weight)
            .sum();
        // Files of floating-point samples may hold anything.
        if sum.is_finite() {
            sum.clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }));
}

/// How much each channel gives to the mix. Voices are in the middle of surround sound: the middle counts most,
/// what is behind less, the low effects not at all.
fn weights(channels: &Channels) -> Vec<f32> {
    let count = channels.count();
    let Channels::Positioned(positions) = channels else {
        return even(count);
    };
    if count <= 2 {
        return even(count);
    }
    let weights = positions.iter().map(|position| {
        if position == Position::FRONT_CENTER {
            1.0
        } else if position == Position::LFE1 || position == Position::LFE2 {
            0.0
        } else if position == Position::FRONT_LEFT || position == Position::FRONT_RIGHT {
            0.7
        } else {
            0.4
        }
    });
    to_one(weights.collect())
}

/// The same for Opus, whose channels come in Vorbis order (RFC 7845 §5.1.1.2).
fn opus_weights(channels: usize) -> Vec<f32> {
    match channels {
        3 => to_one(vec![0.7, 1.0, 0.7]),
        5 => to_one(vec![0.7, 1.0, 0.7, 0.4, 0.4]),
        6 => to_one(vec![0.7, 1.0, 0.7, 0.4, 0.4, 0.0]),
        7 => to_one(vec![0.7, 1.0, 0.7, 0.4, 0.4, 0.4, 0.0]),
        8 => to_one(vec![0.7, 1.0, 0.7, 0.4, 0.4, 0.4, 0.4, 0.0]),
        _ => even(channels),
    }
}

fn even(channels: usize) -> Vec<f32> {
    vec![1.0 / channels.max(1) as f32; channels]
}

/// Scaled so that a voice in the middle alone keeps three fifths of its loudness and a full mix rarely clips.
fn to_one(weights: Vec<f32>) -> Vec<f32> {
    weights.into_iter().map(|weight| weight * 0.6).collect()
}

/// The first edit of an M4A's audio track: what comes before it is the encoder's priming, what comes after it is
/// padding. Other files have none.
struct Edit {
    timescale: u64,
    /// In the track's timescale.
    skip: u64,
    /// In the track's timescale.
    keep: Option<u64>,
    seen: u64,
}

impl Edit {
    fn of(audio: &[u8]) -> Self {
        Self::read(audio).unwrap_or(Self {
            timescale: 1,
            skip: 0,
            keep: None,
            seen: 0,
        })
    }

    fn read(audio: &[u8]) -> Option<Self> {
        if audio.get(4..8)? != b"ftyp" {
            return None;
        }
        let moov = find_moov(audio)?;
        let track = moov
            .trak
            .iter()
            .find(|track| track.mdia.minf.smhd.is_some())?;
        let entries = &track.edts.as_ref()?.elst.as_ref()?.entries;
        let entry = entries.iter().find(|entry| entry.media_time.is_some())?;
        let timescale = u64::from(track.mdia.mdhd.timescale);
        let movie = u64::from(moov.mvhd.timescale);
        if timescale == 0 || movie == 0 {
            return None;
        }
        // One edit tells where the sound ends; several are a cut that only its beginning is taken of.
        let alone = entries
            .iter()
            .filter(|entry| entry.media_time.is_some())
            .count()
            == 1;
        let keep = entry
            .segment_duration
            .checked_mul(timescale)?
            .div_ceil(movie);
        Some(Self {
            timescale,
            skip: entry.media_time?,
            keep: (alone && keep > 0).then_some(keep),
            seen: 0,
        })
    }

    /// What is left of the next samples.
    fn keep<'a>(&mut self, rate: u32, samples: &'a [f32]) -> &'a [f32] {
        let scaled =
            |time: u64| (u128::from(time) * u128::from(rate) / u128::from(self.timescale)) as u64;
        let first = scaled(self.skip);
        let end = self
            .keep
            .map_or(u64::MAX, |keep| first.saturating_add(scaled(keep)));
        let from = first.saturating_sub(self.seen).min(samples.len() as u64);
        let until = end.saturating_sub(self.seen).min(samples.len() as u64);
        self.seen += samples.len() as u64;
        &samples[from as usize..until.max(from) as usize]
    }
}

/// The index of an MP4, wherever it is in the file.
fn find_moov(mut bytes: &[u8]) -> Option<Moov> {
    loop {
        let mut rest = bytes;
        let header = Header::decode_maybe(&mut rest).ok()??;
        if header.kind == mp4_atom::FourCC::new(b"moov") {
            return Moov::decode(&mut bytes).ok();
        }
        bytes = rest.get(header.size?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_surround_sound_is_what_is_heard() {
        let six = Channels::Positioned(
            Position::FRONT_LEFT
                | Position::FRONT_RIGHT
                | Position::FRONT_CENTER
                | Position::LFE1
                | Position::REAR_LEFT
                | Position::REAR_RIGHT,
        );
        let weights = weights(&six);
        assert_eq!(weights.len(), 6);
        assert!(weights[2] > weights[0] && weights[0] > weights[4]);
        assert_eq!(weights[3], 0.0);
    }

    #[test]
    fn an_edit_cuts_both_ends_over_several_pieces() {
        let mut edit = Edit {
            timescale: 44_100,
            skip: 1024,
            keep: Some(2000),
            seen: 0,
        };
        let piece = [0.5f32; 1024];
        let kept: Vec<usize> = (0..4).map(|_| edit.keep(44_100, &piece).len()).collect();
        assert_eq!(kept, [0, 1024, 976, 0]);
    }

    #[test]
    fn samples_that_are_no_numbers_are_silence() {
        let mut mono = Vec::new();
        mix(&[f32::NAN, 0.5, f32::INFINITY, 9.0], &[1.0], &mut mono);
        assert_eq!(mono, [0.0, 0.5, 0.0, 1.0]);
    }
}
