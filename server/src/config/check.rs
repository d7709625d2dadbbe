//! `vbatchd check-config`: every value that the server would use, and where it comes from.
//!
//! Invariants: what is said is what [`load`] answers, not another reading of the same sources; secrets are said to be set
//! or not, never what they are.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use super::keys::written_keys;
use super::load::{ConfigError, Flags, load};
use super::network::Encryption;
use super::{Config, Limits};
use crate::domain::retention;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// The configuration file.
    File,
    /// Nobody said otherwise.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}

/// A value in words, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key of the file, or the variable where there is none.
    pub key: &'static str,
    /// The value.
    pub value: String,
    /// Whence.
    pub origin: Origin,
}

/// The key, the flag that says it (by its name among [`Flags`]), and the variables that do.
struct Place {
    key: &'static str,
    flag: Option<&'static str>,
    variables: &'static [&'static str],
}

const fn place(key: &'static str) -> Place {
    Place {
        key,
        flag: None,
        variables: &[],
    }
}

const fn flagged(key: &'static str, flag: &'static str) -> Place {
    Place {
        key,
        flag: Some(flag),
        variables: &[],
    }
}

const fn from_environment(key: &'static str, variables: &'static [&'static str]) -> Place {
    Place {
        key,
        flag: None,
        variables,
    }
}

/// What is known of the sources besides the values.
pub struct Sources<'s> {
    /// Whence a flag has its value, by its name among [`Flags`]; nothing when it has none.
    pub flag: &'s dyn Fn(&str) -> Option<Origin>,
    /// Looks up the environment.
    pub variable: &'s dyn Fn(&str) -> Option<String>,
}

/// Reads the configuration as the server does, and tells every value of it.
///
/// # Errors
///
/// Those of [`load`].
pub fn check(flags: &Flags, sources: &Sources<'_>) -> Result<Vec<Row>, ConfigError> {
    let config = load(flags, sources.variable)?;
    let text = flags.config.as_ref().map(std::fs::read_to_string);
    let text = text.and_then(Result::ok).unwrap_or_default();
    let written = written_keys(&text).into_iter().map(|written| written.key);
    let in_file: BTreeSet<String> = written.collect();
    let is_set =
        |name: &&str| (sources.variable)(name).is_some_and(|value| !value.trim().is_empty());
    let origin = |place: &Place| {
        let flag = place.flag.and_then(|flag| (sources.flag)(flag));
        flag.unwrap_or_else(|| {
            if place.variables.iter().any(is_set) {
                Origin::Environment
            } else if in_file.contains(place.key) {
                Origin::File
            } else {
                Origin::Default
            }
        })
    };
    Ok(values(&config)
        .into_iter()
        .map(|(place, value)| Row {
            key: place.key,
            value,
            origin: origin(&place),
        })
        .collect())
}

/// The rows, one a line.
pub fn in_words(rows: &[Row]) -> String {
    let key = rows.iter().map(|row| row.key.len()).max().unwrap_or(0);
    let value = rows.iter().map(|row| row.value.chars().count()).max();
    let value = value.unwrap_or(0).min(40);
    let mut text = String::new();
    for row in rows {
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "{:key$}  {:value$}  {}",
            row.key, row.value, row.origin
        );
    }
    text
}

fn values(config: &Config) -> Vec<(Place, String)> {
    let mut values = vec![
        (flagged("listen", "listen"), config.listen.to_string()),
        (
            flagged("data_dir", "data_dir"),
            config.data_dir.display().to_string(),
        ),
        (
            flagged("engine", "engine"),
            config.default_engine.map_or_else(
                || "lightx2v with a token, else preview".to_owned(),
                |engine| engine.name().to_owned(),
            ),
        ),
        (place("preview_slots"), config.preview_slots.to_string()),
        (
            place("trusted_proxies"),
            match config.trusted_proxies.is_empty() {
                true => "none".to_owned(),
                false => listed(&config.trusted_proxies),
            },
        ),
        (place("verify_at_start"), config.verify_at_start.to_string()),
        (
            flagged("log_format", "log_format"),
            config.log.format.name().to_owned(),
        ),
        (
            from_environment("VBATCH_LOG", &["VBATCH_LOG"]),
            config
                .log
                .filter
                .clone()
                .unwrap_or_else(|| "info".to_owned()),
        ),
        (
            from_environment(
                "VBATCH_ADMIN_PASSWORD",
                &["VBATCH_ADMIN_PASSWORD", "VBATCH_ADMIN_PASSWORD_FILE"],
            ),
            secret(config.admin_password.is_some()),
        ),
        (
            flagged("metrics.listen", "metrics_listen"),
            config
                .metrics_listen
                .map_or_else(|| "off".to_owned(), |address| address.to_string()),
        ),
        (
            flagged("metrics.beyond_loopback", "metrics_beyond_loopback"),
            config.metrics_beyond_loopback.to_string(),
        ),
        (
            flagged("ssh.listen", "ssh_listen"),
            config
                .ssh
                .listen
                .map_or_else(|| "off".to_owned(), |address| address.to_string()),
        ),
        (place("ssh.sessions"), config.ssh.sessions.to_string()),
    ];
    values.extend(reached(config));
    values.extend(limits(&config.limits));
    values.push((
        place("pricing.seconds_per_credit"),
        config.pricing.seconds_per_credit.map_or_else(
            || "off: one credit an image".to_owned(),
            |seconds| seconds.to_string(),
        ),
    ));
    values.extend(upstream(config));
    values.extend(kept(config));
    values
}

