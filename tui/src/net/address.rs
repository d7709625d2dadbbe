//! Owns [`Address`]: where a server is, as a user gives it and as the channel needs it.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::error::NetError;

/// The port a server listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 50051;

/// The address of a server, always of the form `http://host:port`; two spellings of one address are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// The address as text: the key under which a session is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for Address {
    /// The server of a default start, on this machine.
    fn default() -> Self {
        Self(format!("http://127.0.0.1:{DEFAULT_PORT}"))
    }
}

impl FromStr for Address {
    type Err = NetError;

    /// Takes `http://host:port`, `host:port` and `host`; a missing port is 50051 (80 after `http://`).
    ///
    /// # Errors
    /// When it is no address, carries a path, or asks for a scheme that is not spoken.
    fn from_str(text: &str) -> Result<Self, NetError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match scheme.to_ascii_lowercase().as_str() {
            "" | "http" => {}
            "https" => {
                return Err(NetError::address(format!(
                    "{text}: this version does not speak TLS; use http:// to a server on this machine or through a tunnel"
                )));
            }
            other => {
                return Err(NetError::address(format!(
                    "{text}: {other} is no scheme of a server; use http://host:port"
                )));
            }
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let uri: Uri = format!("http://{rest}")
            .parse()
            .map_err(|error| NetError::address(format!("{text}: {error}")))?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let plain = uri.path_and_query().is_none_or(|path| path.as_str() == "/")
            && !rest.contains(['@', '#', '?', '/']);
        if host.is_empty() || !plain {
            return Err(NetError::address(format!(
                "{text}: not an address; use http://host:port"
            )));
        }
        let port = uri
            .port_u16()
            .unwrap_or(if scheme.is_empty() { DEFAULT_PORT } else { 80 });
        Ok(Self(format!("http://{host}:{port}")))
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;

    fn check(input: &str, expect: &str) {
        assert_eq!(
            input.parse::<Address>().unwrap().as_str(),
            expect,
            "{input}"
        );
    }

    #[test]
    fn spellings_of_one_address_are_equal() {
        check("http://127.0.0.1:50051", "http://127.0.0.1:50051");
        check("127.0.0.1:50051", "http://127.0.0.1:50051");
        check("localhost", "http://localhost:50051");
        check(" HTTP://Example.ORG:9/ ", "http://example.org:9");
        check("http://example.org", "http://example.org:80");
        check("[::1]:7", "http://[::1]:7");
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        for text in [
            "",
            "https://example.org",
            "ftp://x",
            "http://x/path",
            "a b",
            "user@x:1",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.message.contains(text), "{text}: {error}");
        }
    }
}
