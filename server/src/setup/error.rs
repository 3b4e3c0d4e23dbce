//! Why a policy file cannot be put to work.

use std::error::Error as StdError;
use std::sync::Arc;

/// Why a policy file cannot be put to work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The options do not fit the policy file.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: Option<String>,
    },
    /// The policy file, or a file that it names, cannot be used.
    #[error("{message}")]
    Configuration {
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: Option<String>,
        /// The cause.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// The plugin does not accept the settings, or fails when it starts.
    #[error(transparent)]
    Call(#[from] portcullis::Error),
    /// One datasource cannot be connected.
    #[error("{source}\ndatasource: {name}")]
    Datasource {
        /// Its name.
        name: String,
        /// The reason.
        source: Arc<SetupError>,
    },
    /// The machine does not have what is needed: a port, an embedded database.
    #[error("{message}")]
    Environment {
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: Option<String>,
        /// The cause.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

impl SetupError {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), remedy: None }
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::Configuration { message: message.into(), remedy: None, source: None }
    }

    pub(crate) fn environment(message: impl Into<String>) -> Self {
        Self::Environment { message: message.into(), remedy: None, source: None }
    }

    /// Adds what to do.
    pub(crate) fn remedy(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Usage { remedy, .. }
            | Self::Configuration { remedy, .. }
            | Self::Environment { remedy, .. } => *remedy = Some(text.into()),
            Self::Call(_) | Self::Datasource { .. } => {}
        }
        self
    }

    /// Adds the cause.
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match &mut self {
            Self::Configuration { source, .. } | Self::Environment { source, .. } => {
                *source = Some(cause.into());
            }
            Self::Usage { .. } | Self::Call(_) | Self::Datasource { .. } => {}
        }
        self
    }
}

impl From<portcullis::LoadError> for SetupError {
    fn from(error: portcullis::LoadError) -> Self {
        Self::configuration(error.to_string()).because(error)
    }
}

impl From<portcullis::BuildError> for SetupError {
    fn from(error: portcullis::BuildError) -> Self {
        Self::configuration(error.to_string()).because(error)
    }
}

impl From<portcullis::TlsError> for SetupError {
    fn from(error: portcullis::TlsError) -> Self {
        let mut message = format!("the TLS files cannot be used: {error}");
        if let Some(cause) = std::error::Error::source(&error) {
            message = format!("{message}: {cause}");
        }
        Self::configuration(message).because(error)
    }
}
