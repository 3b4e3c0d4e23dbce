//! Whom TLS trusts, and which certificate it presents.

use crate::net::verifier::{Presented, Verifier};
use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The TLS settings of one tenant. By default they trust the embedder's authorities (Mozilla's
/// list, if it names none) and present no certificate.
///
/// ```
/// use portcullis_gate::Tls;
///
/// let error = Tls::default().with_ca(b"not a certificate").unwrap_err();
/// assert_eq!(error.to_string(), "the PEM file holds no certificate");
/// ```
#[derive(Default)]
pub struct Tls {
    roots: Option<Arc<RootCertStore>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no certificate in the file.
    #[error("the PEM file holds no certificate")]
    NoCertificate,
    /// A certificate in the file is malformed.
    #[error("a certificate cannot be read")]
    Certificate(#[source] pem::Error),
    /// The certificate of an authority cannot be used.
    #[error("the certificate of an authority cannot be used")]
    Authority(#[source] rustls::Error),
    /// There is no private key in the file. The reason is left out: it could quote the key.
    #[error("the PEM file holds no private key")]
    NoKey,
    /// The certificate and the key do not belong together.
    #[error("the certificate and the private key do not belong together")]
    Mismatch(#[source] rustls::Error),
}

impl Clone for Tls {
    fn clone(&self) -> Self {
        let identity = self.identity.as_ref();
        let identity = identity.map(|(chain, key)| (chain.clone(), key.clone_key()));
        Self { roots: self.roots.clone(), identity }
    }
}

impl Tls {
    /// Trusts the authorities in `pem`, and no others.
    ///
    /// # Errors
    /// Returns an error if `pem` holds no certificate, or one that cannot be read.
    pub fn with_ca(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(TlsError::Authority)?;
        }
        self.roots = Some(Arc::new(roots));
        Ok(self)
    }

    /// Presents the certificate in `pem`, with its intermediate certificates, and proves it with
    /// the private key in `key`.
    ///
    /// # Errors
    /// Returns an error if the certificate or the key is missing or cannot be read, or if they do
    /// not belong together.
    pub fn with_identity(mut self, pem: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
        self.identity = Some((certificates(pem)?, key));
        self.client_config(&Arc::new(RootCertStore::empty()))?;
        Ok(self)
    }

    /// The configuration of rustls for clients with these settings, who trust Mozilla's list of
    /// authorities unless the settings name others. Its errors about certificates say more than
    /// those of rustls: read them with [`TlsProblem::of`](crate::TlsProblem::of).
    ///
    /// # Errors
    /// Returns an error if the certificate and the key do not belong together.
    pub fn rustls_config(&self) -> Result<ClientConfig, TlsError> {
        self.client_config(&mozilla_roots())
    }

    /// The configuration for connections. `roots` are the embedder's authorities.
    pub(crate) fn client_config(
        &self,
        roots: &Arc<RootCertStore>,
    ) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring supports rustls's default protocol versions");
        let roots = self.roots.as_ref().unwrap_or(roots);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
        let builder = match verifier {
            Ok(verifier) => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier(verifier)))
            }
            // Without any authority, nothing is trusted.
            Err(_) => builder.with_root_certificates(roots.clone()),
        };
        let presented = match &self.identity {
            None => None,
            Some((certificates, key)) => Some(Arc::new(
                CertifiedKey::from_der(certificates.clone(), key.clone_key(), &provider)
                    .map_err(TlsError::Mismatch)?,
            )),
        };
        Ok(builder.with_client_cert_resolver(Arc::new(Presented(presented))))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("own_roots", &self.roots.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(TlsError::NoCertificate),
        Ok(all) => Ok(all),
        Err(error) => Err(TlsError::Certificate(error)),
    }
}

/// The TLS configuration of one tenant, with its sessions. It is created on first use: with the
/// space for its sessions it takes ten kilobytes.
pub(crate) struct LazyTls {
    tls: Tls,
    roots: Arc<RootCertStore>,
    config: Mutex<Option<Arc<ClientConfig>>>,
}

impl LazyTls {
    pub(crate) fn new(tls: Tls, roots: Arc<RootCertStore>) -> Self {
        Self { tls, roots, config: Mutex::default() }
    }

    /// Whether there is a client certificate to present.
    pub(crate) fn has_identity(&self) -> bool {
        self.tls.identity.is_some()
    }

    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let mut config = self.config.lock();
        if let Some(config) = &*config {
            return Ok(config.clone());
        }
        let created = Arc::new(self.tls.client_config(&self.roots)?);
        *config = Some(created.clone());
        Ok(created)
    }
}

/// Mozilla's list of authorities.
pub(crate) fn mozilla_roots() -> Arc<RootCertStore> {
    static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Arc::new(roots)
    });
    ROOTS.clone()
}
