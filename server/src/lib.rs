//! `vbatchd`: the server of AI Vision Batch, as a library.

pub mod auth;
pub mod clock;
pub mod config;
pub mod disk;
pub mod dispatch;
pub mod domain;
pub mod engine;
pub mod feed;
pub mod media;
pub mod rpc;
pub mod service;
pub mod store;
