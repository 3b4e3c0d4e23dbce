//! An AWS identity, and the traits behind its sources.

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
    /// The session token of temporary credentials.
    pub session_token: Option<Secret>,
    /// When temporary credentials expire.
    pub expires: Option<SystemTime>,
}

impl Credentials {
    /// Checks that the credentials can be used in headers and are not empty: anything else is a
    /// mistake in copying them.
    pub(super) fn checked(self) -> Result<Self, CredentialsError> {
        let visible =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let token = self.session_token.as_ref().is_none_or(|token| visible(token.expose()));
        for (name, good) in [
            ("access key id", visible(&self.access_key_id)),
            ("secret access key", visible(self.secret_access_key.expose())),
            ("session token", token),
        ] {
            if !good {
                return Err(CredentialsError::new(format!(
                    "the {name} is empty, or contains whitespace or another invalid character"
                )));
            }
        }
        Ok(self)
    }
}

/// Provides credentials: on first use, 5 minutes before they expire, and at least every 15 minutes.
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
    /// an action, so it must not contain a secret.
    fn provide_credentials(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>>;
}

/// There are no credentials, and why.
#[derive(Debug)]
pub struct CredentialsError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CredentialsError {
    /// An error with a message for the caller of an action.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CredentialsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

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
