//! The batches over a real store and real files, in virtual time, through the messages of the contract.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

mod attempts;
mod bad_input;
mod bench;
mod changes;
mod deletes;
mod full_database;
mod lists;
mod live;
mod once;
mod swept;
mod transfers;
