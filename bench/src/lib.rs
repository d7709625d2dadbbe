//! How fast the whole is, measured so that another machine's word is worth as much: each figure is a count, or a ratio
//! taken in one run against the least that the same work could take.
//!
//! | room | owns |
//! |---|---|
//! | `figure`, `report` | one measured figure and its target; the table and the plot of all of them |
//! | `process` | processor time and memory, of a thread and of a process |
//! | `child` | this program once more, as a server in a process of its own |
//! | `bare` | the opponents: the same calls on tonic alone |
//! | `fill` | users and batches, as many as are wanted |
//! | `profile`, `commits`, `lists`, `start`, `watchers`, `memory`, `uploads`, `slots`, `turns`, `previews`, `screen`, `idle` | one measurement each |
//!
//! `benches/figures.rs` runs all of it; `tests/guard.rs` holds the counts among it, for less work, against recorded bounds.
//!
//! Not here: whether anything is right (`tests`).

#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot be taken ends the run"
)]

pub mod bare;
pub mod child;
pub mod commits;
pub mod figure;
pub mod fill;
pub mod idle;
pub mod lists;
pub mod memory;
pub mod previews;
pub mod process;
pub mod profile;
pub mod report;
pub mod screen;
pub mod slots;
pub mod start;
pub mod turns;
pub mod uploads;
pub mod watchers;
