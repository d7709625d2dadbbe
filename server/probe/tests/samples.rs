//! The probe on the samples in `tests/media`: what is taken, what is refused and why, and that nothing panics.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use vbatch_probe::{
    AudioFacts, AudioLimits, ImageFacts, ImageLimits, MediaKind, Orientation, ProbeError,
    SNIFF_BYTES, probe_audio, probe_image, sniff,
};

const IMAGES: &[(&str, MediaKind, (u32, u32))] = &[
    ("face.png", MediaKind::Png, (240, 320)),
    ("face_interlaced.png", MediaKind::Png, (61, 83)),
    ("face_palette.png", MediaKind::Png, (120, 160)),
    ("face_animated.png", MediaKind::Png, (120, 160)),
    ("face_baseline.jpg", MediaKind::Jpeg, (240, 320)),
    ("face_progressive.jpg", MediaKind::Jpeg, (240, 320)),
    ("face_grey.jpg", MediaKind::Jpeg, (240, 320)),
    ("face_rotated.jpg", MediaKind::Jpeg, (240, 320)),
    ("face_lossy.webp", MediaKind::WebP, (240, 320)),
    ("face_lossless.webp", MediaKind::WebP, (240, 320)),
    ("face_animated.webp", MediaKind::WebP, (120, 160)),
];

/// Name, kind, sample rate, and by how many milliseconds the duration may differ from the 1.5 s of speech.
const AUDIOS: &[(&str, MediaKind, u32, u64)] = &[
    ("speech_pcm16.wav", MediaKind::Wav, 16_000, 0),
    ("speech_float.wav", MediaKind::Wav, 8_000, 0),
    // Whole blocks of 1,012 samples.
    ("speech_adpcm.wav", MediaKind::Wav, 16_000, 64),
    ("speech_piped.wav", MediaKind::Wav, 16_000, 0),
    ("speech.mp3", MediaKind::Mp3, 44_100, 0),
    // Nothing tells of its padding: three frames of 576 samples.
    ("speech_bare.mp3", MediaKind::Mp3, 22_050, 79),
    ("speech.m4a", MediaKind::M4a, 44_100, 1),
    ("speech_faststart.m4a", MediaKind::M4a, 44_100, 1),
    // Nothing tells of its padding: two frames of 1,024 samples; the same holds for ADTS.
    ("speech_fragmented.m4a", MediaKind::M4a, 44_100, 47),
    ("speech.aac", MediaKind::Aac, 44_100, 47),
    ("speech.flac", MediaKind::Flac, 22_050, 0),
    ("speech_vorbis.ogg", MediaKind::OggVorbis, 44_100, 0),
    ("speech_opus.ogg", MediaKind::OggOpus, 48_000, 0),
];

fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/media")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

fn image(bytes: &[u8]) -> Result<ImageFacts, ProbeError> {
    probe_image(Cursor::new(bytes), &ImageLimits::default())
}

fn audio(bytes: &[u8]) -> Result<AudioFacts, ProbeError> {
    probe_audio(Cursor::new(bytes.to_vec()), &AudioLimits::default())
}

fn image_refusal(name: &str) -> &'static str {
    image(&sample(name)).unwrap_err().reason().unwrap()
}

fn audio_refusal(name: &str) -> &'static str {
    audio(&sample(name)).unwrap_err().reason().unwrap()
}

#[test]
fn every_whole_picture_is_known_by_kind_and_size() {
    for &(name, kind, size) in IMAGES {
        let bytes = sample(name);
        let facts = image(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (facts.kind, (facts.width_px, facts.height_px)),
            (kind, size),
            "{name}"
        );
        assert_eq!(
            sniff(&bytes[..bytes.len().min(SNIFF_BYTES)]),
            Some(kind),
            "{name}"
        );
        let decoded = image::load_from_memory(&bytes)
            .unwrap_or_else(|error| panic!("decode {name}: {error}"));
        assert_eq!((decoded.width(), decoded.height()), size, "{name}, decoded");
    }
}

#[test]
fn a_turned_photo_says_how_it_is_seen() {
    let facts = image(&sample("face_rotated.jpg")).unwrap();
    assert_eq!(facts.orientation, Orientation::Rotated90);
    assert_eq!(facts.upright_px(), (320, 240));
    let facts = image(&sample("face_baseline.jpg")).unwrap();
    assert_eq!(
        (facts.orientation, facts.upright_px()),
        (Orientation::Upright, (240, 320))
    );
}

