//! `vbatchd reset-admin-password`: a one-time password for `admin`, from the server that runs, else in the data directory.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use secrecy::ExposeSecret as _;

use super::DataDir;
use crate::clock::Clock;
use crate::owner::client::{self, AskError};
use crate::owner::protocol::{Request, VERSION};
use crate::owner::reset_words;
use crate::service::accounts::Accounts;
use crate::store::Store;
use crate::store::redb::{DATABASE, RedbStore};

/// What can be said to the command.
#[derive(Debug, Args)]
pub struct ResetArgs {
    #[command(flatten)]
    data_dir: DataDir,
}

/// Resets it, and prints the password.
///
/// # Errors
/// When the data directory has no database, or neither the server nor this process can use it.
#[expect(clippy::print_stderr, reason = "standard output is the password")]
pub async fn run(
    args: &ResetArgs,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<ExitCode> {
    let data_dir = args.data_dir.find(variable)?;
    let said = match ask(&data_dir).await? {
        Some(said) => said,
        None => reset_here(&data_dir).await?,
    };
    eprintln!("{said}");
    Ok(ExitCode::SUCCESS)
}

/// Asks the server that runs there; nothing when none does.
async fn ask(data_dir: &Path) -> Result<Option<String>, AskError> {
    let request = Request::ResetAdminPassword { version: VERSION };
    let Some(mut asked) = client::ask(data_dir, &request).await? else {
        return Ok(None);
    };
    let mut out = io::stdout().lock();
    let answer = asked
        .answer(|piece| out.write_all(piece), |_, _| {})
        .await?;
    out.flush().map_err(AskError::Kept)?;
    Ok(Some(answer.said))
}

async fn reset_here(data_dir: &Path) -> anyhow::Result<String> {
    let database = data_dir.join(DATABASE);
    anyhow::ensure!(
        database.exists(),
        "there is no database in {}: say with --data-dir where the server keeps its data",
        data_dir.display()
    );
    let clock = Clock::system();
    let store = RedbStore::open(&database, clock.clone()).context(
        "no server answers in the data directory, and it cannot be opened. Try again if one is starting or ending",
    )?;
    let feed = store.feed().clone();
    let store = Arc::new(store);
    let as_store: Arc<dyn Store> = Arc::<RedbStore>::clone(&store);
    let accounts = Accounts::open(as_store, feed, clock).await?;
    let reset = accounts.reset_admin().await;
    store.close().await;
    let (password, expire_time) = reset?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", password.expose_secret())?;
    out.flush()?;
    Ok(reset_words(expire_time))
}
