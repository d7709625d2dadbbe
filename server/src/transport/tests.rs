//! Connections to a server with nothing but a health service behind them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use super::*;
use crate::config::network::Encryption;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

struct Running {
    address: SocketAddr,
    certificate: Option<Arc<Certificate>>,
    places: Places,
    closing: CancellationToken,
    served: JoinHandle<Result<(), tonic::transport::Error>>,
    data: TempDir,
}

async fn running(encryption: Encryption, limits: NetworkLimits) -> Running {
    let data = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let now = jiff::Timestamp::now();
    let certificate = Certificate::open(&encryption, data.path(), address, now).unwrap();
    let places = Places::default();
    let closing = CancellationToken::new();
    let health = HealthService::from_health_reporter(HealthReporter::new());
    let routes = Routes::default().add_service(HealthServer::new(health));
    let parts = Parts {
        calls: Calls::new(Arc::new(|_| {})),
        listener,
        certificate: certificate.clone(),
        limits,
        places: places.clone(),
        proxies: TrustedProxies::default(),
    };
    Running {
        address,
        certificate,
        places,
        served: serve(parts, routes, closing.clone()),
        closing,
        data,
    }
}

async fn plain(limits: NetworkLimits) -> Running {
    running(Encryption::None, limits).await
}

async fn encrypted(limits: NetworkLimits) -> Running {
    running(Encryption::Generated { names: Vec::new() }, limits).await
}

