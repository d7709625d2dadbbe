//! Owns the encrypted connection: TCP, TLS 1.2 or newer with the certificate that is trusted, HTTP/2 agreed in it.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, OtherError, version};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;

use super::address::Address;
use super::error::NetError;
use super::trust::{Trust, TrustError};

/// HTTP/2, as both sides name it (RFC 9113, 3.1).
const ALPN: &[u8] = b"h2";

type Failure = Box<dyn Error + Send + Sync>;
type Made = TokioIo<TlsStream<TcpStream>>;

/// Makes connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    tls: TlsConnector,
    host: String,
    port: u16,
}

impl Connector {
    pub(super) fn new(address: &Address, trust: &Trust) -> Result<Self, NetError> {
        let versions = [&version::TLS13, &version::TLS12];
        let mut config = ClientConfig::builder_with_provider(trust.provider())
            .with_protocol_versions(&versions)
            .map_err(|error| NetError::address(format!("{address}: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(trust.verifier())
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        let (host, port) = address.host_and_port();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            host,
            port,
        })
    }

    async fn connect(self) -> Result<TlsStream<TcpStream>, Failure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Small messages must not wait for others to go with.
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.host)?;
        let made = self.tls.connect(name, stream).await;
        made.map_err(|error| match trust_error(&error) {
            Some(refused) => Box::new(refused) as Failure,
            None => Box::new(error),
        })
    }
}

impl Service<Uri> for Connector {
    type Response = Made;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Made, Failure>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Failure>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connecting = self.clone().connect();
        Box::pin(async move { connecting.await.map(TokioIo::new) })
    }
}

/// Why the certificate was not accepted, if that is what it was.
fn trust_error(error: &std::io::Error) -> Option<TrustError> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    match inner {
        rustls::Error::Other(OtherError(cause)) => cause.downcast_ref::<TrustError>().cloned(),
        _ => None,
    }
}

/// Looks at the certificate of a server, and at nothing else of it.
///
/// # Errors
/// When it is not reached in time, or its certificate is not accepted.
pub async fn meet(address: &Address, trust: &Trust, limit: Duration) -> Result<(), NetError> {
    let connector = Connector::new(address, trust)?;
    match tokio::time::timeout(limit, connector.connect()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(match error.downcast_ref::<TrustError>() {
            Some(refused) => NetError::untrusted(refused),
            None => NetError::broken(error.to_string()),
        }),
        Err(_) => Err(NetError::timed_out(format!(
            "The server did not answer within {} s.",
            limit.as_secs()
        ))),
    }
}
