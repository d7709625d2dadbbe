//! Owns [`PartFile`]: a download that is being saved as `NAME.part` and gets its name only when it is whole, so that one that
//! broke off can be gone on with by the next command.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::net::download::{Destination, Resume, hex};

/// Bytes read at a time to take up the digest of what is there.
const READ_BYTES: usize = 256 * 1024;
/// Longest name of a file most systems take, in bytes; room for `.part` is kept.
const NAME_BYTES: usize = 240;

/// Where the file will be.
enum Target {
    /// At this path.
    Path(PathBuf),
    /// In this directory, under the name the server gives, made safe.
    Directory(PathBuf),
}

/// A file that is being saved.
pub(super) struct PartFile {
    target: Target,
    overwrite: bool,
    file: Option<File>,
}

impl PartFile {
    /// Opens what an earlier download left of this file, or begins it; tells where to go on.
    pub(super) async fn resume(path: PathBuf) -> io::Result<(Self, Resume)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(part_path(&path))
            .await?;
        let mut resume = Resume::default();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = file.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            resume.hasher.update(&buffer[..read]);
            resume.offset += read as u64;
        }
        let part = Self {
            target: Target::Path(path),
            overwrite: true,
            file: Some(file),
        };
        Ok((part, resume))
    }

    /// A file that begins anew when its first bytes come: at this path, or in this directory under the server's name for it.
    pub(super) fn anew(path: Option<PathBuf>, directory: PathBuf, overwrite: bool) -> Self {
        Self {
            target: match path {
                Some(path) => Target::Path(path),
                None => Target::Directory(directory),
            },
            overwrite,
            file: None,
        }
    }

    /// Forgets what is there.
    pub(super) async fn empty(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.set_len(0).await?;
            file.rewind().await?;
        }
        Ok(())
    }

    /// Flushes and gives the file its name; tells where it is.
    pub(super) async fn finish(mut self) -> io::Result<PathBuf> {
        let path = self.final_path();
        if let Some(mut file) = self.file.take() {
            file.flush().await?;
            file.sync_all().await?;
        }
        fs::rename(part_path(&path), &path).await?;
        Ok(path)
    }

    /// Takes away what is there so far, if anything is.
    pub(super) async fn discard(mut self) -> io::Result<()> {
        if self.file.take().is_some() {
            fs::remove_file(part_path(&self.final_path())).await?;
        }
        Ok(())
    }

    /// The same, but only when nothing has arrived: what has is gone on with next time.
    pub(super) async fn discard_if_empty(mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.flush().await?;
        if file.metadata().await?.len() == 0 {
            self.discard().await?;
        }
        Ok(())
    }

    fn final_path(&self) -> PathBuf {
        match &self.target {
            Target::Path(path) | Target::Directory(path) => path.clone(),
        }
    }
}

#[async_trait::async_trait]
impl Destination for PartFile {
    async fn begin(&mut self, filename: &str) -> io::Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        if let Target::Directory(directory) = &self.target {
            self.target = Target::Path(directory.join(safe_name(filename)));
        }
        let path = self.final_path();
        if !self.overwrite && fs::try_exists(&path).await? {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "is there already; --overwrite replaces it",
            ));
        }
        self.file = Some(File::create(part_path(&path)).await?);
        Ok(())
    }

    async fn append(&mut self, chunk: Bytes) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(&chunk).await,
            None => Err(io::Error::other("bytes came before the name")),
        }
    }

    async fn restart(&mut self) -> io::Result<bool> {
        self.empty().await?;
        Ok(true)
    }

    fn path(&self) -> PathBuf {
        self.final_path()
    }
}

fn part_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// Size and digest of a file; absent when there is none.
pub(super) async fn facts(path: &Path) -> io::Result<Option<(u64, String)>> {
    let mut file = match File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut hasher = Sha256::new();
    let mut size_bytes = 0;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Ok(Some((size_bytes, hex(&hasher.finalize()))));
        }
        hasher.update(&buffer[..read]);
        size_bytes += read as u64;
    }
}

/// A name from elsewhere as the name of a file here: no separators, nothing that steers a terminal, not hidden, not too long.
pub(super) fn safe_name(name: &str) -> String {
    let clean: String = super::table::printable(name)
        .chars()
        .map(|character| match character {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            character => character,
        })
        .collect();
    let clean = clean.trim().trim_start_matches('.');
    let (stem, ending) = match clean.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 16 => {
            (stem, format!(".{ending}"))
        }
        _ => (clean, String::new()),
    };
    let mut stem = stem.to_owned();
    while stem.len() + ending.len() > NAME_BYTES {
        stem.pop();
    }
    if stem.is_empty() {
        stem.push_str("file");
    }
    stem + &ending
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;

    #[test]
    fn names_from_elsewhere_stay_in_their_directory() {
        for (name, safe) in [
            ("portrait_07.mp4", "portrait_07.mp4"),
            ("王芳-正面照（修图）.mp4", "王芳-正面照（修图）.mp4"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("C:\\x.mp4", "C__x.mp4"),
            (".bashrc", "bashrc"),
            ("..", "file"),
            ("", "file"),
            ("a\u{1b}]0;x\u{7}.mp4", "a_]0;x_.mp4"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
        let long = safe_name(&format!("{}.mp4", "长".repeat(200)));
        assert!(
            long.len() <= NAME_BYTES && long.ends_with("长.mp4"),
            "{long}"
        );
    }

    #[tokio::test]
    async fn a_part_is_gone_on_with_and_renamed_when_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("v.mp4");
        let (mut part, resume) = PartFile::resume(path.clone()).await.unwrap();
        assert_eq!(resume.offset, 0);
        part.append(Bytes::from_static(b"half")).await.unwrap();
        part.file.as_mut().unwrap().flush().await.unwrap();
        drop(part);
        assert!(!path.exists());
        let (mut part, resume) = PartFile::resume(path.clone()).await.unwrap();
        assert_eq!(resume.offset, 4);
        assert_eq!(
            hex(&resume.hasher.finalize()),
            hex(&Sha256::digest(b"half"))
        );
        part.append(Bytes::from_static(b"+half")).await.unwrap();
        assert_eq!(part.finish().await.unwrap(), path);
        assert_eq!(std::fs::read(&path).unwrap(), b"half+half");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        let (size_bytes, digest) = facts(&path).await.unwrap().unwrap();
        assert_eq!(
            (size_bytes, digest),
            (9, hex(&Sha256::digest(b"half+half")))
        );
    }

    #[tokio::test]
    async fn a_file_that_is_there_is_not_replaced_unasked() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("b.zip"), "mine").unwrap();
        let mut part = PartFile::anew(None, directory.path().to_owned(), false);
        let error = part.begin("b.zip").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let mut part = PartFile::anew(None, directory.path().to_owned(), true);
        part.begin("b.zip").await.unwrap();
        part.append(Bytes::from_static(b"theirs")).await.unwrap();
        let path = part.finish().await.unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"theirs");
    }
}
