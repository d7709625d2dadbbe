//! Owns `completions` and `man`: what the program tells of itself. No server is needed for it. The manual is English: not
//! every `man` shows other letters.

use std::io::Write as _;

use clap::CommandFactory as _;

use super::args::{Arguments, Command};
use super::exit::CommandError;
use super::help;
use super::io::Io;
use crate::text::commands::CommandTexts;

/// Writes what was asked for; none when it is another command.
pub(super) fn write(
    arguments: &Arguments,
    io: &mut Io,
    texts: &CommandTexts,
) -> Option<Result<(), CommandError>> {
    match arguments.command.as_ref()? {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut help::command(texts), "vbatch", &mut script);
            Some(print(io, &script))
        }
        Command::Man { out: None } => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Arguments::command()).render(&mut page);
            Some(
                rendered
                    .map_err(CommandError::Io)
                    .and_then(|()| print(io, &page)),
            )
        }
        Command::Man { out: Some(out) } => {
            let failed = |error: std::io::Error| {
                CommandError::Failed(format!("write {}: {error}", out.display()))
            };
            let written = std::fs::create_dir_all(out)
                .and_then(|()| clap_mangen::generate_to(Arguments::command(), out));
            Some(written.map_err(failed))
        }
        _ => None,
    }
}

fn print(io: &mut Io, bytes: &[u8]) -> Result<(), CommandError> {
    io.stdout.write_all(bytes)?;
    io.stdout.flush()?;
    Ok(())
}
