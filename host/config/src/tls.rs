//! TLS files in the policy file.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The TLS files of a datasource, in PEM format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct TlsConfig {
    /// The certificate authorities to trust instead of Mozilla's list.
    pub ca: Option<PathBuf>,
    /// The client certificate for mutual TLS, followed by its intermediate certificates. Requires
    /// `client-key`.
    pub client_certificate: Option<PathBuf>,
    /// The private key of the client certificate. Only its owner may have permission to read it.
    pub client_key: Option<PathBuf>,
}
