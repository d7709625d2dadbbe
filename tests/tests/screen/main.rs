//! The whole screen as a person uses it: the real programs, a terminal, keys.

#![allow(clippy::unwrap_used, reason = "tests")]

mod admin;
mod batches;
mod modes;
mod person;
mod server;
mod shape;
