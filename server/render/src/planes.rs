//! A frame as the encoder takes it: one plane of luma, two of chroma at half the size.
//!
//! BT.709, limited range. Not here: what is drawn into it.

use openh264::formats::YUVSource;

/// A picture in Y, U and V; both sides even.
#[derive(Clone)]
pub(crate) struct Planes {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) y: Vec<u8>,
    pub(crate) u: Vec<u8>,
    pub(crate) v: Vec<u8>,
}

/// One colour in Y, U and V.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) y: u8,
    pub(crate) u: u8,
    pub(crate) v: u8,
}

impl Planes {
    /// Black, of the given size.
    ///
    /// Both sides must be even.
    pub(crate) fn black(width: usize, height: usize) -> Self {
        debug_assert!(width.is_multiple_of(2) && height.is_multiple_of(2));
        Self {
            width,
            height,
            y: vec![16; width * height],
            u: vec![128; width * height / 4],
            v: vec![128; width * height / 4],
        }
    }

    /// The same picture, from rows of red, green and blue bytes.
    pub(crate) fn from_rgb(width: usize, height: usize, rgb: &[u8]) -> Self {
        let mut planes = Self::black(width, height);
        let stride = width * 3;
        for (row, (pixels, luma)) in rgb
            .chunks_exact(stride)
            .zip(planes.y.chunks_exact_mut(width))
            .enumerate()
        {
            for (pixel, luma) in pixels.chunks_exact(3).zip(luma) {
                *luma = Colour::of_rgb([pixel[0], pixel[1], pixel[2]]).y;
            }
            if row % 2 == 1 {
                let above = &rgb[(row - 1) * stride..row * stride];
                let at = row / 2 * (width / 2);
                for (x, (upper, lower)) in above
                    .chunks_exact(6)
                    .zip(pixels.chunks_exact(6))
                    .enumerate()
                {
                    let mean = |channel: usize| {
                        let sum = u16::from(upper[channel])
                            + u16::from(upper[channel + 3])
                            + u16::from(lower[channel])
                            + u16::from(lower[channel + 3]);
                        ((sum + 2) / 4) as u8
                    };
                    let colour = Colour::of_rgb([mean(0), mean(1), mean(2)]);
                    planes.u[at + x] = colour.u;
                    planes.v[at + x] = colour.v;
                }
            }
        }
        planes
    }

    /// Fills a rectangle; all four numbers must be even and inside the picture.
    pub(crate) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        for row in y..y + height {
            let at = row * self.width + x;
            self.y[at..at + width].fill(colour.y);
        }
        for row in y / 2..(y + height) / 2 {
            let at = row * (self.width / 2) + x / 2;
            self.u[at..at + width / 2].fill(colour.u);
            self.v[at..at + width / 2].fill(colour.v);
        }
    }
}

impl Colour {
    /// BT.709, limited range, of 8-bit red, green and blue. The coefficients are those of ITU-R BT.709-6,
    /// scaled by 219/255 (luma) and 224/255 (chroma) and by 2¹⁶.
    pub(crate) fn of_rgb([r, g, b]: [u8; 3]) -> Self {
        let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
        let y = 16 + ((11966 * r + 40254 * g + 4064 * b + 32768) >> 16);
        let u = 128 + ((-6596 * r - 22189 * g + 28784 * b + 32768) >> 16);
        let v = 128 + ((28784 * r - 26145 * g - 2639 * b + 32768) >> 16);
        Self {
            y: y.clamp(16, 235) as u8,
            u: u.clamp(16, 240) as u8,
            v: v.clamp(16, 240) as u8,
        }
    }
}

impl YUVSource for Planes {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width, self.width / 2, self.width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.y
    }

    fn u(&self) -> &[u8] {
        &self.u
    }

    fn v(&self) -> &[u8] {
        &self.v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_white_and_the_primaries_are_those_of_the_standard() {
        for (rgb, [y, u, v]) in [
            ([0, 0, 0], [16, 128, 128]),
            ([255, 255, 255], [235, 128, 128]),
            ([255, 0, 0], [63, 102, 240]),
            ([0, 255, 0], [173, 42, 26]),
            ([0, 0, 255], [32, 240, 118]),
        ] {
            assert_eq!(Colour::of_rgb(rgb), Colour { y, u, v }, "{rgb:?}");
        }
    }

    #[test]
    fn chroma_is_the_mean_of_four_pixels() {
        let white = [255u8; 3];
        let red = [255, 0, 0];
        let rgb: Vec<u8> = [white, red, red, white].concat();
        let planes = Planes::from_rgb(2, 2, &rgb);
        let mean = Colour::of_rgb([255, 128, 128]);
        assert_eq!((planes.u[0], planes.v[0]), (mean.u, mean.v));
        assert_eq!(planes.y, [235, 63, 63, 235]);
    }
}
