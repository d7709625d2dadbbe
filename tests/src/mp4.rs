//! Whether an MP4 can be played: parsed, and every frame and packet of it decoded.
//!
//! For H.264 and Opus, which is what the preview engine makes. Independent of the engine's own writer.
//!
//! Not here: whether it looks right.

use std::ops::Range;
use std::time::Duration;

use mp4_atom::{Codec, Decode, DecodeMaybe, FourCC, Header, Moov, Stbl, StszSamples, Trak};
use openh264::decoder::Decoder;
use openh264::formats::YUVSource;
use opus_pure::{MAX_PACKET_SAMPLES, OpusDecoder};

/// Opus counts its time at this rate, in Hz.
const OPUS_RATE: u32 = 48_000;

/// What a whole video turned out to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Frames that were decoded.
    pub video_frames: usize,
    /// Of every frame, in pixels.
    pub width: usize,
    /// Of every frame, in pixels.
    pub height: usize,
    /// Packets of sound that were decoded.
    pub audio_packets: usize,
    /// All frames together, as they are shown.
    pub video_duration: Duration,
    /// What is heard of the decoded sound.
    pub audio_duration: Duration,
}

/// One frame's luma.
#[derive(Debug)]
pub struct Frame<'a> {
    /// From 0.
    pub number: usize,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Row by row, without padding.
    pub luma: &'a [u8],
}

/// Decodes all of `mp4`.
///
/// # Errors
///
/// What is wrong with it, in words: boxes that do not parse, an index after the media, samples outside the file, a
/// frame or packet that does not decode or changes its size, fewer frames than samples, a track that is missing.
pub fn decode_to_the_end(mp4: &[u8]) -> Result<Decoded, String> {
    decode_each(mp4, &mut |_| {}, &mut |_| {})
}

/// The same, and shows each frame and each packet's 48 kHz samples (interleaved, encoder's delay included) on the way.
///
/// # Errors
///
/// As [`decode_to_the_end`].
pub fn decode_each(
    mp4: &[u8],
    on_frame: &mut dyn FnMut(Frame<'_>),
    on_sound: &mut dyn FnMut(&[f32]),
) -> Result<Decoded, String> {
    let moov = index(mp4)?;
    let video = track(&moov, b"vide")?;
    let audio = track(&moov, b"soun")?;
    let (video_frames, (width, height)) = decode_video(mp4, video, on_frame)?;
    let (audio_packets, heard) = decode_audio(mp4, audio, on_sound)?;
    let heard = match edit(audio)? {
        Some((_, length)) => heard.min(scale(length, moov.mvhd.timescale, OPUS_RATE)),
        None => heard,
    };
    let shown: u64 = times(&video.mdia.minf.stbl)
        .iter()
        .map(|&time| u64::from(time))
        .sum();
    Ok(Decoded {
        video_frames,
        width,
        height,
        audio_packets,
        video_duration: seconds(shown, video.mdia.mdhd.timescale),
        audio_duration: seconds(heard, OPUS_RATE),
    })
}

/// The index, which must come before the media so that players start at once.
fn index(mp4: &[u8]) -> Result<Moov, String> {
    let mut at = 0;
    loop {
        let mut rest = mp4.get(at..).unwrap_or_default();
        let header = Header::decode_maybe(&mut rest)
            .map_err(|error| format!("box at byte {at}: {error}"))?
            .ok_or_else(|| format!("the file ends at byte {at} without an index"))?;
        if at == 0 && header.kind != FourCC::new(b"ftyp") {
            return Err(format!("the file begins with {}, not ftyp", header.kind));
        }
        if header.kind == FourCC::new(b"moov") {
            return Moov::decode(&mut &mp4[at..]).map_err(|error| format!("moov: {error}"));
        }
        if header.kind == FourCC::new(b"mdat") {
            return Err("the media comes before the index".to_owned());
        }
        let size = header
            .size
            .ok_or_else(|| format!("{} has no end", header.kind))?;
        at = mp4.len() - rest.len() + size;
    }
}

fn track<'a>(moov: &'a Moov, handler: &[u8; 4]) -> Result<&'a Trak, String> {
    let handler = FourCC::new(handler);
    moov.trak
        .iter()
        .find(|track| track.mdia.hdlr.handler == handler)
        .ok_or_else(|| format!("no {handler} track"))
}

