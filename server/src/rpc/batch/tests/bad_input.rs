//! Whatever bad an upload can be is refused with its reason, naming the file and the limit, and leaves nothing.

use bytes::Bytes;
use tonic::Status;
use uuid::Uuid;
use vision_batch::v1;
use vision_batch::v1::create_batch_request::Part;

use super::bench::*;
use crate::config::{Config, Limits};
use crate::media::full_disk::Step;
use crate::service::error::{Reason, ServiceError};
use crate::store::Store;

/// The upload is refused so, with these facts, and nothing is left of it.
async fn refused(parts: Vec<Part>, reason: Reason, facts: &[(&str, &str)]) -> ServiceError {
    let bench = Bench::new().await;
    let refusal = bench.upload(parts).await.unwrap_err();
    check(&bench, &refusal, reason, facts).await;
    refusal
}

async fn check(bench: &Bench, refusal: &ServiceError, reason: Reason, facts: &[(&str, &str)]) {
    assert_eq!(refusal.reason, reason, "{refusal:?}");
    for (key, value) in facts {
        assert_eq!(fact(refusal, key), Some(*value), "{key} of {refusal:?}");
    }
    bench.assert_untouched().await;
}

/// A spec, a good audio and these parts.
fn after_audio(images: usize, parts: Vec<Part>) -> Vec<Part> {
    let mut all = vec![Part::Spec(spec(images))];
    all.extend(good_audio());
    all.extend(parts);
    all
}

