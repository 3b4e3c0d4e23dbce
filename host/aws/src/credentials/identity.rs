//! An AWS identity, and the traits behind its sources.

use super::error::CredentialsError;
use crate::secret::Secret;
use bytes::Bytes;
use http::{Request, Response};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// An AWS identity.
///
/// The struct is exhaustive, because implementations of [`ProvideCredentials`] build it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id. It is not secret.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token of temporary credentials. An empty one counts as none.
    pub session_token: Option<Secret>,
    /// When temporary credentials expire.
    pub expires: Option<SystemTime>,
}

impl Credentials {
    /// The bytes of all parts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let token = self.session_token.as_ref().map_or(0, |token| token.expose().len());
        self.access_key_id.len() + self.secret_access_key.expose().len() + token
    }
}

/// Provides credentials: on first use, 5 minutes before they expire, and at least every 15 minutes.
///
/// The host calls it in a task of its own, once for all calls of a datasource that wait for it. It
/// drops the future after 30 s.
///
/// ```
/// use portcullis_aws::{Credentials, CredentialsError, ProvideCredentials, Secret};
/// use std::{future::Future, pin::Pin};
///
/// /// Credentials from the platform's own vault.
/// #[derive(Debug)]
/// struct Vault;
///
/// impl ProvideCredentials for Vault {
///     fn provide_credentials(
///         &self,
///     ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
///         Box::pin(async {
///             Ok(Credentials {
///                 access_key_id: "AKIDEXAMPLE".to_string(),
///                 secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
///                 session_token: None,
///                 expires: None,
///             })
///         })
///     }
/// }
/// ```
pub trait ProvideCredentials: fmt::Debug + Send + Sync {
    /// Returns the current credentials.
    ///
    /// # Errors
    /// Implementations return an error if there are no credentials. Its text reaches the caller of
    /// an action, so it must contain neither a secret nor the path of a file.
    fn provide_credentials(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>>;
}

/// The result of [`ProvideCredentials::provide_credentials`].
pub(crate) type Providing<'p> =
    Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + 'p>>;

/// Sends the requests of AWS's own sources: to STS, SSO, or a metadata service. The host implements
/// it with its gate.
pub trait HttpSend: fmt::Debug + Send + Sync {
    /// Sends a request. `connect` limits the time to connect, `read` the time for the response.
    ///
    /// # Errors
    /// Implementations return an error if there is no response.
    fn send(&self, request: Request<Bytes>, connect: Duration, read: Duration) -> HttpFuture<'_>;
}

/// The response of [`HttpSend::send`].
pub type HttpFuture<'s> = Pin<
    Box<dyn Future<Output = Result<Response<Bytes>, Box<dyn Error + Send + Sync>>> + Send + 's>,
>;
