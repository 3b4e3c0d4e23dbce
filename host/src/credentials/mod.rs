//! Where long-lived secrets come from, and the keys that are derived from them. Only the keys enter the sandbox.

mod key_ring;
mod provider;
mod secret;

pub(crate) use key_ring::{KeyRing, is_current};
pub use provider::{Credentials, CredentialsError, Environment, Fixed, ProvideCredentials, SecretFile, provider};
pub use secret::Secret;
