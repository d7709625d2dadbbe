//! The log: lines for people on a terminal, one JSON object a line otherwise.
//!
//! Invariant: whatever is asked for, the libraries that handle headers and bytes of connections say nothing below INFO:
//! what they would say there may hold passwords and tokens.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

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
    let to = tracing_subscriber::fmt()
        .with_env_filter(filter(log))
        .with_writer(std::io::stderr);
    let pretty = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    if pretty {
        to.init();
    } else {
        // The list of spans has the innermost too.
        to.json().with_current_span(false).init();
    }
}

fn filter(log: &Log) -> EnvFilter {
    // The configuration was checked: it parses.
    let filter = EnvFilter::new(log.filter.as_deref().unwrap_or(USUAL));
    let is_below = |level: Option<LevelFilter>| level.is_none_or(|level| level > LevelFilter::INFO);
    if !is_below(filter.max_level_hint()) {
        return filter;
    }
    WIRE.iter().fold(filter, |filter, library| {
        match format!("{library}=info").parse() {
            Ok(directive) => filter.add_directive(directive),
            Err(_) => filter,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_over_the_wire_is_never_told() {
        let asked = |filter: &str| {
            let log = Log {
                format: LogFormat::Auto,
                filter: Some(filter.to_owned()),
            };
            super::filter(&log).to_string()
        };
        for words in ["trace", "h2=trace", "debug,hyper=debug"] {
            let filter = asked(words);
            assert!(filter.contains("h2=info"), "{filter}");
            assert!(filter.contains("hyper=info"), "{filter}");
            assert!(!filter.contains("h2=trace"), "{filter}");
        }
        assert_eq!(asked("warn"), "warn");
    }
}
