//! The server's own certificate.

use crate::setup::{PolicyLocation, SetupError, beside};
use arc_swap::ArcSwapOption;
use portcullis_config::ServerConfig;
use portcullis_files::{read_secret, read_trusted};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt::Display;
use std::sync::Arc;

/// The most bytes of a certificate with its intermediate certificates: they have some kilobytes
/// each.
const MAX_CERTIFICATE_BYTES: u64 = 4 * 1024 * 1024;

/// The certificate of new connections.
pub(crate) struct Certificate(ArcSwapOption<rustls::ServerConfig>);

impl Certificate {
    pub(crate) fn new(first: Option<Arc<rustls::ServerConfig>>) -> Self {
        Self(ArcSwapOption::new(first))
    }

    pub(crate) fn replace(&self, next: Option<Arc<rustls::ServerConfig>>) {
        self.0.store(next);
    }

    /// The TLS configuration; none if the server speaks plain HTTP.
    pub(crate) fn current(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.0.load_full()
    }
}

/// Checks the files of `server.tls`, if the policy names any.
///
/// # Errors
/// Returns an error if a file cannot be read, or if certificate and key do not fit.
pub fn check(server: &ServerConfig, policy: &PolicyLocation) -> Result<(), SetupError> {
    read(server, Some(policy)).map(drop)
}

/// Reads certificate and key; none if the server speaks plain HTTP. Paths are relative to the
/// policy file.
pub(crate) fn read(
    server: &ServerConfig,
    policy: Option<&PolicyLocation>,
) -> Result<Option<Arc<rustls::ServerConfig>>, SetupError> {
    let Some(tls) = &server.tls else { return Ok(None) };
    let folder = policy.and_then(PolicyLocation::folder);
    let wrong = |key: &str, reason: &dyn Display| {
        SetupError::configuration(format!("server.tls.{key}: {reason}"))
    };
    let pem = read_trusted(&beside(folder, &tls.certificate), MAX_CERTIFICATE_BYTES)
        .map_err(|error| wrong("certificate", &error).because(error))?;
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| {
            let reason = format!("{}: {error}", tls.certificate.display());
            wrong("certificate", &reason).because(error)
        })?;
    let key = read_secret(&beside(folder, &tls.key))
        .map_err(|error| wrong("key", &error).because(error))?;
    // The reason is left out: it could quote the key.
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| wrong("key", &"there is no private key in PEM"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| wrong("certificate", &error).because(error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}
