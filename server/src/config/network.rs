//! How the server is reached: what encrypts, and what connections and calls may take.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::load::{ConfigError, Flags, in_range, value};

/// What encrypts the connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Nothing: whoever reaches the network between reads passwords and files.
    #[default]
    None,
    /// A certificate and its key, in PEM files that others keep.
    Files {
        /// The certificate, then those that signed it.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// A certificate that the server makes for itself once and keeps in its data directory.
    Generated {
        /// Names and addresses it is for, besides those of the machine.
        names: Vec<String>,
    },
}

/// What connections and calls may take. Each number has its reason at its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkLimits {
    /// Connections at a time, of everyone.
    pub connections: u32,
    /// Connections at a time of one address; trusted proxies are exempt, they bring everyone's.
    pub connections_per_address: u32,
    /// Calls at a time on one connection, as HTTP/2 streams; further ones wait at the client.
    pub streams_per_connection: u32,
    /// Headers of a call, in bytes as HTTP/2 counts them: names, values and 32 for each.
    pub header_bytes: u32,
    /// How long a connection may take until its first call could come.
    pub handshake: Duration,
    /// How often a silent connection is asked for a sign of life.
    pub keepalive: Duration,
    /// How long that may take; then the connection is given up.
    pub keepalive_timeout: Duration,
    /// Time between two pings of a client that it must leave unless something was sent to it.
    pub ping_floor: Duration,
    /// How long a call that is no stream may take, whatever its caller would wait.
    pub call_deadline: Duration,
}

impl Default for NetworkLimits {
    fn default() -> Self {
        Self {
            // Each is a file handle of the 1,024 that a process has unless told otherwise; the rest is for media.
            connections: 512,
            // A client of ours needs one; an office behind one address has dozens.
            connections_per_address: 64,
            // gRPC's advice is at least 100; a user may hold 32 live streams.
            streams_per_connection: 128,
            // hyper's own; a token takes some hundreds of bytes.
            header_bytes: 16 << 10,
            // A lost packet or two on a slow link; whoever takes longer only holds the place.
            handshake: Duration::from_secs(10),
            // Below the 60 s after which many gateways forget a silent connection.
            keepalive: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            // The shortest that grpc-go lets its clients choose; its servers' own default is 5 minutes.
            ping_floor: Duration::from_secs(10),
            // The longest wait of a client of ours is 30 s.
            call_deadline: Duration::from_secs(60),
        }
    }
}

/// The file's section `tls`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileTls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    generate: Option<bool>,
    names: Vec<String>,
}

/// The file's section `network`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileNetwork {
    connections: Option<u32>,
    connections_per_address: Option<u32>,
    streams_per_connection: Option<u32>,
    header_bytes: Option<u32>,
    handshake_seconds: Option<u64>,
    keepalive_seconds: Option<u64>,
    keepalive_timeout_seconds: Option<u64>,
    ping_floor_seconds: Option<u64>,
    call_deadline_seconds: Option<u64>,
}

/// What encrypts.
pub(super) fn encryption(flags: &Flags, file: FileTls) -> Result<Encryption, ConfigError> {
    // Flags and environment together stand against the file: either of them chooses anew.
    let (certificate, key, generate) =
        if flags.tls || flags.tls_cert.is_some() || flags.tls_key.is_some() {
            (flags.tls_cert.clone(), flags.tls_key.clone(), flags.tls)
        } else if flags.insecure_no_tls {
            (None, None, false)
        } else {
            (file.certificate, file.key, file.generate.unwrap_or(false))
        };
    for name in &file.names {
        if rustls::pki_types::ServerName::try_from(name.as_str()).is_err() {
            let message = format!("`{name}` is neither a host name nor an address");
            return Err(value("tls.names", message));
        }
    }
    match (certificate, key, generate) {
        (None, None, false) => Ok(Encryption::None),
        (None, None, true) => Ok(Encryption::Generated { names: file.names }),
        (Some(certificate), Some(key), false) => Ok(Encryption::Files { certificate, key }),
        (Some(_), Some(_), true) => Err(value(
            "tls",
            "a certificate is either given by files or generated: leave out --tls or --tls-cert and --tls-key",
        )),
        (Some(_), None, _) => Err(value(
            "tls.key",
            "a certificate needs its key: --tls-key FILE",
        )),
        (None, Some(_), _) => Err(value(
            "tls.certificate",
            "a key needs its certificate: --tls-cert FILE",
        )),
    }
}

/// Refuses to let passwords and files go over a network unencrypted, unless that was asked for.
pub(super) fn check_exposed(
    listen: SocketAddr,
    encryption: &Encryption,
    insecure_no_tls: bool,
) -> Result<(), ConfigError> {
    if is_local(listen) || insecure_no_tls || *encryption != Encryption::None {
        return Ok(());
    }
    Err(value(
        "listen",
        format!(
            "{listen} can be reached from other machines, and without TLS everyone between reads passwords and files. Say \
             --tls (a certificate is made), or --tls-cert FILE --tls-key FILE; or --insecure-no-tls when something in \
             front of it encrypts; or listen on 127.0.0.1"
        ),
    ))
}

/// Whether only this machine reaches the address.
pub fn is_local(listen: SocketAddr) -> bool {
    listen.ip().to_canonical().is_loopback()
}

impl NetworkLimits {
    pub(super) fn read(file: &FileNetwork) -> Result<Self, ConfigError> {
        let usual = Self::default();
        let seconds = |key, given, usual: Duration, range| {
            in_range(key, given, usual.as_secs(), range).map(Duration::from_secs)
        };
        Ok(Self {
            connections: in_range(
                "network.connections",
                file.connections,
                usual.connections,
                1..=65_536,
            )?,
            connections_per_address: in_range(
                "network.connections_per_address",
                file.connections_per_address,
                usual.connections_per_address,
                1..=65_536,
            )?,
            streams_per_connection: in_range(
                "network.streams_per_connection",
                file.streams_per_connection,
                usual.streams_per_connection,
                1..=10_000,
            )?,
            header_bytes: in_range(
                "network.header_bytes",
                file.header_bytes,
                usual.header_bytes,
                4_096..=1 << 20,
            )?,
            handshake: seconds(
                "network.handshake_seconds",
                file.handshake_seconds,
                usual.handshake,
                1..=300,
            )?,
            keepalive: seconds(
                "network.keepalive_seconds",
                file.keepalive_seconds,
                usual.keepalive,
                5..=3_600,
            )?,
            keepalive_timeout: seconds(
                "network.keepalive_timeout_seconds",
                file.keepalive_timeout_seconds,
                usual.keepalive_timeout,
                1..=300,
            )?,
            // Above 5 minutes, clients that keep to what grpc-go's servers ask for would be turned away.
            ping_floor: seconds(
                "network.ping_floor_seconds",
                file.ping_floor_seconds,
                usual.ping_floor,
                1..=300,
            )?,
            call_deadline: seconds(
                "network.call_deadline_seconds",
                file.call_deadline_seconds,
                usual.call_deadline,
                1..=3_600,
            )?,
        })
    }
}
