//! When everything stored was looked at last, and what came of it, as it is kept.

use jiff::Timestamp;

/// The setting that keeps it.
pub const SETTING: &str = "last_verify";

/// Longest words that are kept, in bytes: a setting has at most 4 KiB.
const DETAIL_BYTES: usize = 1_024;

/// The outcome of a look at everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastLook {
    /// When it ended.
    pub finish_time: Timestamp,
    /// What did not agree, brief; empty when all did.
    pub detail: String,
}

impl LastLook {
    /// Whether all agreed.
    pub fn is_clean(&self) -> bool {
        self.detail.is_empty()
    }

    /// As it is kept: microseconds since 1970, big-endian, and the words.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.finish_time.as_microsecond().to_be_bytes().to_vec();
        let end = self.detail.floor_char_boundary(DETAIL_BYTES);
        bytes.extend_from_slice(&self.detail.as_bytes()[..end]);
        bytes
    }

    /// From what was kept; nothing when it does not read.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time, words) = bytes.split_first_chunk()?;
        Some(Self {
            finish_time: Timestamp::from_microsecond(i64::from_be_bytes(*time)).ok()?,
            detail: String::from_utf8(words.to_vec()).ok()?,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_again_and_long_words_are_cut() {
        let mut look = LastLook {
            finish_time: Timestamp::from_microsecond(1_800_000_000_000_001).unwrap(),
            detail: String::new(),
        };
        assert_eq!(LastLook::from_bytes(&look.to_bytes()), Some(look.clone()));
        assert!(look.is_clean());
        look.detail = "差".repeat(2_000);
        let kept = LastLook::from_bytes(&look.to_bytes()).unwrap();
        assert_eq!(kept.detail.len(), 1_023);
        assert!(!kept.is_clean());
        for bytes in [
            &[][..],
            &[0; 7],
            &[0x7f; 8],
            &[0, 0, 0, 0, 0, 0, 0, 0, 0xff],
        ] {
            assert_eq!(LastLook::from_bytes(bytes), None);
        }
    }
}
