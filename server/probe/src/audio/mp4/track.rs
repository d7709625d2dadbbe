//! A track: what handles it, its codec, and its sample tables added up without being kept.

use std::io::{Read, Seek};

use super::boxes::{Children, read_count, read_timescale, read_version};
use super::codec::Sound;
use crate::error::ProbeError;
use crate::source::Source;

/// What a track's boxes add up to. Durations are in units of its timescale unless said otherwise.
#[derive(Default)]
pub(super) struct Track {
    pub(super) id: u32,
    /// `soun`, `vide` or another.
    pub(super) handler: [u8; 4],
    /// Units a second.
    pub(super) timescale: u32,
    pub(super) sound: Option<Sound>,
    /// Samples by the table of durations.
    pub(super) timed_samples: u64,
    /// Samples by the table of sizes.
    pub(super) sized_samples: u64,
    pub(super) duration: u64,
    pub(super) bytes: u64,
    /// Where in the file the farthest chunk begins.
    pub(super) last_chunk_start: u64,
    /// What the first edit leaves out at the start.
    pub(super) delay: u64,
    /// What all edits show, in units of the movie's timescale; 0 when there are none.
    pub(super) edited: u64,
}

impl Track {
    pub(super) fn read<R: Read + Seek>(
        source: &mut Source<R>,
        end: u64,
    ) -> Result<Self, ProbeError> {
        let mut track = Self::default();
        let mut children = Children::of(source, end);
        while let Some(found) = children.next(source)? {
            match &found.name {
                b"tkhd" => {
                    let (version, _) = read_version(source)?;
                    source.skip(if version == 1 { 16 } else { 8 })?;
                    track.id = source.u32_be()?;
                }
                b"edts" => track.read_edits(source, found.end)?,
                b"mdia" => track.read_media(source, found.end)?,
                _ => {}
            }
        }
        Ok(track)
    }

    fn read_edits<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        end: u64,
    ) -> Result<(), ProbeError> {
        let mut children = Children::of(source, end);
        while let Some(found) = children.next(source)? {
            if &found.name != b"elst" {
                continue;
            }
            let (version, _) = read_version(source)?;
            let mut is_first = true;
            for _ in 0..read_count(source, found.end, if version == 1 { 20 } else { 12 })? {
                let (length, start) = if version == 1 {
                    (source.u64_be()?, source.u64_be()?.cast_signed())
                } else {
                    (
                        u64::from(source.u32_be()?),
                        i64::from(source.u32_be()?.cast_signed()),
                    )
                };
                source.skip(4)?;
                // A negative start is an empty edit: nothing of the media.
                if let Ok(start) = u64::try_from(start) {
                    if std::mem::take(&mut is_first) {
                        self.delay = start;
                    }
                    self.edited = self.edited.saturating_add(length);
                }
            }
        }
        Ok(())
    }

    fn read_media<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        end: u64,
    ) -> Result<(), ProbeError> {
        let mut tables = None;
        let mut children = Children::of(source, end);
        while let Some(found) = children.next(source)? {
            match &found.name {
                b"mdhd" => self.timescale = read_timescale(source)?,
                b"hdlr" => {
                    source.skip(8)?;
                    self.handler = source.array()?;
                }
                b"minf" => tables = Some((source.position(), found.end)),
                _ => {}
            }
        }
        // The tables of other tracks are none of our business, and theirs may be of any kind.
        if let (b"soun", Some((start, end))) = (&self.handler, tables) {
            source.seek(start)?;
            let mut children = Children::of(source, end);
            while let Some(found) = children.next(source)? {
                if &found.name == b"stbl" {
                    self.read_tables(source, found.end)?;
                }
            }
        }
        Ok(())
    }

    fn read_tables<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        end: u64,
    ) -> Result<(), ProbeError> {
        let mut children = Children::of(source, end);
        while let Some(found) = children.next(source)? {
            let end = found.end;
            match &found.name {
                b"stsd" => self.sound = Some(Sound::read(source, end)?),
                b"stts" => {
                    read_version(source)?;
                    for _ in 0..read_count(source, end, 8)? {
                        let (count, each) =
                            (u64::from(source.u32_be()?), u64::from(source.u32_be()?));
                        self.timed_samples = self.timed_samples.saturating_add(count);
                        self.duration = self.duration.saturating_add(count * each);
                    }
                }
                b"stsz" => {
                    read_version(source)?;
                    let each = source.u32_be()?;
                    let count = if each == 0 {
                        read_count(source, end, 4)?
                    } else {
                        source.u32_be()?
                    };
                    self.sized_samples = u64::from(count);
                    self.bytes = u64::from(count) * u64::from(each);
                    if each == 0 {
                        for _ in 0..count {
                            self.bytes += u64::from(source.u32_be()?);
                        }
                    }
                }
                b"stz2" => {
                    return Err(
                        source.unsupported("an M4A with a compact table of sizes; export it again")
                    );
                }
                b"stco" => {
                    read_version(source)?;
                    for _ in 0..read_count(source, end, 4)? {
                        self.last_chunk_start =
                            self.last_chunk_start.max(u64::from(source.u32_be()?));
                    }
                }
                b"co64" => {
                    read_version(source)?;
                    for _ in 0..read_count(source, end, 8)? {
                        self.last_chunk_start = self.last_chunk_start.max(source.u64_be()?);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