fn reached(config: &Config) -> Vec<(Place, String)> {
    let unused = || "none".to_owned();
    let path = |path: &Path| path.display().to_string();
    let (certificate, key, names) = match &config.encryption {
        Encryption::None => (unused(), unused(), None),
        Encryption::Files { certificate, key } => (path(certificate), path(key), None),
        Encryption::Generated { names } => (unused(), unused(), Some(names)),
    };
    let limits = &config.network;
    let seconds = |span: Duration| span.as_secs().to_string();
    vec![
        (
            flagged("insecure_no_tls", "insecure_no_tls"),
            config.insecure_no_tls.to_string(),
        ),
        (flagged("tls.certificate", "tls_cert"), certificate),
        (flagged("tls.key", "tls_key"), key),
        (flagged("tls.generate", "tls"), names.is_some().to_string()),
        (
            place("tls.names"),
            names
                .filter(|names| !names.is_empty())
                .map_or_else(unused, |names| listed(names)),
        ),
        (place("network.connections"), limits.connections.to_string()),
        (
            place("network.connections_per_address"),
            limits.connections_per_address.to_string(),
        ),
        (
            place("network.streams_per_connection"),
            limits.streams_per_connection.to_string(),
        ),
        (
            place("network.header_bytes"),
            limits.header_bytes.to_string(),
        ),
        (
            place("network.handshake_seconds"),
            seconds(limits.handshake),
        ),
        (
            place("network.keepalive_seconds"),
            seconds(limits.keepalive),
        ),
        (
            place("network.keepalive_timeout_seconds"),
            seconds(limits.keepalive_timeout),
        ),
        (
            place("network.ping_floor_seconds"),
            seconds(limits.ping_floor),
        ),
        (
            place("network.call_deadline_seconds"),
            seconds(limits.call_deadline),
        ),
    ]
}

fn limits(limits: &Limits) -> Vec<(Place, String)> {
    vec![
        (place("limits.image_bytes"), limits.image_bytes.to_string()),
        (
            place("limits.image_pixels"),
            limits.image_pixels.to_string(),
        ),
        (place("limits.audio_bytes"), limits.audio_bytes.to_string()),
        (
            place("limits.audio_seconds"),
            limits.audio_duration.as_secs().to_string(),
        ),
        (
            place("limits.images_per_batch"),
            limits.images_per_batch.to_string(),
        ),
        (place("limits.video_bytes"), limits.video_bytes.to_string()),
        (place("limits.uploads"), limits.uploads.to_string()),
        (
            place("limits.uploads_per_user"),
            limits.uploads_per_user.to_string(),
        ),
        (
            place("limits.upload_bytes_per_second"),
            limits.upload_bytes_per_second.to_string(),
        ),
        (
            place("limits.upload_patience_seconds"),
            limits.upload_patience.as_secs().to_string(),
        ),
    ]
}

fn upstream(config: &Config) -> Vec<(Place, String)> {
    let upstream = config.upstream.as_ref();
    let unused = |value: Option<String>| value.unwrap_or_else(|| "unused: no base_url".to_owned());
    let token = upstream.is_some_and(|upstream| upstream.token.is_some());
    vec![
        (
            from_environment("upstream.base_url", &["LIGHTX2V_BASE_URL"]),
            upstream.map_or_else(
                || "none: previews only".to_owned(),
                |upstream| upstream.base_url.clone(),
            ),
        ),
        (
            from_environment(
                "upstream.access_token_file",
                &["LIGHTX2V_ACCESS_TOKEN", "LIGHTX2V_ACCESS_TOKEN_FILE"],
            ),
            secret(token),
        ),
        (
            place("upstream.concurrency"),
            config.concurrency.to_string(),
        ),
        (
            place("upstream.deadline_minutes"),
            (config.item_deadline.as_secs() / 60).to_string(),
        ),
        (
            place("upstream.model_cls"),
            unused(upstream.map(|upstream| upstream.model_cls.clone())),
        ),
        (
            place("upstream.stage"),
            unused(upstream.map(|upstream| upstream.stage.clone())),
        ),
        (
            place("upstream.cfg_scale"),
            unused(upstream.map(|upstream| upstream.cfg_scale.to_string())),
        ),
        (
            place("upstream.duration"),
            unused(upstream.map(|upstream| upstream.duration.to_string())),
        ),
    ]
}

