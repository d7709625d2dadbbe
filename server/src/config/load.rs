//! Flags over environment over file, into one checked [`Config`].

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::keys::unknown_keys;
use super::network::{self, FileNetwork, FileTls, NetworkLimits};
use super::{Config, Limits, Log, LogFormat, Ssh, Upstream};
use crate::domain::batch::EngineKind;
use crate::domain::dispatching::MAX_CONCURRENCY;
use crate::domain::pricing::Pricing;
use crate::domain::retention::{self, Policy};

/// What can be said on the command line; each has its variable in the environment and its key in the file.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Address to listen on; port 0 takes a free one and prints it [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS", env = "VBATCH_LISTEN")]
    pub listen: Option<SocketAddr>,

    /// Folder of the database and the media [default: data]
    #[arg(long, value_name = "DIR", env = "VBATCH_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// Engine of batches that name none: preview or lightx2v [default: lightx2v with a token, else preview]
    #[arg(long, value_name = "ENGINE", env = "VBATCH_ENGINE")]
    pub engine: Option<String>,

    /// Encrypt with a certificate that is made once and kept in the data directory
    #[arg(long, env = "VBATCH_TLS", value_parser = BoolishValueParser::new())]
    pub tls: bool,

    /// Encrypt with this certificate (PEM; those that signed it after it)
    #[arg(long, value_name = "FILE", env = "VBATCH_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE", env = "VBATCH_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Let others reach the server without TLS: something in front of it encrypts
    #[arg(long, env = "VBATCH_INSECURE_NO_TLS", value_parser = BoolishValueParser::new())]
    pub insecure_no_tls: bool,

    /// Address to tell Prometheus of the server on, at /metrics [default: none]
    #[arg(long, value_name = "ADDRESS", env = "VBATCH_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,

    /// Let other machines read the metrics: they are not encrypted and need no password
    #[arg(long, env = "VBATCH_METRICS_BEYOND_LOOPBACK", value_parser = BoolishValueParser::new())]
    pub metrics_beyond_loopback: bool,

    /// Address to take SSH clients on, for the screen and the commands without an installation [default: none]
    #[arg(long, value_name = "ADDRESS", env = "VBATCH_SSH_LISTEN")]
    pub ssh_listen: Option<SocketAddr>,

    /// How the log is written: auto, pretty or json [default: auto, pretty on a terminal and else json]
    #[arg(long, value_name = "FORMAT", env = "VBATCH_LOG_FORMAT")]
    pub log_format: Option<String>,

    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "VBATCH_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Why the server cannot be configured so.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration file {path} is not valid: {message}")]
    Invalid {
        /// Which.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// It has keys that there are not.
    #[error("the configuration file {path} is not valid: {}", .keys.join("; "))]
    UnknownKeys {
        /// Which.
        path: PathBuf,
        /// Each with its line.
        keys: Vec<String>,
    },
    /// A value cannot be used.
    #[error("{key}: {message}")]
    Value {
        /// The key of the file, or the variable.
        key: &'static str,
        /// What is wrong and what it may be.
        message: String,
    },
}

