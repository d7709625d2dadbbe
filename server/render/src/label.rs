//! The word PREVIEW, drawn with strokes of our own on a dark pill in the upper left corner.

use crate::canvas::Canvas;
use crate::overlay::Overlay;

/// Height of the letters, in pixels.
const LETTER_HEIGHT: f32 = 21.0;

/// Thickness of the strokes, in pixels.
const STROKE: f32 = 3.2;

/// Space between two letters, as a part of their height.
const LETTER_SPACE: f32 = 0.30;

/// Space between the letters and the pill's edge, in pixels.
const PADDING: (f32, f32) = (15.0, 10.0);

/// The pill's distance from the frame's corner, in pixels; even.
const MARGIN: usize = 16;

/// How much of the picture the pill hides.
const SHADE: f32 = 0.62;

/// Lumas of the pill and of the letters.
const DARK: f32 = 22.0;
const LIGHT: f32 = 235.0;

type Point = (f32, f32);

/// A letter: its width and its strokes as lines through points. The height is 1, y grows downwards.
struct Letter {
    width: f32,
    strokes: Vec<Vec<Point>>,
}

/// The label of all previews.
pub(crate) fn preview(canvas: Canvas) -> Overlay {
    let (segments, length) = word();
    let even = |side: f32| (side.ceil() as usize).next_multiple_of(2);
    let width = even(length * LETTER_HEIGHT + 2.0 * PADDING.0);
    let height = even(LETTER_HEIGHT + 2.0 * PADDING.1);
    debug_assert!(
        width + MARGIN <= canvas.width as usize && height + MARGIN <= canvas.height as usize
    );
    Overlay::new((MARGIN, MARGIN), (width, height), |x, y| {
        let centre = (x as f32 + 0.5, y as f32 + 0.5);
        let radius = height as f32 / 2.0;
        // The pill is all that is within its radius of the line between the middles of its round ends.
        let spine = ((radius, radius), (width as f32 - radius, radius));
        let pill = (radius + 0.5 - distance(centre, spine)).clamp(0.0, 1.0) * SHADE;
        let letter = (
            (centre.0 - PADDING.0) / LETTER_HEIGHT,
            (centre.1 - PADDING.1) / LETTER_HEIGHT,
        );
        let nearest = segments
            .iter()
            .map(|&segment| distance(letter, segment))
            .fold(f32::INFINITY, f32::min);
        let ink = (STROKE / 2.0 + 0.5 - nearest * LETTER_HEIGHT).clamp(0.0, 1.0);
        (
            ink + (1.0 - ink) * pill,
            if ink > 0.0 { ink_luma(ink, pill) } else { DARK },
        )
    })
}

/// The mean luma of ink over pill, weighted by what each covers.
fn ink_luma(ink: f32, pill: f32) -> f32 {
    let rest = (1.0 - ink) * pill;
    (LIGHT * ink + DARK * rest) / (ink + rest)
}

/// All strokes of the word, and its length; both in heights of a letter.
fn word() -> (Vec<(Point, Point)>, f32) {
    let mut segments = Vec::new();
    let mut at = 0.0;
    for letter in "PREVIEW".chars().map(letter) {
        for stroke in &letter.strokes {
            for ends in stroke.windows(2) {
                segments.push(((ends[0].0 + at, ends[0].1), (ends[1].0 + at, ends[1].1)));
            }
        }
        at += letter.width + LETTER_SPACE;
    }
    (segments, at - LETTER_SPACE)
}

fn letter(character: char) -> Letter {
    let stem = vec![(0.0, 0.0), (0.0, 1.0)];
    match character {
        'P' => Letter {
            width: 0.56,
            strokes: vec![stem, bowl()],
        },
        'R' => Letter {
            width: 0.58,
            strokes: vec![stem, bowl(), vec![(0.28, 0.54), (0.58, 1.0)]],
        },
        'E' => Letter {
            width: 0.5,
            strokes: vec![
                vec![(0.5, 0.0), (0.0, 0.0), (0.0, 1.0), (0.5, 1.0)],
                vec![(0.0, 0.49), (0.43, 0.49)],
            ],
        },
        'V' => Letter {
            width: 0.66,
            strokes: vec![vec![(0.0, 0.0), (0.33, 1.0), (0.66, 0.0)]],
        },
        'I' => Letter {
            width: 0.0,
            strokes: vec![stem],
        },
        'W' => Letter {
            width: 0.96,
            strokes: vec![vec![
                (0.0, 0.0),
                (0.24, 1.0),
                (0.48, 0.12),
                (0.72, 1.0),
                (0.96, 0.0),
            ]],
        },
        other => unreachable!("{other} is no letter of the label"),
    }
}

/// The bowl of P and R: two bars joined by half a circle.
fn bowl() -> Vec<Point> {
    let radius = 0.27;
    let mut points = vec![(0.0, 0.0)];
    points.extend((0..=12).map(|step| {
        let angle = std::f32::consts::PI * (step as f32 / 12.0 - 0.5);
        (0.29 + radius * angle.cos(), radius + radius * angle.sin())
    }));
    points.push((0.0, 2.0 * radius));
    points
}

/// The distance of a point from a line between two others.
fn distance(point: Point, (start, end): (Point, Point)) -> f32 {
    let (along, towards) = (
        (end.0 - start.0, end.1 - start.1),
        (point.0 - start.0, point.1 - start.1),
    );
    let length = along.0 * along.0 + along.1 * along.1;
    let part = ((towards.0 * along.0 + towards.1 * along.1) / length).clamp(0.0, 1.0);
    (towards.0 - part * along.0).hypot(towards.1 - part * along.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_light_on_a_dark_pill_on_any_picture() {
        let canvas = Canvas {
            width: 640,
            height: 272,
        };
        for ground in [16, 126, 235] {
            let mut frame = canvas.frame();
            frame.y.fill(ground);
            preview(canvas).draw(&mut frame);
            // The stem of the P, and the pill right of it.
            let row = (MARGIN + 31) * 640;
            let stem = frame.y[row + MARGIN + 15];
            let pill = frame.y[row + MARGIN + 23];
            assert!(stem > 220, "{stem} on {ground}");
            assert!(pill < 110, "{pill} on {ground}");
            assert_eq!(frame.y[0], ground);
            assert_eq!(frame.y[640 * 272 - 1], ground);
        }
    }
}
