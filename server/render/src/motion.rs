//! How the picture moves: a nod with each syllable, a slow drift that rests in silence.
//!
//! By whole pixels, and never scaled: the encoder finds each frame in the one before it, moved, and has next to nothing to
//! add. A view that also came closer took twice the bytes.
//!
//! Not here: how loud the voice is (`envelope`).

use crate::canvas::Canvas;
use crate::planes::Planes;

/// How much larger than the video the source picture is on each side.
pub(crate) const ROOM: f32 = 1.08;

/// How far the drift goes from the middle, as a part of the source's side; up and down it goes [`DRIFT_DOWN`] of that.
/// Together with the nod it stays within what [`ROOM`] leaves free on each side.
const DRIFT: f32 = 0.02;
const DRIFT_DOWN: f32 = 0.6;

/// How far the loudest syllable lifts the view, as a part of the source's height.
const NOD: f32 = 0.022;

/// The drift's speed at the loudest, in radians a frame: one turn in about 10 s of speech.
const DRIFT_SPEED: f32 = 0.026;

/// The moving view of one source picture.
pub(crate) struct Motion<'a> {
    canvas: Canvas,
    source: &'a Planes,
    drift: f32,
}

impl<'a> Motion<'a> {
    /// A view at rest in the middle of a source that is no smaller than the canvas.
    pub(crate) fn new(canvas: Canvas, source: &'a Planes) -> Self {
        Self {
            canvas,
            source,
            drift: 0.0,
        }
    }

    /// Draws the next frame at this loudness (0…1).
    pub(crate) fn draw(&mut self, loudness: f32, frame: &mut Planes) {
        self.drift += DRIFT_SPEED * loudness;
        let (right, down) = displacement(self.drift, loudness);
        let (width, height) = (self.canvas.width as usize, self.canvas.height as usize);
        let (left, top) = (
            corner(self.source.width, width, right),
            corner(self.source.height, height, down),
        );
        let stride = self.source.width;
        let rows = self.source.y.chunks_exact(stride).skip(top);
        for (row, target) in rows.zip(frame.y.chunks_exact_mut(width)) {
            target.copy_from_slice(&row[left..left + width]);
        }
        for (from, to) in [
            (&self.source.u, &mut frame.u),
            (&self.source.v, &mut frame.v),
        ] {
            chroma(from, stride / 2, (left, top), to, width / 2);
        }
    }
}

/// How far the view is from the middle, as parts of the source's sides.
fn displacement(drift: f32, loudness: f32) -> (f32, f32) {
    let down = DRIFT_DOWN * (drift * 1.7).sin();
    (DRIFT * drift.sin(), DRIFT * down - NOD * loudness)
}

/// Where a view of `length` pixels begins that is `displaced` from the middle of `source` pixels.
fn corner(source: usize, length: usize, displaced: f32) -> usize {
    let free = source.saturating_sub(length);
    let at = free as f32 / 2.0 + displaced * source as f32;
    // Negative ones become 0.
    (at.round() as usize).min(free)
}

/// One plane at half the size: what begins between two of its pixels is their mean.
fn chroma(from: &[u8], stride: usize, (left, top): (usize, usize), to: &mut [u8], width: usize) {
    let (right, below) = (left % 2, top % 2);
    for (y, target) in to.chunks_exact_mut(width).enumerate() {
        let row = |y: usize| {
            let start = y * stride + left / 2;
            (
                &from[start..start + width],
                &from[start + right..start + right + width],
            )
        };
        let (upper, lower) = (row(top / 2 + y), row(top / 2 + y + below));
        if (right, below) == (0, 0) {
            target.copy_from_slice(upper.0);
            continue;
        }
        let corners = upper.0.iter().zip(upper.1).zip(lower.0.iter().zip(lower.1));
        for (pixel, ((&a, &b), (&c, &d))) in target.iter_mut().zip(corners) {
            let sum = u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d);
            *pixel = ((sum + 2) / 4) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: usize, height: usize) -> Planes {
        let mut planes = Planes::black(width, height);
        for (at, luma) in planes.y.iter_mut().enumerate() {
            *luma = (at % width * 200 / width) as u8 + 16;
        }
        planes
    }

    #[test]
    fn the_view_never_leaves_the_picture() {
        // What `corner` would cut off is never asked for.
        let free = (1.0 - 1.0 / ROOM) / 2.0;
        assert!(DRIFT <= free);
        assert!(DRIFT * DRIFT_DOWN + NOD <= free);
    }

    #[test]
    fn silence_rests_and_speech_moves() {
        let canvas = Canvas {
            width: 320,
            height: 280,
        };
        let source = gradient(346, 302);
        let mut motion = Motion::new(canvas, &source);
        let (mut first, mut second, mut third) = (canvas.frame(), canvas.frame(), canvas.frame());
        motion.draw(0.0, &mut first);
        motion.draw(0.0, &mut second);
        assert_eq!(first.y, second.y);
        for _ in 0..30 {
            motion.draw(1.0, &mut third);
        }
        assert_ne!(second.y, third.y);
    }

    #[test]
    fn a_moved_frame_is_the_picture_itself() {
        let canvas = Canvas {
            width: 40,
            height: 40,
        };
        let mut source = Planes::black(44, 44);
        for (at, luma) in source.y.iter_mut().enumerate() {
            *luma = (at % 251) as u8;
        }
        for (at, u) in source.u.iter_mut().enumerate() {
            *u = (at % 22 * 4) as u8;
        }
        let mut frame = canvas.frame();
        Motion::new(canvas, &source).draw(1.0, &mut frame);
        // One pixel up for the nod.
        let at = |x: usize, y: usize| source.y[y * 44 + x];
        assert_eq!(frame.y[..3], [at(2, 1), at(3, 1), at(4, 1)]);
        assert_eq!(frame.u[..3], [4, 8, 12]);
    }

    #[test]
    fn colours_between_two_pixels_are_their_mean() {
        let from = [10, 20, 30, 40, 50, 60, 70, 80, 90];
        let mut to = [0; 1];
        for (corner, mean) in [((0, 0), 10), ((1, 0), 15), ((0, 1), 25), ((1, 1), 30)] {
            chroma(&from, 3, corner, &mut to, 1);
            assert_eq!(to, [mean], "{corner:?}");
        }
        chroma(&from, 3, (3, 3), &mut to, 1);
        assert_eq!(to, [70]);
    }
}
