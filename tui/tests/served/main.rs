//! The network side and the commands against a scripted server within the same process: nothing here needs a port, waits for
//! a clock, or knows the real server.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

mod commands;
mod effects;
mod fake;
mod streams;
mod transfers;
