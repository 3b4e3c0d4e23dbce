//! Where credentials come from: a reference, never a secret.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Where the host finds credentials. A secret never stands in a policy itself.
///
/// All but `env` and `file` are AWS's own ways, for which the host is built with its feature `aws-config`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "from",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum CredentialSource {
    /// The variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of the environment, with a
    /// prefix to their names where one is given.
    Env {
        /// Put before each name: `ORDERS_` for `ORDERS_AWS_ACCESS_KEY_ID`.
        #[serde(default)]
        prefix: String,
    },
    /// A TOML file with `access_key_id`, `secret_access_key` and, where there is one, `session_token`. It must not be
    /// readable by others.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A profile of AWS's configuration files: keys, SSO, a role, a process.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
    Profile {
        /// The profile's name.
        name: String,
        /// The configuration file; `~/.aws/config` and `~/.aws/credentials` where none is given.
        file: Option<PathBuf>,
    },
    /// An identity token in a file, exchanged for a role at STS. Without `role`, the variables
    /// `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`, which Amazon EKS sets.
    WebIdentity {
        /// The role's ARN.
        role: Option<String>,
        /// The file with the token.
        token_file: Option<PathBuf>,
        /// The region of STS.
        region: Option<String>,
    },
    /// The container's own credentials, by the variables `AWS_CONTAINER_CREDENTIALS_…` that ECS and EKS set.
    Container,
    /// The instance's own credentials, from its metadata service, version 2.
    Instance,
    /// A role, assumed at STS with the credentials of `source`.
    Role {
        /// The role's ARN.
        arn: String,
        /// The external id that the role asks for.
        external_id: Option<String>,
        /// The session's name, as logs of AWS show it; `portcullis` where none is given.
        session_name: Option<String>,
        /// The region of STS; `us-east-1` where none is given.
        region: Option<String>,
        /// Who assumes the role.
        source: Box<CredentialSource>,
    },
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env { prefix } => write!(f, "the environment's variables {prefix}AWS_…"),
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
