//! How loud the sound is, as the picture and the strip follow it.
//!
//! From the RMS of each 10 ms, relative to the loud parts of the same recording: a quiet recording moves the
//! picture as much as a loud one. Not here: measuring it (`track`).

/// Windows of 10 ms in a frame.
const WINDOWS_PER_FRAME: usize = 4;

/// Windows of 10 ms in a bar of the strip.
const WINDOWS_PER_BAR: usize = 8;

/// RMS below which a recording counts as silent even at its loudest: −54 dB of full scale.
const SILENCE: f32 = 0.002;

/// The part of the reference that counts as no voice: breath, hum, room.
const FLOOR: f32 = 0.06;

/// How much of the way to a louder value is gone in a frame: 60 ms to nine tenths.
const ATTACK: f32 = 0.65;

/// How much of the way to a quieter value is gone in a frame: a quarter of a second to two thirds.
const RELEASE: f32 = 0.16;

/// Loudness over time, 0…1.
pub(crate) struct Envelope {
    frames: Vec<f32>,
    bars: Vec<f32>,
}

impl Envelope {
    /// The envelope of a recording, from the RMS (0…1) of each 10 ms.
    pub(crate) fn of(loudness: &[f32]) -> Self {
        let reference = percentile(loudness, 0.95).max(SILENCE);
        let level = |rms: f32| ((rms / reference - FLOOR) / (1.0 - FLOOR)).clamp(0.0, 1.0);
        let mean = |windows: &[f32]| {
            windows.iter().map(|&rms| level(rms)).sum::<f32>() / windows.len() as f32
        };
        let mut now = 0.0;
        let frames = loudness
            .chunks(WINDOWS_PER_FRAME)
            .map(|windows| {
                let target = mean(windows);
                now += (target - now) * if target > now { ATTACK } else { RELEASE };
                // A rest that nobody sees would keep the picture creeping.
                if now < 0.003 {
                    now = 0.0;
                }
                now
            })
            .collect();
        // Peaks make the strip lively, means keep it calm.
        let bars = loudness
            .chunks(WINDOWS_PER_BAR)
            .map(|windows| {
                let peak = windows.iter().copied().fold(0.0, f32::max);
                (mean(windows) + level(peak)) / 2.0
            })
            .collect();
        Self { frames, bars }
    }

    /// The smoothed loudness of a frame; silence beyond the end.
    pub(crate) fn frame(&self, number: u32) -> f32 {
        self.frames.get(number as usize).copied().unwrap_or(0.0)
    }

    /// The loudness of a bar of 80 ms; silence beyond the end.
    pub(crate) fn bar(&self, number: usize) -> f32 {
        self.bars.get(number).copied().unwrap_or(0.0)
    }

    /// How many bars there are.
    pub(crate) fn bars(&self) -> usize {
        self.bars.len()
    }
}

fn percentile(values: &[f32], part: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let mut sorted = values.to_vec();
    let at = ((sorted.len() - 1) as f32 * part) as usize;
    *sorted.select_nth_unstable_by(at, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_at_once_and_falls_slowly() {
        let loudness: Vec<f32> = [vec![0.0; 40], vec![0.4; 40], vec![0.0; 40]].concat();
        let envelope = Envelope::of(&loudness);
        assert_eq!(envelope.frame(9), 0.0);
        assert!(envelope.frame(12) > 0.9);
        assert!(envelope.frame(21) > 0.5);
        assert!(envelope.frame(29) < 0.3);
        assert_eq!(envelope.frame(1000), 0.0);
    }

    #[test]
    fn a_quiet_recording_counts_as_much_as_a_loud_one() {
        let quiet = Envelope::of(&[vec![0.0; 50], vec![0.01; 50]].concat());
        let loud = Envelope::of(&[vec![0.0; 50], vec![0.9; 50]].concat());
        assert!((quiet.frame(24) - loud.frame(24)).abs() < 1e-6);
        assert!(loud.frame(24) > 0.9);
    }

    #[test]
    fn silence_is_not_made_loud() {
        let envelope = Envelope::of(&vec![0.0001; 100]);
        assert_eq!(envelope.frame(20), 0.0);
        assert_eq!(envelope.bar(5), 0.0);
    }
}
