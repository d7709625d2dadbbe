//! `vbatchd demo`: server, sample batch and screen in one process, and videos on disk at the end.
//!
//! It is the product as everyone uses it: a real server on a free loopback port, and the client's own commands and
//! screen against it. Not here: anything that a user of `vbatch` could not do.

mod samples;
mod screen;
mod talk;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use clap::Args;
use futures::future::LocalBoxFuture;
use secrecy::ExposeSecret as _;
use vbatch_tui::cli;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::cli::io::{Io, Output};
use vbatch_tui::net::Client;

use crate::Server;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::batch::EngineKind;
use crate::domain::user::{INITIAL_CREDITS, Role};
use talk::Talk;

/// The demo's user, who has no password: nobody signs in as it.
const USER: &str = "demo";

/// What can be said to the demo.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Your own pictures (PNG, JPEG, WebP) instead of the sample portraits
    #[arg(long, value_name = "PICTURE", num_args = 1..)]
    images: Vec<PathBuf>,

    /// Your own recording (WAV, MP3, M4A, FLAC, OGG) instead of the sample speech
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,

    /// Folder for the finished videos
    #[arg(long, value_name = "DIR", default_value = "demo-videos")]
    out: PathBuf,

    /// Folder of the demo's database and media
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    data_dir: PathBuf,

    /// Print progress lines instead of showing the screen; so does a standard output that is no terminal
    #[arg(long)]
    headless: bool,
}

/// Runs the demo. The exit code is 0 when every item completed (headless), or when the user has left the screen.
/// Boxed, so that it is compiled here once, and not in the program again.
pub fn run(args: DemoArgs) -> LocalBoxFuture<'static, anyhow::Result<ExitCode>> {
    Box::pin(play(args))
}

async fn play(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let out = std::path::absolute(&args.out).context("the folder for the videos")?;
    let talk = Talk::new(&out);
    talk.hello();

    let server = Server::start(
        Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: args.data_dir.clone(),
            default_engine: Some(EngineKind::Preview),
            ..Config::default()
        },
        Clock::system(),
    )
    .await?;
    let user = server
        .accounts
        .ensure_user(USER, Role::User, INITIAL_CREDITS)
        .await?;
    let issued = server.accounts.mint(user.id).await?;
    let address = format!("http://{}", server.address).parse()?;
    let client = Client::connect(&address)?.with_token(issued.token.expose_secret());

    let at_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let headless = args.headless || !at_terminal;
    let outcome = show(&args, &out, &client, headless, &talk).await;
    server.stop().await?;
    outcome
}

async fn show(
    args: &DemoArgs,
    out: &Path,
    client: &Client,
    headless: bool,
    talk: &Talk,
) -> anyhow::Result<ExitCode> {
    let batch = submit(args, client).await?;
    let waited = if headless {
        command(client, Io::of_process(), &["wait", &batch]).await
    } else {
        screen::run(client.clone()).await?;
        Exit::Done
    };
    let count = save(client, &batch, out, headless).await;
    talk.goodbye(count);
    Ok(if waited == Exit::Done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Uploads the pictures and the recording, and gives the id of their batch.
async fn submit(args: &DemoArgs, client: &Client) -> anyhow::Result<String> {
    let folder = args.data_dir.join("samples");
    let images = if args.images.is_empty() {
        samples::write_portraits(&folder).context("the sample pictures")?
    } else {
        args.images.clone()
    };
    let audio = match &args.audio {
        Some(audio) => audio.clone(),
        None => samples::write_speech(&folder).context("the sample speech")?,
    };
    let mut arguments: Vec<String> = ["submit", "--engine", "preview", "--name", "Demo", "--audio"]
        .map(str::to_owned)
        .to_vec();
    arguments.push(audio.display().to_string());
    arguments.push("--".to_owned());
    arguments.extend(images.iter().map(|image| image.display().to_string()));

    let printed = Printed::default();
    let io = Io {
        stdout: Output::new(printed.clone()),
        stdout_is_terminal: false,
        ..Io::of_process()
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match command(client, io, &arguments).await {
        Exit::Done => Ok(printed.text().trim().to_owned()),
        _ => anyhow::bail!("the batch was not made"),
    }
}

/// Saves what is finished and says how many videos that are.
async fn save(client: &Client, batch: &str, out: &Path, headless: bool) -> usize {
    let printed = Printed::default();
    let mut io = Io {
        stdout: Output::new(printed.clone()),
        ..Io::of_process()
    };
    if !headless {
        // Nothing finished yet is no error of a user who has only had a look.
        io.stderr = Output::new(Printed::default());
    }
    let folder = out.display().to_string();
    command(
        client,
        io,
        &["download", batch, "--out", &folder, "--overwrite"],
    )
    .await;
    printed.text().lines().count()
}

/// Runs one of the client's own commands.
async fn command(client: &Client, io: Io, arguments: &[&str]) -> Exit {
    let mut io = Io {
        credentials: None,
        ..io
    };
    let arguments = std::iter::once("vbatch").chain(arguments.iter().copied());
    match cli::run(arguments, &mut io, Some(client.clone())).await {
        cli::Task::Ended(exit) => exit,
        cli::Task::Screen { .. } => Exit::Usage,
    }
}

/// What a command printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
