//! Where a call comes from: the other end of its connection, or, behind a proxy that is trusted, whom the proxy names.
//!
//! Invariant: a caller can never choose the address it is known by. `X-Forwarded-For` counts only from a connection of a
//! trusted proxy, and is read from its right end: what stands further left was written by whoever called.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;
use tonic::transport::server::TcpConnectInfo;

/// Most addresses that are read of one call's headers; a chain of proxies is short.
const LONGEST_CHAIN: usize = 16;

/// Where a call comes from, kept among its extensions. Absent within one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(pub Option<IpAddr>);

/// The proxies whose word on the caller's address is taken. Clones share the list.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// These networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// Where a call comes from.
    pub fn origin(&self, extensions: &http::Extensions, headers: &HeaderMap) -> Origin {
        let connection = extensions.get::<TcpConnectInfo>();
        let Some(peer) = connection.and_then(TcpConnectInfo::remote_addr) else {
            return Origin(None);
        };
        // An IPv4 address is the same one on a socket that takes both kinds.
        let mut origin = peer.ip().to_canonical();
        if !self.trust(origin) {
            return Origin(Some(origin));
        }
        let named = headers.get_all("x-forwarded-for").iter().rev();
        let named = named.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        for word in named.take(LONGEST_CHAIN) {
            if !self.trust(origin) {
                break;
            }
            let Ok(before) = word.trim().parse::<IpAddr>() else {
                break;
            };
            origin = before.to_canonical();
        }
        Origin(Some(origin))
    }

    /// Whether connections of this address are a trusted proxy's.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use http::{Extensions, HeaderValue};

    use super::*;

    fn origin(proxies: &[&str], peer: &str, forwarded: &[&str]) -> Option<String> {
        let networks = proxies.iter().map(|network| network.parse().unwrap());
        let proxies = TrustedProxies::new(networks.collect());
        let mut extensions = Extensions::new();
        extensions.insert(TcpConnectInfo {
            local_addr: None,
            remote_addr: Some((peer.parse::<IpAddr>().unwrap(), 9_999).into()),
        });
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        let Origin(origin) = proxies.origin(&extensions, &headers);
        origin.map(|address| address.to_string())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let ours = &["127.0.0.0/8", "::1/128", "10.1.0.0/16"][..];
        for (proxies, peer, forwarded, found) in [
            (&[][..], "127.0.0.1", &["192.0.2.7"][..], "127.0.0.1"),
            (ours, "192.0.2.1", &["192.0.2.7"], "192.0.2.1"),
            (ours, "127.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            (ours, "::ffff:127.0.0.1", &["2001:db8::7"], "2001:db8::7"),
            // What a caller wrote itself stands to the left of what the proxy added.
            (ours, "127.0.0.1", &["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
            (ours, "127.0.0.1", &["1.1.1.1", "192.0.2.7"], "192.0.2.7"),
            // Through two proxies of ours.
            (
                ours,
                "127.0.0.1",
                &["1.1.1.1, 192.0.2.7,10.1.2.3"],
                "192.0.2.7",
            ),
            (ours, "127.0.0.1", &["unknown"], "127.0.0.1"),
            (ours, "127.0.0.1", &["192.0.2.7, unknown"], "127.0.0.1"),
            (ours, "127.0.0.1", &[], "127.0.0.1"),
        ] {
            let origin = origin(proxies, peer, forwarded);
            assert_eq!(origin.as_deref(), Some(found), "{peer} {forwarded:?}");
        }
        assert_eq!(
            TrustedProxies::default().origin(&Extensions::new(), &HeaderMap::new()),
            Origin(None)
        );
    }

    #[test]
    fn a_chain_without_an_end_is_read_to_a_bound() {
        let long = vec!["127.0.0.1"; 10_000].join(",");
        let found = origin(&["127.0.0.0/8"], "127.0.0.1", &[&long]);
        assert_eq!(found.as_deref(), Some("127.0.0.1"));
    }
}
