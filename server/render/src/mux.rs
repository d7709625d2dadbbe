//! The MP4: index first, then the media, one second of video and one of sound in turn.
//!
//! The number of frames and packets is known before the first frame is encoded, so the room for the index is left
//! free at the beginning and filled in at the end: the media is never moved.
//!
//! Both tracks count time in 1/48,000 s. An edit list takes the Opus encoder's delay off the sound, or it would be
//! late; the last packet's duration says where the sound ends.

use mp4_atom::{AnySampleGroupEntry, Audio};
use mp4_atom::{
    Avc1, Avcc, Codec, Colr, Dinf, Dops, Dref, Edts, Elst, ElstEntry, Encode, FourCC, Ftyp, Hdlr,
    Mdhd, Mdia, Minf, Moov, Mvhd, Opus, Sbgp, SbgpEntry, Sgpd, SgpdEntry, Smhd, Stbl, Stco, Stsc,
    StscEntry, Stsd, Stss, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Trak, Url, Visual, Vmhd,
};

use crate::canvas::Canvas;
use crate::encode::{EncodedFrame, INTRA_PERIOD};
use crate::error::RenderError;
use crate::track::{PACKET_SAMPLES, SAMPLE_RATE, SoundTrack};
use crate::{FRAMES_PER_SECOND, SAMPLES_PER_FRAME};

/// Frames of video, and packets of sound, that lie together in the file: one second.
const CHUNK_FRAMES: u32 = FRAMES_PER_SECOND;
const CHUNK_PACKETS: u32 = SAMPLE_RATE / PACKET_SAMPLES as u32;

/// Bytes of the header of the box that holds the media.
const MEDIA_HEADER: usize = 8;

/// Opus wants 80 ms decoded before a place that is jumped to: four packets ("Encapsulation of Opus in ISO Base
/// Media File Format", 4.3.6.2), as a 16-bit −4.
const PRE_ROLL: [u8; 2] = (-4i16).to_be_bytes();

/// A movie that is being written.
pub(crate) struct Movie {
    canvas: Canvas,
    frames: u32,
    bytes: Vec<u8>,
    /// The room left for what comes before the media, its header included; 0 until the first frame.
    head: usize,
    parameters: (Vec<u8>, Vec<u8>),
    video: Chunked,
    sound: Chunked,
    keys: Vec<u32>,
}

/// The samples of one track: how large they are and where their chunks begin.
#[derive(Default)]
struct Chunked {
    sizes: Vec<u32>,
    offsets: Vec<u32>,
}

impl Movie {
    /// A movie of so many frames (at least one).
    pub(crate) fn new(canvas: Canvas, frames: u32) -> Self {
        Self {
            canvas,
            frames,
            bytes: Vec::new(),
            head: 0,
            parameters: Default::default(),
            video: Chunked::default(),
            sound: Chunked::default(),
            keys: Vec::new(),
        }
    }

    /// Appends the next frame, and the second of sound that belongs to it when its second of video is full.
    pub(crate) fn push(
        &mut self,
        frame: EncodedFrame,
        sound: &SoundTrack,
    ) -> Result<(), RenderError> {
        if self.head == 0 {
            self.parameters = frame.parameters.ok_or_else(|| {
                RenderError::Encode("H.264: the first frame brought no parameters".to_owned())
            })?;
            self.head = self.expected_head(sound)?;
            self.bytes.resize(self.head, 0);
        }
        let number = self.video.sizes.len() as u32;
        if number.is_multiple_of(CHUNK_FRAMES) {
            self.video.offsets.push(offset(self.bytes.len())?);
        }
        if frame.is_key {
            self.keys.push(number + 1);
        }
        self.video.sizes.push(offset(frame.sample.len())?);
        self.bytes.extend_from_slice(&frame.sample);
        let last = number + 1 == self.frames;
        if (number + 1).is_multiple_of(CHUNK_FRAMES) || last {
            self.push_sound(sound, last)?;
        }
        Ok(())
    }

    fn push_sound(&mut self, sound: &SoundTrack, all: bool) -> Result<(), RenderError> {
        loop {
            let first = self.sound.sizes.len();
            let end = sound.packets().min(first + CHUNK_PACKETS as usize);
            if first == end {
                return Ok(());
            }
            self.sound.offsets.push(offset(self.bytes.len())?);
            for number in first..end {
                let packet = sound.packet(number);
                self.sound.sizes.push(packet.len() as u32);
                self.bytes.extend_from_slice(packet);
            }
            if !all {
                return Ok(());
            }
        }
    }

    /// The whole file.
    pub(crate) fn finish(mut self, sound: &SoundTrack) -> Result<Vec<u8>, RenderError> {
        let media = offset(self.bytes.len() - self.head + MEDIA_HEADER)?;
        let mut head = self.write_head(sound)?;
        head.extend_from_slice(&media.to_be_bytes());
        head.extend_from_slice(b"mdat");
        if head.len() != self.head {
            return Err(RenderError::Encode(format!(
                "the index takes {} bytes, not the {} that were left for it",
                head.len(),
                self.head
            )));
        }
        self.bytes[..self.head].copy_from_slice(&head);
        self.bytes.shrink_to_fit();
        Ok(self.bytes)
    }

    /// How long the head will be: that of a movie with the same numbers of everything.
    fn expected_head(&self, sound: &SoundTrack) -> Result<usize, RenderError> {
        let packets = sound.packets();
        let whole = Self {
            canvas: self.canvas,
            frames: self.frames,
            bytes: Vec::new(),
            head: 0,
            parameters: self.parameters.clone(),
            video: Chunked {
                sizes: vec![1; self.frames as usize],
                offsets: vec![0; self.frames.div_ceil(CHUNK_FRAMES) as usize],
            },
            sound: Chunked {
                sizes: vec![1; packets],
                offsets: vec![0; packets.div_ceil(CHUNK_PACKETS as usize)],
            },
            keys: vec![0; self.frames.div_ceil(INTRA_PERIOD) as usize],
        };
        Ok(whole.write_head(sound)?.len() + MEDIA_HEADER)
    }

    fn write_head(&self, sound: &SoundTrack) -> Result<Vec<u8>, RenderError> {
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

/// Offsets and sizes have 32 bits: a preview of an hour stays far below.
fn offset(bytes: usize) -> Result<u32, RenderError> {
    u32::try_from(bytes)
        .map_err(|_| RenderError::Encode("the video is larger than 4 GiB".to_owned()))
}

fn failed(error: mp4_atom::Error) -> RenderError {
    RenderError::Encode(format!("MP4: {error}"))
}
