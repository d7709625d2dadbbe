//! `vbatchd restore FILE --data-dir NEW`: a new data directory from an archive.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::backup::restore;
use crate::clock::Clock;

/// What can be said to the command.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The archive; `-` reads it from standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The new data directory, which must not be there or be empty
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

/// Restores a backup.
///
/// # Errors
/// When nothing was restored; then there is nothing new either.
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub async fn run(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let input: Box<dyn Read + Send> = if args.file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(&args.file)
            .with_context(|| format!("{} cannot be read", args.file.display()))?;
        Box::new(io::BufReader::new(file))
    };
    let done = restore(input, &args.data_dir, Clock::system()).await?;
    println!("restored {}", done.manifest.in_words());
    println!("data in {}", args.data_dir.display());
    if done.manifest.media.is_none() {
        println!(
            "the backup has no media: put images, audios and videos of the old data directory there before the start"
        );
    }
    println!("everybody has to sign in anew");
    println!(
        "dispatch is paused: stop the server that this is a copy of, start this one, and set dispatch to run. Before it \
         submits anything it looks for what was submitted after the backup"
    );
    Ok(ExitCode::SUCCESS)
}
