//! How the picture moves: closer with the voice, a nod with each syllable, a slow drift that rests in silence.
//!
//! Not here: how loud the voice is (`envelope`).

use crate::canvas::Canvas;
use crate::planes::Planes;

/// The part of the source's side that is in view when the voice is loudest.
pub(crate) const CLOSEST_VIEW: f32 = 0.86;

/// The part of the source's side that is in view in silence.
const WIDEST_VIEW: f32 = 0.93;

/// How far the drift goes from the middle, as a part of the source's side. Together with the nod it stays within
/// what [`WIDEST_VIEW`] leaves free on each side.
const DRIFT: f32 = 0.02;

/// How far the loudest syllable lifts the view, as a part of the source's height.
const NOD: f32 = 0.014;

/// The drift's speed at the loudest, in radians a frame: one turn in about 10 s of speech.
const DRIFT_SPEED: f32 = 0.026;

/// The sides of a square in which the position between two source pixels is counted.
const STEPS: usize = 256;

/// The moving view of one source picture.
pub(crate) struct Motion<'a> {
    canvas: Canvas,
    source: &'a Planes,
    drift: f32,
    columns: Columns,
}

impl<'a> Motion<'a> {
    /// A view at rest in the middle.
    pub(crate) fn new(canvas: Canvas, source: &'a Planes) -> Self {
        Self {
            canvas,
            source,
            drift: 0.0,
            columns: Columns::default(),
        }
    }

    /// Draws the next frame at this loudness (0…1).
    pub(crate) fn draw(&mut self, loudness: f32, frame: &mut Planes) {
        self.drift += DRIFT_SPEED * loudness;
        let view = WIDEST_VIEW + (CLOSEST_VIEW - WIDEST_VIEW) * loudness;
        let left = 0.5 + DRIFT * self.drift.sin() - view / 2.0;
        let top = 0.5 + DRIFT * 0.6 * (self.drift * 1.7).sin() - NOD * loudness - view / 2.0;
        let (width, height) = (self.canvas.width as usize, self.canvas.height as usize);
        let (source_width, source_height) = (self.source.width, self.source.height);
        for (from, to, half) in [
            (&self.source.y, &mut frame.y, 1),
            (&self.source.u, &mut frame.u, 2),
            (&self.source.v, &mut frame.v, 2),
        ] {
            let across = Axis::new(left, view, source_width / half, width / half);
            let down = Axis::new(top, view, source_height / half, height / half);
            self.columns.set(across, width / half);
            scale(
                from,
                source_width / half,
                down,
                &mut self.columns,
                to,
                width / half,
            );
        }
    }
}

/// Where the pixels of one axis come from: position of pixel n = start + n × step, in 1/65536 of a source pixel.
#[derive(Clone, Copy)]
struct Axis {
    start: i64,
    step: i64,
    last: usize,
}

impl Axis {
    fn new(from: f32, view: f32, source: usize, target: usize) -> Self {
        let one = 65536.0;
        let step = view * source as f32 / target as f32;
        Self {
            // Centres of pixels are matched, not their edges.
            start: ((from * source as f32 + (step - 1.0) / 2.0) * one) as i64,
            step: (step * one) as i64,
            last: source - 1,
        }
    }

    /// The first of the two source pixels that pixel `n` lies between, and how far it is from it, in [`STEPS`].
    fn at(self, n: usize) -> (usize, u16) {
        let position =
            (self.start + n as i64 * self.step).clamp(0, (self.last as i64) << 16) as usize;
        let first = (position >> 16).min(self.last - 1);
        let beyond = position - (first << 16);
        (first, (beyond * STEPS / 65536) as u16)
    }
}

/// The columns of one frame, computed once for all its rows, and a row to work in.
#[derive(Default)]
struct Columns {
    from: Vec<(u32, u16)>,
    row: Vec<u16>,
}

impl Columns {
    fn set(&mut self, across: Axis, width: usize) {
        self.from.clear();
        self.from.extend((0..width).map(|x| {
            let (first, beyond) = across.at(x);
            (first as u32, beyond)
        }));
    }
}

/// Bilinear scaling of one plane. First two source rows are blended into one, then that row is sampled.
fn scale(
    from: &[u8],
    stride: usize,
    down: Axis,
    columns: &mut Columns,
    to: &mut [u8],
    width: usize,
) {
    columns.row.resize(stride, 0);
    for (y, target) in to.chunks_exact_mut(width).enumerate() {
        let (first, beyond) = down.at(y);
        let upper = &from[first * stride..(first + 1) * stride];
        let lower = &from[(first + 1) * stride..(first + 2) * stride];
        // At most 255 × 256: fits 16 bits.
        for ((blended, &upper), &lower) in columns.row.iter_mut().zip(upper).zip(lower) {
            *blended = u16::from(upper)
                .wrapping_mul(STEPS as u16 - beyond)
                .wrapping_add(u16::from(lower).wrapping_mul(beyond));
        }
        let row = &columns.row[..];
        for (pixel, &(first, beyond)) in target.iter_mut().zip(&columns.from) {
            let first = first as usize;
            let (left, right) = (u32::from(row[first]), u32::from(row[first + 1]));
            let beyond = u32::from(beyond);
            let sum = left
                .wrapping_mul(STEPS as u32 - beyond)
                .wrapping_add(right.wrapping_mul(beyond));
            *pixel = (sum.wrapping_add(1 << 15) >> 16) as u8;
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
        // At the widest the free margin on a side is (1 − view) / 2; the closer view leaves more.
        for step in 0..=100 {
            let loudness = step as f32 / 100.0;
            let view = WIDEST_VIEW + (CLOSEST_VIEW - WIDEST_VIEW) * loudness;
            let free = (1.0 - view) / 2.0;
            assert!(DRIFT <= free + 1e-6, "{loudness}");
            assert!(DRIFT * 0.6 + NOD * loudness <= free + 1e-6, "{loudness}");
        }
    }

    #[test]
    fn silence_rests_and_speech_moves() {
        let canvas = Canvas {
            width: 320,
            height: 280,
        };
        let source = gradient(372, 326);
        let mut motion = Motion::new(canvas, &source);
        let (mut first, mut second, mut third) = (canvas.frame(), canvas.frame(), canvas.frame());
        motion.draw(0.0, &mut first);
        motion.draw(0.0, &mut second);
        motion.draw(1.0, &mut third);
        assert_eq!(first.y, second.y);
        assert_ne!(second.y, third.y);
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let canvas = Canvas {
            width: 320,
            height: 280,
        };
        let mut source = Planes::black(372, 326);
        source.y.fill(201);
        let mut frame = canvas.frame();
        Motion::new(canvas, &source).draw(0.37, &mut frame);
        assert!(frame.y.iter().all(|&luma| luma == 201));
        assert!(frame.u.iter().all(|&chroma| chroma == 128));
    }
}