#[test]
fn every_whole_sound_is_known_by_kind_and_duration() {
    for &(name, kind, rate, tolerance) in AUDIOS {
        let bytes = sample(name);
        let facts = audio(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (facts.kind, facts.sample_rate_hz, facts.channels),
            (kind, rate, 1),
            "{name}"
        );
        let difference = facts.duration.abs_diff(Duration::from_millis(1500));
        assert!(
            difference <= Duration::from_millis(tolerance),
            "{name}: {:?}",
            facts.duration
        );
        assert_eq!(
            sniff(&bytes[..bytes.len().min(SNIFF_BYTES)]),
            Some(kind),
            "{name}"
        );
    }
}

#[test]
fn what_is_no_image_is_refused_by_kind() {
    for name in [
        "picture.gif",
        "text.wav",
        "speech.mp3",
        "film.mp4",
        "speech_pcm16.wav",
    ] {
        assert_eq!(image_refusal(name), "FILE_KIND_UNSUPPORTED", "{name}");
    }
    assert_eq!(
        image(b"").unwrap_err().reason(),
        Some("FILE_KIND_UNSUPPORTED")
    );
}

#[test]
fn what_is_no_audio_is_refused_by_kind() {
    for name in [
        "text.wav",
        "film.mp4",
        "alac.m4a",
        "flac.ogg",
        "face.png",
        "face_lossy.webp",
        "picture.gif",
    ] {
        assert_eq!(audio_refusal(name), "FILE_KIND_UNSUPPORTED", "{name}");
    }
    assert_eq!(
        audio(b"").unwrap_err().reason(),
        Some("FILE_KIND_UNSUPPORTED")
    );
    let film = audio(&sample("film.mp4")).unwrap_err();
    assert!(
        matches!(
            film,
            ProbeError::KindUnsupported {
                found: Some(MediaKind::Mp4Video),
                ..
            }
        ),
        "{film}"
    );
}

#[test]
fn a_picture_cut_or_damaged_is_refused() {
    for name in [
        "truncated_face.png",
        "damaged_face.png",
        "too_few_rows.png",
        "truncated_face_baseline.jpg",
        "truncated_face_lossy.webp",
    ] {
        assert_eq!(image_refusal(name), "FILE_CORRUPT", "{name}");
    }
}

#[test]
fn a_sound_cut_is_refused() {
    for name in [
        "truncated_speech_pcm16.wav",
        "truncated_speech.mp3",
        "truncated_speech.m4a",
        "truncated_speech_faststart.m4a",
        "truncated_speech.aac",
        "truncated_speech.flac",
        "truncated_speech_vorbis.ogg",
        "truncated_speech_opus.ogg",
    ] {
        assert_eq!(audio_refusal(name), "FILE_CORRUPT", "{name}");
    }
}

#[test]
fn a_decompression_bomb_is_refused_by_its_header() {
    let error = image(&sample("bomb.png")).unwrap_err();
    assert!(
        matches!(
            error,
            ProbeError::DimensionsExceeded {
                limit_pixels: 50_000_000,
                width_px: 60_000,
                height_px: 60_000
            }
        ),
        "{error}"
    );
}

#[test]
fn a_jpeg_that_claims_more_than_its_data_can_hold_is_refused() {
    let mut bytes = sample("face_baseline.jpg");
    let frame = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x1b, 0x58, 0x1b, 0x58]);
    assert_eq!(image(&bytes).unwrap_err().reason(), Some("FILE_CORRUPT"));
}

#[test]
fn a_sound_too_short_or_too_long_is_refused() {
    assert_eq!(audio_refusal("short.wav"), "AUDIO_DURATION_INVALID");
    let error = audio(&sample("long.flac")).unwrap_err();
    let ProbeError::DurationInvalid { maximum, found, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        (maximum, found),
        (Duration::from_secs(600), Duration::from_secs(601))
    );
}

