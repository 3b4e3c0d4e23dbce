//! Keys of which one requires the other.

use crate::tls::TlsConfig;
use portcullis_policy::CredentialSource;

/// Checks that a source of credentials has all that it needs.
pub(crate) fn check_credentials(source: &CredentialSource) -> Result<(), &'static str> {
    match source {
        CredentialSource::WebIdentity { role, token_file, .. }
            if role.is_some() != token_file.is_some() =>
        {
            Err("role and token-file of a web identity belong together; give both or neither")
        }
        CredentialSource::Role { source, .. } => check_credentials(source),
        _ => Ok(()),
    }
}

/// Checks that TLS files which belong together are both given.
pub(crate) fn check_tls(tls: &TlsConfig) -> Result<(), &'static str> {
    if tls.client_certificate.is_some() == tls.client_key.is_some() {
        return Ok(());
    }
    Err("tls.client-certificate and tls.client-key belong together; give both or neither")
}
