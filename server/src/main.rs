//! The program `vbatchd`: arguments, signals, exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use vbatch_server::Server;
use vbatch_server::clock::{Clock, TEST_CLOCK};
use vbatch_server::commands::backup::{self, BackupArgs};
use vbatch_server::commands::health::{self, HealthArgs};
use vbatch_server::commands::reset::{self, ResetArgs};
use vbatch_server::commands::restore::{self, RestoreArgs};
use vbatch_server::commands::ssh_fingerprint::{self, SshFingerprintArgs};
use vbatch_server::commands::verify::{self, VerifyArgs};
use vbatch_server::config::check::{self, Origin, Sources};
use vbatch_server::config::load::{Flags, load};
use vbatch_server::demo::{self, DemoArgs};
use vbatch_server::{log, systemd};

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
    /// Reads the configuration as the server would, and says every value and where it comes from
    CheckConfig(Flags),
    /// Says whether the server of a data directory should be sent work. Exit code: 0 it serves, 1 it does not
    Health(HealthArgs),
    /// Writes everything that is stored into one archive, while the server runs or not
    Backup(BackupArgs),
    /// Makes a new data directory from a backup; it starts paused
    Restore(RestoreArgs),
    /// Gives `admin` a one-time password and ends its sessions, while the server runs or not
    ResetAdminPassword(ResetArgs),
    /// Prints the fingerprint of the key that SSH clients are shown, which is made if there is none
    SshFingerprint(SshFingerprintArgs),
    /// Looks at everything that is stored and says what does not agree; changes nothing. Exit code: 0 everything
    /// agrees, 1 something does not, 2 it could not look
    Verify(VerifyArgs),
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
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
        Some(Command::CheckConfig(flags)) => check_config(
            &flags,
            matches.subcommand().map_or(&matches, |(_, own)| own),
        ),
        Some(Command::Health(args)) => runtime.block_on(health::run(&args, environment)),
        Some(Command::Backup(args)) => runtime.block_on(backup::run(&args, environment)),
        Some(Command::Restore(args)) => runtime.block_on(restore::run(&args)),
        Some(Command::ResetAdminPassword(args)) => runtime.block_on(reset::run(&args, environment)),
        Some(Command::SshFingerprint(args)) => ssh_fingerprint::run(&args, environment),
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
fn check_config(flags: &Flags, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let flag = |name: &str| match matches.value_source(name)? {
        ValueSource::CommandLine => Some(Origin::Flag),
        ValueSource::EnvVariable => Some(Origin::Environment),
        _ => None,
    };
    let sources = Sources {
        flag: &flag,
        variable: &environment,
    };
    let rows = check::check(flags, &sources)?;
    print!("{}", check::in_words(&rows));
    println!("The configuration is valid.");
    Ok(ExitCode::SUCCESS)
}

async fn serve(flags: &Flags) -> anyhow::Result<ExitCode> {
    let config = load(flags, environment)?;
    log::start(&config.log);
    let data_dir = config.data_dir.clone();
    let mut signals = Signals::new()?;
    let mut hang_ups = HangUps::new()?;
    let clock = Clock::of_program(environment(TEST_CLOCK).as_deref())?;
    let server = Server::start(config, clock).await?;

    let mut words = format!(
        "vbatchd listens on {}\ndata in {}\n",
        server.address,
        data_dir.display()
    );
    if let Some(address) = server.metrics_address {
        words.push_str(&format!("metrics at http://{address}/metrics\n"));
    }
    if let Some(certificate) = &server.certificate {
        let (file, fingerprint) = (certificate.file(), certificate.fingerprint());
        words.push_str(&format!(
            "certificate in {}\nits SHA-256 fingerprint {fingerprint}\n",
            file.display()
        ));
    }
    if let Some((address, fingerprint)) = &server.ssh {
        words.push_str(&format!(
            "SSH clients on {address}\nits host key {fingerprint}\n"
        ));
    }
    words.push_str(&format!(
        "new batches use the engine `{}` unless they name another\n",
        server.default_engine.name()
    ));
    if server.first_start.default_password_stands {
        words.push_str("sign in as `admin` with the password `admin`; it must be changed before anything else\n");
    }
    // Who started it may have stopped listening; that is no reason not to serve.
    let _ = std::io::stdout().write_all(words.as_bytes());
    systemd::ready();
    tokio::select! {
        () = signals.next() => tracing::info!("ending; a second signal ends at once"),
        () = hang_ups.each(|| read_again(&server)) => {}
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

#[expect(
    clippy::print_stderr,
    reason = "the last words of a program that failed"
)]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("vbatchd: {error:#}");
    ExitCode::FAILURE
}

/// Reads the certificate again, which someone else renews.
fn read_again(server: &Server) {
    match server.certificate.as_ref().map(|shown| shown.read_again()) {
        None => tracing::info!("nothing is read again: there is no certificate"),
        Some(Ok(fingerprint)) => tracing::info!(%fingerprint, "the certificate was read again"),
        Some(Err(error)) => {
            tracing::error!(%error, "the certificate could not be read again and stays as it was");
        }
    }
}

/// The signal that asks to read files again.
struct HangUps {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl HangUps {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Does this at each; never ends.
    async fn each(&mut self, act: impl Fn()) {
        #[cfg(unix)]
        while self.signal.recv().await.is_some() {
            act();
        }
        #[cfg(not(unix))]
        let _ = act;
        std::future::pending().await
    }
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