#[test]
fn a_limit_is_the_largest_that_is_taken() {
    let bytes = sample("face.png");
    let size = bytes.len() as u64;
    let probe = |max_pixels, max_bytes| {
        probe_image(
            Cursor::new(&bytes),
            &ImageLimits {
                max_pixels,
                max_bytes,
            },
        )
    };
    assert!(probe(240 * 320, size).is_ok());
    assert_eq!(
        probe(240 * 320 - 1, size).unwrap_err().reason(),
        Some("IMAGE_DIMENSIONS_EXCEEDED")
    );
    assert_eq!(
        probe(240 * 320, size - 1).unwrap_err().reason(),
        Some("FILE_TOO_LARGE")
    );

    let bytes = sample("speech_pcm16.wav");
    let probe = |max_duration, max_bytes| {
        let limits = AudioLimits {
            max_duration,
            max_bytes,
            ..AudioLimits::default()
        };
        probe_audio(Cursor::new(bytes.clone()), &limits)
    };
    let exact = Duration::from_millis(1500);
    assert!(probe(exact, bytes.len() as u64).is_ok());
    assert_eq!(
        probe(exact - Duration::from_nanos(1), u64::MAX)
            .unwrap_err()
            .reason(),
        Some("AUDIO_DURATION_INVALID")
    );
    assert_eq!(
        probe(exact, bytes.len() as u64 - 1).unwrap_err().reason(),
        Some("FILE_TOO_LARGE")
    );
}

#[test]
fn a_tag_in_front_of_a_sound_hides_nothing() {
    // An ID3 tag longer than the first look, as cover art makes it.
    let content = 20_000_u32;
    let mut tagged = b"ID3\x04\0\0".to_vec();
    tagged.extend(
        [
            content >> 21,
            content >> 14 & 0x7f,
            content >> 7 & 0x7f,
            content & 0x7f,
        ]
        .map(|part| part as u8),
    );
    tagged.resize(10 + content as usize, 0xff);
    for (name, kind) in [
        ("speech.mp3", MediaKind::Mp3),
        ("speech.aac", MediaKind::Aac),
        ("speech.flac", MediaKind::Flac),
    ] {
        let bytes = [tagged.clone(), sample(name)].concat();
        let facts = audio(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(facts.kind, kind, "{name}");
        assert_eq!(
            facts.duration,
            audio(&sample(name)).unwrap().duration,
            "{name}"
        );
    }
    assert_eq!(audio(&tagged).unwrap_err().reason(), Some("FILE_CORRUPT"));
}

#[test]
fn an_index_that_hides_most_of_a_sound_is_refused() {
    let mut bytes = sample("speech.m4a");
    let table = bytes.windows(4).position(|name| name == b"stts").unwrap();
    // Every entry of the table of durations: one unit a frame instead of 1,024.
    let entries = u32::from_be_bytes(bytes[table + 8..table + 12].try_into().unwrap()) as usize;
    for entry in 0..entries {
        let delta = table + 16 + entry * 8;
        bytes[delta..delta + 4].copy_from_slice(&1_u32.to_be_bytes());
    }
    assert_eq!(audio(&bytes).unwrap_err().reason(), Some("FILE_CORRUPT"));
}

/// Sets the position of the last page of an Ogg file and makes its checksum right again.
fn with_last_position(mut bytes: Vec<u8>, change: impl Fn(u64) -> u64) -> Vec<u8> {
    let page = bytes.windows(4).rposition(|name| name == b"OggS").unwrap();
    let place = page + 6..page + 14;
    let position = u64::from_le_bytes(bytes[place.clone()].try_into().unwrap());
    bytes[place].copy_from_slice(&change(position).to_le_bytes());
    bytes[page + 22..page + 26].fill(0);
    let checksum = bytes[page..].iter().fold(0_u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| {
            if sum >> 31 == 0 {
                sum << 1
            } else {
                sum << 1 ^ 0x04c1_1db7
            }
        })
    });
    bytes[page + 22..page + 26].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn an_ogg_that_lies_about_its_end_is_refused() {
    for name in ["speech_opus.ogg", "speech_vorbis.ogg"] {
        let same = with_last_position(sample(name), |position| position);
        assert_eq!(same, sample(name), "{name}");
        let shorter = with_last_position(sample(name), |position| position - 480);
        assert!(
            audio(&shorter).unwrap().duration < Duration::from_millis(1500),
            "{name}"
        );
        let longer = |position: u64| position + 48_000 * 60;
        let enormous = |_| i64::MAX.cast_unsigned();
        let negative = |_| u64::MAX - 1;
        for bytes in [
            with_last_position(sample(name), longer),
            with_last_position(sample(name), enormous),
            with_last_position(sample(name), negative),
        ] {
            assert_eq!(
                audio(&bytes).unwrap_err().reason(),
                Some("FILE_CORRUPT"),
                "{name}"
            );
        }
    }
}

