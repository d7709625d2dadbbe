//! What proves who somebody is: tokens, passwords, API keys, and the limits on trying.
//!
//! Not here: users, what they may do (`service`), RPC types.

pub mod keys;
pub mod passwords;
pub mod ssh_keys;
pub mod throttle;
pub mod tokens;
