//! The index of a movie: what its tracks are, how long each sample lasts, how large it is and where it lies.

use mp4_atom::{AnySampleGroupEntry, Audio};
use mp4_atom::{
    Avc1, Avcc, Codec, Colr, Dinf, Dops, Dref, Edts, Elst, ElstEntry, Encode, FourCC, Ftyp, Hdlr,
    Mdhd, Mdia, Minf, Moov, Mvhd, Opus, Sbgp, SbgpEntry, Sgpd, SgpdEntry, Smhd, Stbl, Stco, Stsc,
    StscEntry, Stsd, Stss, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Trak, Url, Visual, Vmhd,
};

use super::{CHUNK_FRAMES, CHUNK_PACKETS, Chunked, Movie, failed};
use crate::SAMPLES_PER_FRAME;
use crate::error::RenderError;
use crate::track::{PACKET_SAMPLES, SAMPLE_RATE, SoundTrack};

/// Opus wants 80 ms decoded before a place that is jumped to: four packets ("Encapsulation of Opus in ISO Base
/// Media File Format", 4.3.6.2), as a 16-bit −4.
const PRE_ROLL: [u8; 2] = (-4i16).to_be_bytes();

impl Movie {
    /// The file's kind and its index: all that comes before the media.
    pub(super) fn write_head(&self, sound: &SoundTrack) -> Result<Vec<u8>, RenderError> {
        let video_duration = u64::from(self.frames) * SAMPLES_PER_FRAME;
        let kind = Ftyp {
            major_brand: FourCC::new(b"isom"),
            minor_version: 512,
            compatible_brands: [b"isom", b"iso2", b"avc1", b"mp41"]
                .map(FourCC::new)
                .to_vec(),
        };
        let index = Moov {
            mvhd: Mvhd {
                timescale: SAMPLE_RATE,
                duration: video_duration.max(sound.samples),
                rate: 1.into(),
                volume: 1.into(),
                next_track_id: 3,
                ..Mvhd::default()
            },
            trak: vec![self.video_track(video_duration)?, self.sound_track(sound)],
            ..Moov::default()
        };
        let mut head = Vec::new();
        kind.encode(&mut head).map_err(failed)?;
        index.encode(&mut head).map_err(failed)?;
        Ok(head)
    }

    fn video_track(&self, duration: u64) -> Result<Trak, RenderError> {
        let (width, height) = (self.canvas.width as u16, self.canvas.height as u16);
        let codec = Avc1 {
            visual: Visual {
                data_reference_index: 1,
                width,
                height,
                ..Visual::default()
            },
            avcc: Avcc::new(&self.parameters.0, &self.parameters.1).map_err(failed)?,
            // BT.709 in all three, limited range (ISO/IEC 23091-2).
            colr: Some(Colr::new(1, 1, 1, false).map_err(failed)?),
            ..Avc1::default()
        };
        let times = vec![SttsEntry {
            sample_count: self.frames,
            sample_delta: SAMPLES_PER_FRAME as u32,
        }];
        let mut samples = self.video.table(codec.into(), times, CHUNK_FRAMES);
        samples.stss = Some(Stss {
            entries: self.keys.clone(),
        });
        Ok(Trak {
            tkhd: Tkhd {
                width: width.into(),
                height: height.into(),
                ..track_header(1, duration)
            },
            edts: Some(edit(0, duration)),
            mdia: media(
                b"vide",
                "video",
                duration,
                Minf {
                    vmhd: Some(Vmhd::default()),
                    ..sample_place(samples)
                },
            ),
            ..Trak::default()
        })
    }