#[tokio::test(start_paused = true)]
async fn a_wrong_kind() {
    let gif = image("party.gif", &sample("picture.gif"));
    let facts = [("file", "party.gif"), ("media_type", "")];
    refused(after_audio(1, gif), Reason::FileKindUnsupported, &facts).await;

    let sound = image("song.png", &sample("speech.mp3"));
    let facts = [("file", "song.png"), ("media_type", "audio/mpeg")];
    refused(after_audio(1, sound), Reason::FileKindUnsupported, &facts).await;

    let mut film = vec![Part::Spec(spec(1))];
    film.extend(audio("film.mp4", &sample("film.mp4")));
    let facts = [("file", "film.mp4")];
    refused(film, Reason::FileKindUnsupported, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn a_text_named_wav_is_refused_by_its_first_bytes() {
    let mut parts = vec![Part::Spec(spec(1))];
    parts.extend(audio("speech.wav", &sample("text.wav")));
    let facts = [("file", "speech.wav")];
    refused(parts, Reason::FileKindUnsupported, &facts).await;

    // Long before its end.
    let mut parts = vec![Part::Spec(spec(1))];
    let mut text = audio("speech.wav", &b"no sound at all ".repeat(60_000));
    text.truncate(2);
    parts.extend(text);
    refused(parts, Reason::FileKindUnsupported, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn a_truncated_png_and_a_bomb() {
    let cut = image("face.png", &sample("truncated_face.png"));
    refused(
        after_audio(1, cut),
        Reason::FileCorrupt,
        &[("file", "face.png")],
    )
    .await;
    let bomb = image("bomb.png", &sample("bomb.png"));
    let refusal = refused(
        after_audio(1, bomb),
        Reason::ImageDimensionsExceeded,
        &[("file", "bomb.png"), ("limit", "50000000")],
    )
    .await;
    assert!(fact(&refusal, "width").is_some() && fact(&refusal, "height").is_some());
}

#[tokio::test(start_paused = true)]
async fn zero_images_and_too_many() {
    refused(
        whole(spec(0), 0),
        Reason::ImageCountInvalid,
        &[("limit", "1000"), ("count", "0")],
    )
    .await;
    refused(
        vec![Part::Spec(spec(1_001))],
        Reason::ImageCountInvalid,
        &[("limit", "1000"), ("count", "1001")],
    )
    .await;
    refused(
        after_audio(2, good_image()),
        Reason::ImageCountInvalid,
        &[("limit", "2"), ("count", "1")],
    )
    .await;
    let two = [good_image(), image("more.png", &sample("face.png"))].concat();
    refused(
        after_audio(1, two),
        Reason::ImageCountInvalid,
        &[("limit", "1"), ("count", "2"), ("file", "more.png")],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_audio_and_two_audios() {
    refused(
        vec![Part::Spec(spec(1))],
        Reason::AudioCountInvalid,
        &[("count", "0"), ("limit", "1")],
    )
    .await;
    let second = audio("again.mp3", &sample("speech.mp3"));
    refused(
        after_audio(1, second),
        Reason::AudioCountInvalid,
        &[("file", "again.mp3"), ("count", "2"), ("limit", "1")],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_too_large_by_its_header_or_by_its_bytes() {
    let header = v1::FileHeader {
        kind: v1::FileKind::SourceImage.into(),
        filename: "huge.png".to_owned(),
        size_bytes: 21 << 20,
        sha256: None,
    };
    let facts = [
        ("file", "huge.png"),
        ("limit", "20971520"),
        ("size", "22020096"),
    ];
    refused(
        after_audio(1, vec![Part::File(header.clone())]),
        Reason::FileTooLarge,
        &facts,
    )
    .await;

    let mut lying = image("face.png", &sample("face.png"));
    lying[0] = Part::File(v1::FileHeader {
        size_bytes: 5_000,
        ..header
    });
    let facts = [("file", "huge.png"), ("limit", "5000")];
    refused(after_audio(1, lying), Reason::FileTooLarge, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn an_audio_that_is_too_short_or_too_long() {
    let mut parts = vec![Part::Spec(spec(1))];
    parts.extend(audio("blip.wav", &sample("short.wav")));
    let facts = [("file", "blip.wav"), ("limit", "0.1")];
    refused(parts, Reason::AudioDurationInvalid, &facts).await;

    let mut parts = vec![Part::Spec(spec(1))];
    parts.extend(audio("long.flac", &sample("long.flac")));
    let facts = [("file", "long.flac"), ("limit", "600")];
    refused(parts, Reason::AudioDurationInvalid, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn text_beyond_its_bounds() {
    let cases = [
        (
            v1::BatchSpec {
                prompt: "字".repeat(10_000),
                ..spec(1)
            },
            "prompt",
            Some("2000"),
        ),
        (
            v1::BatchSpec {
                name: "x".repeat(201),
                ..spec(1)
            },
            "name",
            Some("200"),
        ),
        (
            v1::BatchSpec {
                labels: (0..17).map(|n| (n.to_string(), String::new())).collect(),
                ..spec(1)
            },
            "labels",
            Some("16"),
        ),
        (
            v1::BatchSpec {
                labels: [("k".repeat(64), String::new())].into(),
                ..spec(1)
            },
            "labels",
            Some("63"),
        ),
        (
            v1::BatchSpec {
                labels: [("k".to_owned(), "v".repeat(256))].into(),
                ..spec(1)
            },
            "labels",
            Some("255"),
        ),
        (
            v1::BatchSpec {
                engine: "sora".to_owned(),
                ..spec(1)
            },
            "engine",
            None,
        ),
        (
            v1::BatchSpec {
                request_id: "once".to_owned(),
                ..spec(1)
            },
            "request_id",
            None,
        ),
        (
            v1::BatchSpec {
                max_credits: Some(-1),
                ..spec(1)
            },
            "max_credits",
            None,
        ),
    ];
    for (spec, field, limit) in cases {
        let parts = vec![Part::Spec(spec)];
        let refusal = refused(parts, Reason::FieldInvalid, &[("field", field)]).await;
        assert_eq!(refusal.field.as_deref(), Some(field));
        assert_eq!(fact(&refusal, "limit"), limit);
    }
    let long = audio(&format!("{}.mp3", "x".repeat(252)), &sample("speech.mp3"));
    let parts = [vec![Part::Spec(spec(1))], long].concat();
    let facts = [("field", "file.filename"), ("limit", "255")];
    refused(parts, Reason::FieldInvalid, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn messages_before_their_turn() {
    let chunk = || Part::Chunk(Bytes::from_static(b"x"));
    refused(vec![chunk()], Reason::UploadOutOfOrder, &[]).await;
    refused(
        vec![Part::Spec(spec(1)), chunk()],
        Reason::UploadOutOfOrder,
        &[],
    )
    .await;
    refused(after_audio(1, vec![chunk()]), Reason::UploadOutOfOrder, &[]).await;
    refused(
        [vec![Part::Spec(spec(1))], good_image()].concat(),
        Reason::UploadOutOfOrder,
        &[("file", "face.png")],
    )
    .await;
    refused(
        after_audio(1, vec![Part::Spec(spec(1))]),
        Reason::UploadOutOfOrder,
        &[],
    )
    .await;
    let large = Part::Chunk(Bytes::from(vec![0; (256 << 10) + 1]));
    let parts = vec![good_image().remove(0), large];
    let facts = [("field", "chunk"), ("limit", "262144")];
    refused(after_audio(1, parts), Reason::FieldInvalid, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_or_is_cut_in_the_middle() {
    refused(vec![], Reason::UploadIncomplete, &[]).await;

    let mut half = good_image();
    half.pop();
    let size = sample("face.png").len();
    let available = (half.len() - 1) * 10_000;
    let facts = [
        ("file", "face.png"),
        ("required", &*size.to_string()),
        ("available", &*available.to_string()),
    ];
    refused(
        after_audio(1, half.clone()),
        Reason::UploadIncomplete,
        &facts,
    )
    .await;
    refused(
        after_audio(2, [half.clone(), good_image()].concat()),
        Reason::UploadIncomplete,
        &facts,
    )
    .await;

    let bench = Bench::new().await;
    let cut = Some(Status::cancelled("reset"));
    let refusal = bench
        .upload_then(&bench.wang, after_audio(1, half), cut)
        .await
        .unwrap_err();
    check(&bench, &refusal, Reason::UploadIncomplete, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_given_up_leaves_nothing() {
    use futures::{StreamExt, stream};

    let bench = Bench::new().await;
    let mut half = after_audio(1, good_image());
    half.pop();
    let messages: Vec<_> = half
        .into_iter()
        .map(|part| Ok(v1::CreateBatchRequest { part: Some(part) }))
        .collect();
    let silence = stream::iter(messages).chain(stream::pending());
    let batches = &bench.face.batches;
    let started = tokio::time::Instant::now();
    let refusal = super::super::upload::receive(
        batches,
        &bench.wang.caller,
        silence,
        &bench.life(&bench.wang),
    )
    .await
    .unwrap_err();
    assert_eq!(started.elapsed().as_secs(), 60);
    let facts = [("file", "face.png"), ("limit", "60")];
    check(&bench, &refusal, Reason::UploadTooSlow, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_digest() {
    let wrong = "0".repeat(64);
    let mut parts = good_image();
    if let Part::File(header) = &mut parts[0] {
        header.sha256 = Some(wrong.clone());
    }
    let refusal = refused(
        after_audio(1, parts),
        Reason::DigestMismatch,
        &[("file", "face.png"), ("expected", &wrong)],
    )
    .await;
    assert_eq!(fact(&refusal, "actual").unwrap().len(), 64);

    let mut announced = spec(1);
    announced.file_digests = [
        (v1::FileKind::Audio, "speech.mp3"),
        (v1::FileKind::SourceImage, "face.png"),
    ]
    .map(|(kind, name)| v1::FileDigest {
        kind: kind.into(),
        filename: name.to_owned(),
        size_bytes: i64::try_from(sample(name).len()).unwrap(),
        sha256: wrong.clone(),
    })
    .into();
    let parts = [vec![Part::Spec(announced)], good_audio()].concat();
    let facts = [("file", "speech.mp3"), ("expected", &*wrong)];
    refused(parts, Reason::DigestMismatch, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn what_costs_too_much_is_refused_before_a_file_came() {
    let facts = [("required", "101"), ("available", "100")];
    refused(
        vec![Part::Spec(spec(101))],
        Reason::InsufficientCredits,
        &facts,
    )
    .await;
    let dear = v1::BatchSpec {
        max_credits: Some(1),
        ..spec(2)
    };
    let facts = [("required", "2"), ("limit", "1")];
    refused(vec![Part::Spec(dear)], Reason::PriceChanged, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_not_configured_here() {
    let bench = Bench::with(Config::default()).await;
    let refusal = bench.upload(vec![Part::Spec(spec(1))]).await.unwrap_err();
    let facts = [("engine", "lightx2v")];
    check(&bench, &refusal, Reason::EngineUnavailable, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn limits_of_the_configuration_hold() {
    let config = Config {
        limits: Limits {
            images_per_batch: 2,
            ..Limits::default()
        },
        ..Config::default()
    };
    let bench = Bench::with(config).await;
    let preview = v1::BatchSpec {
        engine: "preview".to_owned(),
        ..spec(3)
    };
    let refusal = bench.upload(vec![Part::Spec(preview)]).await.unwrap_err();
    let facts = [("limit", "2"), ("count", "3")];
    check(&bench, &refusal, Reason::ImageCountInvalid, &facts).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_uploads_that_end_together_the_refused_one_leaves_only_what_the_other_stored() {
    let bench = Bench::new().await;
    // Each is affordable, both are not; they share all files but one.
    let mut first = whole(spec(60), 60);
    let mut second = first.clone();
    for (parts, name) in [
        (&mut first, "face_grey.jpg"),
        (&mut second, "face_baseline.jpg"),
    ] {
        let Part::Spec(spec) = &mut parts[0] else {
            panic!("the spec comes first");
        };
        spec.image_count = 61;
        parts.extend(image(name, &sample(name)));
    }
    let (first, second) = tokio::join!(bench.upload(first), bench.upload(second));
    let refusals: Vec<_> = [first, second]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].reason, Reason::InsufficientCredits);
    assert_eq!(bench.balance(&bench.wang).await, CREDITS - 61);
    let files = bench.files();
    assert_eq!(files.len(), 3, "{files:?}");
    assert_eq!(bench.store.totals().await.unwrap().batches, 1);
}

/// Whatever step finds the disk full: nothing is stored, charged or left, and the same request goes through when there is
/// room.
#[tokio::test(start_paused = true)]
async fn a_full_disk() {
    for step in Step::ALL {
        let bench = Bench::new().await;
        let parts = || {
            let request_id = Uuid::from_u128(5).to_string();
            let spec = v1::BatchSpec {
                request_id,
                ..spec(2)
            };
            whole(spec, 2)
        };
        bench.disk.set(Some(step));
        let refusal = bench.upload(parts()).await.unwrap_err();
        assert_eq!(refusal.reason, Reason::StorageFull, "{step:?}");
        bench.assert_untouched().await;
        bench.disk.set(None);
        let created = bench.upload(parts()).await.unwrap();
        assert!(!created.replayed, "{step:?}");
        assert_eq!(bench.balance(&bench.wang).await, CREDITS - 2);
        bench.assert_agrees().await;
    }
}
