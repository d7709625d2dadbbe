//! Owns [`Disk`]: the user's own disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::task::spawn_blocking;
use vbatch_probe::{AudioLimits, ImageLimits, ProbeError, probe_audio, probe_image};

use super::{
    AudioFacts, AudioRules, Entry, ImageFacts, ImageRules, LocalFiles, NewFile, Thumbnail, Unusable,
};

/// Longest name we give a file, in bytes: what most file systems allow, less room for a number and a temporary ending.
const NAME_BYTES: usize = 200;

/// The user's own disk, whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

#[async_trait]
impl LocalFiles for Disk {
    async fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let directory = directory.to_owned();
        blocking(move || list(&directory)).await
    }

    async fn probe_image(&self, path: &Path, rules: ImageRules) -> Result<ImageFacts, Unusable> {
        let path = path.to_owned();
        spawn_blocking(move || image_facts(&path, rules))
            .await
            .unwrap_or_else(|_| Err(Unusable::Unreadable("interrupted".to_owned())))
    }

    async fn thumbnail(&self, path: &Path, cells: (u16, u16)) -> Option<Thumbnail> {
        let path = path.to_owned();
        let shrink = move || {
            let (file, _) = open(&path).ok()?;
            Thumbnail::of(std::io::BufReader::new(file), cells)
        };
        spawn_blocking(shrink).await.ok().flatten()
    }

    async fn probe_audio(&self, path: &Path, rules: AudioRules) -> Result<AudioFacts, Unusable> {
        let path = path.to_owned();
        spawn_blocking(move || audio_facts(&path, rules))
            .await
            .unwrap_or_else(|_| Err(Unusable::Unreadable("interrupted".to_owned())))
    }

    async fn read(&self, path: &Path) -> io::Result<(Box<dyn AsyncRead + Send + Unpin>, u64)> {
        let file = tokio::fs::File::open(path).await?;
        let metadata = file.metadata().await?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok((Box::new(file), metadata.len()))
    }

    async fn write(&self, directory: &Path, name: &str) -> io::Result<Box<dyn NewFile>> {
        let directory = directory.to_owned();
        let name = safe_name(name);
        let file = blocking(move || DiskFile::begin(directory, name)).await?;
        Ok(Box::new(file))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn list(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        // Follows symbolic links; those that lead nowhere are left out.
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        entries.push(Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            path,
            is_directory: metadata.is_dir(),
            size_bytes: metadata.len(),
        });
    }
    Ok(entries)
}

fn open(path: &Path) -> Result<(File, u64), Unusable> {
    let unreadable = |error: io::Error| Unusable::Unreadable(error.kind().to_string());
    // Opening a pipe would wait for its other end.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Unusable::Kind);
    }
    let file = File::open(path).map_err(unreadable)?;
    Ok((file, metadata.len()))
}

fn image_facts(path: &Path, rules: ImageRules) -> Result<ImageFacts, Unusable> {
    let (file, size_bytes) = open(path)?;
    let limits = ImageLimits {
        max_pixels: rules.max_pixels,
        max_bytes: rules.max_bytes,
    };
    let facts = probe_image(file, &limits).map_err(unusable)?;
    let (width_px, height_px) = facts.upright_px();
    Ok(ImageFacts {
        kind: facts.kind.name(),
        width_px,
        height_px,
        size_bytes,
    })
}

fn audio_facts(path: &Path, rules: AudioRules) -> Result<AudioFacts, Unusable> {
    let (file, size_bytes) = open(path)?;
    let limits = AudioLimits {
        max_duration: rules.max_duration,
        min_duration: rules.min_duration,
        max_bytes: rules.max_bytes,
    };
    let facts = probe_audio(file, &limits).map_err(unusable)?;
    Ok(AudioFacts {
        kind: facts.kind.name(),
        duration: facts.duration,
        size_bytes,
    })
}

fn unusable(error: ProbeError) -> Unusable {
    match error {
        ProbeError::KindUnsupported { .. } => Unusable::Kind,
        ProbeError::Corrupt { detail, .. } => Unusable::Corrupt(detail.to_owned()),
        ProbeError::TooLarge {
            limit_bytes,
            found_bytes,
        } => Unusable::TooLarge {
            found_bytes,
            limit_bytes,
        },
        ProbeError::DimensionsExceeded {
            limit_pixels,
            width_px,
            height_px,
        } => Unusable::TooManyPixels {
            width_px,
            height_px,
            limit_pixels,
        },
        ProbeError::DurationInvalid {
            minimum,
            maximum,
            found,
        } => Unusable::Duration {
            found,
            minimum,
            maximum,
        },
        ProbeError::Read(error) => Unusable::Unreadable(error.kind().to_string()),
    }
}

