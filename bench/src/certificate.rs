//! A certificate for `localhost`, of an authority that only this run knows.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;

/// A certificate and its key, in PEM format.
pub struct Certificate {
    /// The certificate of the authority.
    pub authority: String,
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl Certificate {
    /// Creates an authority and a certificate.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["localhost".to_string()])?.signed_by(&key, &issuer)?;
        Ok(Self {
            authority: issuer.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Returns the configuration of a server with this certificate.
    pub fn server(&self) -> Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(self.certificate.as_bytes())?],
                PrivateKeyDer::from_pem_slice(self.key.as_bytes())?,
            )?)
    }
}

/// Returns the configuration of a client that trusts an authority, given in PEM format.
pub fn trusting(
    authority: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
