//! `vbatchd ssh-fingerprint`: what SSH clients are shown before they trust the server.

use std::process::ExitCode;

use clap::Args;

use super::DataDir;
use crate::clock::Clock;
use crate::ssh::host_key;

/// What can be said to the command.
#[derive(Debug, Args)]
pub struct SshFingerprintArgs {
    #[command(flatten)]
    data_dir: DataDir,
}

/// Prints the fingerprint of the key; makes the key when there is none.
///
/// # Errors
///
/// When the configuration is not valid, or the key cannot be read or made.
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub fn run(
    args: &SshFingerprintArgs,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<ExitCode> {
    let data_dir = args.data_dir.find(variable)?;
    let key = host_key::open(&data_dir, &Clock::system())?;
    println!("{}", host_key::fingerprint(&key));
    Ok(ExitCode::SUCCESS)
}
