//! Cutting what is sent into messages that fit.

use prost::Message;

/// Bytes of a message's list that are filled at most: the rest of the contract's 1 MiB is room for what goes with it.
pub(super) const PART_BYTES: usize = 768 << 10;

/// Most entries of one message: the contract's.
pub(super) const PART_ENTRIES: usize = 200;

/// Fills a message's list.
pub(super) struct Part<T> {
    entries: Vec<T>,
    bytes: usize,
}

impl<T: Message> Part<T> {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes an entry, or gives it back when the message is full. The first always fits.
    pub(super) fn push(&mut self, entry: T) -> Result<(), T> {
        // Tag and length take at most six bytes.
        let bytes = entry.encoded_len() + 6;
        let is_full = self.entries.len() >= PART_ENTRIES || self.bytes + bytes > PART_BYTES;
        if is_full && !self.entries.is_empty() {
            return Err(entry);
        }
        self.bytes += bytes;
        self.entries.push(entry);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn into_entries(self) -> Vec<T> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use vision_batch::v1;

    use super::*;

    #[test]
    fn a_part_is_full_by_number_or_by_size() {
        let fill = |name_bytes: usize| {
            let mut part = Part::new();
            let entry = || v1::Batch {
                name: "x".repeat(name_bytes),
                ..Default::default()
            };
            while part.push(entry()).is_ok() {}
            part.into_entries()
        };
        assert_eq!(fill(10).len(), PART_ENTRIES);
        let large = fill(100_000);
        assert_eq!(large.len(), 7);
        assert!(large.iter().map(Message::encoded_len).sum::<usize>() <= PART_BYTES);
        assert_eq!(fill(PART_BYTES * 2).len(), 1);
    }
}
