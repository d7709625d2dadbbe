//! Uploaded pictures and recordings.

use std::io::Cursor;
use std::time::Duration;

use vbatch_probe::{AudioLimits, ImageLimits, probe_audio, probe_image};

/// A file, as a picture and as a recording.
///
/// # Panics
/// When what was found breaks the limits that it was found under.
pub fn probe(bytes: &[u8]) {
    let limits = ImageLimits {
        max_pixels: 1 << 20,
        ..ImageLimits::default()
    };
    if let Ok(facts) = probe_image(Cursor::new(bytes), &limits) {
        let pixels = u64::from(facts.width_px) * u64::from(facts.height_px);
        assert!((1..=limits.max_pixels).contains(&pixels), "{pixels} pixels");
    }
    let limits = AudioLimits::default();
    if let Ok(facts) = probe_audio(Cursor::new(bytes), &limits) {
        assert!(facts.duration <= limits.max_duration + Duration::from_secs(1));
        assert!(facts.duration >= limits.min_duration);
    }
}
