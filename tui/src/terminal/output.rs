//! Owns [`Frames`]: what is drawn, written to the terminal picture by picture.

use std::io::{self, Write};

use super::broken::is_broken;

/// Collects a picture and writes it whole, so that nothing of another thread comes into its middle; after a panic nothing is
/// drawn any more.
#[derive(Debug, Default)]
pub struct Frames {
    picture: Vec<u8>,
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.picture.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        // Looked at under the lock that giving the terminal back takes, too: nothing can be drawn after it.
        let written = if is_broken() {
            Ok(())
        } else {
            stdout
                .write_all(&self.picture)
                .and_then(|()| stdout.flush())
        };
        self.picture.clear();
        written
    }
}
