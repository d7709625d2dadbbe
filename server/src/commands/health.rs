//! `vbatchd health`: whether the server of a data directory should be sent work, in a word and as an exit code. For
//! containers and scripts: it needs neither the address nor a certificate, but the server's own user.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::DataDir;
use crate::owner::client::{self, AskError};
use crate::owner::protocol::{Request, VERSION};

/// A server that is well answers at once.
const PATIENCE: Duration = Duration::from_secs(4);

/// What can be said to the command.
#[derive(Debug, Args)]
pub struct HealthArgs {
    #[command(flatten)]
    data_dir: DataDir,
}

/// Asks, and prints the answer.
///
/// # Errors
/// When the configuration does not say which data directory is meant, or the server cannot be asked.
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub async fn run(
    args: &HealthArgs,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<ExitCode> {
    let data_dir = args.data_dir.find(variable)?;
    let asking = async {
        let request = Request::Health { version: VERSION };
        let Some(mut asked) = client::ask(&data_dir, &request).await? else {
            return Ok::<_, AskError>(None);
        };
        asked.answer(|_| Ok(()), |_, _| {}).await.map(Some)
    };
    let (said, code) = match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => match answer? {
            Some(answer) => (answer.said, answer.code),
            None => (
                format!("not serving: no server runs in {}", data_dir.display()),
                1,
            ),
        },
        Err(_) => ("not serving: the server does not answer".to_owned(), 1),
    };
    println!("{said}");
    Ok(ExitCode::from(code))
}
