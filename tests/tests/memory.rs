//! Uploads of any size take bounded memory, and a broken one leaves nothing.
//!
//! While it runs the test takes a little over 2 GB of the disk that holds the temporary folder.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio_stream::StreamExt as _;
use vbatch_tests::programs::{Daemon, folder, media};
use vbatch_tests::uploads::{CHUNK_BYTES, file, part};
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::create_batch_request::Part;

const IMAGE_BYTES: usize = 20 << 20;
const IMAGES: usize = 103;
const ALLOWED: u64 = 32 << 20;

/// A good picture that is `size` bytes long: a private chunk before the end makes up the rest.
fn padded_png(png: &[u8], size: usize) -> Bytes {
    let end = png.len() - 12;
    let padding = size - png.len() - 12;
    let mut padded = png[..end].to_vec();
    padded.extend_from_slice(&u32::try_from(padding).unwrap().to_be_bytes());
    let begin = padded.len();
    padded.extend_from_slice(b"prVt");
    padded.resize(padded.len() + padding, 0x5a);
    let crc = crc32(&padded[begin..]);
    padded.extend_from_slice(&crc.to_be_bytes());
    padded.extend_from_slice(&png[end..]);
    padded.into()
}

/// The CRC of PNG, a table and a loop.
fn crc32(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| (0..8).fold(byte, |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
        .collect();
    !bytes.iter().fold(!0, |crc, byte| {
        (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)]
    })
}

fn files_below(path: &Path) -> usize {
    let entries = std::fs::read_dir(path).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files_below(&path) } else { 1 })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gigabytes_raise_the_servers_memory_by_at_most_32_mib() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let session = daemon.sign_in().await;

    let picture = padded_png(&std::fs::read(media("face.png")).unwrap(), IMAGE_BYTES);
    let audio: Bytes = std::fs::read(media("speech.mp3")).unwrap().into();
    let spec = v1::BatchSpec {
        engine: "preview".to_owned(),
        image_count: IMAGES as i32 + 1,
        ..v1::BatchSpec::default()
    };
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let head = std::iter::once(part(Part::Spec(spec))).chain(file(
        v1::FileKind::Audio,
        "voice.mp3",
        &audio,
    ));
    // The spec promises one picture more than comes: the stream is cut before the batch is made.
    let pictures = (0..IMAGES)
        .flat_map(move |n| file(v1::FileKind::SourceImage, &format!("{n}.png"), &picture));
    let messages = tokio_stream::iter(head.chain(pictures)).map(move |message| {
        counted.fetch_add(1, Ordering::Relaxed);
        message
    });
    let mut client = BatchServiceClient::new(session.channel.clone());
    let request = session.request(messages);
    let mut upload = tokio::spawn(async move { client.create_batch(request).await });

    let before = daemon.resident_bytes();
    let mut most = before;
    let refused = loop {
        tokio::select! {
            ended = &mut upload => break ended.unwrap().unwrap_err(),
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => most = most.max(daemon.resident_bytes()),
        }
    };
    assert!(refused.message().contains("104"), "{refused:?}");
    assert!(sent.load(Ordering::Relaxed) as usize >= IMAGES * IMAGE_BYTES / CHUNK_BYTES);
    let rise = most - before;
    assert!(rise <= ALLOWED, "rose by {} KiB", rise / 1024);
    for kind in ["images", "audios", "videos", "tmp"] {
        assert_eq!(files_below(&data.path().join(kind)), 0, "{kind}");
    }
}
