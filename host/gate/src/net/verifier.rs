//! What happens in a TLS handshake beyond rustls's own errors: why a certificate is not trusted,
//! and whether the server asked for one of the client.

use crate::certificate::{common_name, names};
use crate::tls_problem::TlsProblem;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

/// Verifies certificates as webpki does. Of those that webpki refuses, it says more.
#[derive(Debug)]
pub(crate) struct Verifier(pub(crate) Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| detailed(error, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.0.root_hint_subjects()
    }
}

/// Adds what the certificate itself says to an error about it. It stays an error.
fn detailed(error: Error, certificate: &[u8]) -> Error {
    let Error::InvalidCertificate(invalid) = &error else { return error };
    let Some(names) = names(certificate) else { return error };
    let self_signed = names.issuer == names.subject;
    let issuer = || common_name(names.issuer);
    let problem = match invalid {
        CertificateError::UnknownIssuer | CertificateError::BadSignature if self_signed => {
            TlsProblem::SelfSigned
        }
        CertificateError::UnknownIssuer => TlsProblem::UnknownAuthority { issuer: issuer() },
        CertificateError::BadSignature => TlsProblem::OtherKey { issuer: issuer() },
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => TlsProblem::IsAuthority { self_signed },
            Some(webpki::Error::UnsupportedCertVersion) => TlsProblem::Unusable(
                "it is of version 1 or 2 of X.509; issue one of version 3, with subjectAltName"
                    .to_string(),
            ),
            _ => return error,
        },
        _ => return error,
    };
    CertificateError::Other(OtherError(Arc::new(problem))).into()
}

/// The certificate that the client presents, if it has one. It is noted when a server asks for it.
#[derive(Debug)]
pub(crate) struct Presented(pub(crate) Option<Arc<CertifiedKey>>);

thread_local! {
    /// Whether a server asked for a client certificate during the poll that runs on this thread.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

impl ResolvesClientCert for Presented {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        ASKED.set(true);
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// Runs a part of a handshake on this thread. Also says whether the server asked for a certificate
/// of the client in it. The handshake must use [`Tls::rustls_config`](crate::Tls::rustls_config).
pub fn noting_request<T>(handshake: impl FnOnce() -> T) -> (T, bool) {
    ASKED.set(false);
    (handshake(), ASKED.take())
}

/// Waits for a handshake. Also says whether the server asked for a certificate.
///
/// rustls shares its configuration, and with it [`Presented`], between all handshakes of a tenant,
/// but calls it on the thread that polls the one in question. With a configuration for each
/// handshake, no session could be resumed.
pub(crate) async fn noting_requests<T>(handshake: impl Future<Output = T>) -> (T, bool) {
    let mut handshake = pin!(handshake);
    let mut asked = false;
    let output = poll_fn(|context| {
        let (polled, asked_now) = noting_request(|| handshake.as_mut().poll(context));
        asked |= asked_now;
        polled
    })
    .await;
    (output, asked)
}