/// A name that stays within its directory on every system: no separators, no control characters, not hidden, not long.
fn safe_name(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            c if c.is_control() => '_',
            c => c,
        })
        .collect();
    let clean = clean.trim().trim_start_matches('.');
    if clean.is_empty() {
        return "download".to_owned();
    }
    let (stem, ending) = split_ending(clean);
    let room = NAME_BYTES.saturating_sub(ending.len());
    let mut end = stem.len().min(room);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &stem[..end])
}

/// The ending with its dot, if it is a short one.
fn split_ending(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= 16 => name.split_at(at),
        _ => (name, ""),
    }
}

/// A file under its temporary name.
struct DiskFile {
    directory: PathBuf,
    name: String,
    temporary: PathBuf,
    file: Option<File>,
}

impl DiskFile {
    fn begin(directory: PathBuf, name: String) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        let temporary = directory.join(format!(".{}.part", uuid::Uuid::new_v4()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        Ok(Self {
            directory,
            name,
            temporary,
            file: Some(file),
        })
    }

    /// Gives the file the first name that is free: `a.mp4`, `a (2).mp4` …
    fn settle(&self) -> io::Result<PathBuf> {
        let (stem, ending) = split_ending(&self.name);
        for number in 1..10_000 {
            let name = match number {
                1 => self.name.clone(),
                _ => format!("{stem} ({number}){ending}"),
            };
            let path = self.directory.join(name);
            match take_name(&self.temporary, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => return other.map(|()| path),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// Renames without ever replacing: by a second link where the file system knows links, else by taking the name first.
fn take_name(temporary: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(temporary, path) {
        Ok(()) => std::fs::remove_file(temporary),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => {
            OpenOptions::new().write(true).create_new(true).open(path)?;
            std::fs::rename(temporary, path)
        }
    }
}

#[async_trait]
impl NewFile for DiskFile {
    async fn append(&mut self, bytes: Bytes) -> io::Result<()> {
        let Some(mut file) = self.file.take() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let (file, written) = spawn_blocking(move || {
            let written = file.write_all(&bytes);
            (file, written)
        })
        .await
        .map_err(io::Error::other)?;
        self.file = Some(file);
        written
    }

    async fn finish(mut self: Box<Self>) -> io::Result<PathBuf> {
        let file = self.file.take();
        blocking(move || {
            if let Some(file) = file {
                file.sync_all()?;
            }
            self.settle()
        })
        .await
    }
}

impl Drop for DiskFile {
    /// What was not finished leaves nothing; after [`DiskFile::settle`] there is nothing to remove.
    fn drop(&mut self) {
        self.file = None;
        let _ = std::fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing step fails the test")]
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = list(directory)
            .unwrap()
            .into_iter()
            .map(|it| it.name)
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_download_replaces_nothing_and_appears_whole() {
        let directory = tempfile::tempdir().unwrap();
        for content in ["one", "two"] {
            let mut file = Disk.write(directory.path(), "王/芳.mp4").await.unwrap();
            file.append(Bytes::from(content)).await.unwrap();
            file.finish().await.unwrap();
        }
        assert_eq!(names(directory.path()), ["王_芳 (2).mp4", "王_芳.mp4"]);
        let second = std::fs::read_to_string(directory.path().join("王_芳 (2).mp4")).unwrap();
        assert_eq!(second, "two");
    }

    #[tokio::test]
    async fn a_download_that_breaks_off_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = Disk.write(directory.path(), "a.mp4").await.unwrap();
        file.append(Bytes::from_static(b"half")).await.unwrap();
        drop(file);
        assert_eq!(names(directory.path()), Vec::<String>::new());
    }

    #[test]
    fn names_stay_within_their_directory() {
        assert_eq!(safe_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(safe_name(".."), "download");
        assert_eq!(safe_name(".bashrc"), "bashrc");
        assert_eq!(safe_name("a\u{1b}[31m.mp4"), "a_[31m.mp4");
        let long = safe_name(&format!("{}.mp4", "王".repeat(100)));
        assert!(long.len() <= NAME_BYTES && long.ends_with("王.mp4"));
    }

    #[tokio::test]
    async fn a_file_that_is_no_picture_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("text.png");
        std::fs::write(&path, "no picture").unwrap();
        let rules = ImageRules {
            max_bytes: 1 << 20,
            max_pixels: 1_000_000,
        };
        assert_eq!(Disk.probe_image(&path, rules).await, Err(Unusable::Kind));
        let missing = Disk
            .probe_image(&directory.path().join("gone"), rules)
            .await;
        assert!(matches!(missing, Err(Unusable::Unreadable(_))));
    }
}
