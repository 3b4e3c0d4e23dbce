//! Sources of credentials. A policy refers to a source and never contains a secret.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Where the host finds credentials. A policy never contains the secret itself.
///
/// All sources except `env` and `file` are AWS's own. The host supports them only if it was built
/// with its feature `aws-config`.
///
/// ```
/// use portcullis_policy::CredentialSource;
///
/// let source: CredentialSource = toml::from_str("from = 'profile'\nname = 'dev'")?;
/// assert_eq!(source.to_string(), "the AWS profile dev");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "from",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
#[non_exhaustive]
pub enum CredentialSource {
    /// The environment variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if it is set,
    /// `AWS_SESSION_TOKEN`.
    Env {
        /// A prefix of the variables' names: `ORDERS_` means `ORDERS_AWS_ACCESS_KEY_ID`.
        #[serde(default)]
        prefix: String,
    },
    /// A TOML file with `access_key_id`, `secret_access_key` and optionally `session_token`. Only
    /// its owner may have permission to read it.
    File {
        /// The path of the file.
        path: PathBuf,
    },
    /// A profile in AWS's configuration files: keys, SSO, a role or a process.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
    Profile {
        /// The name of the profile.
        name: String,
        /// The configuration file. If absent, `~/.aws/config` and `~/.aws/credentials`.
        file: Option<PathBuf>,
    },
    /// An identity token in a file, exchanged at STS for a role's credentials. Without `role` and
    /// `token_file`, the variables `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` apply, which
    /// Amazon EKS sets.
    WebIdentity {
        /// The ARN of the role.
        role: Option<String>,
        /// The file that contains the token.
        token_file: Option<PathBuf>,
        /// The region of STS; `us-east-1` if absent.
        region: Option<String>,
    },
    /// The container's credentials, found through the `AWS_CONTAINER_CREDENTIALS_…` variables that
    /// ECS and EKS set.
    Container,
    /// The instance's credentials, from the instance metadata service, version 2.
    Instance,
    /// A role that is assumed at STS with the credentials of `source`.
    Role {
        /// The ARN of the role.
        arn: String,
        /// The external ID, if the role's trust policy requires one.
        external_id: Option<String>,
        /// The name of the session in AWS's logs; `portcullis` if absent.
        session_name: Option<String>,
        /// The region of STS; `us-east-1` if absent.
        region: Option<String>,
        /// The credentials that assume the role.
        source: Box<CredentialSource>,
    },
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env { prefix } => write!(f, "the environment variables {prefix}AWS_…"),
            Self::File { path } => write!(f, "the file {}", path.display()),
            Self::Profile { name, .. } => write!(f, "the AWS profile {name}"),
            Self::WebIdentity { role: Some(role), .. } => {
                write!(f, "a web identity, exchanged for {role}")
            }
            Self::WebIdentity { .. } => {
                f.write_str("a web identity, exchanged for the role in AWS_ROLE_ARN")
            }
            Self::Container => f.write_str("the container's role"),
            Self::Instance => f.write_str("the instance's role"),
            Self::Role { arn, source, .. } => write!(f, "the role {arn}, assumed with {source}"),
        }
    }
}
