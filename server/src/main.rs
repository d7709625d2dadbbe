//! The program `vbatchd`: arguments, signals, exit code.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use vbatch_server::Server;
use vbatch_server::clock::{Clock, TEST_CLOCK};
use vbatch_server::commands::backup::{self, BackupArgs};
use vbatch_server::commands::restore::{self, RestoreArgs};
use vbatch_server::commands::verify::{self, VerifyArgs};
use vbatch_server::config::load::{Flags, load};
use vbatch_server::demo::{self, DemoArgs};
use vbatch_server::systemd;

/// Serves batches of talking-head videos over gRPC.
#[derive(Parser)]
#[command(name = "vbatchd", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Server, sample batch and screen in one process: videos on disk, no account, no service
    Demo(DemoArgs),
    /// Reads the configuration and says whether the server would start with it
    CheckConfig(Flags),
    /// Writes everything that is stored into one archive, while the server runs or not
    Backup(BackupArgs),
    /// Makes a new data directory from a backup; it starts paused
    Restore(RestoreArgs),
    /// Looks at everything that is stored and says what does not agree; changes nothing. Exit code: 0 everything
    /// agrees, 1 something does not, 2 it could not look
    Verify(VerifyArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error)),
    };
    let outcome = match cli.command {
        None => runtime.block_on(serve(&cli.flags)),
        Some(Command::Demo(args)) => runtime.block_on(demo::run(args)),
        Some(Command::CheckConfig(flags)) => check_config(&flags),
        Some(Command::Backup(args)) => runtime.block_on(backup::run(&args, environment)),
        Some(Command::Restore(args)) => runtime.block_on(restore::run(&args)),
        Some(Command::Verify(args)) => Ok(runtime.block_on(verify::run(&args, environment))),
    };
    // What still blocks (a picture being encoded) has nothing to tell any more.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
fn check_config(flags: &Flags) -> anyhow::Result<ExitCode> {
    let config = load(flags, environment)?;
    println!("The configuration is valid.");
    println!("listen    {}", config.listen);
    println!("data      {}", config.data_dir.display());
    match &config.upstream {
        Some(upstream) => println!("upstream  {}", upstream.base_url),
        None => println!("upstream  none: previews only"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(flags: &Flags) -> anyhow::Result<ExitCode> {
    start_log();
    let config = load(flags, environment)?;
    let data_dir = config.data_dir.clone();
    let mut signals = Signals::new()?;
    let clock = Clock::of_program(environment(TEST_CLOCK).as_deref())?;
    let server = Server::start(config, clock).await?;

    let mut words = format!(
        "vbatchd listens on {}\ndata in {}\nnew batches use the engine `{}` unless they name another\n",
        server.address,
        data_dir.display(),
        server.default_engine.name()
    );
    if server.first_start.default_password_stands {
        words.push_str("sign in as `admin` with the password `admin`; it must be changed before anything else\n");
    }
    // Who started it may have stopped listening; that is no reason not to serve.
    let _ = std::io::stdout().write_all(words.as_bytes());
    systemd::ready();
    tokio::select! {
        () = signals.next() => tracing::info!("ending; a second signal ends at once"),
        () = server.ending() => tracing::error!("ending: the storage has failed"),
        () = systemd::keep_alive(&server) => {}
    }
    systemd::stopping();
    tokio::select! {
        stopped = server.stop() => stopped?,
        () = signals.next() => return Ok(ExitCode::from(130)),
    }
    Ok(ExitCode::SUCCESS)
}

fn start_log() {
    // Symphonia warns of every tag that it skips.
    let filter = EnvFilter::try_from_env("VBATCH_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,symphonia=error,symphonia_core=error"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().init();
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last words of a program that failed"
)]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("vbatchd: {error:#}");
    ExitCode::FAILURE
}

/// The signals that ask for an end.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