#[test]
fn an_impossible_sample_rate_is_refused() {
    for rate in [0, 1, u32::MAX] {
        let mut bytes = sample("speech_pcm16.wav");
        bytes[24..28].copy_from_slice(&rate.to_le_bytes());
        assert_eq!(
            audio(&bytes).unwrap_err().reason(),
            Some("FILE_CORRUPT"),
            "{rate} Hz"
        );
    }
}

#[test]
fn no_prefix_of_a_picture_is_taken_for_the_whole() {
    for &(name, ..) in IMAGES {
        let bytes = sample(name);
        for end in (0..bytes.len() - 1).step_by(13) {
            assert!(
                image(&bytes[..end]).is_err(),
                "{name} cut to {end} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn no_prefix_of_a_sound_is_taken_for_the_whole() {
    for &(name, ..) in AUDIOS {
        let bytes = sample(name);
        // Nothing tells how long these were: one has no count, one no length, two have whole frames or fragments to their cut.
        if matches!(
            name,
            "speech_bare.mp3" | "speech_piped.wav" | "speech_fragmented.m4a" | "speech.aac"
        ) {
            continue;
        }
        // The count in an MP3's header may include the header's own frame, so that the last frame may be missing.
        let longest = if name == "speech.mp3" {
            bytes.len() - 320
        } else {
            bytes.len() - 1
        };
        for end in (0..longest).step_by(61) {
            assert!(
                audio(&bytes[..end]).is_err(),
                "{name} cut to {end} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn the_demo_batch_is_taken() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let (mut portraits, mut sounds) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        match path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap()
        {
            "png" | "jpg" | "webp" => {
                image(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                portraits += 1;
            }
            "mp3" => {
                let facts =
                    audio(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                assert!(
                    (8..12).contains(&facts.duration.as_secs()),
                    "{:?}",
                    facts.duration
                );
                sounds += 1;
            }
            _ => {}
        }
    }
    assert_eq!((portraits, sounds), (6, 1));
}

/// All samples, good and bad, whole.
fn corpus() -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/media");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Sets a few bytes, mostly near the start, where the headers are.
fn mutated(
    bytes: &[u8],
    changes: &[(prop::sample::Index, bool, u8)],
    end: prop::sample::Index,
) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (place, in_header, value) in changes {
        let range = if *in_header {
            bytes.len().min(160)
        } else {
            bytes.len()
        };
        if range > 0 {
            bytes[place.index(range)] = *value;
        }
    }
    // One in four is cut as well.
    let cut = end.index(bytes.len() * 4 + 1);
    bytes.truncate(cut);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_to_a_file_makes_the_probe_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), prop_oneof![Just(0), Just(0xff), any::<u8>()]), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        thread_local! {
            static CORPUS: Vec<Vec<u8>> = corpus();
        }
        let bytes = CORPUS.with(|corpus| mutated(which.get::<Vec<u8>>(corpus), &changes, end));
        if let Ok(facts) = image(&bytes) {
            prop_assert!(u64::from(facts.width_px) * u64::from(facts.height_px) <= 50_000_000);
            prop_assert!(facts.kind.is_image());
        }
        if let Ok(facts) = audio(&bytes) {
            prop_assert!(facts.duration <= Duration::from_secs(600) && facts.sample_rate_hz > 0 && facts.channels > 0);
            prop_assert!(facts.kind.is_audio());
        }
    }

    #[test]
    fn no_bytes_behind_a_good_beginning_make_the_probe_panic(
        which in any::<prop::sample::Index>(),
        keep in 4_usize..200,
        rest in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        thread_local! {
            static CORPUS: Vec<Vec<u8>> = corpus();
        }
        let mut bytes = CORPUS.with(|corpus| which.get::<Vec<u8>>(corpus).iter().copied().take(keep).collect::<Vec<_>>());
        bytes.extend(rest);
        let _ = sniff(&bytes);
        let _ = image(&bytes);
        let _ = audio(&bytes);
    }
}
