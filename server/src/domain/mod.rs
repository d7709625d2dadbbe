//! The vocabulary and the rules, pure: `now` and randomness come in as parameters.
//!
//! Not here: tokio, tonic, redb, HTTP, the clock, the environment.

pub mod ids;
