//! Whether a file is a video that plays: by its container, whatever name or media type it came with.
//!
//! MP4: `ftyp`, a `moov` with a video track that has samples, media data, and no box that passes the end of the file.
//! WebM: an EBML header with that document type, and a video track. Lengths in a file are only ever seeked over, so
//! memory is bounded by the few fields that are read.
//!
//! Not here: decoding. A video whose frames are garbage passes.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

/// What a container says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct VideoFacts {
    pub(super) media_type: &'static str,
    /// Zero when it does not say.
    pub(super) duration: Duration,
    /// Zero when it does not say.
    pub(super) width_px: u32,
    /// Zero when it does not say.
    pub(super) height_px: u32,
}

/// Why it is none.
#[derive(Debug)]
pub(super) enum NotAVideo {
    /// By its content.
    Content(String),
    /// It could not be read.
    Read(io::Error),
}

impl From<io::Error> for NotAVideo {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Content("it ends too early".to_owned())
        } else {
            Self::Read(error)
        }
    }
}

fn refuse<T>(message: &str) -> Result<T, NotAVideo> {
    Err(NotAVideo::Content(message.to_owned()))
}

/// Looks at a whole file.
pub(super) fn examine(mut file: impl Read + Seek) -> Result<VideoFacts, NotAVideo> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    examine_bytes(io::BufReader::new(file), end)
}

