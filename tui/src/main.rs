//! The program `vbatch`: maps what the command line asked for to an exit code, nothing else.

use std::io::Write as _;
use std::process::ExitCode;

use vbatch_tui::cli;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::cli::io::Io;
use vbatch_tui::screen::{self, Options, ScreenError, Server};

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return Exit::Failed.into();
    };
    let mut io = Io::of_process();
    let exit = runtime.block_on(async {
        match cli::run(std::env::args_os(), &mut io, None).await {
            cli::Task::Ended(exit) => exit,
            cli::Task::Screen {
                address,
                token,
                fingerprint,
                options,
            } => {
                let server = Server::At {
                    address,
                    token,
                    fingerprint,
                };
                show(server, options, &mut io).await
            }
        }
    });
    // A thread that still reads from a terminal or a pipe must not keep the program.
    runtime.shutdown_background();
    exit.into()
}

async fn show(server: Server, options: Options, io: &mut Io) -> Exit {
    match screen::run(server, options).await {
        Ok(()) => Exit::Done,
        Err(error) => {
            // Without stderr there is still the exit code.
            let _ = writeln!(io.stderr, "vbatch: {error}");
            match error {
                ScreenError::Broken | ScreenError::Terminal(_) => Exit::Failed,
                ScreenError::NoTerminal | ScreenError::Net(_) => Exit::Usage,
            }
        }
    }
}
