//! Whom a datasource trusts in TLS, and as whom it presents itself.

use crate::error::LoadError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;

/// TLS of one datasource. The default trusts the host's authorities, Mozilla's list if it was given no others, and
/// presents no certificate.
#[derive(Default)]
pub struct Tls {
    roots: Option<RootCertStore>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Tls {
    /// Trusts the authorities in `pem`, and no others.
    ///
    /// # Errors
    /// There is no certificate, or one that cannot be read.
    pub fn with_ca(mut self, pem: &[u8]) -> Result<Self, LoadError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots
                .add(certificate)
                .map_err(|error| LoadError::Tls(format!("an authority's certificate: {error}")))?;
        }
        self.roots = Some(roots);
        Ok(self)
    }

    /// Presents the certificate in `pem`, with those between it and its authority, proven by the private key in `key`.
    ///
    /// # Errors
    /// There is no certificate or no key, or one that cannot be read, or they do not belong together.
    pub fn with_identity(mut self, pem: &[u8], key: &[u8]) -> Result<Self, LoadError> {
        // What is wrong with a key is not said in detail: the text could quote it.
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| LoadError::Tls("there is no private key in PEM".to_string()))?;
        self.identity = Some((certificates(pem)?, key));
        self.client_config(&Arc::new(RootCertStore::empty()))?;
        Ok(self)
    }

    /// The configuration for connections; `roots` are the host's authorities.
    pub(crate) fn client_config(
        &self,
        roots: &Arc<RootCertStore>,
    ) -> Result<ClientConfig, LoadError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("ring has the default protocol versions of rustls");
        let builder = match &self.roots {
            Some(own) => builder.with_root_certificates(own.clone()),
            None => builder.with_root_certificates(roots.clone()),
        };
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some((certificates, key)) => {
                builder.with_client_auth_cert(certificates.clone(), key.clone_key()).map_err(
                    |error| LoadError::Tls(format!("certificate and key do not serve: {error}")),
                )
            }
        }
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => {
            Err(LoadError::Tls("there is no certificate in PEM".to_string()))
        }
        Ok(all) => Ok(all),
        Err(error) => Err(LoadError::Tls(format!("a certificate cannot be read: {error}"))),
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
