//! The log: lines for people on a terminal, one JSON object a line otherwise.
//!
//! Invariant: whatever is asked for, the libraries that handle headers and bytes of connections say nothing below INFO:
//! what they would say there may hold passwords and tokens.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::config::{Log, LogFormat};

/// What is said when nobody asks for anything else. Symphonia warns of every tag that it skips.
const USUAL: &str = "info,symphonia=error,symphonia_core=error";

/// Libraries that see what goes over the wire.
const WIRE: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    "tokio_rustls",
    "tonic",
    "tower",
    "want",
];

/// Begins to write the log to standard error, as configured.
pub fn start(log: &Log) {
    let pretty = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let filtered = registry().with(filter(log));
    let lines = fmt::layer().with_writer(std::io::stderr);
    if pretty {
        filtered.with(lines).init();
    } else {
        // The list of spans has the innermost too.
        filtered.with(lines.json().with_current_span(false)).init();
    }
}

/// What is asked for: a level, or targets with their levels, as `info,vbatch_server::dispatch=debug`.
///
/// # Errors
/// What is wrong with the words.
pub fn parse(words: &str) -> Result<Targets, String> {
    let parsed = words.parse::<Targets>();
    parsed.map_err(|error| format!("{error}, as in info,vbatch_server::dispatch=debug"))
}

fn filter(log: &Log) -> Targets {
    let words = log.filter.as_deref().unwrap_or(USUAL);
    // The configuration was checked: it parses.
    let asked = parse(words).unwrap_or_default();
    let is_below = |level: LevelFilter| level > LevelFilter::INFO;
    let is_wire = |target: &str| WIRE.iter().any(|library| target.starts_with(library));
    let default = asked.default_level().unwrap_or(LevelFilter::OFF);
    let safe = asked
        .iter()
        .filter(|(target, level)| !(is_wire(target) && is_below(*level)));
    let filter = Targets::new().with_targets(safe).with_default(default);
    if is_below(default) {
        filter.with_targets(WIRE.map(|library| (library, LevelFilter::INFO)))
    } else {
        filter
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn what_goes_over_the_wire_is_never_told() {
        let asked = |filter: &str| {
            let log = Log {
                format: LogFormat::Auto,
                filter: Some(filter.to_owned()),
            };
            super::filter(&log)
        };
        for words in [
            "trace",
            "h2=trace",
            "debug,hyper=debug",
            "info,h2::codec=trace",
        ] {
            let filter = asked(words);
            for target in ["h2", "h2::codec::framed_read", "hyper::proto"] {
                assert!(!filter.would_enable(target, &Level::DEBUG), "{words}");
            }
        }
        let filter = asked("warn,h2=error,vbatch_server::dispatch=debug");
        assert!(filter.would_enable("vbatch_server::dispatch::poll", &Level::DEBUG));
        assert!(!filter.would_enable("vbatch_server::rpc", &Level::INFO));
        assert!(!filter.would_enable("h2", &Level::WARN));
        assert!(filter.would_enable("tonic", &Level::WARN));
    }
}
