//! What the demo says: where the videos are, how to play one, and what to do next.

use std::path::{Path, PathBuf};

pub(super) struct Talk {
    out: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the demo speaks to whoever started it")]
impl Talk {
    pub(super) fn new(out: &Path) -> Self {
        Self {
            out: out.to_owned(),
        }
    }

    pub(super) fn hello(&self) {
        println!("AI Vision Batch demo: previews from pictures and speech, on this machine alone.");
        println!("The videos will be in {}", self.out.display());
        println!();
    }

    pub(super) fn goodbye(&self, count: usize) {
        println!();
        if count == 0 {
            println!("No video is finished yet. Start the demo again: it goes on where it was.");
            return;
        }
        println!("{count} videos are in {}", self.out.display());
        if let Some(video) = self.first_video() {
            println!("  play one        {} '{}'", player(), video.display());
        }
        println!("  your own        vbatchd demo --images pics/*.png --audio voice.mp3");
        println!(
            "  the real thing  LIGHTX2V_BASE_URL=https://… LIGHTX2V_ACCESS_TOKEN=… vbatchd    and, beside it: vbatch"
        );
    }

    fn first_video(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(&self.out).ok()?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "mp4"))
            .min()
    }
}

/// What opens a file with the player of the desktop.
fn player() -> &'static str {
    if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "start"
    } else {
        "xdg-open"
    }
}
