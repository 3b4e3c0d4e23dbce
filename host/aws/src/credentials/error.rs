//! Why there are no credentials: a text for whoever calls, and one for the operator.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// There are no credentials, and why.
///
/// Its text (`Display`) reaches the plugin and the caller of an action. What only the operator may
/// know is in [`detail`](Self::detail): paths of files, and the standard error of a process. The
/// host writes it to its log, with the target `portcullis::credentials`.
///
/// ```
/// use portcullis_aws::CredentialsError;
///
/// let error = CredentialsError::new("the vault is closed").with_detail("/run/vault.sock: no peer");
/// assert_eq!(error.to_string(), "the vault is closed");
/// assert_eq!(error.detail(), "/run/vault.sock: no peer");
/// ```
#[derive(Clone, Debug)]
pub struct CredentialsError {
    message: String,
    detail: Option<String>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl CredentialsError {
    /// An error with a message for the caller of an action.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), detail: None, source: None }
    }

    /// Adds what the operator must know and others must not. It must not contain a secret.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The text for the operator: the detail, or the message if there is none.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or(&self.message)
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
