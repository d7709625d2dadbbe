//! An upload of a gigabyte of pictures, against a bare stream whose server looks at headers and makes digests.

use std::path::Path;

use bytes::Bytes;
use futures::stream;
use tempfile::TempDir;
use vbatch_server::clock::Clock;
use vbatch_server::domain::dispatching::{DispatchSettings, DispatchState};
use vbatch_server::store::Store as _;
use vbatch_server::store::redb::{DATABASE, RedbStore};
use vbatch_tests::programs::{Session, media};
use vbatch_tests::uploads::{file, part};
use vision_batch::v1;
use vision_batch::v1::batch_service_client::BatchServiceClient;
use vision_batch::v1::create_batch_request::Part;

use crate::child::Child;
use crate::figure::{Figure, Target, median};
use crate::fill;

const IMAGES: usize = 200;
const IMAGE_BYTES: usize = 5 << 20;
const ROUNDS: usize = 3;

/// A picture of noise, which nothing makes smaller, a little over 5 MiB as PNG.
fn picture() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let side = 1_330;
    let noise = image::RgbImage::from_fn(side, side, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        image::Rgb([state as u8, (state >> 8) as u8, (state >> 16) as u8])
    });
    let mut png = std::io::Cursor::new(Vec::new());
    noise.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let png = png.into_inner();
    assert!(png.len() >= IMAGE_BYTES, "{} bytes", png.len());
    png
}

/// The picture with a private chunk before its end, so that each is another file.
fn numbered(png: &[u8], number: u32) -> Bytes {
    let end = png.len() - 12;
    let mut body = b"prVt".to_vec();
    body.extend(number.to_be_bytes());
    let crc = !body.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    });
    let mut numbered = png[..end].to_vec();
    numbered.extend(4_u32.to_be_bytes());
    numbered.extend(&body);
    numbered.extend(crc.to_be_bytes());
    numbered.extend(&png[end..]);
    numbered.into()
}

/// Seconds of processor an upload takes the server, for each GiB.
async fn round(child: &Child, session: &Session, png: &[u8], round: u32) -> f64 {
    let spec = v1::BatchSpec {
        engine: "preview".to_owned(),
        image_count: IMAGES as i32,
        ..v1::BatchSpec::default()
    };
    let audio: Bytes = std::fs::read(media("speech.mp3")).unwrap().into();
    let head = std::iter::once(part(Part::Spec(spec))).chain(file(
        v1::FileKind::Audio,
        "voice.mp3",
        &audio,
    ));
    let png = png.to_vec();
    let pictures = (0..IMAGES as u32).flat_map(move |number| {
        let picture = numbered(&png, round * 1_000 + number);
        file(
            v1::FileKind::SourceImage,
            &format!("{number}.png"),
            &picture,
        )
    });
    let mut client = BatchServiceClient::new(session.channel.clone());
    let before = child.time();
    let upload = session.request(stream::iter(head.chain(pictures)));
    client.create_batch(upload).await.unwrap();
    let gib = (IMAGES * IMAGE_BYTES) as f64 / f64::from(1 << 30);
    (child.time() - before).as_secs_f64() / gib
}

/// Nothing is rendered: the upload alone takes the server's time.
async fn paused(folder: &Path) {
    let store = RedbStore::open(&folder.join(DATABASE), Clock::system()).unwrap();
    let settings = store.dispatch_settings().await.unwrap();
    let settings = DispatchSettings {
        state: DispatchState::Paused,
        ..settings
    };
    store.set_dispatch_settings(settings).await.unwrap();
    store.close().await;
}

/// See the module's page.
///
/// # Panics
/// When an upload fails.
pub async fn figures() -> Vec<Figure> {
    let folder = TempDir::new().unwrap();
    let admin = fill::data_directory(folder.path(), 0).await;
    paused(folder.path()).await;
    let kept = TempDir::new().unwrap();
    let (ours, bare) = (Child::server(folder.path(), &[admin]), Child::bare());
    let keeping = Child::bare_keeping(kept.path());
    let (our_session, bare_session) = (ours.session(0).await, bare.session(0).await);
    let keeping_session = keeping.session(0).await;
    let png = picture();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let before = ours.resident();
    let (mut ratios, mut absolute, mut to_keeping) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..ROUNDS as u32 {
        let taken = round(&ours, &our_session, &png, number).await;
        let least = round(&bare, &bare_session, &png, number).await;
        let keeps = round(&keeping, &keeping_session, &png, number).await;
        ratios.push(taken / least);
        to_keeping.push((taken / keeps, keeps));
        absolute.push((taken, least));
    }
    let risen = ours.peak().saturating_sub(before) as f64 / f64::from(1 << 20);
    vec![
        Figure::ratio(
            "upload of 200 images of 5 MiB: server CPU",
            "a bare tonic client stream + SHA-256 + header decode",
            median(ratios),
            Target::AtMost(1.5),
        )
        .with(format!(
            "{:.2} s a GiB, {:.2} s",
            median(absolute.iter().map(|pair| pair.0).collect()),
            median(absolute.iter().map(|pair| pair.1).collect())
        )),
        Figure::ratio(
            "the same, against one that keeps the files too",
            "the same that also writes and flushes each file",
            median(to_keeping.iter().map(|pair| pair.0).collect()),
            Target::AtMost(1.5),
        )
        .with(format!(
            "{:.2} s a GiB",
            median(to_keeping.iter().map(|pair| pair.1).collect())
        )),
        Figure::count(
            "upload of 200 images of 5 MiB: memory above idle",
            risen,
            "MiB",
            Target::AtMost(32.0),
        ),
    ]
}
