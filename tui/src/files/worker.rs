//! Owns [`FileWorker`]: carries out what the screen asks of the local disk, beside the screen.

use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{FilesMessage, ImageRules, LocalFiles};
use crate::state::{FilesEffect, Message};

/// Pictures looked at side by side: reading one whole takes a core.
const PROBES_AT_A_TIME: usize = 2;

/// Carries out [`FilesEffect`]s; answers go to the application's channel. Dropped, it stops.
pub struct FileWorker {
    files: Arc<dyn LocalFiles>,
    sender: mpsc::Sender<Message>,
    probing: Option<JoinHandle<()>>,
}

impl FileWorker {
    /// Works on `files` and answers into `sender`, waiting there when it is full.
    #[must_use]
    pub fn new(files: Arc<dyn LocalFiles>, sender: mpsc::Sender<Message>) -> Self {
        Self {
            files,
            sender,
            probing: None,
        }
    }

    /// Starts an effect and returns at once.
    pub(crate) fn start(&mut self, effect: FilesEffect) {
        let files = Arc::clone(&self.files);
        let sender = self.sender.clone();
        match effect {
            FilesEffect::List { directory } => {
                tokio::spawn(async move {
                    let result = files.list(&directory).await.map_err(|it| it.to_string());
                    tell(&sender, FilesMessage::Listed { directory, result }).await;
                });
            }
            FilesEffect::ProbeAudio { path, rules } => {
                tokio::spawn(async move {
                    let result = files.probe_audio(&path, rules).await;
                    tell(&sender, FilesMessage::AudioProbed { path, result }).await;
                });
            }
            FilesEffect::Thumbnail { path, cells } => {
                tokio::spawn(async move {
                    let thumbnail = files.thumbnail(&path, cells).await.map(Arc::new);
                    let message = FilesMessage::Thumbnail {
                        path,
                        cells,
                        thumbnail,
                    };
                    tell(&sender, message).await;
                });
            }
            FilesEffect::ProbeImages { paths, rules } => {
                // What was still to be looked at is in the new list, or no longer wanted.
                if let Some(before) = self.probing.take() {
                    before.abort();
                }
                self.probing = Some(tokio::spawn(probe_all(files, sender, paths, rules)));
            }
        }
    }
}

impl Drop for FileWorker {
    fn drop(&mut self) {
        if let Some(probing) = self.probing.take() {
            probing.abort();
        }
    }
}

async fn probe_all(
    files: Arc<dyn LocalFiles>,
    sender: mpsc::Sender<Message>,
    paths: Vec<PathBuf>,
    rules: ImageRules,
) {
    let mut probes = futures::stream::iter(paths)
        .map(|path| {
            let files = Arc::clone(&files);
            async move {
                let result = files.probe_image(&path, rules).await;
                FilesMessage::ImageProbed { path, result }
            }
        })
        .buffered(PROBES_AT_A_TIME);
    while let Some(message) = probes.next().await {
        tell(&sender, message).await;
    }
}

/// A screen that is gone needs no answer.
async fn tell(sender: &mpsc::Sender<Message>, message: FilesMessage) {
    let _ = sender.send(Message::Files(message)).await;
}
