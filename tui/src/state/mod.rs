//! Owns what the operator sees and may do.

pub mod message;
pub mod refusal;

pub use message::{
    Effect, Effects, FilesEffect, Message, NetEffect, NetMessage, Stream, TerminalEffect,
    TransferId,
};
pub use refusal::{Cause, Refusal};
