//! The program `vbatch`: maps what the command line asked for to an exit code, nothing else.

use std::process::ExitCode;

use vbatch_tui::cli;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::cli::io::Io;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return Exit::Failed.into();
    };
    let mut io = Io::of_process();
    let exit = match runtime.block_on(cli::run(std::env::args_os(), &mut io, None)) {
        cli::Task::Ended(exit) => exit,
        cli::Task::Screen { .. } => Exit::Usage,
    };
    // A thread that still reads from a terminal or a pipe must not keep the program.
    runtime.shutdown_background();
    exit.into()
}
