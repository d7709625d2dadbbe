//! `render PICTURE AUDIO VIDEO`: one preview video on disk, and how long it took.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

#[expect(clippy::print_stdout, reason = "a program for the command line")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [picture, audio, video] = &arguments[..] else {
        return Err("usage: render PICTURE AUDIO VIDEO".into());
    };
    let (picture, audio) = (std::fs::read(picture)?, std::fs::read(audio)?);
    let start = Instant::now();
    let bytes = vbatch_render::render(&picture, &audio, &mut |_| ControlFlow::Continue(()))?;
    println!("{} bytes in {:.2?}", bytes.len(), start.elapsed());
    std::fs::write(video, bytes)?;
    Ok(())
}
