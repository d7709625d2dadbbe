//! The vocabulary and the rules, pure: `now` and randomness come in as parameters.
//!
//! Not here: tokio, tonic, redb, HTTP, the clock, the environment.

pub mod audit;
pub mod batch;
pub mod books;
pub mod dispatching;
pub mod failure;
pub mod ids;
pub mod item;
pub mod key;
pub mod ledger;
pub mod leftover;
pub mod media;
pub mod pricing;
pub mod restored;
pub mod retention;
pub mod retry;
pub mod transition;
pub mod user;

#[cfg(test)]
mod every_state_and_event;
