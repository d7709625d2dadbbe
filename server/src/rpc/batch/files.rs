//! Downloads and exports: the metadata, then chunks as they are asked for.

use futures::{Stream, StreamExt, stream};
use tonic::Status;
use vision_batch::v1;

use crate::rpc::convert::{count, wide};
use crate::service::batches::download::Download;
use crate::service::batches::export::Export;
use crate::service::batches::upload::CHUNK_BYTES;

/// The messages of a download.
pub(super) fn download(
    download: Download,
) -> impl Stream<Item = Result<v1::DownloadFileResponse, Status>> + Send {
    use v1::download_file_response::Content;
    let metadata = Content::Metadata(v1::FileMetadata {
        filename: download.filename.clone(),
        media_type: download.media_type.clone(),
        size_bytes: wide(download.blob.size_bytes),
        sha256: download.blob.sha256.to_string(),
        offset: wide(download.offset),
    });
    let chunks = stream::try_unfold(download, |mut download| async {
        let chunk = download.next(CHUNK_BYTES).await?;
        Ok(chunk.map(|chunk| (Content::Chunk(chunk), download)))
    });
    stream::once(async { Ok(metadata) })
        .chain(chunks)
        .map(|content: Result<Content, Status>| {
            Ok(v1::DownloadFileResponse {
                content: Some(content?),
            })
        })
}

/// The messages of an export.
pub(super) fn export(
    export: Export,
) -> impl Stream<Item = Result<v1::ExportBatchResponse, Status>> + Send {
    use v1::export_batch_response::Content;
    let metadata = Content::Metadata(v1::ExportMetadata {
        filename: export.filename.clone(),
        video_count: count(export.video_count),
        estimated_size_bytes: wide(export.estimated_size_bytes),
    });
    let chunks = stream::try_unfold(export, |mut export| async {
        let chunk = export.next().await?;
        Ok(chunk.map(|chunk| (Content::Chunk(chunk), export)))
    });
    stream::once(async { Ok(metadata) })
        .chain(chunks)
        .map(|content: Result<Content, Status>| {
            Ok(v1::ExportBatchResponse {
                content: Some(content?),
            })
        })
}
