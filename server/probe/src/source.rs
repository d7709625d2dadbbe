//! Owns [`Source`]: reading a file piece by piece through one fixed buffer.
//!
//! Every read past the end becomes [`ProbeError::Corrupt`], so that the walkers need not ask each time.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use crate::error::ProbeError;
use crate::kind::MediaKind;

/// Large enough that system calls do not matter, and for the longest [`Source::peek`].
const BUFFER_BYTES: usize = 64 * 1024;

pub(crate) struct Source<R> {
    reader: R,
    kind: MediaKind,
    length: u64,
    /// Where in the file `buffer[start]` lies.
    position: u64,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: Read + Seek> Source<R> {
    /// Measures the file and returns to its start. `kind` names the file in errors until it is known better.
    pub(crate) fn open(mut reader: R, kind: MediaKind) -> io::Result<Self> {
        let length = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        Ok(Self {
            reader,
            kind,
            length,
            position: 0,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
        })
    }

    pub(crate) fn set_kind(&mut self, kind: MediaKind) {
        self.kind = kind;
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    pub(crate) fn corrupt(&self, detail: &'static str) -> ProbeError {
        ProbeError::Corrupt {
            kind: self.kind,
            detail,
        }
    }

    pub(crate) fn unsupported(&self, detail: &'static str) -> ProbeError {
        ProbeError::KindUnsupported {
            found: Some(self.kind),
            detail,
        }
    }

    fn cut(&self) -> ProbeError {
        self.corrupt("it ends too early: it was cut off")
    }

    /// Up to `wanted` bytes (at most the buffer's size) without taking them; fewer only at the end of the file.
    pub(crate) fn peek(&mut self, wanted: usize) -> Result<&[u8], ProbeError> {
        let wanted = wanted.min(BUFFER_BYTES);
        if self.end - self.start < wanted {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < wanted {
                match self.reader.read(&mut self.buffer[self.end..]) {
                    Ok(0) => break,
                    Ok(count) => self.end += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let available = wanted.min(self.end - self.start);
        Ok(&self.buffer[self.start..self.start + available])
    }

    /// Whatever lies in the buffer, at least one byte; empty only at the end of the file.
    pub(crate) fn chunk(&mut self) -> Result<&[u8], ProbeError> {
        if self.start == self.end {
            self.peek(1)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Takes `count` bytes that [`Source::chunk`] or [`Source::peek`] showed.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProbeError> {
        let mut array = [0; N];
        self.fill(&mut array)?;
        Ok(array)
    }

    pub(crate) fn fill(&mut self, mut target: &mut [u8]) -> Result<(), ProbeError> {
        while !target.is_empty() {
            let chunk = self.chunk()?;
            let count = chunk.len().min(target.len());
            if count == 0 {
                return Err(self.cut());
            }
            let (filled, rest) = target.split_at_mut(count);
            filled.copy_from_slice(&chunk[..count]);
            target = rest;
            self.consume(count);
        }
        Ok(())
    }

    pub(crate) fn byte(&mut self) -> Result<u8, ProbeError> {
        let Some(&byte) = self.chunk()?.first() else {
            return Err(self.cut());
        };
        self.consume(1);
        Ok(byte)
    }

    pub(crate) fn u16_be(&mut self) -> Result<u16, ProbeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32_be(&mut self) -> Result<u32, ProbeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64_be(&mut self) -> Result<u64, ProbeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32_le(&mut self) -> Result<u32, ProbeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Passes over `count` bytes, which must be there.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), ProbeError> {
        match self.position.checked_add(count) {
            Some(target) => self.seek(target),
            None => Err(self.cut()),
        }
    }

    /// Goes to an absolute position, which must not lie beyond the end.
    pub(crate) fn seek(&mut self, target: u64) -> Result<(), ProbeError> {
        if target > self.length {
            return Err(self.cut());
        }
        let ahead = target
            .checked_sub(self.position)
            .and_then(|ahead| usize::try_from(ahead).ok());
        match ahead {
            Some(ahead) if ahead <= self.end - self.start => self.consume(ahead),
            _ => {
                self.reader.seek(SeekFrom::Start(target))?;
                self.start = 0;
                self.end = 0;
                self.position = target;
            }
        }
        Ok(())
    }
}
