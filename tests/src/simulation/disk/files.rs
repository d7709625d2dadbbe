//! The stored files: names, contents, and how much of both is durable.
//!
//! Files only grow until they are flushed, so what is durable of one is a length.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::io::AsyncWrite;
use vbatch_server::media::file_system::{About, BlockingFile, FileSystem, NewFile, StoredFile};

use super::super::dice::Dice;
use super::{Call, Fate, Handle};

#[derive(Default)]
pub(super) struct Tree {
    contents: BTreeMap<u64, Content>,
    next: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
    durable_folders: BTreeSet<PathBuf>,
}

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    flushed: usize,
}

impl Tree {
    /// With this one folder, for certain.
    pub(super) fn with(root: &str) -> Self {
        let folders = BTreeSet::from([PathBuf::from("/"), PathBuf::from(root)]);
        Self {
            folders: folders.clone(),
            durable_folders: folders,
            ..Self::default()
        }
    }

    pub(super) fn all(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let content = |id: &u64| self.contents[id].bytes.clone();
        self.names
            .iter()
            .map(|(path, id)| (path.clone(), content(id)))
            .collect()
    }

    pub(super) fn lose(&mut self, dice: &mut Dice) {
        let made: BTreeSet<&PathBuf> = self.folders.union(&self.durable_folders).collect();
        let kept = |path: &&PathBuf| self.durable_folders.contains(*path) || dice.chance(50);
        let mut folders: BTreeSet<PathBuf> = made.into_iter().filter(kept).cloned().collect();
        let orphans: Vec<PathBuf> = folders
            .iter()
            .filter(|path| {
                path.ancestors().skip(1).any(|it| {
                    !it.as_os_str().is_empty() && it != Path::new("/") && !folders.contains(it)
                })
            })
            .cloned()
            .collect();
        for orphan in orphans {
            folders.remove(&orphan);
        }
        let paths: BTreeSet<PathBuf> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        let mut names = BTreeMap::new();
        for path in paths {
            let (new, old) = (self.names.get(&path), self.durable_names.get(&path));
            let id = if new == old || dice.chance(50) {
                new
            } else {
                old
            };
            if let Some(id) = id
                && path.parent().is_some_and(|folder| folders.contains(folder))
            {
                names.insert(path, *id);
            }
        }
        for content in self.contents.values_mut() {
            let length = content.flushed
                + dice.below((content.bytes.len() - content.flushed) as u64 + 1) as usize;
            content.bytes.truncate(length);
            // A length can be on the disk before its bytes are.
            if dice.chance(30) {
                content.bytes[content.flushed..].fill(0);
            }
            content.flushed = length;
        }
        (self.durable_names, self.names) = (names.clone(), names);
        (self.durable_folders, self.folders) = (folders.clone(), folders);
        self.forget();
    }

    fn forget(&mut self) {
        let used: BTreeSet<u64> = self
            .names
            .values()
            .chain(self.durable_names.values())
            .copied()
            .collect();
        self.contents.retain(|id, _| used.contains(id));
    }

    fn content(&self, path: &Path) -> Result<&Content> {
        let id = self.names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(&self.contents[id])
    }

    fn has_folder_of(&self, path: &Path) -> Result<()> {
        match path.parent() {
            Some(folder) if self.folders.contains(folder) => Ok(()),
            _ => Err(Error::from(ErrorKind::NotFound)),
        }
    }
}

#[async_trait]
impl FileSystem for Handle {
    async fn create(&self, path: &Path) -> Result<Box<dyn NewFile>> {
        self.pause().await;
        let id = self.call(Call::Write, |state, fate| {
            if matches!(fate, Fate::Fails(_)) {
                fate.outcome()?;
            }
            let files = &mut state.files;
            files.has_folder_of(path)?;
            if files.names.contains_key(path) {
                return Err(Error::from(ErrorKind::AlreadyExists));
            }
            files.next += 1;
            let id = files.next;
            files.contents.insert(id, Content::default());
            files.names.insert(path.to_owned(), id);
            fate.outcome()?;
            Ok(id)
        })?;
        Ok(Box::new(Growing {
            handle: self.clone(),
            id,
        }))
    }

