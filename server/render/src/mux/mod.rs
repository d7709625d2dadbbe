//! The MP4: index first, then the media, one second of video and one of sound in turn.
//!
//! The number of frames and packets is known before the first frame is encoded, so the room for the index is left
//! free at the beginning and filled in at the end: the media is never moved.
//!
//! Both tracks count time in 1/48,000 s. An edit list takes the Opus encoder's delay off the sound, or it would be
//! late; the last packet's duration says where the sound ends.

mod index;

use crate::FRAMES_PER_SECOND;
use crate::canvas::Canvas;
use crate::encode::{EncodedFrame, INTRA_PERIOD};
use crate::error::RenderError;
use crate::track::{PACKET_SAMPLES, SAMPLE_RATE, SoundTrack};

/// Frames of video, and packets of sound, that lie together in the file: one second.
const CHUNK_FRAMES: u32 = FRAMES_PER_SECOND;
const CHUNK_PACKETS: u32 = SAMPLE_RATE / PACKET_SAMPLES as u32;

/// Bytes of the header of the box that holds the media.
const MEDIA_HEADER: usize = 8;

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
}

/// Offsets and sizes have 32 bits: a preview of an hour stays far below.
fn offset(bytes: usize) -> Result<u32, RenderError> {
    u32::try_from(bytes)
        .map_err(|_| RenderError::Encode("the video is larger than 4 GiB".to_owned()))
}

fn failed(error: mp4_atom::Error) -> RenderError {
    RenderError::Encode(format!("MP4: {error}"))
}
