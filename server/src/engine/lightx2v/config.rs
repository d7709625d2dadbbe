//! What a LightX2V upstream is: its address, what is asked of its model, how long it may take to answer.
//!
//! Invariant: an [`Address`] is an absolute http or https URL without user, query or fragment that ends in a
//! slash, so that joining a relative path keeps the whole base path.

use std::time::Duration;

use reqwest::Url;

/// Everything that is configured about one LightX2V upstream. Holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct LightX2vConfig {
    /// Where the API lives, without `/api/v1`: `https://host[:port][/path]`.
    pub base_url: String,
    /// The model asked for; the upstream's `model/list` names those it has.
    pub model_cls: String,
    /// The stage of that model.
    pub stage: String,
    /// How strictly the prompt is followed; 5 is what the upstream's own page sends.
    pub cfg_scale: f64,
    /// The `duration` field of a submit, in seconds; 7 is what the upstream's own page sends.
    pub duration: f64,
    /// How long each kind of silence may last.
    pub timeouts: Timeouts,
}

/// How long each kind of silence may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, TCP and TLS together.
    pub connect: Duration,
    /// From a wholly sent request to a wholly read answer (not the video).
    pub answer: Duration,
    /// Between two pieces of a body, ours going up or a video coming down.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(30),
        }
    }
}

impl LightX2vConfig {
    /// The model and values of the upstream's sample configuration, at this address.
    pub fn at(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            model_cls: "SekoTalk".to_owned(),
            stage: "single_stage".to_owned(),
            cfg_scale: 5.0,
            duration: 7.0,
            timeouts: Timeouts::default(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The base URL is not one.
    #[error("the upstream's base URL {problem}")]
    BaseUrl {
        /// What is wrong, without the URL itself: it may hold a password by mistake.
        problem: String,
    },
    /// A number that JSON cannot carry, or that makes no sense.
    #[error("{name} must be a finite number above 0")]
    Number {
        /// Which.
        name: &'static str,
    },
    /// The HTTP client could not be made.
    #[error("no HTTP client: {0}")]
    Client(String),
}

/// The base URL, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Checks the configured text and makes its path end in a slash.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: &str| ConfigError::BaseUrl {
            problem: problem.to_owned(),
        };
        let mut url =
            Url::parse(text.trim()).map_err(|error| refuse(&format!("cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(
                "must not hold a user or password; the token goes elsewhere",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("must have no ? or # part"));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The base URL itself.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether a URL is on the same scheme, host and port, so that our token may go there.
    pub fn owns(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }

    /// Whether the upstream is on this machine, where no proxy stands between.
    pub fn is_loopback(&self) -> bool {
        let Some(host) = self.0.host_str() else {
            return false;
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost"
            || bare
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_kept_when_a_relative_address_is_joined() {
        let address = Address::parse("https://host.example/x2v").unwrap();
        let joined = address.url().join("./assets/task/result").unwrap();
        assert_eq!(
            joined.as_str(),
            "https://host.example/x2v/assets/task/result"
        );
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_not_repeated() {
        let error = Address::parse("https://me:hunter2@host.example/")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn unusable_addresses_are_refused() {
        for text in [
            "",
            "host.example",
            "ftp://host.example/",
            "https://host.example/?a=b",
            "http://h/#x",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn another_port_or_scheme_is_another_owner() {
        let address = Address::parse("https://host.example/").unwrap();
        for (text, owned) in [
            ("https://host.example:443/a", true),
            ("https://host.example:444/a", false),
            ("http://host.example/a", false),
            ("https://host.example.evil/a", false),
        ] {
            assert_eq!(address.owns(&Url::parse(text).unwrap()), owned, "{text}");
        }
    }
}
