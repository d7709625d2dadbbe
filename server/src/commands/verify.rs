//! `vbatchd verify`: what does not agree in everything that is stored, as the server that runs sees it, else as it is in the
//! data directory.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::DataDir;
use crate::clock::Clock;
use crate::owner::client::{self, AskError};
use crate::owner::protocol::{Request, VERSION};
use crate::verify::look_at_stopped;

/// It could not look.
const NOT_LOOKED: u8 = 2;

/// What can be said to the command.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    data_dir: DataDir,

    /// Differences to show at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    most: usize,

    /// For programs
    #[arg(long)]
    json: bool,
}

/// Looks, and prints what was found. The exit code says it too, so a failure to look has one of its own.
#[expect(clippy::print_stderr, reason = "why there is no answer")]
pub async fn run(args: &VerifyArgs, variable: impl Fn(&str) -> Option<String>) -> ExitCode {
    match look(args, variable).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("vbatchd: {error:#}");
            ExitCode::from(NOT_LOOKED)
        }
    }
}

async fn look(args: &VerifyArgs, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<u8> {
    let data_dir = args.data_dir.find(variable)?;
    match ask(args, &data_dir).await? {
        Some(code) => Ok(code),
        None => look_here(args, &data_dir).await,
    }
}

/// Asks the server that runs there; nothing when none does.
async fn ask(args: &VerifyArgs, data_dir: &Path) -> Result<Option<u8>, AskError> {
    let request = Request::Verify {
        version: VERSION,
        most: args.most,
        json: args.json,
    };
    let Some(mut asked) = client::ask(data_dir, &request).await? else {
        return Ok(None);
    };
    let mut out = io::stdout().lock();
    let answer = asked
        .answer(|piece| out.write_all(piece), |_, _| {})
        .await?;
    out.flush().map_err(AskError::Kept)?;
    Ok(Some(answer.code))
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
async fn look_here(args: &VerifyArgs, data_dir: &Path) -> anyhow::Result<u8> {
    let report = look_at_stopped(data_dir, Clock::system()).await?;
    if args.json {
        println!("{}", report.to_json(args.most));
    } else {
        print!("{}", report.in_words(args.most));
    }
    Ok(u8::from(!report.is_clean()))
}
