//! Where long-lived secrets come from. Only keys that are derived from them enter the sandbox.

#[cfg(feature = "aws-config")]
mod aws_sources;
#[cfg(feature = "aws-config")]
mod aws_types;
mod check;
mod digest;
mod error;
pub(crate) mod fetch;
mod identity;
#[cfg(feature = "aws-config")]
mod process;
mod processes;
#[cfg(feature = "aws-config")]
mod profile;
#[cfg(feature = "aws-config")]
mod profile_chain;
#[cfg(feature = "aws-config")]
mod profile_files;
#[cfg(feature = "aws-config")]
mod profile_text;
mod shared;
mod sources;
#[cfg(feature = "aws-config")]
mod token_file;
#[cfg(feature = "aws-config")]
mod web_identity;

pub use digest::DigestKey;
pub use error::CredentialsError;
pub use identity::{Credentials, HttpFuture, HttpSend, ProvideCredentials};
pub use processes::Processes;
pub use shared::SharedCredentials;
pub use sources::{CredentialsFile, EnvCredentials, StaticCredentials};

use portcullis_policy::CredentialSource;
use std::sync::Arc;

/// The provider of a source that a policy names. AWS's own sources need the feature `aws-config`;
/// without it they give no credentials, and their error says so. Their requests go through `http`.
/// `processes` says whether a profile file of the policy may run a process.
#[must_use]
pub fn provider(
    source: &CredentialSource,
    http: &Arc<dyn HttpSend>,
    processes: Processes,
) -> Arc<dyn ProvideCredentials> {
    #[cfg(feature = "aws-config")]
    return aws_sources::provider(source, http, processes);
    #[cfg(not(feature = "aws-config"))]
    {
        let _ = (http, processes);
        sources::own(source)
    }
}
