//! `vbatchd backup FILE`: everything that is stored in one archive, from the server that runs, else from the data directory.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::DataDir;
use crate::backup::{self, LAST_BACKUP_SETTING, Options, Progress};
use crate::clock::Clock;
use crate::media::{Media, TEMPORARIES};
use crate::owner::client::{self, Asked};
use crate::owner::protocol::{Request, VERSION};
use crate::store::Store as _;
use crate::store::redb::RedbStore;

/// What can be said to the command.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The archive (tar), which must not be there yet; `-` writes it to standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    data_dir: DataDir,

    /// The database alone: for whoever copies the media another way
    #[arg(long)]
    without_media: bool,
}

/// Makes a backup. What it holds is told on standard error, so that standard output is the archive's.
///
/// # Errors
/// When there is none; then there is no file either.
pub async fn run(
    args: &BackupArgs,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<ExitCode> {
    let data_dir = args.data_dir.find(variable)?;
    if !data_dir.join(backup::DATABASE).is_file() {
        anyhow::bail!("{} is no data directory of vbatchd", data_dir.display());
    }
    let mut target = Target::open(&args.file)?;
    let request = Request::Backup {
        version: VERSION,
        with_media: !args.without_media,
    };
    let said = match client::ask(&data_dir, &request).await? {
        Some(asked) => from_server(asked, target).await?,
        None => {
            let said = from_folder(&data_dir, !args.without_media, &mut target).await?;
            target.keep()?;
            said
        }
    };
    say(&format!(
        "{said}\nIt holds secrets: keep it as you keep keys."
    ));
    Ok(ExitCode::SUCCESS)
}

async fn from_server(mut asked: Asked, mut target: Target) -> anyhow::Result<String> {
    let answer = asked
        .answer(
            |piece| target.out.write_all(piece),
            |done_bytes, total_bytes| {
                tell(Progress {
                    done_bytes,
                    total_bytes,
                });
            },
        )
        .await?;
    target.keep()?;
    // Only the server's note of it depends on the answer.
    drop(asked.kept().await);
    Ok(answer.said)
}

async fn from_folder(
    data_dir: &Path,
    with_media: bool,
    target: &mut Target,
) -> anyhow::Result<String> {
    let clock = Clock::system();
    let store = RedbStore::open(&data_dir.join(backup::DATABASE), clock.clone()).context(
        "no server answers in the data directory, and it cannot be opened. Try again if one is starting or ending",
    )?;
    let media = Media::open(data_dir)?;
    let options = Options {
        with_media,
        instance: None,
        now: clock.now(),
        scratch: data_dir.join(TEMPORARIES),
    };
    let out = &mut target.out;
    let manifest =
        tokio::task::block_in_place(|| backup::write(&store, &media, &options, out, tell))?;
    let time = options.now.as_microsecond().to_be_bytes().to_vec();
    store.set_setting(LAST_BACKUP_SETTING, time).await?;
    Ok(manifest.in_words())
}

fn tell(progress: Progress) {
    if io::stderr().is_terminal() {
        let share = progress.done_bytes.saturating_mul(100) / progress.total_bytes.max(1);
        say(&format!("{share} % of {} bytes", progress.total_bytes));
    }
}

#[expect(clippy::print_stderr, reason = "standard output may be the archive")]
fn say(words: &str) {
    eprintln!("{words}");
}

/// Where the archive goes: a file that appears when it is whole, or standard output.
struct Target {
    out: BufWriter<Box<dyn Write + Send>>,
    file: Option<NewFile>,
}

/// A file under another name until it is whole.
struct NewFile {
    handle: File,
    temporary: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            drop(fs::remove_file(&self.temporary));
        }
    }
}

impl Target {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self {
                out: BufWriter::new(Box::new(io::stdout())),
                file: None,
            });
        }
        if path.symlink_metadata().is_ok() {
            anyhow::bail!("{} is there already: choose another name", path.display());
        }
        let name = path.file_name().context("the archive needs a name")?;
        let temporary = path.with_file_name(format!(
            ".{}.partial-{}",
            name.to_string_lossy(),
            std::process::id()
        ));
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let handle = options
            .open(&temporary)
            .with_context(|| format!("{} cannot be made", temporary.display()))?;
        let out = handle.try_clone()?;
        Ok(Self {
            out: BufWriter::new(Box::new(out)),
            file: Some(NewFile {
                handle,
                temporary,
                path: path.to_owned(),
                kept: false,
            }),
        })
    }

    /// Makes what was written durable under its name.
    fn keep(mut self) -> anyhow::Result<()> {
        self.out.flush()?;
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        file.handle.sync_all()?;
        // A link refuses to replace what somebody else has made meanwhile; a rename would not.
        match fs::hard_link(&file.temporary, &file.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                anyhow::bail!(
                    "{} is there already: choose another name",
                    file.path.display()
                );
            }
            // File systems without links.
            Err(_) => {
                fs::rename(&file.temporary, &file.path)?;
                file.kept = true;
            }
        }
        let folder = file
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }
}
