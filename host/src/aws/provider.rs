//! Providers of credentials. A policy names one; it never holds a secret itself.

use super::{Secret, read_private};
use portcullis_policy::CredentialSource;
use serde::Deserialize;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

/// An AWS identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id; not secret.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token of temporary credentials.
    pub session_token: Option<Secret>,
    /// When temporary credentials end.
    pub expires: Option<SystemTime>,
}

/// Why there are no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialsError(pub String);

/// Fetches credentials: when they are first needed, 5 minutes ahead of their end, and every 15 minutes at the least.
pub trait ProvideCredentials: fmt::Debug + Send + Sync {
    /// Fetches them.
    fn fetch(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>>;
}

/// The provider of a source that needs no request; [`crate::Host::provider`] knows the others too.
pub(crate) fn own(source: &CredentialSource) -> Arc<dyn ProvideCredentials> {
    match source {
        CredentialSource::File { path } => Arc::new(SecretFile::new(path)),
        CredentialSource::Env { prefix } => Arc::new(Environment::with_prefix(prefix)),
        other => Arc::new(Unsupported(other.clone())),
    }
}

/// A source of AWS's own, in a host that was built without them.
#[derive(Debug)]
struct Unsupported(CredentialSource);

impl ProvideCredentials for Unsupported {
    fn fetch(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
        let message = format!(
            "this host was built without AWS's own sources of credentials (feature aws-config), and {:?} is one",
            self.0
        );
        Box::pin(std::future::ready(Err(CredentialsError(message))))
    }
}

/// Credentials that the embedder holds.
#[derive(Debug)]
pub struct Fixed(Credentials);

impl Fixed {
    /// These credentials.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self(credentials)
    }

    /// A key id and its secret.
    #[must_use]
    pub fn key(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self(Credentials {
            access_key_id: access_key_id.into(),
            secret_access_key: Secret::new(secret_access_key),
            session_token: None,
            expires: None,
        })
    }
}

impl ProvideCredentials for Fixed {
    fn fetch(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

/// Credentials of the process's environment.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>
#[derive(Debug, Default)]
pub struct Environment {
    prefix: String,
}

impl Environment {
    /// The variables `{prefix}AWS_ACCESS_KEY_ID`, `{prefix}AWS_SECRET_ACCESS_KEY` and `{prefix}AWS_SESSION_TOKEN`.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> Self {
        Self { prefix: prefix.to_string() }
    }

    fn read(&self) -> Result<Credentials, CredentialsError> {
        let variable = |name: &str| {
            std::env::var(format!("{}{name}", self.prefix)).ok().filter(|value| !value.is_empty())
        };
        let required = |name: &str| {
            variable(name).ok_or_else(|| {
                CredentialsError(format!(
                    "the environment variable {}{name} is not set",
                    self.prefix
                ))
            })
        };
        checked(Credentials {
            access_key_id: required("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret::new(required("AWS_SECRET_ACCESS_KEY")?),
            session_token: variable("AWS_SESSION_TOKEN").map(Secret::new),
            expires: None,
        })
    }
}

impl ProvideCredentials for Environment {
    fn fetch(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
        Box::pin(std::future::ready(self.read()))
    }
}

/// Credentials in a TOML file: `access_key_id`, `secret_access_key`, and `session_token` where there is one. On Unix its
/// mode must leave it to its owner alone.
#[derive(Debug)]
pub struct SecretFile {
    path: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileContent {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl SecretFile {
    /// The file at `path`; it is read when credentials are needed.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    fn read(&self) -> Result<Credentials, CredentialsError> {
        let fail = |what: String| CredentialsError(format!("the credentials file {what}"));
        let bytes = read_private(&self.path).map_err(fail)?;
        // The parser's message would quote the line, and with it the secret.
        let content = std::str::from_utf8(&bytes).ok().and_then(|text| toml::from_str::<FileContent>(text).ok()).ok_or_else(|| {
            let path = self.path.display();
            fail(format!("{path} is not TOML with access_key_id, secret_access_key and, if there is one, session_token"))
        })?;
        checked(Credentials {
            access_key_id: content.access_key_id,
            secret_access_key: Secret::new(content.secret_access_key),
            session_token: content.session_token.map(Secret::new),
            expires: None,
        })
    }
}

/// Credentials that can stand in headers, and are not empty: anything else is a mistake in copying them.
pub(crate) fn checked(credentials: Credentials) -> Result<Credentials, CredentialsError> {
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let token = credentials.session_token.as_ref().is_none_or(|token| visible(token.expose()));
    for (name, good) in [
        ("access key id", visible(&credentials.access_key_id)),
        ("secret access key", visible(credentials.secret_access_key.expose())),
        ("session token", token),
    ] {
        if !good {
            return Err(CredentialsError(format!(
                "the {name} is empty, or has a space, a line break or another odd character"
            )));
        }
    }
    Ok(credentials)
}

impl ProvideCredentials for SecretFile {
    fn fetch(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
        Box::pin(std::future::ready(self.read()))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(name: &str, content: &str, mode: u32) -> SecretFile {
        let path = std::env::temp_dir().join(format!("portcullis-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        SecretFile::new(&path)
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let content = "access_key_id = \"A\"\nsecret_access_key = \"B\"\n";
        let open = file("open", content, 0o644);
        assert!(open.read().unwrap_err().to_string().contains("chmod 600"));
        let closed = file("closed", content, 0o600);
        assert_eq!(closed.read().unwrap().secret_access_key, Secret::new("B"));
        for file in [open, closed] {
            std::fs::remove_file(file.path).unwrap();
        }
    }

    #[test]
    fn a_wrong_file_is_not_quoted() {
        let wrong = file("wrong", "secret_access_key = \"hunter2\"\nacces_key = 1\n", 0o600);
        let message = wrong.read().unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
        std::fs::remove_file(wrong.path).unwrap();
    }
}
