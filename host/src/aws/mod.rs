//! Where long-lived secrets come from, and the keys that are derived from them. Only the keys enter the sandbox.

#[cfg(feature = "aws-config")]
mod aws_config;
pub(crate) mod iam;
mod issued;
mod key_ring;
mod private_file;
mod provider;
pub(crate) mod request;
mod secret;
pub(crate) mod statement;

#[cfg(feature = "aws-config")]
pub(crate) use aws_config::AwsProvider;
pub(crate) use issued::{Issued, IssuedKeys};
pub(crate) use key_ring::{KeyRing, is_current};
pub use private_file::read_private;
pub(crate) use provider::own;
pub use provider::{
    Credentials, CredentialsError, Environment, Fixed, ProvideCredentials, SecretFile,
};
pub use secret::Secret;
