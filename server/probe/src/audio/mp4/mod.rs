//! Walks an ISO base media file: finds its one sound track, adds up its sample tables, and compares them with
//! the media data that are there.

mod boxes;
mod codec;
mod fragment;
mod track;

use std::io::{Read, Seek};
use std::time::Duration;

use self::boxes::Children;
use self::fragment::{Defaults, Fragments};
use self::track::Track;
use super::{Counted, span};
use crate::error::ProbeError;
use crate::kind::MediaKind;
use crate::source::Source;

/// Edits that leave out at most this much are an encoder's delay and padding; larger ones are not believed,
/// because a decoder would still have to go through everything.
const MAX_TRIM_SECONDS: u64 = 1;

pub(super) fn walk<R: Read + Seek>(source: &mut Source<R>) -> Result<Counted, ProbeError> {
    let mut movie: Option<Movie> = None;
    let mut fragments = Fragments::default();
    let mut media_bytes: u64 = 0;
    let mut children = Children::of_file(source);
    while let Some(found) = children.next(source)? {
        match &found.name {
            b"moov" if movie.is_none() => movie = Some(Movie::read(source, found.end)?),
            b"moof" => {
                if let Some(movie) = &movie {
                    fragments.read(source, found.end, movie.track.id, movie.defaults)?;
                }
            }
            b"mdat" => media_bytes += found.end - source.position(),
            _ => {}
        }
    }
    let Some(movie) = movie else {
        return Err(source.corrupt("its index (moov) is missing: it was cut off"));
    };
    let Movie {
        track, timescale, ..
    } = movie;
    let sound = track
        .sound
        .as_ref()
        .ok_or_else(|| source.corrupt("its sound track names no codec"))?;
    if track.timescale == 0 || track.timed_samples != track.sized_samples {
        return Err(source.corrupt("its sample tables contradict each other"));
    }
    if track.bytes.saturating_add(fragments.bytes) > media_bytes
        || track.last_chunk_start >= source.length()
    {
        return Err(
            source.corrupt("its media data are shorter than its index says: it was cut off")
        );
    }
    let units = track.duration.saturating_add(fragments.duration);
    let samples = track.timed_samples.saturating_add(fragments.samples);
    let played = span(
        samples.saturating_mul(codec::FRAME_SAMPLES),
        sound.sample_rate_hz,
    );
    let declared = span(units, track.timescale);
    if played.saturating_sub(declared) > declared / 10 + Duration::from_secs(1) {
        return Err(source.corrupt("its frames play longer than its index says"));
    }
    let units = trimmed(units, &track, timescale);
    Ok(Counted {
        duration: span(units, track.timescale),
        sample_rate_hz: sound.sample_rate_hz,
        channels: sound.channels,
    })
}

/// The duration by the edit list, in the track's units, if it leaves out no more than padding.
fn trimmed(units: u64, track: &Track, movie_timescale: u32) -> u64 {
    let media_per_movie = u128::from(track.edited)
        .saturating_mul(u128::from(track.timescale))
        .checked_div(u128::from(movie_timescale));
    let edited = media_per_movie
        .and_then(|units| u64::try_from(units).ok())
        .unwrap_or(0);
    let without_delay = units.saturating_sub(track.delay);
    let candidate = if edited == 0 {
        without_delay
    } else {
        edited.min(without_delay)
    };
    if units - candidate <= MAX_TRIM_SECONDS * u64::from(track.timescale) {
        candidate
    } else {
        units
    }
}

/// The index of the file.
struct Movie {
    timescale: u32,
    track: Track,
    defaults: Defaults,
}

impl Movie {
    fn read<R: Read + Seek>(source: &mut Source<R>, end: u64) -> Result<Self, ProbeError> {
        let mut timescale = 0;
        let mut sound = None;
        let mut defaults = Vec::new();
        let mut children = Children::of(source, end);
        while let Some(found) = children.next(source)? {
            match &found.name {
                b"mvhd" => timescale = boxes::read_timescale(source)?,
                b"trak" => {
                    let track = Track::read(source, found.end)?;
                    match &track.handler {
                        b"vide" => {
                            return Err(ProbeError::KindUnsupported {
                                found: Some(MediaKind::Mp4Video),
                                detail: "it is a video; export its sound alone",
                            });
                        }
                        b"soun" if sound.is_none() => sound = Some(track),
                        _ => {}
                    }
                }
                b"mvex" => defaults = Defaults::read_all(source, found.end)?,
                _ => {}
            }
        }
        let track = sound.ok_or_else(|| source.unsupported("it holds no sound"))?;
        let defaults = defaults
            .into_iter()
            .find(|(id, _)| *id == track.id)
            .map(|(_, defaults)| defaults)
            .unwrap_or_default();
        Ok(Self {
            timescale,
            track,
            defaults,
        })
    }
}
