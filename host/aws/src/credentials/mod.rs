//! Where long-lived secrets come from. Only keys that are derived from them enter the sandbox.

#[cfg(feature = "aws-config")]
mod aws_sources;
mod identity;
mod sources;

pub use identity::{Credentials, CredentialsError, HttpFuture, HttpSend, ProvideCredentials};
pub use sources::{CredentialsFile, EnvCredentials, StaticCredentials};

use portcullis_policy::CredentialSource;
use std::sync::Arc;

/// The provider of a source that a policy names. AWS's own sources need the feature `aws-config`;
/// without it they give no credentials, and their error says so. Their requests go through `http`.
#[must_use]
pub fn provider(
    source: &CredentialSource,
    http: &Arc<dyn HttpSend>,
) -> Arc<dyn ProvideCredentials> {
    match source {
        #[cfg(feature = "aws-config")]
        CredentialSource::Profile { .. }
        | CredentialSource::WebIdentity { .. }
        | CredentialSource::Container
        | CredentialSource::Instance
        | CredentialSource::Role { .. } => Arc::new(aws_sources::AwsCredentials::new(source, http)),
        source => {
            let _ = http;
            sources::own(source)
        }
    }
}
