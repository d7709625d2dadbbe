//! What the server is told at its start: flags over environment over file, parsed and validated once.
//!
//! Not here: anything that is read again later. What an administrator changes at run time (pause, concurrency, token)
//! lives in the store.

pub mod check;
mod keys;
pub mod load;
pub mod network;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::domain::batch::EngineKind;
use crate::domain::dispatching::DEFAULT_CONCURRENCY;
use crate::domain::pricing::Pricing;
use crate::domain::retention::Policy;
use crate::domain::retry::ITEM_DEADLINE;
use network::{Encryption, NetworkLimits};

/// Everything the server is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What encrypts the connections.
    pub encryption: Encryption,
    /// Whether others may reach it without encryption.
    pub insecure_no_tls: bool,
    /// What connections and calls may take.
    pub network: NetworkLimits,
    /// The folder of the database and the media.
    pub data_dir: PathBuf,
    /// The engine of batches that name none; absent: `lightx2v` when it has a token, else `preview`.
    pub default_engine: Option<EngineKind>,
    /// What uploads may be.
    pub limits: Limits,
    /// What videos cost.
    pub pricing: Pricing,
    /// The paid upstream; absent: it is not configured here.
    pub upstream: Option<Upstream>,
    /// How many previews are made at once.
    pub preview_slots: u32,
    /// The first password of `admin`, when it is not to be `admin`.
    pub admin_password: Option<SecretString>,
    /// How long an item's task may take.
    pub item_deadline: Duration,
    /// Concurrent upstream tasks until an administrator says otherwise.
    pub concurrency: u32,
    /// Proxies whose `X-Forwarded-For` says where a call comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// Where to tell Prometheus of the server; absent: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Whether that may be where other machines reach it.
    pub metrics_beyond_loopback: bool,
    /// The console over SSH.
    pub ssh: Ssh,
    /// How the log is written.
    pub log: Log,
    /// What is kept of ended batches.
    pub retention: Policy,
    /// Whether everything that is stored is looked at after each start, in the background.
    pub verify_at_start: bool,
}

/// The console over SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ssh {
    /// Where to take SSH clients; absent: nowhere. Port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// Sessions at a time, of everyone.
    pub sessions: u32,
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            listen: None,
            // At some 300 KB each this is less than 100 MB.
            sessions: 256,
        }
    }
}

/// How the log is written, on standard error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// In which form.
    pub format: LogFormat,
    /// Which lines: directives as `info` or `warn,vbatch_server::dispatch=debug`; absent: `info`.
    pub filter: Option<String>,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people when standard error is a terminal, else JSON.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Pretty, Self::Json];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pretty => "pretty",
            Self::Json => "json",
        }
    }
}

/// What uploads may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest source image, in bytes.
    pub image_bytes: u64,
    /// Most pixels of a source image.
    pub image_pixels: u64,
    /// Largest audio, in bytes.
    pub audio_bytes: u64,
    /// Longest audio.
    pub audio_duration: Duration,
    /// Most images of a batch.
    pub images_per_batch: u32,
    /// Largest fetched video, in bytes.
    pub video_bytes: u64,
    /// Uploads at a time, of everyone.
    pub uploads: u32,
    /// Uploads at a time of one user.
    pub uploads_per_user: u32,
    /// The slowest that an upload may be for long, in bytes a second.
    pub upload_bytes_per_second: u64,
    /// For how long an upload may be slower than that.
    pub upload_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            image_bytes: 20 << 20,
            image_pixels: 50_000_000,
            audio_bytes: 20 << 20,
            audio_duration: Duration::from_secs(600),
            images_per_batch: 1_000,
            video_bytes: 2 << 30,
            // Each may keep a file handle and a chunk or two in memory.
            uploads: 32,
            // One that runs and those of another window: more share the same line.
            uploads_per_user: 4,
            // 64 kbit/s: the slowest lines still in use. Slower ones only hold their place.
            upload_bytes_per_second: 8 << 10,
            // A tunnel, a change from one network to another.
            upload_patience: Duration::from_secs(60),
        }
    }
}

/// The paid upstream.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Its base URL.
    pub base_url: String,
    /// The token of the environment or the file; what an administrator has set since then wins over an unchanged one.
    pub token: Option<SecretString>,
    /// Model class of each task.
    pub model_cls: String,
    /// Stage of each task.
    pub stage: String,
    /// Guidance scale of each task.
    pub cfg_scale: f64,
    /// Duration of each task as the upstream's own web page sends it, in seconds.
    pub duration: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            encryption: Encryption::None,
            insecure_no_tls: false,
            network: NetworkLimits::default(),
            data_dir: PathBuf::from("data"),
            default_engine: None,
            limits: Limits::default(),
            pricing: Pricing::default(),
            upstream: None,
            preview_slots: default_preview_slots(),
            admin_password: None,
            item_deadline: ITEM_DEADLINE,
            concurrency: DEFAULT_CONCURRENCY,
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            metrics_beyond_loopback: false,
            ssh: Ssh::default(),
            log: Log::default(),
            retention: Policy::default(),
            verify_at_start: true,
        }
    }
}

/// As many as cores, at most 3.
fn default_preview_slots() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores).unwrap_or(1).min(3)
}
