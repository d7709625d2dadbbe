//! Files on a disk that is full at one step of keeping them; for tests.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin as Pinned;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use tokio::io::AsyncWrite;

use super::file_system::{About, BlockingFile, FileSystem, NewFile, StoredFile, SystemFiles};
use super::*;
use crate::engine::VideoSink;

/// A step of keeping a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The temporary is made.
    Create,
    /// Bytes come.
    Write,
    /// They are flushed.
    Sync,
    /// A folder for it is made.
    Folder,
    /// It is put in its place.
    Rename,
    /// Its name is made durable.
    SyncFolder,
}

impl Step {
    pub(crate) const ALL: [Self; 6] = [
        Self::Create,
        Self::Write,
        Self::Sync,
        Self::Folder,
        Self::Rename,
        Self::SyncFolder,
    ];
}

/// The system's files, full at a step while one is set. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct FullDisk {
    full_at: Arc<Mutex<Option<Step>>>,
}

impl FullDisk {
    pub(crate) fn set(&self, step: Option<Step>) {
        *self.full_at.lock().unwrap() = step;
    }

    fn check(&self, step: Step) -> io::Result<()> {
        if *self.full_at.lock().unwrap() == Some(step) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

struct Written {
    file: Box<dyn NewFile>,
    disk: FullDisk,
}

impl AsyncWrite for Written {
    fn poll_write(
        mut self: Pinned<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.disk.check(Step::Write)?;
        Pinned::new(&mut self.file).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pinned<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.file).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pinned<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.file).poll_shutdown(context)
    }
}

#[async_trait]
impl NewFile for Written {
    async fn sync(&mut self) -> io::Result<()> {
        self.disk.check(Step::Sync)?;
        self.file.sync().await
    }
}

#[async_trait]
impl FileSystem for FullDisk {
    async fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        self.check(Step::Create)?;
        let file = SystemFiles.create(path).await?;
        let disk = self.clone();
        Ok(Box::new(Written { file, disk }))
    }

    async fn open(&self, path: &Path) -> io::Result<(Box<dyn StoredFile>, u64)> {
        SystemFiles.open(path).await
    }

    fn open_blocking(&self, path: &Path) -> io::Result<Box<dyn BlockingFile>> {
        SystemFiles.open_blocking(path)
    }

    fn about(&self, path: &Path) -> io::Result<About> {
        SystemFiles.about(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(Step::Rename)?;
        SystemFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.check(Step::Folder)?;
        SystemFiles.make_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.check(Step::SyncFolder)?;
        SystemFiles.sync_folder(path)
    }

    fn files_in(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        SystemFiles.files_in(folder)
    }

    async fn run(&self, work: Box<dyn FnOnce() + Send>) {
        SystemFiles.run(work).await;
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}

const FILM: &[u8] = include_bytes!("../../../tests/media/film.mp4");

async fn keep_video(media: &Media) -> Result<Pin, String> {
    let mut sink = media.video_sink(1 << 30, None);
    let in_words = |error: io::Error| {
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
        error.to_string()
    };
    sink.start(None).await.map_err(in_words)?;
    let bytes = bytes::Bytes::from_static(FILM);
    sink.write(bytes).await.map_err(in_words)?;
    let kept = sink.finish().await;
    kept.map(|stored| stored.pin).map_err(|error| {
        let full = video_sink::VideoError::Media(MediaError::Full(String::new()));
        assert_eq!(
            std::mem::discriminant(&error),
            std::mem::discriminant(&full),
            "{error}"
        );
        assert!(error.to_string().contains("the disk is full"), "{error}");
        error.to_string()
    })
}

/// Whatever step finds no room: it is said so, nothing is left, and the next try is whole.
#[tokio::test]
async fn a_video_that_finds_no_room_leaves_nothing_and_is_kept_later() {
    for step in Step::ALL {
        let folder = tempfile::tempdir().unwrap();
        let disk = FullDisk::default();
        let media = Media::over(Arc::new(disk.clone()), folder.path()).unwrap();
        disk.set(Some(step));
        assert!(keep_video(&media).await.is_err(), "{step:?}");
        assert!(files_below(folder.path()).is_empty(), "{step:?}");
        disk.set(None);
        let pin = keep_video(&media).await.unwrap();
        media.check(pin.blob()).await.unwrap();
    }
}
