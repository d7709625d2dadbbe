//! `vbatchd`: the server of AI Vision Batch, as a library.

pub mod domain;
pub mod engine;