/// The file, as it is written. Every key may be absent.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    listen: Option<SocketAddr>,
    data_dir: Option<PathBuf>,
    engine: Option<String>,
    preview_slots: Option<u32>,
    trusted_proxies: Vec<String>,
    verify_at_start: Option<bool>,
    log_format: Option<String>,
    metrics: FileMetrics,
    ssh: FileSsh,
    insecure_no_tls: Option<bool>,
    tls: FileTls,
    network: FileNetwork,
    limits: FileLimits,
    pricing: FilePricing,
    upstream: FileUpstream,
    retention: FileRetention,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct FileSsh {
    listen: Option<SocketAddr>,
    sessions: Option<u32>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct FileMetrics {
    listen: Option<SocketAddr>,
    beyond_loopback: Option<bool>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct FileRetention {
    results_days: Option<u32>,
    results_bytes: Option<u64>,
    uploads_days: Option<u32>,
    uploads_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct FileLimits {
    image_bytes: Option<u64>,
    image_pixels: Option<u64>,
    audio_bytes: Option<u64>,
    audio_seconds: Option<u64>,
    images_per_batch: Option<u32>,
    video_bytes: Option<u64>,
    uploads: Option<u32>,
    uploads_per_user: Option<u32>,
    upload_bytes_per_second: Option<u64>,
    upload_patience_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct FilePricing {
    seconds_per_credit: Option<u32>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct FileUpstream {
    base_url: Option<String>,
    access_token_file: Option<PathBuf>,
    concurrency: Option<u32>,
    deadline_minutes: Option<u64>,
    model_cls: Option<String>,
    stage: Option<String>,
    cfg_scale: Option<f64>,
    duration: Option<f64>,
}

/// Reads everything that the server is told. `variable` looks up the environment.
pub fn load(
    flags: &Flags,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let file = match &flags.config {
        Some(path) => read_file(path)?,
        None => File::default(),
    };
    let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let defaults = Config::default();

    let default_engine = flags
        .engine
        .clone()
        .or(file.engine)
        .map(|name| {
            EngineKind::from_name(&name).ok_or_else(|| {
                value(
                    "engine",
                    format!("`{name}` is not one of preview, lightx2v"),
                )
            })
        })
        .transpose()?;
    let base_url = variable("LIGHTX2V_BASE_URL").or(file.upstream.base_url);
    let token_file = variable("LIGHTX2V_ACCESS_TOKEN_FILE").map(PathBuf::from);
    let token_file = token_file.or(file.upstream.access_token_file);
    let token = match (variable("LIGHTX2V_ACCESS_TOKEN"), &token_file) {
        (Some(token), _) => Some(token),
        // An empty file is no token: a service may be given one before there is any.
        (None, Some(path)) => Some(read_secret(path)?).filter(|token| !token.trim().is_empty()),
        (None, None) => None,
    };
    if token.is_some() && base_url.is_none() {
        return Err(value(
            "LIGHTX2V_BASE_URL",
            "is needed beside LIGHTX2V_ACCESS_TOKEN: the address of the S2V service",
        ));
    }
    let upstream = base_url
        .map(|base_url| -> Result<Upstream, ConfigError> {
            Ok(Upstream {
                base_url: checked_url(base_url)?,
                token: token.map(|token| SecretString::from(token.trim().to_owned())),
                model_cls: file
                    .upstream
                    .model_cls
                    .unwrap_or_else(|| "SekoTalk".to_owned()),
                stage: file
                    .upstream
                    .stage
                    .unwrap_or_else(|| "single_stage".to_owned()),
                cfg_scale: file.upstream.cfg_scale.unwrap_or(5.0),
                duration: file.upstream.duration.unwrap_or(7.0),
            })
        })
        .transpose()?;
    if default_engine == Some(EngineKind::LightX2v) && upstream.is_none() {
        return Err(value(
            "engine",
            "lightx2v needs LIGHTX2V_BASE_URL, the address of the S2V service",
        ));
    }
    let admin_password = match (
        variable("VBATCH_ADMIN_PASSWORD"),
        variable("VBATCH_ADMIN_PASSWORD_FILE"),
    ) {
        (Some(password), _) => Some(password.into()),
        (None, Some(path)) => Some(read_secret(Path::new(&path))?.into()),
        (None, None) => None,
    };

    let limits = defaults.limits;
    let config = Config {
        listen: flags.listen.or(file.listen).unwrap_or(defaults.listen),
        encryption: network::encryption(flags, file.tls)?,
        insecure_no_tls: flags.insecure_no_tls
            || file.insecure_no_tls.unwrap_or(defaults.insecure_no_tls),
        network: NetworkLimits::read(&file.network)?,
        data_dir: flags
            .data_dir
            .clone()
            .or(file.data_dir)
            .unwrap_or(defaults.data_dir),
        default_engine,
        limits: Limits {
            image_bytes: in_range(
                "limits.image_bytes",
                file.limits.image_bytes,
                limits.image_bytes,
                1..=1 << 30,
            )?,
            image_pixels: in_range(
                "limits.image_pixels",
                file.limits.image_pixels,
                limits.image_pixels,
                1..=1 << 28,
            )?,
            audio_bytes: in_range(
                "limits.audio_bytes",
                file.limits.audio_bytes,
                limits.audio_bytes,
                1..=4 << 30,
            )?,
            audio_duration: Duration::from_secs(in_range(
                "limits.audio_seconds",
                file.limits.audio_seconds,
                limits.audio_duration.as_secs(),
                1..=86_400,
            )?),
            images_per_batch: in_range(
                "limits.images_per_batch",
                file.limits.images_per_batch,
                limits.images_per_batch,
                1..=10_000,
            )?,
            video_bytes: in_range(
                "limits.video_bytes",
                file.limits.video_bytes,
                limits.video_bytes,
                1..=1 << 40,
            )?,
            uploads: in_range(
                "limits.uploads",
                file.limits.uploads,
                limits.uploads,
                1..=10_000,
            )?,
            uploads_per_user: in_range(
                "limits.uploads_per_user",
                file.limits.uploads_per_user,
                limits.uploads_per_user,
                1..=10_000,
            )?,
            upload_bytes_per_second: in_range(
                "limits.upload_bytes_per_second",
                file.limits.upload_bytes_per_second,
                limits.upload_bytes_per_second,
                1..=1 << 30,
            )?,
            upload_patience: Duration::from_secs(in_range(
                "limits.upload_patience_seconds",
                file.limits.upload_patience_seconds,
                limits.upload_patience.as_secs(),
                1..=3_600,
            )?),
        },
        pricing: Pricing {
            seconds_per_credit: file
                .pricing
                .seconds_per_credit
                .map(|seconds| in_range("pricing.seconds_per_credit", Some(seconds), 30, 1..=3_600))
                .transpose()?,
        },
        upstream,
        preview_slots: in_range(
            "preview_slots",
            file.preview_slots,
            defaults.preview_slots,
            1..=64,
        )?,
        admin_password,
        item_deadline: Duration::from_secs(
            60 * in_range(
                "upstream.deadline_minutes",
                file.upstream.deadline_minutes,
                defaults.item_deadline.as_secs() / 60,
                1..=10_080,
            )?,
        ),
        concurrency: in_range(
            "upstream.concurrency",
            file.upstream.concurrency,
            defaults.concurrency,
            1..=MAX_CONCURRENCY,
        )?,
        trusted_proxies: networks(&file.trusted_proxies)?,
        verify_at_start: file.verify_at_start.unwrap_or(defaults.verify_at_start),
        metrics_listen: flags.metrics_listen.or(file.metrics.listen),
        metrics_beyond_loopback: flags.metrics_beyond_loopback
            || file
                .metrics
                .beyond_loopback
                .unwrap_or(defaults.metrics_beyond_loopback),
        ssh: Ssh {
            listen: flags.ssh_listen.or(file.ssh.listen),
            sessions: in_range(
                "ssh.sessions",
                file.ssh.sessions,
                defaults.ssh.sessions,
                1..=10_000,
            )?,
        },
        log: Log {
            format: log_format(flags.log_format.clone().or(file.log_format))?,
            filter: log_filter(variable("VBATCH_LOG"))?,
        },
        retention: retention(&file.retention)?,
    };
    if let Some(listen) = config.metrics_listen
        && !listen.ip().is_loopback()
        && !config.metrics_beyond_loopback
    {
        return Err(value(
            "metrics.listen",
            format!(
                "{listen} can be reached from other machines, which needs --metrics-beyond-loopback: metrics are not \
                 encrypted and need no password"
            ),
        ));
    }
    network::check_exposed(config.listen, &config.encryption, config.insecure_no_tls)?;
    Ok(config)
}

fn log_format(name: Option<String>) -> Result<LogFormat, ConfigError> {
    let Some(name) = name else {
        return Ok(LogFormat::default());
    };
    let mut formats = LogFormat::ALL.into_iter();
    formats.find(|format| format.name() == name).ok_or_else(|| {
        value(
            "log_format",
            format!("`{name}` is not one of auto, pretty, json"),
        )
    })
}

fn log_filter(filter: Option<String>) -> Result<Option<String>, ConfigError> {
    if let Some(filter) = &filter {
        crate::log::parse(filter).map_err(|error| value("VBATCH_LOG", error))?;
    }
    Ok(filter)
}

fn retention(file: &FileRetention) -> Result<Policy, ConfigError> {
    // A hundred years is for ever; a limit of nothing would be a mistake.
    let age = |key, days: Option<u32>| -> Result<Option<Duration>, ConfigError> {
        let days = days.map(|days| in_range(key, Some(days), days, 1..=36_500));
        let age = |days| Duration::from_secs(86_400 * u64::from(days));
        days.transpose().map(|days| days.map(age))
    };
    let bytes = |key, bytes: Option<u64>| {
        let checked = bytes.map(|bytes| in_range(key, Some(bytes), bytes, 1 << 20..=1 << 50));
        checked.transpose()
    };
    Ok(Policy {
        results: retention::Limits {
            age: age("retention.results_days", file.results_days)?,
            bytes: bytes("retention.results_bytes", file.results_bytes)?,
        },
        uploads: retention::Limits {
            age: age("retention.uploads_days", file.uploads_days)?,
            bytes: bytes("retention.uploads_bytes", file.uploads_bytes)?,
        },
    })
}

/// The text of a file that has no keys but known ones, and what it says.
fn read_file(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let keys = unknown_keys(&text);
    if !keys.is_empty() {
        return Err(ConfigError::UnknownKeys {
            path: path.to_owned(),
            keys,
        });
    }
    toml::from_str(&text).map_err(|error| ConfigError::Invalid {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

fn read_secret(path: &Path) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Addresses, and networks as `10.0.0.0/8`.
fn networks(written: &[String]) -> Result<Vec<IpNet>, ConfigError> {
    let parsed = written.iter().map(|text| {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| text.parse()).map_err(|_| {
            value(
                "trusted_proxies",
                format!("`{text}` is neither an address nor a network like 10.0.0.0/8"),
            )
        })
    });
    parsed.collect()
}

/// The address as it was given, if the upstream can be at it. It is printed and logged whole, so nothing in it may be a
/// secret; what is said of one that may hold some does not repeat it.
fn checked_url(url: String) -> Result<String, ConfigError> {
    let refuse = |problem: String| Err(value("LIGHTX2V_BASE_URL", problem));
    let shown = match url.contains(['@', '?', '#']) {
        true => "what is given".to_owned(),
        false => format!("`{url}`"),
    };
    let parsed = match reqwest::Url::parse(&url) {
        Ok(parsed) => parsed,
        Err(error) => return refuse(format!("{shown} is not an address: {error}")),
    };
    if !["http", "https"].contains(&parsed.scheme()) || !parsed.has_host() {
        return refuse(format!("{shown} is not an http:// or https:// address"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return refuse(
            "must hold neither user nor password: the token goes into LIGHTX2V_ACCESS_TOKEN or a file".to_owned(),
        );
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return refuse("must have no ? or # part".to_owned());
    }
    Ok(url)
}

pub(super) fn in_range<N: PartialOrd + Copy + std::fmt::Display>(
    key: &'static str,
    given: Option<N>,
    default: N,
    range: std::ops::RangeInclusive<N>,
) -> Result<N, ConfigError> {
    let number = given.unwrap_or(default);
    if range.contains(&number) {
        return Ok(number);
    }
    Err(value(
        key,
        format!(
            "{number} is not within {} to {}",
            range.start(),
            range.end()
        ),
    ))
}

pub(super) fn value(key: &'static str, message: impl Into<String>) -> ConfigError {
    ConfigError::Value {
        key,
        message: message.into(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::Write as _;

    use secrecy::ExposeSecret as _;

    use super::super::network::Encryption;
    use super::*;

    fn with(file: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Config, String> {
        let mut config = tempfile::NamedTempFile::new().unwrap();
        config.write_all(file.as_bytes()).unwrap();
        let flags = Flags {
            config: Some(config.path().to_owned()),
            ..flags
        };
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        load(&flags, variable).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_win_over_the_file_and_the_environment_over_it_too() {
        let file = "listen = '127.0.0.1:1'\ndata_dir = 'a'\n[upstream]\nbase_url = 'http://file'\n[limits]\nimage_bytes = 7\n";
        let flags = Flags {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 2))),
            ..Flags::default()
        };
        let variables = [
            ("LIGHTX2V_BASE_URL", "http://env"),
            ("LIGHTX2V_ACCESS_TOKEN", " secret\n"),
        ];
        let config = with(file, &variables, flags).unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.data_dir, PathBuf::from("a"));
        assert_eq!(config.limits.image_bytes, 7);
        let upstream = config.upstream.unwrap();
        assert_eq!(upstream.base_url, "http://env");
        assert_eq!(upstream.token.unwrap().expose_secret(), "secret");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (file, variables, words) in [
            ("listne = 1", &[][..], "line 1: there is no key `listne`"),
            (
                "trusted_proxies = ['127.0.0.1', 'nginx']",
                &[],
                "trusted_proxies: `nginx` is neither an address nor a network",
            ),
            (
                "preview_slots = 0",
                &[],
                "preview_slots: 0 is not within 1 to 64",
            ),
            (
                "engine = 'fast'",
                &[],
                "engine: `fast` is not one of preview, lightx2v",
            ),
            (
                "engine = 'lightx2v'",
                &[],
                "engine: lightx2v needs LIGHTX2V_BASE_URL",
            ),
            (
                "listen = '0.0.0.0:50051'",
                &[],
                "listen: 0.0.0.0:50051 can be reached from other machines, and without TLS",
            ),
            (
                "[tls]\ncertificate = 'c'",
                &[],
                "tls.key: a certificate needs its key",
            ),
            (
                "[tls]\nkey = 'k'",
                &[],
                "tls.certificate: a key needs its certificate",
            ),
            (
                "[tls]\ncertificate = 'c'\nkey = 'k'\ngenerate = true",
                &[],
                "tls: a certificate is either given by files or generated",
            ),
            (
                "[tls]\ngenerate = true\nnames = ['a b']",
                &[],
                "tls.names: `a b` is neither a host name nor an address",
            ),
            (
                "[network]\nping_floor_seconds = 301",
                &[],
                "network.ping_floor_seconds: 301 is not within 1 to 300",
            ),
            (
                "[limits]\nuploads = 0",
                &[],
                "limits.uploads: 0 is not within 1 to 10000",
            ),
            (
                "",
                &[("LIGHTX2V_ACCESS_TOKEN", "x")],
                "LIGHTX2V_BASE_URL: is needed beside",
            ),
            (
                "",
                &[("LIGHTX2V_BASE_URL", "ftp://x")],
                "is not an http:// or https:// address",
            ),
        ] {
            let error = with(file, variables, Flags::default()).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn others_reach_a_server_that_encrypts_or_is_said_to_be_behind_one_that_does() {
        let listen = "listen = '0.0.0.0:0'\n";
        for (file, flags) in [
            ("[tls]\ngenerate = true", Flags::default()),
            ("[tls]\ncertificate = 'c'\nkey = 'k'", Flags::default()),
            ("insecure_no_tls = true", Flags::default()),
            (
                "",
                Flags {
                    tls: true,
                    ..Flags::default()
                },
            ),
            (
                "",
                Flags {
                    insecure_no_tls: true,
                    ..Flags::default()
                },
            ),
        ] {
            with(&format!("{listen}{file}"), &[], flags).unwrap();
        }
        // A flag chooses anew: the file's certificate is not asked for its key, nor shown.
        let flags = Flags {
            insecure_no_tls: true,
            ..Flags::default()
        };
        let config = with("[tls]\ngenerate = true", &[], flags).unwrap();
        assert_eq!(config.encryption, Encryption::None);
        let mapped = "listen = '[::ffff:127.0.0.1]:0'";
        assert!(with(mapped, &[], Flags::default()).is_ok());
    }

    #[test]
    fn limits_of_the_network_are_read() {
        let file = "[network]\nconnections = 3\nhandshake_seconds = 2\ncall_deadline_seconds = 5\n\
                    [limits]\nuploads_per_user = 1\nupload_patience_seconds = 9\n";
        let config = with(file, &[], Flags::default()).unwrap();
        assert_eq!(config.network.connections, 3);
        assert_eq!(config.network.handshake, Duration::from_secs(2));
        assert_eq!(config.network.call_deadline, Duration::from_secs(5));
        let usual = NetworkLimits::default();
        assert_eq!(config.network.ping_floor, usual.ping_floor);
        assert_eq!(config.limits.uploads_per_user, 1);
        assert_eq!(config.limits.upload_patience, Duration::from_secs(9));
    }

    #[test]
    fn the_look_at_each_start_can_be_turned_off() {
        assert!(with("", &[], Flags::default()).unwrap().verify_at_start);
        let off = with("verify_at_start = false", &[], Flags::default());
        assert!(!off.unwrap().verify_at_start);
    }

    #[test]
    fn the_upstreams_token_may_be_in_a_file_which_may_be_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lightx2v-token");
        std::fs::write(&path, " from-file\n").unwrap();
        let name = path.to_str().unwrap();
        let key = format!("[upstream]\nbase_url = 'http://x'\naccess_token_file = '{name}'");
        let token = |file: &str, variables: &[(&str, &str)]| {
            let config = with(file, variables, Flags::default()).unwrap();
            let token = config.upstream.unwrap().token;
            token.map(|token| token.expose_secret().to_owned())
        };
        let url = "[upstream]\nbase_url = 'http://x'";
        let variable = ("LIGHTX2V_ACCESS_TOKEN_FILE", name);
        assert_eq!(token(url, &[variable]).as_deref(), Some("from-file"));
        assert_eq!(token(&key, &[]).as_deref(), Some("from-file"));
        // The token itself is nearer than a file with one, and a variable nearer than a key.
        let itself = ("LIGHTX2V_ACCESS_TOKEN", "itself");
        assert_eq!(token(&key, &[itself]).as_deref(), Some("itself"));
        let elsewhere = key.replace(name, "/nowhere");
        assert_eq!(token(&elsewhere, &[variable]).as_deref(), Some("from-file"));
        let error = with(&elsewhere, &[], Flags::default()).unwrap_err();
        assert!(error.contains("/nowhere"), "{error}");
        // A service is given its credential before there is any token.
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(token(&key, &[]), None);
    }

    #[test]
    fn an_address_of_the_upstream_that_holds_a_secret_is_refused_and_not_repeated() {
        for (url, words) in [
            (
                "https://operator:hush@x2v.example.com",
                "neither user nor password",
            ),
            (
                "https://hush@x2v.example.com/base",
                "neither user nor password",
            ),
            ("https://:hush@x2v.example.com", "neither user nor password"),
            ("https://x2v.example.com/?token=hush", "no ? or # part"),
            ("https://x2v.example.com/#hush", "no ? or # part"),
            // Those that do not even read, or are none of the two schemes.
            (
                "https://operator:hush@x2v.example.com:port",
                "is not an address",
            ),
            ("operator:hush@x2v.example.com", "http:// or https://"),
        ] {
            for given in [
                with("", &[("LIGHTX2V_BASE_URL", url)], Flags::default()),
                with(
                    &format!("[upstream]\nbase_url = '{url}'"),
                    &[],
                    Flags::default(),
                ),
            ] {
                let error = given.unwrap_err();
                assert!(error.contains(words) && !error.contains("hush"), "{error}");
            }
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let variables = [
            ("LIGHTX2V_BASE_URL", "http://x"),
            ("LIGHTX2V_ACCESS_TOKEN", "hush"),
        ];
        let config = with("", &variables, Flags::default()).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
