//! Where long-lived secrets come from. Only keys that are derived from them enter the sandbox.

#[cfg(feature = "aws-config")]
mod aws_sources;
mod check;
mod error;
pub(crate) mod fetch;
mod identity;
#[cfg(feature = "aws-config")]
mod process;
#[cfg(feature = "aws-config")]
mod profile;
#[cfg(feature = "aws-config")]
mod profile_chain;
#[cfg(feature = "aws-config")]
mod profile_files;
#[cfg(feature = "aws-config")]
mod profile_text;
mod sources;
#[cfg(feature = "aws-config")]
mod token_file;
#[cfg(feature = "aws-config")]
mod web_identity;

pub use error::CredentialsError;
pub use identity::{Credentials, HttpFuture, HttpSend, ProvideCredentials};
pub use sources::{CredentialsFile, EnvCredentials, StaticCredentials};

use portcullis_policy::CredentialSource;
use std::sync::Arc;

/// Whether the processes run that a policy's profile files name (`credential_process`).
///
/// The user's own files, `~/.aws/config` and `~/.aws/credentials`, may name processes in either
/// case: who can write them can run anything anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Processes {
    /// They run. For a policy that somebody named, and so trusts.
    #[default]
    Allowed,
    /// They do not, and a profile that needs one gives no credentials. For a policy that was found
    /// in the current folder: it and its files may come from anybody.
    Refused,
}

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
