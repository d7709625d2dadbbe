//! Downloads and exports.

use std::io::{Cursor, Read};
use std::time::Duration;

use futures::StreamExt;
use uuid::Uuid;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::{download_file_response, export_batch_response};

use super::bench::*;
use crate::service::error::Reason;
use crate::service::session::Session;

async fn download(
    bench: &Bench,
    session: &Session,
    request: v1::DownloadFileRequest,
) -> Result<(v1::FileMetadata, Vec<u8>), tonic::Status> {
    use download_file_response::Content;
    let stream = bench.face.download_file(by(session, request)).await?;
    let mut stream = stream.into_inner();
    let first = stream.next().await.unwrap()?.content.unwrap();
    let Content::Metadata(metadata) = first else {
        panic!("the metadata comes first");
    };
    let mut content = Vec::new();
    while let Some(message) = stream.next().await {
        let Content::Chunk(chunk) = message?.content.unwrap() else {
            panic!("only chunks follow");
        };
        assert!(!chunk.is_empty() && chunk.len() <= 256 << 10);
        content.extend_from_slice(&chunk);
    }
    Ok((metadata, content))
}

fn wanted(
    batch: &v1::Batch,
    item: &str,
    kind: v1::FileKind,
    offset: i64,
) -> v1::DownloadFileRequest {
    v1::DownloadFileRequest {
        batch_id: batch.id.clone(),
        item_id: item.to_owned(),
        kind: kind.into(),
        offset,
    }
}

