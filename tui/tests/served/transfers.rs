//! Uploads and downloads: whole, broken, refused, changed.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncRead;
use tonic::Code;
use vbatch_tui::files::{
    AudioFacts, AudioRules, Entry, ImageFacts, ImageRules, LocalFiles, NewFile, Thumbnail, Unusable,
};
use vbatch_tui::net::download::{Destination, Resume, TransferError, download_file, export_batch};
use vbatch_tui::net::upload::{self, CHUNK_BYTES, UploadProgress, UploadStep};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;

use super::fake::{BATCH_ID, Fake, refusal, sha256};

/// Files in memory; each can have other content when it is read again.
#[derive(Default)]
pub struct Memory {
    files: Mutex<HashMap<PathBuf, Vec<Vec<u8>>>>,
    saved: Arc<Mutex<HashMap<PathBuf, Vec<u8>>>>,
}

impl Memory {
    pub fn with(self, path: &str, content: &[u8]) -> Self {
        self.with_each(path, &[content])
    }

    fn with_each(self, path: &str, contents: &[&[u8]]) -> Self {
        let contents = contents.iter().map(|content| content.to_vec()).collect();
        self.files.lock().unwrap().insert(path.into(), contents);
        self
    }

    pub fn saved(&self) -> HashMap<PathBuf, Vec<u8>> {
        self.saved.lock().unwrap().clone()
    }
}

#[async_trait]
impl LocalFiles for Memory {
    async fn list(&self, _: &Path) -> io::Result<Vec<Entry>> {
        Ok(Vec::new())
    }

    async fn thumbnail(&self, _: &Path, _: (u16, u16)) -> Option<Thumbnail> {
        None
    }

    async fn probe_image(&self, _: &Path, _: ImageRules) -> Result<ImageFacts, Unusable> {
        Err(Unusable::Kind)
    }

    async fn probe_audio(&self, _: &Path, _: AudioRules) -> Result<AudioFacts, Unusable> {
        Err(Unusable::Kind)
    }

    async fn read(&self, path: &Path) -> io::Result<(Box<dyn AsyncRead + Send + Unpin>, u64)> {
        let mut files = self.files.lock().unwrap();
        let contents = files
            .get_mut(path)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let content = if contents.len() > 1 {
            contents.remove(0)
        } else {
            contents[0].clone()
        };
        let size_bytes = content.len() as u64;
        Ok((Box::new(io::Cursor::new(content)), size_bytes))
    }

    async fn write(&self, directory: &Path, name: &str) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(InMemory {
            path: directory.join(name),
            content: Vec::new(),
            saved: Arc::clone(&self.saved),
        }))
    }
}

struct InMemory {
    path: PathBuf,
    content: Vec<u8>,
    saved: Arc<Mutex<HashMap<PathBuf, Vec<u8>>>>,
}

#[async_trait]
impl NewFile for InMemory {
    async fn append(&mut self, bytes: Bytes) -> io::Result<()> {
        self.content.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> io::Result<PathBuf> {
        self.saved
            .lock()
            .unwrap()
            .insert(self.path.clone(), self.content);
        Ok(self.path)
    }
}

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length)
        .map(|index| (index % 251) as u8 ^ seed)
        .collect()
}

async fn send(
    fake: &Fake,
    files: Memory,
) -> (
    Result<v1::CreateBatchResponse, TransferError>,
    Vec<UploadProgress>,
) {
    let seen = Mutex::new(Vec::new());
    let result = upload::create_batch(
        &fake.client(),
        Arc::new(files),
        v1::BatchSpec::default(),
        Path::new("/voice.mp3"),
        &["/a.png".into(), "/王芳.png".into()],
        &|progress| seen.lock().unwrap().push(progress),
    )
    .await;
    (result, seen.into_inner().unwrap())
}

fn three_files(audio: &[u8]) -> Memory {
    Memory::default()
        .with("/voice.mp3", audio)
        .with("/a.png", &bytes(10, 1))
        .with("/王芳.png", &bytes(2 * CHUNK_BYTES, 2))
}