fn examine_bytes(mut file: impl Read + Seek, end: u64) -> Result<VideoFacts, NotAVideo> {
    let mut head = [0; 8];
    if end < 8 {
        return refuse("it is too short");
    }
    file.read_exact(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if &head[4..] == b"ftyp" {
        examine_mp4(&mut file, end)
    } else if head[..4] == [0x1a, 0x45, 0xdf, 0xa3] {
        examine_webm(&mut file, end)
    } else {
        refuse("it is neither MP4 nor WebM")
    }
}

#[derive(Default)]
struct Movie {
    has_media_data: bool,
    has_movie: bool,
    is_fragmented: bool,
    timescale: u32,
    units: u64,
    video: Option<Track>,
}

#[derive(Default, Clone, Copy)]
struct Track {
    width_px: u32,
    height_px: u32,
    is_video: bool,
    samples: u32,
}

/// Boxes are nested no deeper than this on the way to what is read.
const MP4_DEPTH: u32 = 6;

/// Boxes and elements of one file that are looked at; a file of nothing but empty ones is no video.
const MOST_BOXES: u32 = 100_000;

fn examine_mp4(file: &mut (impl Read + Seek), end: u64) -> Result<VideoFacts, NotAVideo> {
    let mut movie = Movie::default();
    let mut budget = MOST_BOXES;
    walk_mp4(file, end, 0, &mut movie, &mut Track::default(), &mut budget)?;
    if !movie.has_movie {
        return refuse("its index (moov) is missing");
    }
    if !movie.has_media_data {
        return refuse("it has no media data (mdat)");
    }
    let Some(video) = movie.video else {
        return refuse("it has no video track");
    };
    if video.samples == 0 && !movie.is_fragmented {
        return refuse("its video track is empty");
    }
    let seconds = if movie.timescale == 0 {
        0.0
    } else {
        movie.units as f64 / f64::from(movie.timescale)
    };
    Ok(VideoFacts {
        media_type: "video/mp4",
        duration: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
        width_px: video.width_px,
        height_px: video.height_px,
    })
}

fn walk_mp4(
    file: &mut (impl Read + Seek),
    end: u64,
    depth: u32,
    movie: &mut Movie,
    track: &mut Track,
    budget: &mut u32,
) -> Result<(), NotAVideo> {
    loop {
        let start = file.stream_position()?;
        if start + 8 > end {
            // Up to seven bytes of padding do no harm.
            return Ok(());
        }
        let Some(rest) = budget.checked_sub(1) else {
            return refuse("it has too many boxes");
        };
        *budget = rest;
        let mut size = u64::from(read_u32(file)?);
        let mut name = [0; 4];
        file.read_exact(&mut name)?;
        let mut header = 8;
        if size == 1 {
            size = read_u64(file)?;
            header = 16;
        } else if size == 0 {
            size = end - start;
        }
        let Some(next) = start.checked_add(size).filter(|next| *next <= end) else {
            return refuse("it was cut off");
        };
        if size < header {
            return refuse("a box is shorter than its header");
        }
        match &name {
            b"moov" | b"mdia" | b"minf" | b"stbl" if depth < MP4_DEPTH => {
                movie.has_movie |= &name == b"moov";
                walk_mp4(file, next, depth + 1, movie, track, budget)?;
            }
            b"trak" if depth < MP4_DEPTH => {
                let mut found = Track::default();
                walk_mp4(file, next, depth + 1, movie, &mut found, budget)?;
                if found.is_video && movie.video.is_none() {
                    movie.video = Some(found);
                }
            }
            b"mvex" => movie.is_fragmented = true,
            b"mdat" => movie.has_media_data |= size > header,
            b"mvhd" => (movie.timescale, movie.units) = read_movie_header(file)?,
            b"tkhd" => (track.width_px, track.height_px) = read_track_header(file)?,
            b"hdlr" => {
                skip(file, 8)?;
                let mut handler = [0; 4];
                file.read_exact(&mut handler)?;
                track.is_video |= &handler == b"vide";
            }
            b"stsz" | b"stz2" => {
                skip(file, 8)?;
                track.samples = read_u32(file)?;
            }
            _ => {}
        }
        if file.stream_position()? > next {
            return refuse("a box is shorter than its fields");
        }
        file.seek(SeekFrom::Start(next))?;
    }
}

fn read_movie_header(file: &mut (impl Read + Seek)) -> io::Result<(u32, u64)> {
    let long = read_u32(file)? >> 24 == 1;
    skip(file, if long { 16 } else { 8 })?;
    let timescale = read_u32(file)?;
    let units = if long {
        read_u64(file)?
    } else {
        u64::from(read_u32(file)?)
    };
    Ok((timescale, units))
}

/// Sides are 16.16 fixed-point numbers at the end of the box.
fn read_track_header(file: &mut (impl Read + Seek)) -> io::Result<(u32, u32)> {
    let long = read_u32(file)? >> 24 == 1;
    skip(file, if long { 32 } else { 20 } + 52)?;
    Ok((read_u32(file)? >> 16, read_u32(file)? >> 16))
}

const EBML_HEADER: u32 = 0x1a45_dfa3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const CLUSTER: u32 = 0x1f43_b675;

struct WebM {
    is_webm: bool,
    has_clusters: bool,
    has_video: bool,
    scale_ns: u64,
    units: f64,
    width_px: u32,
    height_px: u32,
}

fn examine_webm(file: &mut (impl Read + Seek), end: u64) -> Result<VideoFacts, NotAVideo> {
    let mut found = WebM {
        is_webm: false,
        has_clusters: false,
        has_video: false,
        scale_ns: 1_000_000,
        units: 0.0,
        width_px: 0,
        height_px: 0,
    };
    let mut budget = MOST_BOXES;
    walk_webm(file, end, 0, &mut found, &mut budget)?;
    if !found.is_webm {
        return refuse("it is neither MP4 nor WebM");
    }
    if !found.has_video || !found.has_clusters {
        return refuse("it has no video track or no media data");
    }
    let seconds = found.units * found.scale_ns as f64 / 1e9;
    Ok(VideoFacts {
        media_type: "video/webm",
        duration: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
        width_px: found.width_px,
        height_px: found.height_px,
    })
}

fn walk_webm(
    file: &mut (impl Read + Seek),
    end: u64,
    depth: u32,
    found: &mut WebM,
    budget: &mut u32,
) -> Result<(), NotAVideo> {
    while file.stream_position()? < end {
        let Some(rest) = budget.checked_sub(1) else {
            return refuse("it has too many elements");
        };
        *budget = rest;
        let (id, _) = read_number(file, true)?;
        let (size, unknown) = read_number(file, false)?;
        let start = file.stream_position()?;
        // An element of unknown size, as live recordings have, goes on to the end.
        let next = if unknown {
            end
        } else {
            start.saturating_add(size)
        };
        if next > end {
            return refuse("it was cut off");
        }
        let id = u32::try_from(id).unwrap_or(0);
        match id {
            EBML_HEADER | SEGMENT | INFO | TRACKS | TRACK_ENTRY | VIDEO if depth < 5 => {
                found.has_video |= id == VIDEO;
                walk_webm(file, next, depth + 1, found, budget)?;
            }
            CLUSTER => found.has_clusters |= next > start,
            DOC_TYPE if next - start == 4 => {
                found.is_webm = read_u32(file)?.to_be_bytes() == *b"webm"
            }
            TIMESTAMP_SCALE => found.scale_ns = read_unsigned(file, next - start)?,
            PIXEL_WIDTH => found.width_px = read_unsigned(file, next - start)? as u32,
            PIXEL_HEIGHT => found.height_px = read_unsigned(file, next - start)? as u32,
            DURATION if next - start == 4 => {
                found.units = f64::from(f32::from_bits(read_u32(file)?));
            }
            DURATION if next - start == 8 => found.units = f64::from_bits(read_u64(file)?),
            _ => {}
        }
        file.seek(SeekFrom::Start(next))?;
    }
    Ok(())
}

/// A variable-length number: its first set bit tells the length. An id keeps that bit, a size does not; a size of
/// nothing but ones is unknown.
fn read_number(file: &mut impl Read, keep_marker: bool) -> Result<(u64, bool), NotAVideo> {
    let mut first = [0];
    file.read_exact(&mut first)?;
    let length = first[0].leading_zeros();
    if length > 7 {
        return refuse("an element has no length");
    }
    let mask = 0x7f_u8 >> length;
    let mut value = u64::from(if keep_marker {
        first[0]
    } else {
        first[0] & mask
    });
    let mut all_ones = first[0] & mask == mask;
    for _ in 0..length {
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        value = value << 8 | u64::from(byte[0]);
        all_ones &= byte[0] == 0xff;
    }
    Ok((value, all_ones))
}

fn read_unsigned(file: &mut impl Read, length: u64) -> Result<u64, NotAVideo> {
    if length > 8 {
        return refuse("a number is too long");
    }
    let mut value = 0;
    for _ in 0..length {
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        value = value << 8 | u64::from(byte[0]);
    }
    Ok(value)
}

fn read_u32(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn read_u64(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn skip(file: &mut (impl Read + Seek), bytes: i64) -> io::Result<()> {
    file.seek_relative(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

    use std::io::Cursor;

    use super::*;

    fn examine(bytes: &[u8]) -> Result<VideoFacts, NotAVideo> {
        examine_bytes(Cursor::new(bytes), bytes.len() as u64)
    }

    const FILM: &[u8] = include_bytes!("../../../tests/media/film.mp4");

    #[test]
    fn a_film_says_how_long_and_how_large_it_is() {
        let facts = examine(FILM).unwrap();
        assert_eq!(facts.media_type, "video/mp4");
        assert!(facts.duration > Duration::ZERO);
        assert!(facts.width_px > 0 && facts.height_px > 0);
    }

    #[test]
    fn no_prefix_of_a_film_is_one() {
        for end in 0..FILM.len() {
            assert!(
                matches!(examine(&FILM[..end]), Err(NotAVideo::Content(_))),
                "{end}"
            );
        }
    }

    #[test]
    fn sound_pages_and_nothing_are_no_films() {
        let sound = include_bytes!("../../../tests/media/speech.m4a");
        for bytes in [&sound[..], b"", b"<html><body>busy</body></html>"] {
            assert!(matches!(examine(bytes), Err(NotAVideo::Content(_))));
        }
    }

    /// An element with a one-byte size.
    fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
        let size = 0x80 | u8::try_from(content.len()).unwrap();
        [id, &[size], content].concat()
    }

    #[test]
    fn a_webm_tells_its_size_and_duration() {
        let header = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm"));
        let info = element(
            &[0x15, 0x49, 0xa9, 0x66],
            &element(&[0x44, 0x89], &2500.0_f32.to_be_bytes()),
        );
        let sides = [
            element(&[0xb0], &640_u16.to_be_bytes()),
            element(&[0xba], &360_u16.to_be_bytes()),
        ]
        .concat();
        let tracks = element(
            &[0x16, 0x54, 0xae, 0x6b],
            &element(&[0xae], &element(&[0xe0], &sides)),
        );
        let cluster = element(&[0x1f, 0x43, 0xb6, 0x75], b"frames");
        let segment = element(&[0x18, 0x53, 0x80, 0x67], &[info, tracks, cluster].concat());
        let whole = [header, segment].concat();
        assert_eq!(
            examine(&whole).unwrap(),
            VideoFacts {
                media_type: "video/webm",
                duration: Duration::from_millis(2500),
                width_px: 640,
                height_px: 360,
            }
        );
        assert!(examine(&whole[..whole.len() - 1]).is_err());
    }
}
