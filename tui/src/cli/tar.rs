//! Owns `submit --tar`: pictures and one audio out of an archive, by what they are and not by their names.
//!
//! Invariants: the archive is read once and kept in one nameless file, so that memory does not grow with it; nothing in it
//! names a place on this disk; what it may hold is bounded by what the server takes.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use tokio::io::{AsyncRead, ReadBuf};
use vbatch_probe::{MediaKind, SNIFF_BYTES, sniff};

use super::exit::CommandError;
use crate::files::{
    AudioFacts, AudioRules, Entry, ImageFacts, ImageRules, LocalFiles, NewFile, Thumbnail, Unusable,
};
use crate::text::commands::ElsewhereTexts;

/// Most entries that are looked at, those that are no files among them.
const ENTRIES: usize = 100_000;
/// Most names that are told of what was left out.
const NAMES_TOLD: usize = 10;

/// What was found in an archive.
pub(super) struct Unpacked {
    /// The files, under the paths below.
    pub files: Arc<TarFiles>,
    /// The one audio.
    pub audio: PathBuf,
    /// The pictures, in the order of the archive.
    pub images: Vec<PathBuf>,
    /// Names of what is neither, at most [`NAMES_TOLD`].
    pub left_out: Vec<String>,
}

/// Reads an archive to its end into `spool`, at most so many bytes of files.
///
/// # Errors
/// When it is no archive, is cut off, has not one audio and at least one picture, or is too large.
pub(super) fn unpack(
    input: &mut dyn Read,
    mut spool: File,
    most_bytes: u64,
    texts: &ElsewhereTexts,
) -> Result<Unpacked, CommandError> {
    let usage = |words: &str| CommandError::Usage(words.to_owned());
    let mut archive = tar::Archive::new(input);
    let mut places = Vec::new();
    let mut audios = Vec::new();
    let mut images = Vec::new();
    let mut left_out = Vec::new();
    let mut end = 0;
    let broken = |error: io::Error| match error.kind() {
        // What the reader itself says is told as it is.
        io::ErrorKind::Other | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
            CommandError::Usage((texts.no_archive)(&error.to_string()))
        }
        _ => CommandError::Io(error),
    };
    for (count, entry) in archive.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        if count >= ENTRIES {
            return Err(usage(texts.too_large));
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let Some(name) = name(&entry.path().map_err(broken)?) else {
            continue;
        };
        let size = entry.size();
        if end + size > most_bytes {
            return Err(usage(texts.too_large));
        }
        let mut head = Vec::new();
        let head_bytes = u64::try_from(SNIFF_BYTES).unwrap_or(u64::MAX);
        (&mut entry)
            .take(head_bytes)
            .read_to_end(&mut head)
            .map_err(broken)?;
        let kept = match sniff(&head) {
            Some(kind) if is_picture(kind) => &mut images,
            Some(MediaKind::Mp4Video) | None => {
                if left_out.len() < NAMES_TOLD {
                    left_out.push(name);
                }
                continue;
            }
            Some(_) => &mut audios,
        };
        spool.write_all(&head)?;
        let rest = io::copy(&mut entry, &mut spool).map_err(broken)?;
        let length = rest + head.len() as u64;
        if length != size {
            return Err(CommandError::Usage((texts.no_archive)(&name)));
        }
        // The number keeps names apart; only the last part is told to the server.
        let path = PathBuf::from(places.len().to_string()).join(&name);
        kept.push(path.clone());
        places.push((path, end, length));
        end += length;
    }
    let audio = match (audios.pop(), audios.is_empty()) {
        (Some(audio), true) => audio,
        _ => return Err(usage(texts.one_audio)),
    };
    if images.is_empty() {
        return Err(usage(texts.no_picture_in_archive));
    }
    let files = Arc::new(TarFiles {
        spool: Arc::new(Mutex::new(spool)),
        places,
    });
    Ok(Unpacked {
        files,
        audio,
        images,
        left_out,
    })
}

/// The last part of a path; none of files that systems put beside others.
fn name(path: &Path) -> Option<String> {
    let Some(Component::Normal(name)) = path.components().next_back() else {
        return None;
    };
    let name = name.to_string_lossy();
    (!name.starts_with('.')).then(|| name.into_owned())
}

fn is_picture(kind: MediaKind) -> bool {
    matches!(kind, MediaKind::Png | MediaKind::Jpeg | MediaKind::WebP)
}

