//! The commands as scripts use them: the real `vbatch` against the real `vbatchd`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod batches;
mod completions;
mod desk;
mod languages;
mod many_users;
mod service;
