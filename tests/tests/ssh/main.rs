//! The console over SSH, as people reach it: the real server and OpenSSH's own client, in a terminal and without one.
//!
//! Where `ssh` is not installed the tests say so and pass; `VBATCH_REAL_CLIENTS=required` makes that a failure, as the checks
//! of a clean machine do.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, and what they say"
)]

mod broken;
mod commands;
mod console;
mod load;
mod refusals;
mod screen;
mod signing_in;
mod wire;
