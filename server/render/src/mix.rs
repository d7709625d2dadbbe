//! All channels of a recording to one.
//!
//! A voice in the middle of surround sound is what a preview is about, so it counts most.

use symphonia::core::audio::{Channels, Position};

/// Interleaved frames to one channel; `weights` has one entry a channel.
pub(crate) fn mix(interleaved: &[f32], weights: &[f32], mono: &mut Vec<f32>) {
    mono.clear();
    mono.extend(interleaved.chunks_exact(weights.len().max(1)).map(|frame| {
        let sum: f32 = frame
            .iter()
            .zip(weights)
            .map(|(sample, weight)| sample * weight)
            .sum();
        // Files of floating-point samples may hold anything.
        if sum.is_finite() {
            sum.clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }));
}

/// How much each channel gives to the mix. Voices are in the middle of surround sound: the middle counts most,
/// what is behind less, the low effects not at all.
pub(crate) fn weights(channels: &Channels) -> Vec<f32> {
    let count = channels.count();
    let Channels::Positioned(positions) = channels else {
        return even(count);
    };
    if count <= 2 {
        return even(count);
    }
    let weights = positions.iter().map(|position| {
        if position == Position::FRONT_CENTER {
            1.0
        } else if position == Position::LFE1 || position == Position::LFE2 {
            0.0
        } else if position == Position::FRONT_LEFT || position == Position::FRONT_RIGHT {
            0.7
        } else {
            0.4
        }
    });
    to_one(weights.collect())
}

/// The same for Opus, whose channels come in Vorbis order (RFC 7845 §5.1.1.2).
pub(crate) fn opus_weights(channels: usize) -> Vec<f32> {
    match channels {
        3 => to_one(vec![0.7, 1.0, 0.7]),
        5 => to_one(vec![0.7, 1.0, 0.7, 0.4, 0.4]),
        6 => to_one(vec![0.7, 1.0, 0.7, 0.4, 0.4, 0.0]),
        7 => to_one(vec![0.7, 1.0, 0.7, 0.4, 0.4, 0.4, 0.0]),
        8 => to_one(vec![0.7, 1.0, 0.7, 0.4, 0.4, 0.4, 0.4, 0.0]),
        _ => even(channels),
    }
}

fn even(channels: usize) -> Vec<f32> {
    vec![1.0 / channels.max(1) as f32; channels]
}

/// Scaled so that a voice in the middle alone keeps three fifths of its loudness and a full mix rarely clips.
fn to_one(weights: Vec<f32>) -> Vec<f32> {
    weights.into_iter().map(|weight| weight * 0.6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_surround_sound_is_what_is_heard() {
        let six = Channels::Positioned(
            Position::FRONT_LEFT
                | Position::FRONT_RIGHT
                | Position::FRONT_CENTER
                | Position::LFE1
                | Position::REAR_LEFT
                | Position::REAR_RIGHT,
        );
        let weights = weights(&six);
        assert_eq!(weights.len(), 6);
        assert!(weights[2] > weights[0] && weights[0] > weights[4]);
        assert_eq!(weights[3], 0.0);
    }

    #[test]
    fn samples_that_are_no_numbers_are_silence() {
        let mut mono = Vec::new();
        mix(&[f32::NAN, 0.5, f32::INFINITY, 9.0], &[1.0], &mut mono);
        assert_eq!(mono, [0.0, 0.5, 0.0, 1.0]);
    }
}
