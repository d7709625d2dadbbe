//! Programs that others wrote, against the real server: `buf curl`, Python's `grpcio`, nginx between.
//!
//! Where one is not installed its tests say so and pass; `VBATCH_REAL_CLIENTS=required` makes that a failure (but for nginx), as
//! the checks of a clean machine do.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests, and what they say"
)]

mod buf_curl;
mod grpcio;
mod nginx;

use std::path::{Path, PathBuf};
use std::process::Command;

use vbatch_tests::programs::{Daemon, PASSWORD};

/// A server that encrypts with a certificate of its own making, and that certificate.
fn encrypted(data: &Path) -> (Daemon, PathBuf) {
    let admin = [("VBATCH_ADMIN_PASSWORD", PASSWORD)];
    let daemon = Daemon::start(data, &admin, &["--tls"]);
    (daemon, data.join("tls/certificate.pem"))
}

/// Whether a client is there; says so when it is not.
fn installed(name: &str, probe: Command) -> bool {
    let there = found(name, probe);
    if !there {
        let required = std::env::var("VBATCH_REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "{name} is not installed");
    }
    there
}

/// The same of what no machine has to have.
fn found(name: &str, mut probe: Command) -> bool {
    let there = probe.output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: {name} is not installed");
    }
    there
}
