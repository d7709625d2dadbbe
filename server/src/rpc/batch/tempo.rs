//! How fast an upload comes.
//!
//! Only the time counts in which its next message is waited for: a disk that is slow, or a picture that takes long to look
//! at, is the server's own affair, and what has come meanwhile is there at once. A message is seen when it is whole, so
//! that one chunk may be on its way when the window ends.

use std::time::Duration;

use crate::config::Limits;
use crate::service::batches::upload::CHUNK_BYTES;
use crate::service::error::{Reason, ServiceError};

/// The pace of one upload.
pub(super) struct Tempo {
    window: Duration,
    bytes_per_second: u64,
    waited: Duration,
    bytes: u64,
}

impl Tempo {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            window: limits.upload_patience,
            bytes_per_second: limits.upload_bytes_per_second,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// How long the next message may be waited for before [`Tempo::waited`] has to judge.
    pub(super) fn patience(&self) -> Duration {
        self.window.saturating_sub(self.waited)
    }

    /// After a wait, which so many bytes ended, or none.
    ///
    /// # Errors
    ///
    /// UPLOAD_TOO_SLOW when the window has passed and too little has come in it.
    pub(super) fn waited(&mut self, time: Duration, bytes: usize) -> Result<(), ServiceError> {
        self.waited += time;
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        if self.waited < self.window {
            return Ok(());
        }
        let enough = (self.bytes_per_second * self.window.as_secs())
            .saturating_sub(CHUNK_BYTES as u64)
            .max(1);
        if self.bytes < enough {
            return Err(self.too_slow());
        }
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        Ok(())
    }

    fn too_slow(&self) -> ServiceError {
        let (seconds, least) = (self.window.as_secs(), self.bytes_per_second);
        let message = if self.bytes == 0 {
            format!("The upload stood still for {seconds} s. Send it again.")
        } else {
            format!(
                "The upload was slower than {least} bytes a second for {seconds} s. Send it over a faster line."
            )
        };
        ServiceError::new(Reason::UploadTooSlow, message)
            .with("limit", seconds)
            .with("bytes_per_second", least)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn tempo() -> Tempo {
        Tempo::new(&Limits::default())
    }

    #[test]
    fn who_keeps_the_slowest_pace_is_never_refused() {
        let mut tempo = tempo();
        // 8 KiB a second, in whole chunks.
        for _ in 0..1_000 {
            tempo.waited(Duration::from_secs(32), CHUNK_BYTES).unwrap();
        }
        let mut tempo = self::tempo();
        for _ in 0..10_000 {
            tempo.waited(Duration::from_secs(1), 8 << 10).unwrap();
        }
    }

    #[test]
    fn who_is_slower_for_a_window_is_refused() {
        for bytes in [0, 1, 2 << 10] {
            let mut tempo = tempo();
            for _ in 0..59 {
                tempo.waited(Duration::from_secs(1), bytes).unwrap();
            }
            assert_eq!(tempo.patience(), Duration::from_secs(1));
            let refusal = tempo.waited(Duration::from_secs(1), bytes).unwrap_err();
            assert_eq!(refusal.reason, Reason::UploadTooSlow);
        }
    }

    #[test]
    fn a_burst_does_not_count_for_a_later_window() {
        let mut tempo = tempo();
        tempo.waited(Duration::ZERO, 1 << 30).unwrap();
        tempo.waited(Duration::from_secs(60), 0).unwrap();
        assert!(tempo.waited(Duration::from_secs(60), 0).is_err());
    }
}
