//! The audio file, decoded packet by packet and mixed down to mono.
//!
//! WAV, MP3, M4A and AAC, FLAC and Ogg Vorbis by symphonia; Ogg Opus by opus-pure. What an encoder put before the
//! beginning is cut off: by the decoders where they know of it, by the edit list in M4A.
//!
//! Not here: the sample rate (`resample`), limits of length (`track`).

use std::io::Cursor;

use opus_pure::{MAX_PACKET_SAMPLES, OggOpusReader, OpusMSDecoder, Trim};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;

use crate::edit::Edit;
use crate::error::RenderError;
use crate::mix::{mix, opus_weights, weights};

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
    let source: Box<dyn MediaSource> = if is_mpeg_stream(audio) {
        Box::new(ReadOnlySource::new(Cursor::new(audio)))
    } else {
        Box::new(Cursor::new(audio))
    };
    let source = MediaSourceStream::new(source, Default::default());
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
    let mut rate = None;
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
        match decoder.decode(&packet) {
            Ok(decoded) => {
                rate = Some(decoded.spec().rate());
                decoded.copy_to_vec_interleaved(&mut interleaved);
                mix(&interleaved, &weights(decoded.spec().channels()), &mut mono);
            }
            // A damaged packet is as much silence as the one before it was sound, so that what follows is in time.
            Err(Error::DecodeError(_) | Error::IoError(_)) => mono.fill(0.0),
            Err(error) => return Err(RenderError::SoundBroken(error.to_string())),
        }
        let Some(rate) = rate else { continue };
        take(Piece {
            rate,
            mono: edit.keep(rate, &mono),
            part: read as f32 / audio.len() as f32,
        })?;
    }
}

/// Whether it is MP3 or AAC without a container, perhaps after a tag.
///
/// Of an MP3 that does not say how long it is, symphonia estimates the length where it can seek, and cuts the sound
/// off there; such files are therefore given as streams, which are read to their end.
fn is_mpeg_stream(audio: &[u8]) -> bool {
    audio.starts_with(b"ID3") || matches!(audio, [0xff, second, ..] if second & 0xe0 == 0xe0)
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
