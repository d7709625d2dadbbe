//! The certificate that connections are shown: read from its files, and again when they have changed.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use sha2::{Digest, Sha256};

use super::own_certificate;
use crate::config::network::Encryption;

/// HTTP/2, the one protocol that is spoken (RFC 9113, 3.1).
const ALPN: &[u8] = b"h2";

/// The certificate as it is shown now.
#[derive(Debug)]
pub struct Certificate {
    files: Files,
    shown: RwLock<Arc<CertifiedKey>>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// The SHA-256 of a certificate: what people compare. Shown as `openssl x509 -fingerprint -sha256` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read as what it should be.
    #[error("cannot read {what} in {path}: {message}")]
    Unreadable {
        /// Of what.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// They were read and do not go together, or are of a kind that is not known here.
    #[error("the certificate {certificate} and the key {key} cannot be used: {message}")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        message: String,
    },
    /// One of our own cannot be made.
    #[error("cannot make a certificate in {path}: {message}")]
    Unmade {
        /// The folder.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

impl Certificate {
    /// The certificate that the configuration names; nothing when nothing encrypts. One of our own is made when there is
    /// none in the data directory.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`].
    pub fn open(
        encryption: &Encryption,
        data_dir: &Path,
        listen: SocketAddr,
        now: Timestamp,
    ) -> Result<Option<Arc<Self>>, CertificateError> {
        let (files, names) = match encryption {
            Encryption::None => return Ok(None),
            Encryption::Files { certificate, key } => {
                let files = Files {
                    certificate: certificate.clone(),
                    key: key.clone(),
                };
                (files, &[][..])
            }
            Encryption::Generated { names } => {
                let (certificate, key) = own_certificate::open(data_dir, names, listen, now)?;
                (Files { certificate, key }, &names[..])
            }
        };
        let certificate = Self {
            shown: RwLock::new(Arc::new(files.read()?)),
            files,
        };
        for name in names {
            if !certificate.is_for(name) {
                tracing::warn!(
                    name,
                    "the certificate was made before this name was configured and is not for it; to have another made, \
                     remove {} and start again: clients that trust the old one by its fingerprint will ask",
                    certificate.files.certificate.display()
                );
            }
        }
        Ok(Some(Arc::new(certificate)))
    }

    /// Reads the files again and shows what is in them from the next connection on.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`]; then it stays as it was.
    pub fn read_again(&self) -> Result<Fingerprint, CertificateError> {
        let read = Arc::new(self.files.read()?);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(self.fingerprint())
    }

    /// The file that clients may be given as what to trust.
    pub fn file(&self) -> &Path {
        &self.files.certificate
    }

    /// The fingerprint of what is shown.
    pub fn fingerprint(&self) -> Fingerprint {
        let shown = self.shown();
        Fingerprint(
            shown
                .cert
                .first()
                .map(|leaf| Sha256::digest(leaf).into())
                .unwrap_or_default(),
        )
    }

    /// How TLS is spoken with it.
    pub(super) fn config(self: &Arc<Self>) -> Arc<ServerConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = [&version::TLS13, &version::TLS12];
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map(|builder| {
                let shown: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
                builder.with_no_client_auth().with_cert_resolver(shown)
            })
            .unwrap_or_else(|error| unreachable!("the library speaks TLS 1.2 and 1.3: {error}"));
        config.alpn_protocols = vec![ALPN.to_vec()];
        Arc::new(config)
    }

    fn shown(&self) -> Arc<CertifiedKey> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&shown)
    }

    pub(super) fn is_for(&self, name: &str) -> bool {
        let shown = self.shown();
        let Some(leaf) = shown.cert.first() else {
            return false;
        };
        match (
            ParsedCertificate::try_from(leaf),
            ServerName::try_from(name),
        ) {
            (Ok(leaf), Ok(name)) => verify_server_name(&leaf, &name).is_ok(),
            _ => false,
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown())
    }
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, CertificateError> {
        let unreadable =
            |what, path: &Path, error: &dyn fmt::Display| CertificateError::Unreadable {
                what,
                path: path.to_owned(),
                message: error.to_string(),
            };
        let no_certificate =
            |error: &dyn fmt::Display| unreadable("a certificate", &self.certificate, error);
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| no_certificate(&error))?;
        if chain.is_empty() {
            return Err(no_certificate(&"it has none in PEM form"));
        }
        // The message never has anything of the key in it.
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unreadable("a private key", &self.key, &error))?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| {
            CertificateError::Unusable {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
                message: error.to_string(),
            }
        })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}
