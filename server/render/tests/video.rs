//! Whole renderings, decoded again: every frame and every packet.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../tests/src/mp4.rs"]
mod mp4;

mod sources;

use std::ops::ControlFlow;
use std::time::Duration;

use image::DynamicImage;
use vbatch_render::{Progress, RenderError, render};

use sources::{jpeg, png, portrait, speech, wav, webp};

fn rendered(image: &[u8], audio: &[u8]) -> Vec<u8> {
    render(image, audio, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Renders, decodes, and holds the durations against that of the audio.
fn check(image: &[u8], audio: &[u8], length: Duration) -> mp4::Decoded {
    let found = mp4::decode_to_the_end(&rendered(image, audio)).unwrap();
    let frame = Duration::from_millis(40);
    assert_eq!(
        found.video_duration,
        frame * found.video_frames as u32,
        "25 frames a second"
    );
    assert!(
        found.video_duration >= length && found.video_duration - length < frame,
        "{:?} of video for {length:?}",
        found.video_duration
    );
    assert!(
        found.audio_duration.abs_diff(length) < Duration::from_millis(1),
        "{:?} of sound for {length:?}",
        found.audio_duration
    );
    found
}

#[test]
fn pictures_of_every_shape_become_videos() {
    let sound = wav(16_000, 1, &speech(16_000, 0.5));
    for ((width, height), video) in [
        ((1, 1), (640, 640)),
        ((3000, 10), (640, 272)),
        ((10, 3000), (272, 640)),
        ((333, 501), (426, 640)),
        ((1280, 720), (640, 360)),
    ] {
        let picture = png(&DynamicImage::ImageRgb8(portrait(width, height)));
        let found = check(&picture, &sound, Duration::from_millis(500));
        assert_eq!((found.width, found.height), video, "{width} × {height}");
    }
}

#[test]
fn pictures_of_every_kind_become_videos() {
    let sound = wav(16_000, 1, &speech(16_000, 0.2));
    let rgb = DynamicImage::ImageRgb8(portrait(120, 80));
    let kinds = [
        png(&DynamicImage::ImageLuma8(rgb.to_luma8())),
        png(&DynamicImage::ImageLumaA8(rgb.to_luma_alpha8())),
        png(&DynamicImage::ImageRgba8(rgb.to_rgba8())),
        png(&DynamicImage::ImageLuma16(rgb.to_luma16())),
        png(&DynamicImage::ImageRgb16(rgb.to_rgb16())),
        png(&DynamicImage::ImageRgba16(rgb.to_rgba16())),
        sources::paletted_png(120, 80),
        jpeg(&rgb),
        jpeg(&DynamicImage::ImageLuma8(rgb.to_luma8())),
        webp(&rgb),
        webp(&DynamicImage::ImageRgba8(rgb.to_rgba8())),
    ];
    for (number, picture) in kinds.iter().enumerate() {
        let found = check(picture, &sound, Duration::from_millis(200));
        assert_eq!((found.width, found.height), (640, 426), "kind {number}");
    }
}

#[test]
fn a_photo_that_lies_on_its_side_stands_up() {
    let sound = wav(16_000, 1, &speech(16_000, 0.1));
    let lying = sources::turned_jpeg(&DynamicImage::ImageRgb8(portrait(160, 80)));
    let found = check(&lying, &sound, Duration::from_millis(100));
    assert_eq!((found.width, found.height), (320, 640));
}

#[test]
fn sound_of_every_rate_and_any_number_of_channels_keeps_its_length() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    for (rate, channels) in [
        (8_000, 1),
        (11_025, 2),
        (22_050, 1),
        (44_100, 2),
        (48_000, 6),
        (96_000, 2),
    ] {
        let seconds = 1.23;
        let voice = speech(rate, seconds);
        let length = Duration::from_secs_f64(voice.len() as f64 / f64::from(rate));
        check(&picture, &wav(rate, channels, &voice), length);
    }
}

#[test]
fn ogg_opus_keeps_its_length_too() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    let voice = speech(48_000, 0.777);
    let length = Duration::from_secs_f64(voice.len() as f64 / 48_000.0);
    check(&picture, &sources::ogg_opus(&voice), length);
}

#[test]
fn an_mp3_that_does_not_say_how_long_it_is_is_heard_to_its_end() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    let frames = 60;
    let length = Duration::from_secs_f64(f64::from(frames) * 1152.0 / 44_100.0);
    check(&picture, &sources::bare_mp3(frames), length);
}

#[test]
fn one_sample_is_one_frame() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    let found = mp4::decode_to_the_end(&rendered(&picture, &wav(48_000, 1, &[0.5]))).unwrap();
    assert_eq!((found.video_frames, found.audio_packets), (1, 1));
}

