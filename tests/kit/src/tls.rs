//! A certificate authority for tests, and TLS acceptors with certificates that it has issued.

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// A certificate authority with a new key. Nothing else trusts it, so each test can have its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use portcullis_testkit::recorder::{self, Response};
/// use portcullis_testkit::tls::CertificateAuthority;
///
/// let authority = CertificateAuthority::new();
/// let acceptor = authority.acceptor("localhost", false);
/// let server = recorder::start_at("127.0.0.1", Response::ok("{}"), Some(acceptor)).await;
/// // A client that trusts `authority.pem()` can now reach https://localhost on this port.
/// assert!(server.port() > 0 && authority.pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// # }
/// ```
pub struct CertificateAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, both in PEM format.
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key (PKCS #8).
    pub key: String,
}

impl CertificateAuthority {
    /// Creates an authority with a new key and a self-signed certificate.
    ///
    /// # Panics
    /// Panics if the machine has no randomness for a key.
    #[must_use]
    pub fn new() -> Self {
        let mut params =
            CertificateParams::new(Vec::new()).expect("an empty list of names is valid");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be generated");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("it can sign itself") }
    }

    /// Returns the authority's own certificate, in PEM format.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn issue(&self, name: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key can be generated");
        let params =
            CertificateParams::new(vec![name.to_string()]).expect("the test's name is a DNS name");
        (params.signed_by(&key, &self.issuer).expect("the authority can sign"), key)
    }

    /// Issues a certificate for `name`, with a new key.
    ///
    /// # Panics
    /// Panics if `name` is neither a DNS name nor an IP address.
    #[must_use]
    pub fn identity(&self, name: &str) -> Identity {
        let (certificate, key) = self.issue(name);
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Returns a TLS acceptor for a server called `name`, with a certificate of this authority.
    ///
    /// If `require_client_certificate` is true, the server accepts only clients that present a
    /// certificate of this authority (mutual TLS).
    ///
    /// # Panics
    /// Panics if `name` is neither a DNS name nor an IP address.
    #[must_use]
    pub fn acceptor(&self, name: &str, require_client_certificate: bool) -> TlsAcceptor {
        let (certificate, key) = self.issue(name);
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions();
        let builder = builder.expect("ring supports the default protocol versions of rustls");
        let builder = if require_client_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).expect("the authority's certificate is valid");
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("there is a root certificate"))
        } else {
            builder.with_no_client_auth()
        };
        let config = builder
            .with_single_cert(vec![certificate.der().clone()], private)
            .expect("the certificate and the key belong together");
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Default for CertificateAuthority {
    fn default() -> Self {
        Self::new()
    }
}