    fn sound_track(&self, sound: &SoundTrack) -> Trak {
        let codec = Opus {
            audio: Audio {
                data_reference_index: 1,
                channel_count: 1,
                sample_size: 16,
                sample_rate: (SAMPLE_RATE as u16).into(),
            },
            dops: Dops {
                output_channel_count: 1,
                pre_skip: sound.pre_skip,
                input_sample_rate: SAMPLE_RATE,
                output_gain: 0,
                channel_mapping: None,
            },
            btrt: None,
        };
        let packets = sound.packets() as u32;
        let duration = sound.samples + u64::from(sound.pre_skip);
        let last = duration - u64::from(packets - 1) * PACKET_SAMPLES as u64;
        let mut times = vec![SttsEntry {
            sample_count: 1,
            sample_delta: last as u32,
        }];
        if packets > 1 {
            times.insert(
                0,
                SttsEntry {
                    sample_count: packets - 1,
                    sample_delta: PACKET_SAMPLES as u32,
                },
            );
        }
        let mut samples = self.sound.table(codec.into(), times, CHUNK_PACKETS);
        samples.sgpd = vec![Sgpd {
            grouping_type: FourCC::new(b"roll"),
            default_length: Some(PRE_ROLL.len() as u32),
            default_group_description_index: None,
            static_group_description: false,
            static_mapping: false,
            essential: false,
            entries: vec![SgpdEntry {
                description_length: Some(PRE_ROLL.len() as u32),
                entry: AnySampleGroupEntry::UnknownGroupingType(
                    FourCC::new(b"roll"),
                    PRE_ROLL.to_vec(),
                ),
            }],
        }];
        samples.sbgp = vec![Sbgp {
            grouping_type: FourCC::new(b"roll"),
            grouping_type_parameter: None,
            entries: vec![SbgpEntry {
                sample_count: packets,
                group_description_index: 1,
            }],
        }];
        Trak {
            tkhd: Tkhd {
                volume: 1.into(),
                alternate_group: 1,
                ..track_header(2, sound.samples)
            },
            edts: Some(edit(u64::from(sound.pre_skip), sound.samples)),
            mdia: media(
                b"soun",
                "sound",
                duration,
                Minf {
                    smhd: Some(Smhd::default()),
                    ..sample_place(samples)
                },
            ),
            ..Trak::default()
        }
    }
}

impl Chunked {
    fn table(&self, codec: Codec, times: Vec<SttsEntry>, per_chunk: u32) -> Stbl {
        let count = self.sizes.len() as u32;
        let chunk = |first_chunk: u32, samples_per_chunk: u32| StscEntry {
            first_chunk,
            samples_per_chunk,
            sample_description_index: 1,
        };
        let (whole, rest) = (count / per_chunk, count % per_chunk);
        let mut chunks = Vec::new();
        if whole > 0 {
            chunks.push(chunk(1, per_chunk));
        }
        if rest > 0 {
            chunks.push(chunk(whole + 1, rest));
        }
        Stbl {
            stsd: Stsd {
                codecs: vec![codec],
            },
            stts: Stts { entries: times },
            stsc: Stsc { entries: chunks },
            stsz: Stsz {
                samples: StszSamples::Different {
                    sizes: self.sizes.clone(),
                },
            },
            stco: Some(Stco {
                entries: self.offsets.clone(),
            }),
            ..Stbl::default()
        }
    }
}

fn track_header(track_id: u32, duration: u64) -> Tkhd {
    Tkhd {
        track_id,
        duration,
        enabled: true,
        in_movie: true,
        ..Tkhd::default()
    }
}

fn edit(start: u64, duration: u64) -> Edts {
    Edts {
        elst: Some(Elst {
            entries: vec![ElstEntry {
                segment_duration: duration,
                media_time: Some(start),
                media_rate: 1.into(),
            }],
        }),
    }
}

fn media(handler: &[u8; 4], name: &str, duration: u64, minf: Minf) -> Mdia {
    Mdia {
        mdhd: Mdhd {
            timescale: SAMPLE_RATE,
            duration,
            language: "und".to_owned(),
            ..Mdhd::default()
        },
        hdlr: Hdlr {
            handler: FourCC::new(handler),
            name: name.to_owned(),
        },
        minf,
    }
}

/// The media is in this file.
fn sample_place(stbl: Stbl) -> Minf {
    Minf {
        dinf: Dinf {
            dref: Dref {
                entries: vec![Url::default().into()],
            },
        },
        stbl,
        ..Minf::default()
    }
}