#[test]
fn the_picture_moves_with_the_voice_and_rests_in_silence() {
    // A second of silence, a second of voice, two of silence.
    let rate = 16_000;
    let mut sound = vec![0.0; rate as usize];
    sound.extend(speech(rate, 1.0));
    sound.extend(vec![0.0; 2 * rate as usize]);
    let picture = png(&DynamicImage::ImageRgb8(portrait(480, 480)));
    let video = rendered(&picture, &wav(rate, 1, &sound));
    // Of each frame what is neither label nor strip.
    let mut middles: Vec<Vec<u8>> = Vec::new();
    mp4::decode_each(
        &video,
        &mut |frame| {
            assert_eq!((frame.number, frame.height), (middles.len(), 640));
            middles.push(frame.luma[frame.width * 100..frame.width * 500].to_vec());
        },
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(middles.len(), 100);
    let change = |from: usize, to: usize| {
        let pairs = middles[from].iter().zip(&middles[to]);
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / middles[from].len() as f64
    };
    let (silence, voice, rest) = (change(10, 20), change(20, 40), change(85, 95));
    assert!(
        voice > 8.0 * silence && voice > 8.0 * rest,
        "{silence} {voice} {rest}"
    );
}

#[test]
fn what_is_heard_is_the_recording_and_in_time() {
    // Silence, then a tone from 0.5 s on: with the encoder's delay taken off it begins within 5 ms of that.
    let rate = 48_000;
    let mut sound = vec![0.0f32; rate as usize / 2];
    sound.extend(
        (0..rate / 2).map(|n| (n as f32 * 600.0 * std::f32::consts::TAU / rate as f32).sin() * 0.6),
    );
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    let video = rendered(&picture, &wav(rate, 1, &sound));
    let mut heard = Vec::new();
    mp4::decode_each(&video, &mut |_| {}, &mut |samples| {
        heard.extend_from_slice(samples)
    })
    .unwrap();
    let delay = 312;
    let begins = heard[delay..]
        .iter()
        .position(|sample| sample.abs() > 0.2)
        .unwrap();
    assert!(
        begins.abs_diff(rate as usize / 2) < rate as usize / 200,
        "{begins}"
    );
}

#[test]
fn the_word_is_in_the_picture_and_the_strip_below_it() {
    let picture = png(&DynamicImage::ImageRgb8(image::RgbImage::from_pixel(
        64,
        64,
        image::Rgb([128; 3]),
    )));
    let video = rendered(&picture, &wav(16_000, 1, &speech(16_000, 0.4)));
    let mut last = Vec::new();
    mp4::decode_each(&video, &mut |frame| last = frame.luma.to_vec(), &mut |_| {}).unwrap();
    let brightest = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
        rows.flat_map(|row| last[row * 640..][columns.clone()].to_vec())
            .max()
            .unwrap()
    };
    assert!(brightest(16..58, 16..165) > 210, "the letters");
    assert!(brightest(560..640, 0..640) > 150, "the bars");
    assert!(brightest(100..500, 100..500) < 140, "nothing in the middle");
}

#[test]
fn a_damaged_video_does_not_decode() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    let video = rendered(&picture, &wav(16_000, 1, &speech(16_000, 1.0)));
    let cut = &video[..video.len() - 1];
    assert!(mp4::decode_to_the_end(cut).is_err());
    let mut blank = video.clone();
    let middle = video.len() / 2;
    blank[middle..middle + 2_000].fill(0);
    assert!(mp4::decode_to_the_end(&blank).is_err());
    assert!(mp4::decode_to_the_end(b"not an MP4").is_err());
}

#[test]
fn the_same_files_give_the_same_video() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(99, 77)));
    let sound = wav(22_050, 1, &speech(22_050, 0.4));
    assert_eq!(rendered(&picture, &sound), rendered(&picture, &sound));
}

#[test]
fn progress_rises_to_one() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    let mut seen = Vec::new();
    render(
        &picture,
        &wav(16_000, 1, &speech(16_000, 1.0)),
        &mut |Progress { fraction }| {
            seen.push(fraction);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert!(seen.len() > 25, "{}", seen.len());
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last(), Some(&1.0));
}

#[test]
fn it_stops_within_a_frame_when_told() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    let sound = wav(16_000, 1, &speech(16_000, 10.0));
    let mut calls_after = 0;
    let result = render(&picture, &sound, &mut |Progress { fraction }| {
        if fraction < 0.5 {
            return ControlFlow::Continue(());
        }
        calls_after += 1;
        ControlFlow::Break(())
    });
    assert!(matches!(result, Err(RenderError::Stopped)), "{result:?}");
    assert_eq!(calls_after, 1);
}

#[test]
fn what_cannot_be_rendered_is_refused_in_words() {
    let picture = png(&DynamicImage::ImageRgb8(portrait(64, 64)));
    let sound = wav(16_000, 1, &speech(16_000, 0.1));
    let text = b"This is a text file, whatever its name may be.".repeat(40);
    for (image, audio, expected) in [
        (&text[..], &sound[..], "not a PNG, JPEG or WebP"),
        (&[][..], &sound[..], "not a PNG, JPEG or WebP"),
        (
            &picture[..picture.len() / 2],
            &sound[..],
            "the picture cannot be decoded",
        ),
        (
            &sources::huge_png()[..],
            &sound[..],
            "at most 50 megapixels",
        ),
        (&picture[..], &text[..], "the audio is not"),
        (&picture[..], &[][..], "the audio is not"),
        (&picture[..], &wav(16_000, 1, &[])[..], "no sound"),
        (
            &picture[..],
            &wav(3, 1, &[0.1; 30])[..],
            "sample rate of 3 Hz",
        ),
        (
            &picture[..],
            &sources::ogg_opus(&speech(48_000, 0.2))[..200],
            "the audio cannot be decoded",
        ),
    ] {
        let error = render(image, audio, &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} / {expected}");
    }
}
