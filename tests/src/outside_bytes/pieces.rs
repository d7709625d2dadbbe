//! Bytes taken apart into what a target needs.

/// Bytes that are taken from the front; past their end there are zeros.
pub struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// What is left up to the next zero, which is taken too.
    pub fn until_zero(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        let piece = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = &self.0[(piece.len() + 1).min(self.0.len())..];
        piece
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}
