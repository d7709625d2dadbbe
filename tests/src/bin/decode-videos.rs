//! `decode-videos DIR`: decodes every `.mp4` in a directory to its end, one line each.
//!
//! Exit code 0 when all of them play, 1 when one does not or none is there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vbatch_tests::mp4::decode_to_the_end;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its lines are what it is for"
)]
fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: decode-videos DIR");
        return ExitCode::FAILURE;
    };
    let videos = match videos_in(&directory) {
        Ok(videos) => videos,
        Err(error) => {
            eprintln!("{}: {error}", directory.display());
            return ExitCode::FAILURE;
        }
    };
    if videos.is_empty() {
        eprintln!("{}: no .mp4 file", directory.display());
        return ExitCode::FAILURE;
    }
    let mut all_play = true;
    for video in &videos {
        let result = std::fs::read(video)
            .map_err(|error| error.to_string())
            .and_then(|bytes| decode_to_the_end(&bytes));
        match result {
            Ok(found) => println!(
                "{}: {} × {}, {} frames in {:?}, {} packets in {:?}",
                video.display(),
                found.width,
                found.height,
                found.video_frames,
                found.video_duration,
                found.audio_packets,
                found.audio_duration,
            ),
            Err(error) => {
                all_play = false;
                println!("{}: FAILED: {error}", video.display());
            }
        }
    }
    if all_play {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// All `.mp4` files of a directory, by name.
fn videos_in(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut videos = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("mp4"))
        {
            videos.push(path);
        }
    }
    videos.sort();
    Ok(videos)
}
