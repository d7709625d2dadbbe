//! Owns fetching a source image only to look at it: into memory, as far as it is small, and shrunk at once.

use std::io::{self, Cursor};
use std::path::PathBuf;

use bytes::Bytes;
use vision_batch::v1;

use crate::files::Thumbnail;
use crate::net::client::Client;
use crate::net::download::{Destination, Resume, download_file};

/// Most bytes that are held.
const BYTES_MAX: usize = 8 << 20;

/// The picture, shrunk; none when it cannot be had or shown. That is no matter to trouble anybody with.
pub(super) async fn fetch(
    client: &Client,
    request: &v1::DownloadFileRequest,
    cells: (u16, u16),
) -> Option<Thumbnail> {
    let mut memory = Memory::default();
    download_file(client, request, &mut memory, Resume::default(), &|_| {})
        .await
        .ok()?;
    let shrink = move || Thumbnail::of(Cursor::new(memory.0), cells);
    tokio::task::spawn_blocking(shrink).await.ok().flatten()
}

#[derive(Default)]
struct Memory(Vec<u8>);

#[async_trait::async_trait]
impl Destination for Memory {
    async fn begin(&mut self, _filename: &str) -> io::Result<()> {
        Ok(())
    }

    async fn append(&mut self, chunk: Bytes) -> io::Result<()> {
        if self.0.len() + chunk.len() > BYTES_MAX {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.0.extend_from_slice(&chunk);
        Ok(())
    }

    async fn restart(&mut self) -> io::Result<bool> {
        self.0.clear();
        Ok(true)
    }

    fn path(&self) -> PathBuf {
        PathBuf::new()
    }
}