#[tokio::test(start_paused = true)]
async fn each_file_comes_back_whole_and_from_any_byte_on() {
    use v1::FileKind::{Audio, SourceImage, Video};
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    let item = bench.complete_one().await.id.to_string();
    for (item, kind, filename, media_type, content) in [
        ("", Audio, "speech.mp3", "audio/mpeg", sample("speech.mp3")),
        (
            &item,
            SourceImage,
            "face 1.png",
            "image/png",
            sample("face.png"),
        ),
        (&item, Video, "face 1.mp4", "video/mp4", sample("film.mp4")),
    ] {
        let (metadata, bytes) = download(&bench, &bench.wang, wanted(&batch, item, kind, 0))
            .await
            .unwrap();
        assert_eq!(
            (metadata.filename.as_str(), metadata.media_type.as_str()),
            (filename, media_type)
        );
        assert_eq!(bytes, content);
        let size = metadata.size_bytes;
        for offset in [1, size - 1, size] {
            let (metadata, rest) =
                download(&bench, &bench.admin, wanted(&batch, item, kind, offset))
                    .await
                    .unwrap();
            assert_eq!((metadata.offset, metadata.size_bytes), (offset, size));
            assert_eq!(rest, content[usize::try_from(offset).unwrap()..]);
        }
        for beyond in [-1, size + 1] {
            let answer = download(&bench, &bench.wang, wanted(&batch, item, kind, beyond)).await;
            assert_reason(answer, Reason::OffsetInvalid);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_had_says_why() {
    use v1::FileKind::{Audio, SourceImage, Video};
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    let item = bench.items(&batch.id).await[0].id.clone();
    let cases = [
        (
            &bench.wang,
            wanted(&batch, &item, Video, 0),
            Reason::VideoNotReady,
        ),
        (
            &bench.li,
            wanted(&batch, "", Audio, 0),
            Reason::BatchNotFound,
        ),
        (
            &bench.wang,
            wanted(&batch, "", Video, 0),
            Reason::FieldInvalid,
        ),
        (
            &bench.wang,
            wanted(&batch, &item, Audio, 0),
            Reason::FieldInvalid,
        ),
        (
            &bench.wang,
            wanted(&batch, &Uuid::from_u128(1).to_string(), SourceImage, 0),
            Reason::ItemNotFound,
        ),
    ];
    for (session, request, reason) in cases {
        assert_reason(download(&bench, session, request).await, reason);
    }
    for path in bench.files() {
        std::fs::remove_file(path).unwrap();
    }
    let answer = download(&bench, &bench.wang, wanted(&batch, "", Audio, 0)).await;
    assert_reason(answer, Reason::FileRemoved);
}

#[tokio::test(start_paused = true)]
async fn damage_is_told_at_the_latest_at_the_end() {
    let bench = Bench::new().await;
    let batch = bench.batch("preview", 1).await;
    bench.complete_one().await;
    for path in bench.files() {
        let mut content = std::fs::read(&path).unwrap();
        *content.last_mut().unwrap() ^= 1;
        std::fs::write(&path, content).unwrap();
    }
    let answer = download(
        &bench,
        &bench.wang,
        wanted(&batch, "", v1::FileKind::Audio, 0),
    )
    .await;
    assert_reason(answer, Reason::BlobCorrupt);
    assert_reason(export(&bench, &batch, vec![]).await, Reason::BlobCorrupt);
}

async fn export(
    bench: &Bench,
    batch: &v1::Batch,
    item_ids: Vec<String>,
) -> Result<(v1::ExportMetadata, Vec<u8>), tonic::Status> {
    use export_batch_response::Content;
    let request = v1::ExportBatchRequest {
        batch_id: batch.id.clone(),
        item_ids,
    };
    let stream = bench.face.export_batch(by(&bench.wang, request)).await?;
    let mut stream = stream.into_inner();
    let first = stream.next().await.unwrap()?.content.unwrap();
    let Content::Metadata(metadata) = first else {
        panic!("the metadata comes first");
    };
    let mut content = Vec::new();
    while let Some(message) = stream.next().await {
        let Content::Chunk(chunk) = message?.content.unwrap() else {
            panic!("only chunks follow");
        };
        assert!(!chunk.is_empty() && chunk.len() <= 256 << 10);
        content.extend_from_slice(&chunk);
    }
    Ok((metadata, content))
}

#[tokio::test(start_paused = true)]
async fn an_export_reads_back_with_names_after_the_pictures_and_a_manifest() {
    let bench = Bench::new().await;
    let mut parts = vec![v1::create_batch_request::Part::Spec(v1::BatchSpec {
        engine: "preview".to_owned(),
        name: "客户/三月".to_owned(),
        ..spec(4)
    })];
    parts.extend(good_audio());
    for name in ["王芳.png", "../王芳.png", "王芳.png", "left.png"] {
        parts.extend(image(name, &sample("face.png")));
    }
    let batch = bench.upload(parts).await.unwrap().batch.unwrap();
    assert_reason(
        export(&bench, &batch, vec![]).await,
        Reason::NothingToExport,
    );
    for _ in 0..3 {
        bench.complete_one().await;
    }
    let (metadata, bytes) = export(&bench, &batch, vec![]).await.unwrap();
    assert_eq!(metadata.filename, "客户_三月.zip");
    assert_eq!(metadata.video_count, 3);
    let off_by = metadata
        .estimated_size_bytes
        .abs_diff(i64::try_from(bytes.len()).unwrap());
    assert!(off_by < 200, "{off_by}");

    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let film = sample("film.mp4");
    for name in ["王芳.mp4", "_王芳.mp4", "王芳 (2).mp4"] {
        let mut content = Vec::new();
        let mut file = zip.by_name(name).unwrap();
        assert_eq!(file.compression(), zip::CompressionMethod::Stored);
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, film, "{name}");
    }
    let manifest = zip.by_name("manifest.json").unwrap();
    let manifest: serde_json::Value = serde_json::from_reader(manifest).unwrap();
    assert_eq!(manifest["batch_id"], batch.id.as_str());
    assert_eq!(manifest["videos"][1]["file"], "_王芳.mp4");
    assert_eq!(manifest["videos"][1]["source_image"], "../王芳.png");
    assert_eq!(zip.len(), 4);

    let items = bench.items(&batch.id).await;
    let (metadata, _) = export(&bench, &batch, vec![items[1].id.clone()])
        .await
        .unwrap();
    assert_eq!(metadata.video_count, 1);
    let unfinished = export(&bench, &batch, vec![items[3].id.clone()]).await;
    assert_reason(unfinished, Reason::VideoNotReady);
}

/// A batch of wang's whose video is more than waits for a reader: the film, and a box of padding.
async fn large(bench: &Bench) -> v1::Batch {
    let batch = bench.batch("preview", 1).await;
    let mut film = sample("film.mp4");
    let padding = 4 << 20;
    film.extend_from_slice(&u32::to_be_bytes(padding));
    film.extend_from_slice(b"free");
    film.resize(film.len() + padding as usize - 8, 0);
    bench.complete_with(film).await;
    batch
}

#[tokio::test(start_paused = true)]
async fn an_export_that_nobody_reads_ends() {
    let bench = Bench::new().await;
    let batch = large(&bench).await;
    let request = v1::ExportBatchRequest {
        batch_id: batch.id,
        item_ids: vec![],
    };
    let stream = bench
        .face
        .export_batch(by(&bench.wang, request))
        .await
        .unwrap();
    drop(stream);
    // The runtime waits for blocking work when it ends: a writer that went on waiting would hang this test.
}

#[tokio::test(start_paused = true)]
async fn exports_that_stand_still_are_few_and_are_given_up() {
    let bench = Bench::new().await;
    let batch = large(&bench).await;
    let request = || v1::ExportBatchRequest {
        batch_id: batch.id.clone(),
        item_ids: vec![],
    };
    let mut still = Vec::new();
    for _ in 0..4 {
        let stream = bench.face.export_batch(by(&bench.wang, request())).await;
        still.push(stream.unwrap().into_inner());
    }
    let refused = bench.face.export_batch(by(&bench.wang, request())).await;
    assert_reason(refused.map(drop), Reason::TooManyStreams);
    // Blocking work keeps virtual time from running by itself, and when it begins to wait nobody can know.
    while bench
        .face
        .export_batch(by(&bench.wang, request()))
        .await
        .is_err()
    {
        tokio::time::advance(Duration::from_secs(61)).await;
        std::thread::yield_now();
    }
    tokio::time::advance(Duration::from_secs(61)).await;
    // At least one was given up, and what it is told is no end of a ZIP.
    let mut ends = Vec::new();
    for mut stream in still {
        let mut last = Ok(());
        while let Some(message) = stream.next().await {
            last = message.map(drop);
        }
        ends.extend(last.err());
    }
    assert!(!ends.is_empty());
    for end in ends {
        assert_reason(Err::<(), _>(end), Reason::RateLimited);
    }
    export(&bench, &batch, vec![]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn transfers_end_with_their_session() {
    let bench = Bench::new().await;
    let batch = large(&bench).await;
    let item = bench.items(&batch.id).await.remove(0).id;
    let video = wanted(&batch, &item, v1::FileKind::Video, 0);
    let mut download = bench
        .face
        .download_file(by(&bench.wang, video))
        .await
        .unwrap()
        .into_inner();
    let request = v1::ExportBatchRequest {
        batch_id: batch.id.clone(),
        item_ids: vec![],
    };
    let mut export = bench
        .face
        .export_batch(by(&bench.wang, request))
        .await
        .unwrap()
        .into_inner();
    download.next().await.unwrap().unwrap();
    export.next().await.unwrap().unwrap();
    let charged = bench.balance(&bench.wang).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let life = bench.life(&bench.wang);
    let upload = crate::rpc::batch::upload::receive(
        &bench.face.batches,
        &bench.wang.caller,
        tokio_stream::wrappers::ReceiverStream::new(receiver),
        &life,
    );
    let parts = whole(spec(1), 1);
    let drive = async {
        for part in parts {
            let message = v1::CreateBatchRequest { part: Some(part) };
            sender.send(Ok(message)).await.unwrap();
        }
        bench.disable(&bench.wang).await;
        drop(sender);
    };
    let (refused, ()) = tokio::join!(upload, drive);
    assert_eq!(refused.unwrap_err().reason, Reason::TokenRevoked);
    let last = download.next().await.unwrap().map(drop);
    assert_reason(last, Reason::TokenRevoked);
    let last = export.next().await.unwrap().map(drop);
    assert_reason(last, Reason::TokenRevoked);
    assert_eq!(bench.balance(&bench.wang).await, charged);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_trickles_is_refused() {
    let bench = Bench::new().await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let life = bench.life(&bench.wang);
    let upload = crate::rpc::batch::upload::receive(
        &bench.face.batches,
        &bench.wang.caller,
        tokio_stream::wrappers::ReceiverStream::new(receiver),
        &life,
    );
    let trickle = async {
        let parts = whole(spec(1), 1);
        for part in parts.into_iter().take(2) {
            let message = v1::CreateBatchRequest { part: Some(part) };
            sender.send(Ok(message)).await.unwrap();
        }
        // Never silent for long, and never done.
        loop {
            tokio::time::sleep(Duration::from_secs(50)).await;
            let part = Some(v1::create_batch_request::Part::Chunk(vec![0].into()));
            if sender
                .send(Ok(v1::CreateBatchRequest { part }))
                .await
                .is_err()
            {
                return;
            }
        }
    };
    let started = tokio::time::Instant::now();
    let refused = tokio::select! {
        refused = upload => refused.unwrap_err(),
        () = trickle => unreachable!("the upload reads until it is refused"),
    };
    assert_eq!(refused.reason, Reason::UploadTooSlow);
    // The window does not begin anew with each byte.
    assert_eq!(started.elapsed().as_secs(), 60);
}
