//! Commands of `vbatchd` beside serving: what they say, and their exit codes.

pub mod backup;
pub mod health;
pub mod reset;
pub mod restore;
pub mod ssh_fingerprint;
pub mod verify;

use std::path::PathBuf;

use clap::Args;

use crate::config::load::{ConfigError, Flags, load};

/// Which data directory is meant, found as the server finds it.
#[derive(Debug, Clone, Args)]
pub struct DataDir {
    /// Folder of the database and the media [default: data]
    #[arg(long, value_name = "DIR", env = "VBATCH_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "VBATCH_CONFIG")]
    pub config: Option<PathBuf>,
}

impl DataDir {
    /// The folder.
    ///
    /// # Errors
    /// When the configuration is not valid.
    pub fn find(&self, variable: impl Fn(&str) -> Option<String>) -> Result<PathBuf, ConfigError> {
        if let Some(data_dir) = &self.data_dir {
            return Ok(data_dir.clone());
        }
        let flags = Flags {
            config: self.config.clone(),
            ..Flags::default()
        };
        Ok(load(&flags, variable)?.data_dir)
    }
}
