//! The screen and the commands of AI Vision Batch, as a library: `vbatch` runs it on the user's own terminal, and a
//! server may run the screen over a connection of its own.
//!
//! It stands on the contract alone: everything it shows came through it. One state, one update, one draw:
//! a key or a message changes [`state::State`] through [`state::update`], which answers with the effects to start;
//! `view` draws the state, and [`app`] turns the wheel.

pub mod app;
pub mod cli;
pub mod credentials;
pub mod files;
pub mod keymap;
pub mod known_servers;
pub mod net;
pub mod remote;
pub mod screen;
pub mod state;
pub mod terminal;
mod text;
pub mod view;

pub use text::key_table;
