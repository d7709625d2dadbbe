//! The sound of the video: the recording as Opus packets of 20 ms, and how loud each 10 ms of it is.
//!
//! Made while the recording is decoded; the decoded sound itself is never kept.

use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder};

use crate::error::RenderError;
use crate::resample::To48k;
use crate::sound;

/// The only rate at which sound is handled once it is decoded, in Hz.
pub(crate) const SAMPLE_RATE: u32 = 48_000;

/// Samples of one Opus packet: 20 ms.
pub(crate) const PACKET_SAMPLES: usize = 960;

/// Samples of one window of loudness: 10 ms.
const WINDOW: usize = 480;

/// The most that is rendered: one hour. (The server's own limit is far lower by default.)
const MOST_SAMPLES: u64 = SAMPLE_RATE as u64 * 3600;

/// Bits a second; plenty for one voice.
const BIT_RATE: i32 = 48_000;

/// Of 0…10: what it costs above this cannot be heard in a preview.
const COMPLEXITY: i32 = 4;

/// A finished track.
pub(crate) struct SoundTrack {
    /// All packets, one after the other.
    bytes: Vec<u8>,
    /// Where each packet ends in `bytes`.
    ends: Vec<u32>,
    /// Samples before the first that is to be heard.
    pub(crate) pre_skip: u16,
    /// Samples that are to be heard, at least one.
    pub(crate) samples: u64,
    /// RMS (0…1) of each 10 ms; the last window may be shorter.
    pub(crate) loudness: Vec<f32>,
}

impl SoundTrack {
    /// How many packets there are.
    pub(crate) fn packets(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of packet `number`.
    pub(crate) fn packet(&self, number: usize) -> &[u8] {
        let start = if number == 0 {
            0
        } else {
            self.ends[number - 1]
        };
        &self.bytes[start as usize..self.ends[number] as usize]
    }
}

/// Reads a whole recording. `report` is told the part of the file that was read and may end it with its error.
pub(crate) fn read(
    audio: &[u8],
    report: &mut dyn FnMut(f32) -> Result<(), RenderError>,
) -> Result<SoundTrack, RenderError> {
    let mut recorder = Recorder::new()?;
    let mut resampler: Option<To48k> = None;
    sound::decode(audio, &mut |piece| {
        report(piece.part)?;
        // A chained stream may go on at another rate.
        if resampler
            .as_ref()
            .is_some_and(|resampler| resampler.rate() != piece.rate)
            && let Some(former) = resampler.take()
        {
            former.finish(&mut |samples| recorder.push(samples))?;
        }
        let resampler = match &mut resampler {
            Some(resampler) => resampler,
            none => none.insert(To48k::new(piece.rate)?),
        };
        resampler.push(piece.mono, &mut |samples| recorder.push(samples))
    })?;
    if let Some(resampler) = resampler {
        resampler.finish(&mut |samples| recorder.push(samples))?;
    }
    recorder.finish()
}

struct Recorder {
    encoder: OpusEncoder,
    packet: Vec<u8>,
    pending: Vec<f32>,
    window: Window,
    track: SoundTrack,
}

/// The window of loudness that is being measured.
#[derive(Default)]
struct Window {
    energy: f32,
    samples: usize,
}

impl Recorder {
    fn new() -> Result<Self, RenderError> {
        let mut encoder =
            OpusEncoder::new(SAMPLE_RATE as i32, 1, Application::Audio).map_err(failed)?;
        encoder.bitrate_bps = BIT_RATE;
        encoder.complexity = COMPLEXITY;
        Ok(Self {
            packet: vec![0; MAX_PACKET_BYTES],
            pending: Vec::with_capacity(2 * PACKET_SAMPLES),
            window: Window::default(),
            track: SoundTrack {
                bytes: Vec::new(),
                ends: Vec::new(),
                pre_skip: u16::try_from(encoder.lookahead())
                    .expect("an encoder's delay is a few milliseconds"),
                samples: 0,
                loudness: Vec::new(),
            },
            encoder,
        })
    }

    fn push(&mut self, samples: &[f32]) -> Result<(), RenderError> {
        self.track.samples += samples.len() as u64;
        if self.track.samples > MOST_SAMPLES {
            return Err(RenderError::SoundTooLong);
        }
        self.measure(samples);
        self.encode(samples)
    }

    fn measure(&mut self, mut samples: &[f32]) {
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(WINDOW - self.window.samples));
            self.window.energy += now.iter().map(|sample| sample * sample).sum::<f32>();
            self.window.samples += now.len();
            if self.window.samples == WINDOW {
                self.close_window();
            }
            samples = later;
        }
    }

    fn close_window(&mut self) {
        let Window { energy, samples } = std::mem::take(&mut self.window);
        self.track.loudness.push((energy / samples as f32).sqrt());
    }

    fn encode(&mut self, samples: &[f32]) -> Result<(), RenderError> {
        self.pending.extend_from_slice(samples);
        let whole = self.pending.len() / PACKET_SAMPLES * PACKET_SAMPLES;
        for frame in self.pending[..whole].chunks_exact(PACKET_SAMPLES) {
            let length = self
                .encoder
                .encode(frame, PACKET_SAMPLES, &mut self.packet)
                .map_err(failed)?;
            self.track.bytes.extend_from_slice(&self.packet[..length]);
            let end =
                u32::try_from(self.track.bytes.len()).map_err(|_| RenderError::SoundTooLong)?;
            self.track.ends.push(end);
        }
        self.pending.drain(..whole);
        Ok(())
    }

    fn finish(mut self) -> Result<SoundTrack, RenderError> {
        if self.track.samples == 0 {
            return Err(RenderError::SoundEmpty);
        }
        if self.window.samples > 0 {
            self.close_window();
        }
        // The encoder is `pre_skip` samples behind: silence drives the last ones out.
        let all = self.track.samples + u64::from(self.track.pre_skip);
        let packets = all.div_ceil(PACKET_SAMPLES as u64);
        let silence = packets * PACKET_SAMPLES as u64 - self.track.samples;
        self.encode(&vec![0.0; silence as usize])?;
        Ok(self.track)
    }
}

fn failed(error: opus_pure::Error) -> RenderError {
    RenderError::Encode(format!("Opus: {error}"))
}
