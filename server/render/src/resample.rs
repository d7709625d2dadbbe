//! Mono sound of any rate to 48 kHz, block by block.
//!
//! The filter's delay is taken off the beginning and its tail is flushed at the end, so that n samples become
//! n × 48,000 / rate, rounded up.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler};

use crate::error::RenderError;
use crate::track::SAMPLE_RATE;

/// Input samples of one step.
const BLOCK: usize = 2048;

/// Rates that are read, in Hz: from telephones to the highest that recorders write.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// A resampler from one rate to 48 kHz.
pub(crate) struct To48k {
    rate: u32,
    filter: Option<Fft<f32>>,
    pending: Vec<f32>,
    block: Vec<f32>,
    /// Samples of the filter's delay that are still to be dropped.
    delay: usize,
    taken: u64,
    given: u64,
}

impl To48k {
    /// From `rate` Hz.
    pub(crate) fn new(rate: u32) -> Result<Self, RenderError> {
        if !RATES.contains(&rate) {
            return Err(RenderError::SoundBroken(format!(
                "a sample rate of {rate} Hz is not supported"
            )));
        }
        let filter = if rate == SAMPLE_RATE {
            None
        } else {
            let filter = Fft::new(
                rate as usize,
                SAMPLE_RATE as usize,
                BLOCK,
                1,
                FixedSync::Input,
            );
            Some(filter.map_err(|error| RenderError::SoundBroken(error.to_string()))?)
        };
        Ok(Self {
            rate,
            delay: filter.as_ref().map_or(0, Resampler::output_delay),
            filter,
            pending: Vec::new(),
            block: Vec::new(),
            taken: 0,
            given: 0,
        })
    }

    /// The rate it was made for.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes samples and gives what is ready.
    pub(crate) fn push(
        &mut self,
        samples: &[f32],
        give: &mut dyn FnMut(&[f32]) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        self.taken += samples.len() as u64;
        if self.filter.is_none() {
            self.given += samples.len() as u64;
            return give(samples);
        }
        self.pending.extend_from_slice(samples);
        let mut done = 0;
        while self.pending.len() - done >= BLOCK {
            self.step(done, BLOCK, give)?;
            done += BLOCK;
        }
        self.pending.drain(..done);
        Ok(())
    }

    /// Gives all that is left.
    pub(crate) fn finish(
        mut self,
        give: &mut dyn FnMut(&[f32]) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let mut rest = self.pending.len();
        self.pending.resize(BLOCK, 0.0);
        while self.filter.is_some() && self.given < self.expected() {
            self.step(0, rest, give)?;
            rest = 0;
        }
        Ok(())
    }

    fn expected(&self) -> u64 {
        (self.taken * u64::from(SAMPLE_RATE)).div_ceil(u64::from(self.rate))
    }

    /// One block through the filter, of which `valid` samples are sound and the rest is silence.
    fn step(
        &mut self,
        from: usize,
        valid: usize,
        give: &mut dyn FnMut(&[f32]) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let Some(filter) = &mut self.filter else {
            return Ok(());
        };
        let internal = |error: &dyn std::fmt::Display| {
            RenderError::SoundBroken(format!("resampling: {error}"))
        };
        let wanted = filter.output_frames_next();
        self.block.resize(wanted, 0.0);
        let input = InterleavedSlice::new(&self.pending[from..from + BLOCK], 1, BLOCK)
            .map_err(|error| internal(&error))?;
        let mut output = InterleavedSlice::new_mut(&mut self.block[..], 1, wanted)
            .map_err(|error| internal(&error))?;
        let indexing = Indexing::new().partial_len(valid);
        let (_, written) = filter
            .process_into_buffer(&input, &mut output, Some(&indexing))
            .map_err(|error| internal(&error))?;
        let dropped = self.delay.min(written);
        self.delay -= dropped;
        let left = (self.expected() - self.given).min((written - dropped) as u64) as usize;
        self.given += left as u64;
        if left == 0 {
            Ok(())
        } else {
            give(&self.block[dropped..dropped + left])
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn resampled(rate: u32, samples: &[f32]) -> Vec<f32> {
        let mut all = Vec::new();
        let mut filter = To48k::new(rate).unwrap();
        for part in samples.chunks(1000) {
            filter
                .push(part, &mut |ready| {
                    all.extend_from_slice(ready);
                    Ok(())
                })
                .unwrap();
        }
        filter
            .finish(&mut |ready| {
                all.extend_from_slice(ready);
                Ok(())
            })
            .unwrap();
        all
    }

    #[test]
    fn a_tone_keeps_its_length_its_place_and_its_height() {
        for rate in [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000] {
            let tone = |n: usize, rate: u32| {
                (n as f32 * 440.0 * std::f32::consts::TAU / rate as f32).sin() * 0.5
            };
            let samples: Vec<f32> = (0..rate as usize + 7).map(|n| tone(n, rate)).collect();
            let found = resampled(rate, &samples);
            let expected = (samples.len() as u64 * 48_000).div_ceil(u64::from(rate)) as usize;
            assert_eq!(found.len(), expected, "{rate}");
            let worst = (1_000..found.len() - 1_000)
                .map(|n| (found[n] - tone(n, 48_000)).abs())
                .fold(0.0, f32::max);
            assert!(worst < 0.01, "{rate}: {worst}");
        }
    }

    #[test]
    fn a_few_samples_are_enough_and_absurd_rates_are_refused() {
        assert_eq!(resampled(44_100, &[0.1; 3]).len(), 4);
        assert_eq!(resampled(8_000, &[]).len(), 0);
        assert!(To48k::new(0).is_err());
        assert!(To48k::new(u32::MAX).is_err());
    }
}
