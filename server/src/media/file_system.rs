//! The files below the media room: the system's own, or another's in their place, so that a simulation lives whole on
//! one thread, in memory, and on a disk that forgets what was not flushed.
//!
//! Not here: which files there are and what they are called.

use std::fs;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// What the media room asks of files. What is not `async` blocks, and is called within [`FileSystem::run`] alone or where
/// blocking is allowed.
#[async_trait]
pub trait FileSystem: Send + Sync {
    /// Makes a file that only its owner reads; there must be none.
    async fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// Opens a file for reading, and says how many bytes it has.
    async fn open(&self, path: &Path) -> io::Result<(Box<dyn StoredFile>, u64)>;

    /// Opens a file for readers that block.
    fn open_blocking(&self, path: &Path) -> io::Result<Box<dyn BlockingFile>>;

    /// What there is to know of a file without reading it.
    fn about(&self, path: &Path) -> io::Result<About>;

    /// How many bytes a file has.
    fn length(&self, path: &Path) -> io::Result<u64> {
        self.about(path).map(|about| about.size_bytes)
    }

    /// Gives a file another name, in the place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder that only its owner reads, and those above it; one that is there is left as it is.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// The files of a folder, without folders; none where there is no such folder.
    fn files_in(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Does this where blocking is allowed; also when the caller goes away.
    async fn run(&self, work: Box<dyn FnOnce() + Send>);
}

/// See [`FileSystem::about`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its length.
    pub size_bytes: u64,
    /// When it was last written to.
    pub written: Timestamp,
}

/// A file that is being written.
#[async_trait]
pub trait NewFile: AsyncWrite + Unpin + Send + Sync {
    /// Flushes its content to the disk.
    async fn sync(&mut self) -> io::Result<()>;
}

/// A file that is read.
pub trait StoredFile: AsyncRead + AsyncSeek + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncSeek + Unpin + Send + Sync> StoredFile for T {}

/// A file for readers that block.
pub trait BlockingFile: Read + Seek + Send {}

impl<T: Read + Seek + Send> BlockingFile for T {}

/// Does `work` where blocking is allowed.
///
/// # Errors
/// When it panicked.
pub(super) async fn blocking<T: Send + 'static>(
    files: &Arc<dyn FileSystem>,
    work: impl FnOnce(&dyn FileSystem) -> T + Send + 'static,
) -> io::Result<T> {
    let (tell, told) = oneshot::channel();
    let theirs = Arc::clone(files);
    let work = move || {
        // Whoever asked may be gone.
        drop(tell.send(work(theirs.as_ref())));
    };
    files.run(Box::new(work)).await;
    told.await
        .map_err(|_| io::Error::other("work on files has panicked"))
}

/// The files of the system.
pub struct SystemFiles;

#[async_trait]
impl FileSystem for SystemFiles {
    async fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        Ok(Box::new(options.open(path).await?))
    }

    async fn open(&self, path: &Path) -> io::Result<(Box<dyn StoredFile>, u64)> {
        let file = File::open(path).await?;
        let length = file.metadata().await?.len();
        Ok((Box::new(file), length))
    }

    fn open_blocking(&self, path: &Path) -> io::Result<Box<dyn BlockingFile>> {
        Ok(Box::new(fs::File::open(path)?))
    }

    fn about(&self, path: &Path) -> io::Result<About> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            // A folder of that name is no file.
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(About {
            size_bytes: metadata.len(),
            // One from beyond time is taken for new.
            written: Timestamp::try_from(metadata.modified()?).unwrap_or(Timestamp::MAX),
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    #[cfg(unix)]
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn files_in(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                files.push(entry.path());
            }
        }
        Ok(files)
    }

    async fn run(&self, work: Box<dyn FnOnce() + Send>) {
        // A panic is seen by whoever waits for what `work` was to tell.
        drop(spawn_blocking(work).await);
    }
}

#[async_trait]
impl NewFile for File {
    async fn sync(&mut self) -> io::Result<()> {
        self.sync_all().await
    }
}
