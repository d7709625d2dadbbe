//! What is beside the programs to install them: the service unit, the container, and a reverse proxy's configuration.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests, and what they say"
)]

mod container;
mod service_unit;

use std::path::{Path, PathBuf};

/// A file of `packaging`.
fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging")
        .join(name)
}