fn kept(config: &Config) -> Vec<(Place, String)> {
    let retention::Policy { results, uploads } = config.retention;
    let days = |age: Option<Duration>| {
        age.map_or_else(
            || "off".to_owned(),
            |age| (age.as_secs() / 86_400).to_string(),
        )
    };
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "off".to_owned(), |b| b.to_string());
    vec![
        (place("retention.results_days"), days(results.age)),
        (place("retention.results_bytes"), bytes(results.bytes)),
        (place("retention.uploads_days"), days(uploads.age)),
        (place("retention.uploads_bytes"), bytes(uploads.bytes)),
    ]
}

fn secret(is_set: bool) -> String {
    if is_set { "set" } else { "not set" }.to_owned()
}

fn listed<T: ToString>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    values.join(", ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::Write as _;

    use super::super::keys::known_keys;
    use super::*;

    const EXAMPLE: &str = include_str!("../../../docs/vbatchd.toml");

    fn rows(file: &str, variables: &[(&str, &str)], flag: Option<&str>) -> Vec<Row> {
        let mut config = tempfile::NamedTempFile::new().unwrap();
        config.write_all(file.as_bytes()).unwrap();
        let flags = Flags {
            config: Some(config.path().to_owned()),
            listen: flag.map(|_| ([127, 0, 0, 1], 9).into()),
            ..Flags::default()
        };
        let sources = Sources {
            flag: &|name| (Some(name) == flag).then_some(Origin::Flag),
            variable: &|name| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            },
        };
        check(&flags, &sources).unwrap()
    }

    fn row<'r>(rows: &'r [Row], key: &str) -> &'r Row {
        rows.iter().find(|row| row.key == key).unwrap()
    }

    #[test]
    fn every_key_is_told() {
        let rows = rows("", &[], None);
        for key in known_keys() {
            assert!(rows.iter().any(|row| row.key == key), "{key}");
        }
        assert!(rows.iter().all(|row| row.origin == Origin::Default));
    }

    #[test]
    fn each_value_is_told_with_where_it_comes_from_and_no_secret_is() {
        let file = "listen = '127.0.0.1:1'\n[limits]\nimage_bytes = 7\n[upstream]\nstage = 'x'\n";
        let variables = [
            ("LIGHTX2V_BASE_URL", "http://env"),
            ("LIGHTX2V_ACCESS_TOKEN", "hush"),
            ("VBATCH_ADMIN_PASSWORD", "hush-hush"),
        ];
        let rows = rows(file, &variables, Some("listen"));
        for (key, value, origin) in [
            ("listen", "127.0.0.1:9", Origin::Flag),
            ("limits.image_bytes", "7", Origin::File),
            ("limits.audio_bytes", "20971520", Origin::Default),
            ("upstream.base_url", "http://env", Origin::Environment),
            ("upstream.stage", "x", Origin::File),
            ("upstream.access_token_file", "set", Origin::Environment),
            ("VBATCH_ADMIN_PASSWORD", "set", Origin::Environment),
            ("VBATCH_LOG", "info", Origin::Default),
            ("retention.results_days", "off", Origin::Default),
        ] {
            let row = row(&rows, key);
            assert_eq!((row.value.as_str(), row.origin), (value, origin), "{key}");
        }
        assert!(!in_words(&rows).contains("hush"));
    }

    /// The lines of the example that are commented keys, as keys.
    fn uncommented(example: &str) -> String {
        let lines = example.lines().map(|line| {
            let key = line.strip_prefix('#').filter(|rest| {
                let name = rest.split(" = ").next().unwrap_or_default();
                rest.contains(" = ") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            });
            key.unwrap_or(line)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_example_is_complete_and_says_the_defaults() {
        let plain = rows("", &[], None);
        for row in rows(EXAMPLE, &[], None) {
            // As many as the machine has cores, at most 3: the example leaves it open.
            let default = plain.iter().find(|other| other.key == row.key).unwrap();
            assert_eq!(row.value, default.value, "{}", row.key);
        }
        let keys: BTreeSet<String> = written_keys(&uncommented(EXAMPLE))
            .into_iter()
            .map(|written| written.key)
            .collect();
        assert_eq!(keys, known_keys());
    }

    #[test]
    fn each_key_of_the_example_is_explained() {
        let lines: Vec<&str> = EXAMPLE.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let is_key = !line.starts_with("# ") && line.contains(" = ");
            if is_key {
                let before = lines[..index].iter().rev();
                let comment = before.take_while(|line| !line.is_empty());
                let explained = comment.clone().any(|line| line.starts_with("# "));
                assert!(explained, "{line}");
            }
        }
    }
}
