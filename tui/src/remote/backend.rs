//! Owns [`RemoteBackend`]: pictures as the bytes that draw them, for a terminal at the other end of a line.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::mpsc;

/// Widest and highest terminal that is drawn for, in cells: what somebody claims must not decide how much memory it takes.
pub const LARGEST: (u16, u16) = (400, 150);
/// Most bytes that wait beside pictures: of clipboards, bells and the mouse.
const WAITING_BYTES: usize = 64 << 10;

/// What is on its way to the terminal. Clones share it.
#[derive(Clone)]
pub struct Outgoing {
    bytes: Arc<Mutex<Vec<u8>>>,
    sender: mpsc::Sender<Vec<u8>>,
}

impl Outgoing {
    /// On its way through this channel, whose room is what paces the drawing.
    pub fn new(sender: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            bytes: Arc::default(),
            sender,
        }
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something beside pictures; while too much of it waits, it is dropped.
    pub fn say(&self, words: &str) {
        let mut bytes = self.bytes();
        if bytes.len() + words.len() <= WAITING_BYTES {
            bytes.extend_from_slice(words.as_bytes());
        }
        drop(bytes);
        // Without room it goes with the next picture.
        let _ = self.send();
    }

    /// Sends what waits, if there is room.
    fn send(&self) -> io::Result<()> {
        let mut bytes = self.bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        match self.sender.try_reserve() {
            Ok(room) => {
                room.send(std::mem::take(&mut *bytes));
                Ok(())
            }
            Err(mpsc::error::TrySendError::Full(())) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(())) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Writes into what is on its way; only [`Backend::flush`] sends.
struct Waiting(Outgoing);

impl Write for Waiting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The size of the terminal, as its user's end told it last. Clones share it.
#[derive(Clone, Debug)]
pub struct RemoteSize(Arc<AtomicU32>);

impl RemoteSize {
    /// So many columns and rows.
    #[must_use]
    pub fn new(columns: u16, rows: u16) -> Self {
        let size = Self(Arc::default());
        size.set(columns, rows);
        size
    }

    /// It has changed.
    pub fn set(&self, columns: u16, rows: u16) {
        let columns = columns.clamp(1, LARGEST.0);
        let rows = rows.clamp(1, LARGEST.1);
        let both = u32::from(columns) << 16 | u32::from(rows);
        self.0.store(both, Ordering::Relaxed);
    }

    /// Columns and rows.
    #[must_use]
    pub fn get(&self) -> (u16, u16) {
        let both = self.0.load(Ordering::Relaxed);
        let half = |bits: u32| u16::try_from(bits & 0xffff).unwrap_or(u16::MAX);
        (half(both >> 16), half(both))
    }
}

/// A terminal at the other end of a line. Only what has changed is written, and only when the line takes it.
pub struct RemoteBackend {
    inner: CrosstermBackend<Waiting>,
    outgoing: Outgoing,
    size: RemoteSize,
    /// Whether the cursor is known to be hidden: it need not be said with each picture.
    hidden: bool,
}

impl RemoteBackend {
    /// A terminal of this size.
    #[must_use]
    pub fn new(outgoing: Outgoing, size: RemoteSize) -> Self {
        Self {
            inner: CrosstermBackend::new(Waiting(outgoing.clone())),
            outgoing,
            size,
            hidden: false,
        }
    }
}

impl Backend for RemoteBackend {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.hidden, true) {
            return Ok(());
        }
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.hidden, false) {
            return Ok(());
        }
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Nobody is asked: an answer would have to come over the line.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = self.size.get();
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size()?,
            pixels: Size::ZERO,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.outgoing.send()
    }
}
