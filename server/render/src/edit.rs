//! The edit list of an M4A file: which part of the decoded sound is the recording.

use mp4_atom::{Decode, DecodeMaybe, FourCC, Header, Moov};

/// The first edit of an M4A's audio track: what comes before it is the encoder's priming, what comes after it is
/// padding. Other files have none.
pub(crate) struct Edit {
    timescale: u64,
    /// In the track's timescale.
    skip: u64,
    /// In the track's timescale.
    keep: Option<u64>,
    seen: u64,
}

impl Edit {
    /// The edit of a file; of any other kind of file, one that keeps everything.
    pub(crate) fn of(audio: &[u8]) -> Self {
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
    pub(crate) fn keep<'a>(&mut self, rate: u32, samples: &'a [f32]) -> &'a [f32] {
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
        if header.kind == FourCC::new(b"moov") {
            return Moov::decode(&mut bytes).ok();
        }
        bytes = rest.get(header.size?..)?;
    }
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Edts, Elst, ElstEntry, Encode, Smhd, Stco, Trak};

    use super::*;

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
    fn the_edit_list_of_a_file_is_found_behind_its_media() {
        let mut sound = Trak::default();
        sound.mdia.mdhd.timescale = 44_100;
        sound.mdia.minf.smhd = Some(Smhd::default());
        sound.mdia.minf.stbl.stco = Some(Stco::default());
        sound.edts = Some(Edts {
            elst: Some(Elst {
                entries: vec![ElstEntry {
                    segment_duration: 1_500,
                    media_time: Some(1_024),
                    media_rate: 1.into(),
                }],
            }),
        });
        let mut file = b"\0\0\0\x10ftypM4A \0\0\0\0\0\0\0\x0cmdat1234".to_vec();
        let moov = Moov {
            trak: vec![sound],
            ..Moov::default()
        };
        moov.encode(&mut file).expect("a small box");
        let edit = Edit::of(&file);
        assert_eq!((edit.timescale, edit.skip), (44_100, 1_024));
        // The movie counts thousandths of a second.
        assert_eq!(edit.keep, Some(66_150));
        assert_eq!(Edit::of(&file[..40]).skip, 0);
    }
}
