//! The `lightx2v` engine against the fake upstream, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod questions;
mod results;
mod setup;
mod uploads;
mod weather;
