//! Owns [`Trust`]: which certificate of a server is accepted.
//!
//! Invariants: a server whose fingerprint was given shows that certificate or none is accepted; else one that the roots of
//! this machine vouch for is accepted, and one that was trusted before; never another. Nothing is sent to a server that is not accepted.
//!
//! Not here: asking the user, and where what was trusted is kept ([`crate::known_servers`]).

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, OtherError, SignatureScheme};

use super::fingerprint::Fingerprint;

/// Which certificate of one server is accepted. Clones share what they trust.
#[derive(Clone)]
pub struct Trust(Arc<Inner>);

struct Inner {
    provider: Arc<CryptoProvider>,
    required: Option<Fingerprint>,
    pinned: RwLock<Option<Fingerprint>>,
    /// What this machine vouches for, or why it vouches for nothing; read when it is needed, which takes a while.
    roots: OnceLock<Result<Arc<dyn ServerCertVerifier>, String>>,
}

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Nobody vouches for it, and it was never trusted.
    #[error(
        "this machine does not know the certificate of the server ({why}). Its SHA-256 fingerprint is {shown}; the \
         server prints it at its start. If it is the same: --fingerprint {shown}"
    )]
    Unknown {
        /// What the server shows.
        shown: Fingerprint,
        /// What is wrong with it.
        why: String,
    },
    /// It is another than the one that is trusted.
    #[error(
        "THE CERTIFICATE OF THE SERVER HAS CHANGED: its SHA-256 fingerprint is {shown}, and {trusted} is trusted. Either \
         it was renewed, or somebody stands between. Nothing was sent. Ask whoever runs the server for its fingerprint; \
         only if it is the new one, say once: --fingerprint {shown}"
    )]
    Changed {
        /// What the server shows.
        shown: Fingerprint,
        /// What is trusted.
        trusted: Fingerprint,
    },
}

impl Default for Trust {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl Trust {
    /// Trust in this certificate alone.
    #[must_use]
    pub fn only(fingerprint: Fingerprint) -> Self {
        Self::new(Some(fingerprint), None)
    }

    /// Trust in what this machine vouches for, and in what was trusted before.
    #[must_use]
    pub fn pinned(fingerprint: Option<Fingerprint>) -> Self {
        Self::new(None, fingerprint)
    }

    fn new(required: Option<Fingerprint>, pinned: Option<Fingerprint>) -> Self {
        Self(Arc::new(Inner {
            provider: Arc::new(aws_lc_rs::default_provider()),
            required,
            pinned: RwLock::new(pinned),
            roots: OnceLock::new(),
        }))
    }

    /// Trusts this certificate from now on.
    pub fn pin(&self, fingerprint: Fingerprint) {
        let mut pinned = self
            .0
            .pinned
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *pinned = Some(fingerprint);
    }

    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.0.provider)
    }

    pub(super) fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        Arc::<Inner>::clone(&self.0)
    }
}

impl Inner {
    fn roots(&self) -> &Result<Arc<dyn ServerCertVerifier>, String> {
        self.roots.get_or_init(|| {
            let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&self.provider));
            match verifier {
                Ok(verifier) => Ok(Arc::new(verifier)),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("required", &self.required)
            .field("pinned", &self.pinned)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ServerCertVerifier for Inner {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(leaf);
        let refused = |error: TrustError| rustls::Error::Other(OtherError(Arc::new(error)));
        let pinned = *self.pinned.read().unwrap_or_else(PoisonError::into_inner);
        // Whoever trusts a certificate by itself need not care for its names and times.
        match (self.required, pinned) {
            (Some(required), _) if required == shown => return Ok(ServerCertVerified::assertion()),
            (Some(trusted), _) => return Err(refused(TrustError::Changed { shown, trusted })),
            (None, Some(pinned)) if pinned == shown => return Ok(ServerCertVerified::assertion()),
            (None, _) => {}
        }
        let why = match self.roots() {
            Ok(roots) => match roots.verify_server_cert(leaf, others, name, ocsp, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => error.to_string(),
            },
            Err(why) => why.clone(),
        };
        Err(refused(match pinned {
            Some(trusted) => TrustError::Changed { shown, trusted },
            None => TrustError::Unknown { shown, why },
        }))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, leaf, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, leaf, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
