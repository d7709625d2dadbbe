//! The level strip at the lower edge: bars of the sound's level that scroll from right to left through the
//! moment that is heard now, which is in the middle.
//!
//! One bar is 80 ms of sound. It moves 4 pixels a frame, a whole number, so that the encoder finds it again.

use crate::canvas::Canvas;
use crate::envelope::Envelope;
use crate::overlay::Overlay;
use crate::planes::{Colour, Planes};

/// From one bar to the next, in pixels.
const PITCH: i64 = 8;

/// Width of a bar, in pixels.
const BAR: usize = 4;

/// Frames in which the bars move by one [`PITCH`].
const FRAMES_PER_BAR: i64 = 2;

/// Half of a bar in silence, in pixels.
const LEAST_HALF: usize = 2;

/// How much of the picture the strip hides behind the bars: what shows through stays where it is while they scroll,
/// which no encoder foresees.
const SHADE: f32 = 0.82;

/// Colours of what was heard, is heard and will be heard.
const HEARD: [u8; 3] = [255, 183, 77];
const NOW: [u8; 3] = [255, 255, 255];
const TO_COME: [u8; 3] = [150, 158, 172];

/// The strip of one video.
pub(crate) struct Strip<'a> {
    envelope: &'a Envelope,
    shade: Overlay,
    middle: usize,
    most_half: usize,
    colours: [Colour; 3],
}

impl<'a> Strip<'a> {
    /// The strip for a canvas.
    pub(crate) fn new(canvas: Canvas, envelope: &'a Envelope) -> Self {
        let (width, height) = (canvas.width as usize, canvas.height as usize);
        let strip = (canvas.height.min(canvas.width) as usize / 9)
            .clamp(36, 60)
            .next_multiple_of(2);
        let shaded = strip + strip / 2 / 2 * 2;
        let top = height - shaded.next_multiple_of(2);
        let rows = height - top;
        // Dark below, fading out above, so that the picture has no hard edge.
        let shade = Overlay::new((0, top), (width, rows), |_, y| {
            let part = ((y as f32 + 1.0) / (rows as f32 * 0.6)).min(1.0);
            (SHADE * part * part * (3.0 - 2.0 * part), 18.0)
        });
        Self {
            envelope,
            shade,
            middle: (height - strip / 2) / 2 * 2,
            most_half: (strip / 2 - 6) / 2 * 2,
            colours: [HEARD, NOW, TO_COME].map(Colour::of_rgb),
        }
    }

    /// Draws the strip of this frame.
    pub(crate) fn draw(&self, number: u32, frame: &mut Planes) {
        self.shade.draw(frame);
        let now = (frame.width / 2) as i64;
        let played = i64::from(number) * PITCH / FRAMES_PER_BAR;
        let first = (played - now) / PITCH - 1;
        let last = (played + now) / PITCH + 1;
        for bar in first.max(0)..=last.min(self.envelope.bars() as i64 - 1) {
            let x = now + bar * PITCH - played - BAR as i64 / 2;
            if x < 0 || x as usize + BAR > frame.width {
                continue;
            }
            let colour = match x + BAR as i64 / 2 - now {
                ..=-5 => self.colours[0],
                // One bar at a time: they move by 4 pixels.
                -4..=3 => self.colours[1],
                _ => self.colours[2],
            };
            let level = self.envelope.bar(bar as usize);
            let half = ((level * self.most_half as f32) as usize / 2 * 2).max(LEAST_HALF);
            self.bar(x as usize, half, colour, frame);
        }
    }

    fn bar(&self, x: usize, half: usize, colour: Colour, frame: &mut Planes) {
        frame.fill(x, self.middle - half, BAR, 2 * half, colour);
        // Rounded ends: one narrower row of luma at each.
        for row in [self.middle - half - 1, self.middle + half] {
            let at = row * frame.width + x + 1;
            frame.y[at..at + BAR - 2].fill(colour.y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_bars_are_high_and_the_strip_scrolls() {
        let canvas = Canvas {
            width: 640,
            height: 360,
        };
        let mut loudness = vec![0.5; 200];
        loudness.extend(vec![0.0; 200]);
        let envelope = Envelope::of(&loudness);
        let strip = Strip::new(canvas, &envelope);
        let height_at = |number: u32, x: usize| {
            let mut frame = canvas.frame();
            strip.draw(number, &mut frame);
            frame
                .y
                .iter()
                .skip(x)
                .step_by(640)
                .filter(|&&luma| luma > 100)
                .count()
        };
        // The first two seconds are loud, the rest is silent.
        assert!(height_at(0, 320) > 20);
        assert!(height_at(74, 320) < 8);
        assert!(height_at(74, 320 - 200) > 20);
        // Nothing is heard before the beginning.
        assert_eq!(height_at(0, 200), 0);
    }
}