/// The files of an archive, as a disk that can only be read by its paths.
pub(super) struct TarFiles {
    spool: Arc<Mutex<File>>,
    /// Path, beginning and length.
    places: Vec<(PathBuf, u64, u64)>,
}

/// A part of the spool. What is read there was written a moment ago, and is read at once.
struct Section {
    spool: Arc<Mutex<File>>,
    at: u64,
    end: u64,
}

impl AsyncRead for Section {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let room = buffer.remaining().min(left);
        let read = {
            let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
            spool.seek(SeekFrom::Start(self.at))?;
            let room = buffer.initialize_unfilled_to(room);
            spool.read(room)?
        };
        buffer.advance(read);
        self.at += read as u64;
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl LocalFiles for TarFiles {
    async fn list(&self, _: &Path) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn probe_image(&self, _: &Path, _: ImageRules) -> Result<ImageFacts, Unusable> {
        Err(Unusable::Kind)
    }

    async fn thumbnail(&self, _: &Path, _: (u16, u16)) -> Option<Thumbnail> {
        None
    }

    async fn probe_audio(&self, _: &Path, _: AudioRules) -> Result<AudioFacts, Unusable> {
        Err(Unusable::Kind)
    }

    async fn read(&self, path: &Path) -> io::Result<(Box<dyn AsyncRead + Send + Unpin>, u64)> {
        let found = self.places.iter().find(|(known, ..)| known == path);
        let (_, at, length) = found.ok_or(io::ErrorKind::NotFound)?;
        let section = Section {
            spool: Arc::clone(&self.spool),
            at: *at,
            end: at + length,
        };
        Ok((Box::new(section), *length))
    }

    async fn write(&self, _: &Path, _: &str) -> io::Result<Box<dyn NewFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::state::Language;
    use crate::text::texts;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR rest of a picture";
    const MP3: &[u8] = b"ID3\x04\0\0\0\0\0\0 rest of a sound";

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            builder.append_data(&mut header, name, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn read(bytes: &[u8], most_bytes: u64) -> Result<Unpacked, CommandError> {
        let texts = &texts(Language::English).commands.elsewhere;
        let spool = tempfile::tempfile().unwrap();
        unpack(&mut &*bytes, spool, most_bytes, texts)
    }

    #[tokio::test]
    async fn files_are_told_apart_by_what_they_are() {
        let bytes = archive(&[
            ("pics/b.png", PNG),
            ("pics/sub/b.png", PNG),
            ("pics/._b.png", PNG),
            ("notes.png", b"no picture"),
            ("voice.dat", MP3),
        ]);
        let unpacked = read(&bytes, 1 << 20).unwrap();
        let names: Vec<_> = unpacked.images.iter().map(|it| it.file_name()).collect();
        assert_eq!(names.len(), 2);
        assert_ne!(unpacked.images[0], unpacked.images[1]);
        assert!(unpacked.audio.ends_with("voice.dat"));
        assert_eq!(unpacked.left_out, ["notes.png"]);
        let (mut reader, length) = unpacked.files.read(&unpacked.audio).await.unwrap();
        let mut content = Vec::new();
        reader.read_to_end(&mut content).await.unwrap();
        assert_eq!((content.as_slice(), length), (MP3, MP3.len() as u64));
        // Nothing but what was in the archive is there.
        assert!(unpacked.files.read(Path::new("/etc/passwd")).await.is_err());
    }

    #[test]
    fn an_archive_that_is_not_one_or_not_whole_is_refused() {
        let whole = archive(&[("a.png", PNG), ("v.mp3", MP3)]);
        assert!(read(&whole, 1 << 20).is_ok());
        assert!(read(b"no archive at all, but a text", 1 << 20).is_err());
        assert!(read(&[], 1 << 20).is_err());
        assert!(read(&whole[..520], 1 << 20).is_err());
        assert!(read(&whole, 40).is_err(), "more than may be");
        assert!(read(&archive(&[("a.png", PNG)]), 1 << 20).is_err());
        assert!(read(&archive(&[("v.mp3", MP3)]), 1 << 20).is_err());
        let two = archive(&[("a.png", PNG), ("v.mp3", MP3), ("w.mp3", MP3)]);
        assert!(read(&two, 1 << 20).is_err());
    }
}
