//! A certificate authority for tests, and TLS acceptors with certificates that it has issued.

pub use rcgen;
pub use tokio_rustls::TlsAcceptor;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;

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
        Self::named("Test Authority")
    }

    /// Creates an authority like [`new`](Self::new), with this common name.
    ///
    /// # Panics
    /// Panics if the machine has no randomness for a key.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut params =
            CertificateParams::new(Vec::new()).expect("an empty list of names is valid");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
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
        let clients = require_client_certificate.then(|| self.issuer.der());
        acceptor(&certificate, &key, clients, rustls::DEFAULT_VERSIONS)
    }

    /// Returns a TLS acceptor like [`acceptor`](Self::acceptor) that requires a client certificate
    /// and speaks TLS 1.2 only, where a server checks that certificate during the handshake.
    ///
    /// # Panics
    /// Panics if `name` is neither a DNS name nor an IP address.
    #[must_use]
    pub fn acceptor_of_tls12(&self, name: &str) -> TlsAcceptor {
        let (certificate, key) = self.issue(name);
        let versions = &[&rustls::version::TLS12];
        acceptor(&certificate, &key, Some(self.issuer.der()), versions)
    }

    /// Returns a TLS acceptor with a certificate of this authority that has these parameters: for
    /// certificates that clients refuse.
    ///
    /// # Panics
    /// Panics if the parameters cannot be encoded.
    #[must_use]
    pub fn acceptor_with(&self, params: &CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key can be generated");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority can sign");
        acceptor(&certificate, &key, None, rustls::DEFAULT_VERSIONS)
    }
}

/// Returns a TLS acceptor with a certificate that its own key has signed, and that certificate in
/// PEM format.
///
/// # Panics
/// Panics if the parameters cannot be encoded.
#[must_use]
pub fn self_signed(params: &CertificateParams) -> (TlsAcceptor, String) {
    let key = KeyPair::generate().expect("a key can be generated");
    let certificate = params.self_signed(&key).expect("it can sign itself");
    (acceptor(&certificate, &key, None, rustls::DEFAULT_VERSIONS), certificate.pem())
}

fn acceptor(
    certificate: &Certificate,
    key: &KeyPair,
    clients: Option<&CertificateDer<'static>>,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsAcceptor {
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .expect("ring supports the protocol versions of rustls");
    let builder = match clients {
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.clone()).expect("the authority's certificate is valid");
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("there is a root certificate"))
        }
        None => builder.with_no_client_auth(),
    };
    let config = builder
        .with_single_cert(vec![certificate.der().clone()], private)
        .expect("the certificate and the key belong together");
    TlsAcceptor::from(Arc::new(config))
}

impl Default for CertificateAuthority {
    fn default() -> Self {
        Self::new()
    }
}
