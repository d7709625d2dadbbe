//! Owns the effects that move files: uploads, downloads, exports, and word of how far they are.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;

use super::Inner;
use crate::files::{LocalFiles, NewFile};
use crate::net::client::Client;
use crate::net::download::{Destination, DownloadProgress, Resume, download_file, export_batch};
use crate::net::error::NetError;
use crate::net::upload;
use crate::state::{Cause, Message, NetMessage, Refusal, TransferId};

/// Least time between two messages about the progress of one transfer.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// What a download saves.
pub(super) enum Save {
    File(v1::DownloadFileRequest),
    Export(v1::ExportBatchRequest),
}

impl Inner {
    fn local_files(&self) -> Result<Arc<dyn LocalFiles>, Refusal> {
        self.files.clone().ok_or_else(|| {
            Refusal::new(
                Cause::LocalFile,
                "This session cannot reach the files of your own machine.",
            )
        })
    }

    pub(super) async fn upload(
        &self,
        transfer: TransferId,
        spec: v1::BatchSpec,
        audio: PathBuf,
        images: Vec<PathBuf>,
    ) {
        let client = self.client();
        let session = client.session();
        let result = match self.local_files() {
            Err(refusal) => Err(refusal),
            Ok(files) => {
                let pace = Pace::new(self.messages.clone(), transfer);
                let progress = move |progress: upload::UploadProgress| match progress.step {
                    upload::UploadStep::Reading => {}
                    _ => pace.report(progress.done_bytes, Some(progress.total_bytes)),
                };
                upload::create_batch(&client, files, spec, &audio, &images, &progress)
                    .await
                    .map(Box::new)
                    .map_err(Refusal::from)
            }
        };
        let ended = result.as_ref().err().and_then(token_refused);
        self.tell(NetMessage::Uploaded { transfer, result }).await;
        if let Some(error) = ended {
            self.end_session(session.as_ref(), error).await;
        }
    }

    pub(super) async fn save(&self, transfer: TransferId, what: Save, directory: PathBuf) {
        let client = self.client();
        let session = client.session();
        let result = match self.local_files() {
            Err(refusal) => Err(refusal),
            Ok(files) => {
                self.save_to(&client, files, transfer, what, directory)
                    .await
            }
        };
        let ended = result.as_ref().err().and_then(token_refused);
        self.tell(NetMessage::Saved { transfer, result }).await;
        if let Some(error) = ended {
            self.end_session(session.as_ref(), error).await;
        }
    }

    async fn save_to(
        &self,
        client: &Client,
        files: Arc<dyn LocalFiles>,
        transfer: TransferId,
        what: Save,
        directory: PathBuf,
    ) -> Result<PathBuf, Refusal> {
        let mut saving = Saving {
            files,
            directory,
            name: String::new(),
            file: None,
        };
        let pace = Pace::new(self.messages.clone(), transfer);
        let progress = move |progress: DownloadProgress| {
            pace.report(progress.done_bytes, Some(progress.total_bytes));
        };
        match what {
            Save::File(request) => {
                download_file(client, &request, &mut saving, Resume::default(), &progress).await?;
            }
            Save::Export(request) => {
                export_batch(client, &request, &mut saving, &progress).await?;
            }
        }
        saving.finish().await
    }
}

/// The refusal as an error again, when it says that the session is over.
fn token_refused(refusal: &Refusal) -> Option<NetError> {
    match refusal.cause {
        Cause::Server(
            reason @ (Reason::TokenMissing
            | Reason::TokenInvalid
            | Reason::TokenExpired
            | Reason::TokenRevoked),
        ) => Some(NetError::token(reason, refusal.message.clone())),
        _ => None,
    }
}

/// A new file of the user's own, which begins when its name is known.
struct Saving {
    files: Arc<dyn LocalFiles>,
    directory: PathBuf,
    name: String,
    file: Option<Box<dyn NewFile>>,
}

impl Saving {
    async fn finish(self) -> Result<PathBuf, Refusal> {
        let path = self.path();
        let Some(file) = self.file else {
            return Err(Refusal::new(Cause::Unknown, "The server sent nothing."));
        };
        file.finish().await.map_err(|error| {
            Refusal::new(Cause::LocalFile, error.to_string())
                .with("file", path.display().to_string())
        })
    }
}

#[async_trait::async_trait]
impl Destination for Saving {
    async fn begin(&mut self, filename: &str) -> std::io::Result<()> {
        filename.clone_into(&mut self.name);
        self.file = Some(self.files.write(&self.directory, filename).await?);
        Ok(())
    }

    async fn append(&mut self, chunk: bytes::Bytes) -> std::io::Result<()> {
        match &mut self.file {
            Some(file) => file.append(chunk).await,
            None => Err(std::io::Error::other("bytes came before the name")),
        }
    }

    async fn restart(&mut self) -> std::io::Result<bool> {
        // What was written goes with the dropped file.
        self.file = None;
        self.file = Some(self.files.write(&self.directory, &self.name).await?);
        Ok(true)
    }

    fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }
}

/// Reports progress, but not too often, and never waits.
struct Pace {
    messages: mpsc::Sender<Message>,
    transfer: TransferId,
    last: Mutex<Option<tokio::time::Instant>>,
}

impl Pace {
    const fn new(messages: mpsc::Sender<Message>, transfer: TransferId) -> Self {
        Self {
            messages,
            transfer,
            last: Mutex::new(None),
        }
    }

    fn report(&self, done_bytes: u64, total_bytes: Option<u64>) {
        let now = tokio::time::Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = total_bytes == Some(done_bytes);
        if !whole && last.is_some_and(|last| now - last < PROGRESS_INTERVAL) {
            return;
        }
        *last = Some(now);
        // A full channel drops it: newer progress follows, and the answer at the end is waited for.
        let _ = self.messages.try_send(Message::Net(NetMessage::Progress {
            transfer: self.transfer,
            done_bytes,
            total_bytes,
        }));
    }
}
