//! Preview rendering, against Debian's ffmpeg on the same picture and recording, one thread each.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::figure::{Figure, Target, median};
use crate::process;

const ROUNDS: usize = 3;
/// Speech that is rendered, in seconds.
const SECONDS: f64 = 20.0;

/// A face of 1024 × 1024 pixels: the sample enlarged, with the grain that a camera leaves.
fn picture() -> Vec<u8> {
    let small = image::open(vbatch_tests::programs::media("face.png")).unwrap();
    let filter = image::imageops::FilterType::CatmullRom;
    let mut large = small.resize_exact(1024, 1024, filter).to_rgb8();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for pixel in large.pixels_mut() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let grain = (state % 5) as i16 - 2;
        for part in &mut pixel.0 {
            *part = (i16::from(*part) + grain).clamp(0, 255) as u8;
        }
    }
    let mut png = std::io::Cursor::new(Vec::new());
    large.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// A voice of 20 s, as WAV: vowels that come and go.
fn recording() -> Vec<u8> {
    const RATE: u32 = 48_000;
    let samples = (SECONDS * f64::from(RATE)) as u32;
    let mut wav = Vec::new();
    let bytes = samples * 2;
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(RATE.to_le_bytes());
    wav.extend((RATE * 2).to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    for number in 0..samples {
        let time = f64::from(number) / f64::from(RATE);
        let syllable = (time * 4.0 * std::f64::consts::PI).sin().max(0.0);
        let pitch = 120.0 + 20.0 * (time * 0.7).sin();
        let voice: f64 = (1..9)
            .map(|partial| {
                (std::f64::consts::TAU * pitch * f64::from(partial) * time).sin()
                    / f64::from(partial)
            })
            .sum();
        wav.extend(((syllable * voice * 9_000.0) as i16).to_le_bytes());
    }
    wav
}

/// The command that does what a preview does: the picture moves closer, the sound's level is shown, 25 frames a second.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.current_dir(folder).args([
        "-y", "-hide_banner", "-nostats", "-benchmark", "-nostdin", "-filter_complex_threads", "1", "-filter_threads", "1",
        "-threads", "1", "-i", "picture.png", "-threads", "1", "-i", "voice.wav", "-filter_complex",
        "[0:v]zoompan=z='1+0.0002*on':d=500:s=640x640:fps=25[moving];[1:a]showvolume=w=640:h=40:r=25[level];\
         [moving][level]overlay=0:600:shortest=1,format=yuv420p[shown]",
        "-map", "[shown]", "-map", "1:a", "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-c:a", "libopus",
        "-ac", "1", "-shortest", "ffmpeg.mp4",
    ]);
    command
}

/// User and system time as ffmpeg tells it: `bench: utime=1.2s stime=0.1s rtime=…`.
fn told(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains("utime="))?;
    let part = |name: &str| -> Option<f64> {
        line.split_once(name)?
            .1
            .split_once('s')?
            .0
            .trim()
            .parse()
            .ok()
    };
    Some(part("utime=")? + part("stime=")?)
}

/// See the module's page. Without ffmpeg there is only our own time.
///
/// # Panics
/// When a rendering fails.
pub fn figures() -> Vec<Figure> {
    let folder = TempDir::new().unwrap();
    let (picture, voice) = (picture(), recording());
    std::fs::write(folder.path().join("picture.png"), &picture).unwrap();
    std::fs::write(folder.path().join("voice.wav"), &voice).unwrap();
    let ours = || -> (usize, Duration) {
        let (video, time) = process::measured(|| {
            vbatch_render::render(&picture, &voice, &mut |_| ControlFlow::Continue(())).unwrap()
        });
        if let Ok(kept) = std::env::var("VBATCH_BENCH_KEEP") {
            std::fs::write(Path::new(&kept).join("ours.mp4"), &video).unwrap();
        }
        (video.len(), time)
    };
    let theirs = || -> Option<(u64, f64)> {
        let output = command(folder.path()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        let video = folder.path().join("ffmpeg.mp4");
        if let Ok(kept) = std::env::var("VBATCH_BENCH_KEEP") {
            std::fs::copy(&video, Path::new(&kept).join("ffmpeg.mp4")).unwrap();
        }
        Some((std::fs::metadata(video).ok()?.len(), told(&text)?))
    };
    let (mut ratios, mut times, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut sizes = (0, None);
    for _ in 0..ROUNDS {
        let (size, time) = ours();
        sizes.0 = size;
        times.push(time.as_secs_f64());
        if let Some((size, time_of_theirs)) = theirs() {
            sizes.1 = Some(size);
            others.push(time_of_theirs);
            ratios.push(time_of_theirs / time.as_secs_f64());
        }
    }
    let speed = SECONDS / median(times);
    let Some(size) = sizes.1 else {
        let mut figure = Figure::count(
            "preview rendering, 640 px",
            speed,
            "s a CPU second",
            Target::AtLeast(0.0),
        )
        .with("no ffmpeg here to hold it against");
        figure.target = None;
        return vec![figure];
    };
    vec![
        Figure::ratio(
            "preview rendering, s of video a CPU second, 640 px",
            "Debian's ffmpeg, one thread",
            median(ratios),
            Target::AtLeast(1.0),
        )
        .with(format!("{speed:.1}, {:.1}", SECONDS / median(others))),
        Figure::ratio(
            "the same: file size",
            "ffmpeg's",
            sizes.0 as f64 / size as f64,
            Target::AtMost(1.2),
        )
        .with(format!("{} KiB, {} KiB", sizes.0 >> 10, size >> 10)),
    ]
}