fn decode_video(
    mp4: &[u8],
    track: &Trak,
    on_frame: &mut dyn FnMut(Frame<'_>),
) -> Result<(usize, (usize, usize)), String> {
    let table = &track.mdia.minf.stbl;
    let Some(Codec::Avc1(codec)) = table.stsd.codecs.first() else {
        return Err("the video is not H.264".to_owned());
    };
    let mut decoder = Decoder::new().map_err(|error| error.to_string())?;
    let parameters = [
        &codec.avcc.sequence_parameter_sets[..],
        &codec.avcc.picture_parameter_sets[..],
    ]
    .concat();
    let mut stream = Vec::new();
    for set in &parameters {
        push_unit(&mut stream, set);
    }
    let mut size = None;
    let mut frames = 0;
    let mut luma = Vec::new();
    let mut see = |width: usize, height: usize, stride: usize, y: &[u8]| {
        if *size.get_or_insert((width, height)) != (width, height) {
            return Err(format!(
                "frame {frames} is {width} × {height}, unlike the first"
            ));
        }
        luma.clear();
        for row in y.chunks(stride).take(height) {
            luma.extend_from_slice(&row[..width]);
        }
        on_frame(Frame {
            number: frames,
            width,
            height,
            luma: &luma,
        });
        frames += 1;
        Ok(())
    };
    let samples = samples(table, mp4.len())?;
    for (number, sample) in samples.iter().enumerate() {
        let failed = |error: &dyn std::fmt::Display| format!("frame {number}: {error}");
        units(
            &mp4[sample.clone()],
            usize::from(codec.avcc.length_size),
            &mut stream,
        )
        .map_err(|error| failed(&error))?;
        if let Some(frame) = decoder.decode(&stream).map_err(|error| failed(&error))? {
            let ((width, height), stride) = (frame.dimensions(), frame.strides().0);
            see(width, height, stride, frame.y())?;
        }
        stream.clear();
    }
    for frame in decoder
        .flush_remaining()
        .map_err(|error| error.to_string())?
    {
        let ((width, height), stride) = (frame.dimensions(), frame.strides().0);
        see(width, height, stride, frame.y())?;
    }
    if frames != samples.len() {
        return Err(format!("{} samples gave {frames} frames", samples.len()));
    }
    let size = size.ok_or("there is no frame")?;
    let promised = (
        usize::from(codec.visual.width),
        usize::from(codec.visual.height),
    );
    if size != promised {
        return Err(format!(
            "the index promises {promised:?} pixels, the frames have {size:?}"
        ));
    }
    Ok((frames, size))
}

/// The units of a sample as a byte stream.
fn units(mut sample: &[u8], length_size: usize, stream: &mut Vec<u8>) -> Result<(), String> {
    while !sample.is_empty() {
        let (length, rest) = sample
            .split_at_checked(length_size)
            .ok_or("a unit's length is cut off")?;
        let length = length
            .iter()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        let (unit, rest) = rest.split_at_checked(length).ok_or("a unit is cut off")?;
        push_unit(stream, unit);
        sample = rest;
    }
    Ok(())
}

fn push_unit(stream: &mut Vec<u8>, unit: &[u8]) {
    stream.extend_from_slice(&[0, 0, 0, 1]);
    stream.extend_from_slice(unit);
}

/// Packets, and samples of 48 kHz that are to be heard.
fn decode_audio(
    mp4: &[u8],
    track: &Trak,
    on_sound: &mut dyn FnMut(&[f32]),
) -> Result<(usize, u64), String> {
    let table = &track.mdia.minf.stbl;
    let Some(Codec::Opus(codec)) = table.stsd.codecs.first() else {
        return Err("the sound is not Opus".to_owned());
    };
    let channels = usize::from(codec.dops.output_channel_count);
    let mut decoder =
        OpusDecoder::new(OPUS_RATE as i32, channels).map_err(|error| error.to_string())?;
    let mut block = vec![0.0; MAX_PACKET_SAMPLES * channels];
    let samples = samples(table, mp4.len())?;
    let times = times(table);
    if times.len() != samples.len() {
        return Err(format!(
            "{} packets have {} durations",
            samples.len(),
            times.len()
        ));
    }
    let mut decoded = 0;
    for (number, (sample, &time)) in samples.iter().zip(&times).enumerate() {
        let length = decoder
            .decode(&mp4[sample.clone()], MAX_PACKET_SAMPLES, &mut block)
            .map_err(|error| format!("packet {number}: {error}"))?;
        let time = scale(u64::from(time), track.mdia.mdhd.timescale, OPUS_RATE);
        let last = number + 1 == samples.len();
        if time != length as u64 && !(last && time <= length as u64) {
            return Err(format!(
                "packet {number} lasts {length} samples, not {time}"
            ));
        }
        on_sound(&block[..length * channels]);
        decoded += time;
    }
    let skipped = match edit(track)? {
        Some((start, _)) => scale(start, track.mdia.mdhd.timescale, OPUS_RATE),
        None => 0,
    };
    if skipped != u64::from(codec.dops.pre_skip) {
        return Err(format!(
            "the edit list skips {skipped} samples, the codec {}",
            codec.dops.pre_skip
        ));
    }
    Ok((samples.len(), decoded.saturating_sub(skipped)))
}

/// Start (in the track's time) and length (in the movie's) of a track's only edit.
fn edit(track: &Trak) -> Result<Option<(u64, u64)>, String> {
    let Some(list) = track.edts.as_ref().and_then(|edits| edits.elst.as_ref()) else {
        return Ok(None);
    };
    match &list.entries[..] {
        [entry] => Ok(Some((
            entry.media_time.unwrap_or(0),
            entry.segment_duration,
        ))),
        entries => Err(format!("{} edits in one track", entries.len())),
    }
}

/// The duration of each sample.
fn times(table: &Stbl) -> Vec<u32> {
    let entries = table.stts.entries.iter();
    entries
        .flat_map(|entry| std::iter::repeat_n(entry.sample_delta, entry.sample_count as usize))
        .collect()
}

/// Where each sample lies in the file.
fn samples(table: &Stbl, file: usize) -> Result<Vec<Range<usize>>, String> {
    let sizes: Vec<u32> = match &table.stsz.samples {
        StszSamples::Identical { count, size } => vec![*size; *count as usize],
        StszSamples::Different { sizes } => sizes.clone(),
    };
    let offsets: Vec<u64> = match (&table.stco, &table.co64) {
        (Some(table), _) => table
            .entries
            .iter()
            .map(|&offset| u64::from(offset))
            .collect(),
        (None, Some(table)) => table.entries.clone(),
        (None, None) => return Err("a track has no chunks".to_owned()),
    };
    let chunks = &table.stsc.entries;
    let mut sizes = sizes.into_iter();
    let mut found = Vec::with_capacity(sizes.len());
    for (number, offset) in (1..).zip(offsets) {
        let entry = chunks
            .iter()
            .rev()
            .find(|entry| entry.first_chunk <= number)
            .ok_or_else(|| format!("chunk {number} has no samples"))?;
        let mut at = offset as usize;
        for size in sizes.by_ref().take(entry.samples_per_chunk as usize) {
            let end = at + size as usize;
            if size == 0 || end > file {
                return Err(format!(
                    "a sample at {at} of {size} bytes is not in the file"
                ));
            }
            found.push(at..end);
            at = end;
        }
    }
    match sizes.len() {
        0 => Ok(found),
        left => Err(format!("{left} samples are in no chunk")),
    }
}

fn scale(time: u64, from: u32, to: u32) -> u64 {
    time * u64::from(to) / u64::from(from.max(1))
}

fn seconds(time: u64, timescale: u32) -> Duration {
    Duration::from_nanos(scale(time, timescale, 1_000_000_000))
}
