//! What the tests of the whole system stand on.

pub mod batches;
pub mod face;
#[cfg(unix)]
pub mod kill;
pub mod mp4;
pub mod outside_bytes;
pub mod programs;
pub mod scenario;
pub mod simulation;
pub mod terminal;
pub mod uploads;
pub mod upstream;
pub mod world;
