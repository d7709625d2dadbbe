//! `vbatchd` killed at any moment, and three books compared at the end.
//!
//! A round starts the real program against the fake upstream over sockets, lets several users work (create, cancel,
//! retry, watch, download), kills it with SIGKILL again and again, some of the times at a chosen moment, and starts it
//! on the same data each time. Then the weather clears, everything drains, and the ledger, the items and what the
//! upstream saw are held against each other and against what the users were told.
//!
//! | room | owns |
//! |---|---|
//! | `ground` | the data directory that every round starts from: users and their tokens |
//! | `program` | one life of `vbatchd`, and its clock |
//! | `door` | what clients know of the running server, and calls that outlive it |
//! | `moments` | when to kill |
//! | `weather` | what goes wrong upstream |
//! | `user`, `requests`, `watcher`, `download` | clients |
//! | `round` | one round from its seed to its report |
//! | `books`, `files` | what must hold at the end |
//! | `report` | findings and counts |
//!
//! The program's clock and the upstream's run [`program::SPEED`] times as fast as the system's, so that the rules' own
//! spans (a list proves nothing before 60 s) hold unchanged and pass in less than a second.
//!
//! A seed decides what is tried, not how it goes: the processes race as they do in life. A round that fails is tried
//! again by its seed, some times if need be.

pub mod books;
pub mod door;
pub mod download;
pub mod files;
pub mod ground;
pub mod moments;
pub mod program;
pub mod report;
pub mod requests;
pub mod round;
pub mod user;
pub mod watcher;
pub mod weather;