impl Running {
    async fn stop(self) {
        self.closing.cancel();
        self.served.await.unwrap().unwrap();
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Through TLS, trusting what the PEM file has and nothing else.
    async fn connect_tls(&self, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        let pem = self.certificate.as_ref().unwrap().file().to_owned();
        tls(self.connect().await, &pem, alpn).await
    }

    async fn is_served(&self) -> bool {
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).unwrap();
        let (address, pem) = (self.address, self.certificate.clone());
        let connector = tower::service_fn(move |_: http::Uri| {
            let pem = pem.clone();
            async move {
                let stream = TcpStream::connect(address).await?;
                let io: Box<dyn Io> = match pem {
                    Some(pem) => Box::new(tls(stream, pem.file(), &[b"h2"]).await?),
                    None => Box::new(stream),
                };
                std::io::Result::Ok(TokioIo::new(io))
            }
        });
        let Ok(channel) = endpoint.connect_with_connector(connector).await else {
            return false;
        };
        let request = HealthCheckRequest::default();
        HealthClient::new(channel).check(request).await.is_ok()
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}

async fn tls(
    stream: TcpStream,
    pem: &Path,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(pem).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// All until the other side closes, by word or by force.
async fn rest(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let ended = tokio::time::timeout(Duration::from_secs(20), read).await;
    let _ = ended.expect("the connection is closed");
    bytes
}

#[tokio::test]
async fn a_client_that_trusts_the_pem_file_is_served() {
    let server = encrypted(NetworkLimits::default()).await;
    assert!(server.is_served().await);
    let stream = server.connect_tls(&[b"h2", b"http/1.1"]).await.unwrap();
    let (_, session) = stream.get_ref();
    assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
    // Who does not speak HTTP/2 learns it at once.
    assert!(server.connect_tls(&[b"http/1.1"]).await.is_err());
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn plain_text_gets_nothing_from_a_port_of_tls_and_hurts_nobody() {
    let server = encrypted(NetworkLimits::default()).await;
    let words = [PREFACE, &EMPTY_SETTINGS, &PING].concat();
    for words in [&words[..], b"GET / HTTP/1.1\r\n\r\n", &[0; 100]] {
        let mut stream = server.connect().await;
        stream.write_all(words).await.unwrap();
        let answer = rest(stream).await;
        // A TLS alert at most.
        assert!(answer.len() <= 7, "{answer:?}");
        assert!(answer.first().is_none_or(|kind| *kind == 21), "{answer:?}");
    }
    // It cannot be far behind the closed connections.
    tokio::time::timeout(Duration::from_secs(20), async {
        while server.places.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(server.places.turned().no_handshake, 3);
    assert!(server.is_served().await);
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_finish_its_handshakes_is_closed_in_time() {
    let limits = NetworkLimits {
        handshake: Duration::from_millis(250),
        ..NetworkLimits::default()
    };
    let server = plain(limits).await;
    // Silence, half a preface, and one without a frame after it.
    for words in [&b""[..], &PREFACE[..10], PREFACE] {
        let mut stream = server.connect().await;
        stream.write_all(words).await.unwrap();
        rest(stream).await;
    }
    assert_eq!(server.places.turned().no_handshake, 3);
    // Who does is not.
    let mut stream = server.connect().await;
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&EMPTY_SETTINGS).await.unwrap();
    let read = rest(&mut stream);
    assert!(
        tokio::time::timeout(limits.handshake * 2, read)
            .await
            .is_err()
    );
    drop(stream);
    server.stop().await;

    let server = encrypted(limits).await;
    rest(server.connect().await).await;
    assert_eq!(server.places.turned().no_handshake, 1);
    // The time runs over both handshakes, so this one needs more of it to be sure to come through the first.
    let stream = loop {
        match server.connect_tls(&[b"h2"]).await {
            Ok(stream) => break stream,
            Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::InvalidData, "{error}"),
        }
    };
    rest(stream).await;
    assert!(server.places.turned().no_handshake >= 2);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_too_many_is_closed_at_once_and_counted() {
    let limits = NetworkLimits {
        connections: 3,
        connections_per_address: 2,
        ..NetworkLimits::default()
    };
    let server = plain(limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(PREFACE).await.unwrap();
        stream.write_all(&EMPTY_SETTINGS).await.unwrap();
        // Its settings came: it has its place.
        stream.read_u8().await.unwrap();
        held.push(stream);
    }
    assert_eq!(rest(server.connect().await).await, b"");
    assert_eq!(server.places.turned().crowded_address, 1);
    assert_eq!(server.places.open(), 2);
    held.clear();
    tokio::time::timeout(Duration::from_secs(20), async {
        while server.places.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(server.is_served().await);
    server.stop().await;
}

#[tokio::test]
async fn what_a_connection_may_take_is_said_in_its_settings() {
    let limits = NetworkLimits {
        streams_per_connection: 7,
        header_bytes: 5_000,
        ..NetworkLimits::default()
    };
    let server = plain(limits).await;
    let mut stream = server.connect().await;
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&EMPTY_SETTINGS).await.unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "settings come first");
    let mut settings = vec![0; usize::from(head[2])];
    stream.read_exact(&mut settings).await.unwrap();
    let said: Vec<(u16, u32)> = settings
        .chunks(6)
        .map(|pair| {
            let (name, value) = pair.split_at(2);
            (
                u16::from_be_bytes(name.try_into().unwrap()),
                u32::from_be_bytes(value.try_into().unwrap()),
            )
        })
        .collect();
    // SETTINGS_MAX_CONCURRENT_STREAMS and SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113, 6.5.2).
    assert!(said.contains(&(3, 7)), "{said:?}");
    assert!(said.contains(&(6, 5_000)), "{said:?}");
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn too_many_pings_end_a_connection_with_the_reason() {
    for server in [
        plain(NetworkLimits::default()).await,
        encrypted(NetworkLimits::default()).await,
    ] {
        let mut stream: Box<dyn Io> = match server.certificate {
            Some(_) => Box::new(server.connect_tls(&[b"h2"]).await.unwrap()),
            None => Box::new(server.connect().await),
        };
        let words = [PREFACE, &EMPTY_SETTINGS, &PING].concat();
        stream.write_all(&words).await.unwrap();
        for _ in 0..3 {
            stream.write_all(&PING).await.unwrap();
        }
        stream.flush().await.unwrap();
        let answer = rest(stream).await;
        let end = frames::too_many_pings(0);
        assert!(answer.ends_with(&end), "{answer:?}");
        assert_eq!(server.places.turned().too_many_pings, 1);
        assert!(server.is_served().await);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_certificate_of_our_own_is_made_once_and_is_the_owners_alone() {
    let data = tempfile::tempdir().unwrap();
    let open = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let listen = "0.0.0.0:1".parse().unwrap();
        let now = jiff::Timestamp::now();
        Certificate::open(&Encryption::Generated { names }, data.path(), listen, now)
            .unwrap()
            .unwrap()
    };
    let first = open(&["videos.example.org", "192.0.2.7"]);
    for name in [
        "videos.example.org",
        "192.0.2.7",
        "localhost",
        "127.0.0.1",
        "::1",
    ] {
        assert!(first.is_for(name), "{name}");
    }
    assert!(!first.is_for("other.example.org"));
    let again = open(&["other.example.org"]);
    assert_eq!(again.fingerprint(), first.fingerprint());
    let text = first.fingerprint().to_string();
    assert_eq!((text.len(), text.matches(':').count()), (95, 31));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = data.path().join("tls");
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("key.pem")), 0o600);
        assert_eq!(mode(first.file()), 0o600);
    }
    assert!(!format!("{first:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_from_the_next_connection_on() {
    let server = encrypted(NetworkLimits::default()).await;
    let shown = server.certificate.clone().unwrap();
    let old = shown.fingerprint();
    let other = encrypted(NetworkLimits::default()).await;
    for file in ["key.pem", "certificate.pem"] {
        let renewed = other.data.path().join("tls").join(file);
        fs::copy(renewed, server.data.path().join("tls").join(file)).unwrap();
    }
    assert_eq!(shown.fingerprint(), old);
    let new = shown.read_again().unwrap();
    assert_eq!(new, other.certificate.clone().unwrap().fingerprint());
    assert!(server.is_served().await);

    // What cannot be read or does not go together changes nothing.
    let key = server.data.path().join("tls/key.pem");
    let certificate = server.data.path().join("tls/certificate.pem");
    let unrelated = encrypted(NetworkLimits::default()).await;
    fs::copy(unrelated.data.path().join("tls/key.pem"), &key).unwrap();
    let error = shown.read_again().unwrap_err().to_string();
    assert!(error.contains("cannot be used"), "{error}");
    fs::write(&certificate, "nothing").unwrap();
    let error = shown.read_again().unwrap_err().to_string();
    assert!(error.contains("cannot read a certificate in"), "{error}");
    assert_eq!(shown.fingerprint(), new);
    for server in [server, other, unrelated] {
        server.stop().await;
    }
}
