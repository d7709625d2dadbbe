//! A translucent picture that is laid over frames: for each pixel what stays of the frame and what is added.
//!
//! Colourless: it fades the frame's chroma towards grey where it covers.

use crate::planes::Planes;

/// A whole, in the unit in which coverage is counted.
const WHOLE: f32 = 256.0;

/// Something laid over every frame at the same place.
pub(crate) struct Overlay {
    left: usize,
    top: usize,
    width: usize,
    luma: Vec<Blend>,
    chroma: Vec<Blend>,
}

/// `frame × stays / 256 + added`.
#[derive(Clone, Copy)]
struct Blend {
    stays: u16,
    added: u16,
}

impl Blend {
    fn new(coverage: f32, value: f32) -> Self {
        let coverage = coverage.clamp(0.0, 1.0);
        Self {
            stays: ((1.0 - coverage) * WHOLE) as u16,
            added: (coverage * value * WHOLE) as u16,
        }
    }

    fn over(self, under: u8) -> u8 {
        (u16::from(under)
            .wrapping_mul(self.stays)
            .wrapping_add(self.added)
            >> 8) as u8
    }
}

impl Overlay {
    /// An overlay whose pixel (x, y), counted from its own corner, covers the frame by `shade(x, y).0` (0…1) with
    /// the luma `shade(x, y).1` (16…235). Place and size must be even and inside the frames it will be drawn on.
    pub(crate) fn new(
        (left, top): (usize, usize),
        (width, height): (usize, usize),
        shade: impl Fn(usize, usize) -> (f32, f32),
    ) -> Self {
        let mut luma = Vec::with_capacity(width * height);
        let mut chroma = Vec::with_capacity(width * height / 4);
        for y in 0..height {
            for x in 0..width {
                let (coverage, value) = shade(x, y);
                luma.push(Blend::new(coverage, value));
                if x % 2 == 0 && y % 2 == 0 {
                    let mean = [(0, 0), (1, 0), (0, 1), (1, 1)]
                        .map(|(right, below)| shade(x + right, y + below).0)
                        .iter()
                        .sum::<f32>()
                        / 4.0;
                    chroma.push(Blend::new(mean, 128.0));
                }
            }
        }
        Self {
            left,
            top,
            width,
            luma,
            chroma,
        }
    }

    /// Lays it over a frame.
    pub(crate) fn draw(&self, frame: &mut Planes) {
        lay(
            &self.luma,
            self.width,
            &mut frame.y,
            frame.width,
            (self.left, self.top),
        );
        for plane in [&mut frame.u, &mut frame.v] {
            lay(
                &self.chroma,
                self.width / 2,
                plane,
                frame.width / 2,
                (self.left / 2, self.top / 2),
            );
        }
    }
}

fn lay(
    blends: &[Blend],
    width: usize,
    plane: &mut [u8],
    stride: usize,
    (left, top): (usize, usize),
) {
    let rows = plane.chunks_exact_mut(stride).skip(top);
    for (blends, row) in blends.chunks_exact(width).zip(rows) {
        for (blend, pixel) in blends.iter().zip(&mut row[left..left + width]) {
            *pixel = blend.over(*pixel);
        }
    }
}
