//! One picture and one recording to one preview video: bytes in, an MP4 out.
//!
//! The video shows the picture, which nods and drifts as somebody speaks, a strip at its lower edge in which the
//! sound's level scrolls by, and the word PREVIEW, so that nobody takes it for the real thing.
//! H.264 (constrained baseline), 25 frames a second, 640 pixels on its long side; Opus, mono, 48 kHz. The
//! movie's index comes before its media, so that players start at once.
//!
//! Invariants:
//! - Memory grows with the length of the *encoded* video only: sound is reduced while it is decoded to Opus
//!   packets and one level each 10 ms, and there is never more than one frame.
//! - The video lasts as long as the sound, rounded up to whole frames of 40 ms.
//! - The same bytes give the same video.
//!
//! Not here: tasks, threads, time, files.

mod canvas;
mod edit;
mod encode;
mod envelope;
mod error;
mod label;
mod mix;
mod motion;
mod mux;
mod overlay;
mod picture;
mod planes;
mod resample;
mod sound;
mod strip;
mod track;

use std::ops::ControlFlow;

pub use error::RenderError;

use encode::VideoEncoder;
use envelope::Envelope;
use motion::Motion;
use mux::Movie;
use strip::Strip;

/// Frames a second of every preview video.
pub const FRAMES_PER_SECOND: u32 = 25;

/// Samples at 48 kHz that one frame lasts.
const SAMPLES_PER_FRAME: u64 = (track::SAMPLE_RATE / FRAMES_PER_SECOND) as u64;

/// The part of all work that decoding the sound is, as measured: speech of 20 s, 640 × 640 pixels.
const SOUND_SHARE: f32 = 0.07;

/// How far a rendering is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The part of the work that is done, 0…1; never falls.
    pub fraction: f32,
}

/// Renders a preview video of `image` (PNG, JPEG or WebP) and `audio` (WAV, MP3, M4A/AAC, FLAC, Ogg Vorbis or
/// Ogg Opus).
///
/// `on_progress` is called about once a frame; when it breaks, the rendering ends within a frame's time.
///
/// # Errors
///
/// [`RenderError::Stopped`] when `on_progress` broke; otherwise what is wrong with the input, in words.
pub fn render(
    image: &[u8],
    audio: &[u8],
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<u8>, RenderError> {
    report(on_progress, 0.0)?;
    let picture = picture::read(image)?;
    let canvas = canvas::Canvas::of(&picture);
    let source = canvas.compose(&picture);
    drop(picture);

    let sound = track::read(audio, &mut |part| report(on_progress, part * SOUND_SHARE))?;
    let envelope = Envelope::of(&sound.loudness);

    let frames = u32::try_from(sound.samples.div_ceil(SAMPLES_PER_FRAME))
        .map_err(|_| RenderError::SoundTooLong)?;
    let mut motion = Motion::new(canvas, &source);
    let strip = Strip::new(canvas, &envelope);
    let label = label::preview(canvas);

    let mut frame = canvas.frame();
    let mut draw = |number: u32, frame: &mut planes::Planes| {
        motion.draw(envelope.frame(number), frame);
        label.draw(frame);
        strip.draw(number, frame);
    };
    draw(0, &mut frame);
    let quantiser = encode::quantiser_for(&frame)?;
    let mut encoder = VideoEncoder::new(quantiser)?;
    let mut movie = Movie::new(canvas, frames);
    for number in 0..frames {
        if number > 0 {
            draw(number, &mut frame);
        }
        movie.push(encoder.encode(&frame, number)?, &sound)?;
        let done = (number + 1) as f32 / frames as f32;
        report(on_progress, SOUND_SHARE + done * (1.0 - SOUND_SHARE))?;
    }
    movie.finish(&sound)
}

fn report(
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    fraction: f32,
) -> Result<(), RenderError> {
    match on_progress(Progress {
        fraction: fraction.clamp(0.0, 1.0),
    }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RenderError::Stopped),
    }
}
