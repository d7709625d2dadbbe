//! A LightX2V upstream of our own, scriptable, for tests.
//!
//! | room | owns |
//! |---|---|
//! | `config` | how this upstream behaves when nothing is scripted |
//! | `tasks` | the state machine of its tasks and the three limits; pure, `now` comes in |
//! | `message` | requests and answers, without a network |
//! | `intake` | what a submit must be, and the words that refuse it |
//! | `api` | requests to answers, in the exact words and shapes of the real one |
//! | `faults` | what is scripted to go wrong, and when |
//! | `book` | what was seen: calls, submits, refusals |
//! | `tokens`, `connection` | tokens of accounts; connections that can be broken |
//! | `service` | all of that behind one lock: the controls that tests use |
//! | `material` | sources, a sink and a task to be asked for |
//! | `fake` | served over sockets, with a second host for presigned addresses |
//! | `simulated` | served without sockets to a real engine, for virtual time |
//!
//! Both fronts run the same service, so a scripted fault means the same in both.

pub mod api;
pub mod book;
pub mod config;
pub mod connection;
pub mod fake;
pub mod faults;
pub mod intake;
pub mod material;
pub mod message;
pub mod service;
pub mod simulated;
pub mod tasks;
pub mod tokens;
