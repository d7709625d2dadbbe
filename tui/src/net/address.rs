//! Owns [`Address`]: where a server is, as a user gives it and as the channel needs it.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::error::NetError;

/// The port a server listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 50051;

/// The address of a server, always of the form `http://host:port` or `https://host:port`; two spellings of one address are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// The address as text: the key under which a session is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether connections to it are encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The host without the brackets of an IPv6 address, and the port.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let (host, port) = rest.rsplit_once(':').unwrap_or((rest, ""));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (host.to_owned(), port.parse().unwrap_or(DEFAULT_PORT))
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

    /// Takes `https://host:port`, `http://host:port`, `host:port` and `host`, the last two not encrypted; a missing port is
    /// 50051 (443 after `https://`, 80 after `http://`).
    ///
    /// # Errors
    /// When it is no address, carries a path, or asks for a scheme that is not spoken.
    fn from_str(text: &str) -> Result<Self, NetError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match scheme.to_ascii_lowercase().as_str() {
            "" | "http" | "https" => {}
            other => {
                return Err(NetError::address(format!(
                    "{text}: {other} is no scheme of a server; use https://host:port or http://host:port"
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
                "{text}: not an address; use https://host:port or http://host:port"
            )));
        }
        let (scheme, usual) = match scheme.to_ascii_lowercase().as_str() {
            "https" => ("https", 443),
            "http" => ("http", 80),
            _ => ("http", DEFAULT_PORT),
        };
        let port = uri.port_u16().unwrap_or(usual);
        Ok(Self(format!("{scheme}://{host}:{port}")))
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
        check("HTTPS://Example.org", "https://example.org:443");
        check("https://[::1]:7", "https://[::1]:7");
        let address: Address = "https://[::1]:7".parse().unwrap();
        assert!(address.is_encrypted());
        assert_eq!(address.host_and_port(), ("::1".to_owned(), 7));
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        for text in [
            "",
            "https://",
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