#[tokio::test(start_paused = true)]
async fn an_upload_sends_spec_audio_images_with_their_digests() {
    let fake = Fake::default();
    let audio = bytes(CHUNK_BYTES + 7, 3);
    let (result, seen) = send(&fake, three_files(&audio)).await;
    assert_eq!(result.unwrap().batch.unwrap().id, BATCH_ID);

    let script = fake.script();
    let spec = &script.specs[0];
    assert_eq!(spec.image_count, 2);
    assert!(!spec.request_id.is_empty());
    let names: Vec<_> = spec
        .file_digests
        .iter()
        .map(|digest| (digest.kind(), digest.filename.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (v1::FileKind::Audio, "voice.mp3"),
            (v1::FileKind::SourceImage, "a.png"),
            (v1::FileKind::SourceImage, "王芳.png"),
        ]
    );
    assert_eq!(script.uploaded[0], audio);
    for (header, content) in script.headers.iter().zip(&script.uploaded) {
        assert_eq!(header.sha256.as_deref(), Some(sha256(content).as_str()));
        assert_eq!(usize::try_from(header.size_bytes), Ok(content.len()));
    }
    assert_eq!(
        script.chunk_sizes,
        [CHUNK_BYTES, 7, 10, CHUNK_BYTES, CHUNK_BYTES]
    );
    assert_eq!(CHUNK_BYTES % 3, 0);

    let last = seen.last().unwrap();
    assert_eq!(last.step, UploadStep::Checking);
    assert_eq!(last.done_bytes, last.total_bytes);
    assert_eq!((last.file_number, last.file_count), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_broken_upload_is_sent_again_under_the_same_request_id() {
    let fake = Fake::default();
    fake.script().breaks_left = 2;
    fake.script().break_after_bytes = CHUNK_BYTES;
    let audio = bytes(3 * CHUNK_BYTES, 3);
    let (result, seen) = send(&fake, three_files(&audio)).await;
    result.unwrap();
    let script = fake.script();
    assert_eq!(script.specs.len(), 3);
    assert_eq!(script.specs[0], script.specs[2]);
    assert_eq!(script.uploaded[0], audio);
    assert!(
        seen.iter()
            .any(|progress| progress.step == UploadStep::WaitingToRetry)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_upload_and_is_not_tried_again() {
    let fake = Fake::default();
    fake.script().refuse_upload = Some(refusal(
        Code::FailedPrecondition,
        "INSUFFICIENT_CREDITS",
        &[("required", "2"), ("available", "1")],
    ));
    let (result, seen) = send(&fake, three_files(&bytes(40 * CHUNK_BYTES, 3))).await;
    let Err(TransferError::Net(error)) = result else {
        panic!("{result:?}")
    };
    assert_eq!(error.known_reason(), Some(Reason::InsufficientCredits));
    assert!(
        seen.iter()
            .all(|progress| matches!(progress.step, UploadStep::Reading | UploadStep::Sending))
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_it_is_sent_is_named() {
    for second in [bytes(9, 1), bytes(11, 1)] {
        let fake = Fake::default();
        let files = three_files(b"audio").with_each("/a.png", &[&bytes(10, 1), &second]);
        let (result, _) = send(&fake, files).await;
        let Err(TransferError::Changed { path }) = result else {
            panic!("{result:?}")
        };
        assert_eq!(path, Path::new("/a.png"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_there_is_named_before_anything_is_sent() {
    let fake = Fake::default();
    let files = Memory::default().with("/voice.mp3", b"audio");
    let (result, _) = send(&fake, files).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("/a.png"), "{error}");
    assert!(fake.script().specs.is_empty());
}

#[derive(Default)]
struct Sink {
    name: String,
    content: Vec<u8>,
    restarts: usize,
    can_restart: bool,
}

#[async_trait]
impl Destination for Sink {
    async fn begin(&mut self, filename: &str) -> io::Result<()> {
        assert_eq!(self.name, "", "begins once");
        filename.clone_into(&mut self.name);
        Ok(())
    }

    async fn append(&mut self, chunk: Bytes) -> io::Result<()> {
        self.content.extend_from_slice(&chunk);
        Ok(())
    }

    async fn restart(&mut self) -> io::Result<bool> {
        self.restarts += 1;
        if self.can_restart {
            self.content.clear();
        }
        Ok(self.can_restart)
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("sink")
    }
}

async fn fetch(fake: &Fake, sink: &mut Sink) -> Result<v1::FileMetadata, TransferError> {
    let request = v1::DownloadFileRequest {
        batch_id: BATCH_ID.into(),
        ..v1::DownloadFileRequest::default()
    };
    download_file(
        &fake.client(),
        &request,
        sink,
        Resume::default(),
        &|progress| assert!(progress.done_bytes <= progress.total_bytes),
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn a_download_goes_on_at_the_byte_where_it_broke_off() {
    let fake = Fake::default();
    let file = bytes(10_500, 5);
    {
        let mut script = fake.script();
        script.file = file.clone();
        script.breaks_left = 3;
        script.break_after_bytes = 3_000;
    }
    let mut sink = Sink::default();
    let metadata = fetch(&fake, &mut sink).await.unwrap();
    assert_eq!(metadata.filename, "王芳.mp4");
    assert_eq!(sink.content, file);
    assert_eq!(fake.script().offsets, [0, 3_000, 6_000, 9_000]);
}

#[tokio::test(start_paused = true)]
async fn a_download_that_brings_nothing_is_given_up() {
    let fake = Fake::default();
    {
        let mut script = fake.script();
        script.file = bytes(10, 5);
        script.breaks_left = 1_000;
        script.break_after_bytes = 0;
    }
    let result = fetch(&fake, &mut Sink::default()).await;
    let Err(TransferError::Net(error)) = result else {
        panic!("{result:?}")
    };
    assert!(error.is_retryable(), "{error:?}");
    assert!(fake.script().offsets.len() < 10);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_the_announced_file_are_told() {
    let fake = Fake::default();
    {
        let mut script = fake.script();
        script.file = bytes(10, 5);
        script.announced_sha256 = Some(sha256(b"another file"));
    }
    let result = fetch(&fake, &mut Sink::default()).await;
    let Err(TransferError::Digest { actual, .. }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(actual, sha256(&bytes(10, 5)));
}

#[tokio::test(start_paused = true)]
async fn a_broken_export_begins_anew_where_that_is_possible() {
    for can_restart in [true, false] {
        let fake = Fake::default();
        {
            let mut script = fake.script();
            script.file = bytes(100, 7);
            script.breaks_left = 1;
        }
        let mut sink = Sink {
            can_restart,
            ..Sink::default()
        };
        let request = v1::ExportBatchRequest::default();
        let result = export_batch(&fake.client(), &request, &mut sink, &|_| {}).await;
        assert_eq!(result.is_ok(), can_restart, "{result:?}");
        assert_eq!(sink.restarts, 1);
        if can_restart {
            assert_eq!(sink.content, bytes(100, 7));
        }
    }
}
