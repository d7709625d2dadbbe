//! Owns [`LocalFiles`], the capability to look at, read and write the user's own disk, and [`Disk`], which is it.
//!
//! A session without the capability (over SSH) has no [`LocalFiles`] at all; the screen then shows the ready command.
//! Downloads appear whole or not at all: they are written under a temporary name and renamed, and never replace
//! a file that is there.
//!
//! Not here: who may see what on the server, and what is done with the bytes.

mod disk;
mod thumbnail;
mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncRead;

pub use disk::Disk;
pub use thumbnail::Thumbnail;
pub use worker::FileWorker;

/// What the server takes as a source image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageRules {
    /// Largest file in bytes.
    pub max_bytes: u64,
    /// Most pixels, width times height.
    pub max_pixels: u64,
}

/// What the server takes as audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioRules {
    /// Largest file in bytes.
    pub max_bytes: u64,
    /// Longest playing time.
    pub max_duration: Duration,
    /// Shortest playing time.
    pub min_duration: Duration,
}

/// What the local disk says.
#[derive(Clone, Debug)]
pub enum FilesMessage {
    /// The content of a directory, or why it cannot be read.
    Listed {
        /// The directory, as it was asked for.
        directory: PathBuf,
        /// Its entries in no order.
        result: Result<Vec<Entry>, String>,
    },
    /// What a file that may become a source image is.
    ImageProbed {
        /// The file.
        path: PathBuf,
        /// Its facts, or why it cannot be used.
        result: Result<ImageFacts, Unusable>,
    },
    /// What a picture looks like.
    Thumbnail {
        /// The file.
        path: PathBuf,
        /// The cells it was to fit into.
        cells: (u16, u16),
        /// It; none when it cannot be shown.
        thumbnail: Option<Arc<Thumbnail>>,
    },
    /// What a file that may become the audio is.
    AudioProbed {
        /// The file.
        path: PathBuf,
        /// Its facts, or why it cannot be used.
        result: Result<AudioFacts, Unusable>,
    },
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name within the directory; bytes that are no UTF-8 are shown as replacement characters.
    pub name: String,
    /// Full path.
    pub path: PathBuf,
    /// Whether it is a directory, symbolic links followed.
    pub is_directory: bool,
    /// Size in bytes.
    pub size_bytes: u64,
}

/// What was found out about a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// `PNG`, `JPEG` or `WebP`.
    pub kind: &'static str,
    /// Upright width in pixels.
    pub width_px: u32,
    /// Upright height in pixels.
    pub height_px: u32,
    /// Size of the file in bytes.
    pub size_bytes: u64,
}

/// What was found out about a sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFacts {
    /// `MP3`, `WAV` …
    pub kind: &'static str,
    /// Playing time.
    pub duration: Duration,
    /// Size of the file in bytes.
    pub size_bytes: u64,
}

/// Why a local file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is of no kind that is taken.
    Kind,
    /// It is broken or cut off; what exactly, in brief English.
    Corrupt(String),
    /// It is too large.
    TooLarge {
        /// Its size in bytes.
        found_bytes: u64,
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// It has too many pixels.
    TooManyPixels {
        /// Width in pixels.
        width_px: u32,
        /// Height in pixels.
        height_px: u32,
        /// The limit of width times height.
        limit_pixels: u64,
    },
    /// It plays too long or too short.
    Duration {
        /// How long it plays.
        found: Duration,
        /// The shortest that is taken.
        minimum: Duration,
        /// The longest that is taken.
        maximum: Duration,
    },
    /// It cannot be read; what the system said.
    Unreadable(String),
}

/// The user's own disk.
#[async_trait]
pub trait LocalFiles: Send + Sync {
    /// The entries of a directory, in no order; those whose metadata cannot be read are left out.
    ///
    /// # Errors
    /// What the system said.
    async fn list(&self, directory: &Path) -> io::Result<Vec<Entry>>;

    /// Looks whether a file can be a source image.
    async fn probe_image(&self, path: &Path, rules: ImageRules) -> Result<ImageFacts, Unusable>;

    /// Shrinks a picture to so many cells; none when it cannot be shown.
    async fn thumbnail(&self, path: &Path, cells: (u16, u16)) -> Option<Thumbnail>;

    /// Looks whether a file can be the audio.
    async fn probe_audio(&self, path: &Path, rules: AudioRules) -> Result<AudioFacts, Unusable>;

    /// Opens a file for reading, and tells its size in bytes.
    ///
    /// # Errors
    /// What the system said.
    async fn read(&self, path: &Path) -> io::Result<(Box<dyn AsyncRead + Send + Unpin>, u64)>;

    /// Begins a new file of this name in a directory, which is made when it is not there. The name is data from
    /// elsewhere: separators in it are replaced, and when a file of the name is there, a number is put before the
    /// ending.
    ///
    /// # Errors
    /// What the system said.
    async fn write(&self, directory: &Path, name: &str) -> io::Result<Box<dyn NewFile>>;
}

/// A file that is being written; dropped without [`NewFile::finish`] it leaves nothing.
#[async_trait]
pub trait NewFile: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// What the system said.
    async fn append(&mut self, bytes: Bytes) -> io::Result<()>;

    /// Flushes, gives the file its name, and tells where it is.
    ///
    /// # Errors
    /// What the system said.
    async fn finish(self: Box<Self>) -> io::Result<PathBuf>;
}
