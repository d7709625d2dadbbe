//! What a client sends to create a batch.

use bytes::Bytes;
use vision_batch::v1;
use vision_batch::v1::create_batch_request::Part;

/// Largest chunk of the contract.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// One message of an upload.
pub fn part(part: Part) -> v1::CreateBatchRequest {
    v1::CreateBatchRequest { part: Some(part) }
}

/// A header and its chunks.
pub fn file(kind: v1::FileKind, filename: &str, content: &Bytes) -> Vec<v1::CreateBatchRequest> {
    let header = part(Part::File(v1::FileHeader {
        kind: kind.into(),
        filename: filename.to_owned(),
        size_bytes: content.len() as i64,
        sha256: None,
    }));
    let chunks = (0..content.len()).step_by(CHUNK_BYTES).map(|start| {
        part(Part::Chunk(
            content.slice(start..content.len().min(start + CHUNK_BYTES)),
        ))
    });
    std::iter::once(header).chain(chunks).collect()
}

/// A whole upload: spec, audio, images with their names.
pub fn upload(
    spec: v1::BatchSpec,
    audio: (&str, Bytes),
    images: &[(&str, Bytes)],
) -> Vec<v1::CreateBatchRequest> {
    let mut messages = vec![part(Part::Spec(v1::BatchSpec {
        image_count: i32::try_from(images.len()).expect("few images"),
        ..spec
    }))];
    messages.extend(file(v1::FileKind::Audio, audio.0, &audio.1));
    for (name, content) in images {
        messages.extend(file(v1::FileKind::SourceImage, name, content));
    }
    messages
}