    async fn open(&self, path: &Path) -> Result<(Box<dyn StoredFile>, u64)> {
        self.pause().await;
        let bytes = self.bytes(path)?;
        let length = bytes.len() as u64;
        Ok((Box::new(Cursor::new(bytes)), length))
    }

    fn open_blocking(&self, path: &Path) -> Result<Box<dyn BlockingFile>> {
        Ok(Box::new(Cursor::new(self.bytes(path)?)))
    }

    fn about(&self, path: &Path) -> Result<About> {
        self.call(Call::Read, |state, fate| {
            fate.outcome()?;
            Ok(About {
                size_bytes: state.files.content(path)?.bytes.len() as u64,
                // As old as anything: it is never the age that keeps a file here.
                written: Timestamp::MIN,
            })
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.call(Call::Write, |state, fate| {
            if matches!(fate, Fate::Fails(_)) {
                fate.outcome()?;
            }
            let files = &mut state.files;
            files.has_folder_of(to)?;
            let id = files.names.remove(from).ok_or(ErrorKind::NotFound)?;
            files.names.insert(to.to_owned(), id);
            files.forget();
            fate.outcome()
        })
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.call(Call::Write, |state, fate| {
            // Removing needs no room.
            if fate == Fate::Fails(ErrorKind::Other) {
                fate.outcome()?;
            }
            let removed = state.files.names.remove(path);
            removed.ok_or(ErrorKind::NotFound)?;
            state.files.forget();
            if fate == Fate::Dies {
                fate.outcome()
            } else {
                Ok(())
            }
        })
    }

    fn make_folder(&self, path: &Path) -> Result<()> {
        self.call(Call::Write, |state, fate| {
            if matches!(fate, Fate::Fails(_)) {
                fate.outcome()?;
            }
            let folders = path.ancestors().filter(|it| !it.as_os_str().is_empty());
            state.files.folders.extend(folders.map(Path::to_owned));
            fate.outcome()
        })
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        self.call(Call::Sync, |state, fate| {
            if fate == Fate::Done || state.dice.chance(50) {
                state.files.sync_folder(path);
            }
            fate.outcome()
        })
    }

    fn files_in(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        self.call(Call::Read, |state, fate| {
            fate.outcome()?;
            let within = |path: &&PathBuf| path.parent() == Some(folder);
            Ok(state.files.names.keys().filter(within).cloned().collect())
        })
    }

    async fn run(&self, work: Box<dyn FnOnce() + Send>) {
        self.pause().await;
        work();
        self.pause().await;
    }
}

impl Tree {
    fn sync_folder(&mut self, folder: &Path) {
        let within = |path: &Path| path.parent() == Some(folder);
        self.durable_names.retain(|path, _| !within(path));
        let names = self.names.iter().filter(|(path, _)| within(path));
        self.durable_names
            .extend(names.map(|(path, id)| (path.clone(), *id)));
        let folders = self.folders.iter().filter(|path| within(path));
        self.durable_folders.extend(folders.cloned());
        self.forget();
    }
}

impl Handle {
    fn bytes(&self, path: &Path) -> Result<Vec<u8>> {
        self.call(Call::Read, |state, fate| {
            fate.outcome()?;
            Ok(state.files.content(path)?.bytes.clone())
        })
    }
}

/// A file that is being written.
struct Growing {
    handle: Handle,
    id: u64,
}

impl AsyncWrite for Growing {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = self.handle.call(Call::Write, |state, fate| {
            let kept = match fate {
                Fate::Done => bytes.len(),
                Fate::Dies => state.dice.below(bytes.len() as u64 + 1) as usize,
                Fate::Fails(_) => 0,
            };
            if let Some(content) = state.files.contents.get_mut(&self.id) {
                content.bytes.extend_from_slice(&bytes[..kept]);
            }
            fate.outcome()?;
            Ok(kept)
        });
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl NewFile for Growing {
    async fn sync(&mut self) -> Result<()> {
        self.handle.pause().await;
        self.handle.call(Call::Sync, |state, fate| {
            if (fate == Fate::Done || state.dice.chance(50))
                && let Some(content) = state.files.contents.get_mut(&self.id)
            {
                content.flushed = content.bytes.len();
            }
            fate.outcome()
        })
    }
}
