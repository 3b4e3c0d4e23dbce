//! Sources of credentials that need no request. A policy names a source; it never holds a secret.

use super::check::{Places, UNNAMED};
use super::error::CredentialsError;
use super::identity::{Credentials, ProvideCredentials, Providing};
use crate::secret::Secret;
use portcullis_files::read_secret;
use portcullis_policy::CredentialSource;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The provider of a source that needs no request.
pub(super) fn own(source: &CredentialSource) -> Arc<dyn ProvideCredentials> {
    match source {
        CredentialSource::File { path } => Arc::new(CredentialsFile::new(path)),
        CredentialSource::Env { prefix } => Arc::new(EnvCredentials::with_prefix(prefix)),
        other => Arc::new(Unsupported(other.clone())),
    }
}

/// A source of AWS's own, in a host that was built without them.
#[derive(Debug)]
struct Unsupported(CredentialSource);

impl ProvideCredentials for Unsupported {
    fn provide_credentials(&self) -> Providing<'_> {
        let message = format!(
            "this host was built without AWS's own sources of credentials (feature aws-config), \
             and {} is one",
            self.0
        );
        Box::pin(std::future::ready(Err(CredentialsError::new(message))))
    }
}

/// Credentials that the embedder holds.
///
/// ```
/// use portcullis_aws::StaticCredentials;
///
/// let credentials = StaticCredentials::from_key("AKIDEXAMPLE", "wJalrXUtnFEMI");
/// assert!(!format!("{credentials:?}").contains("wJalrXUtnFEMI"));
/// ```
#[derive(Debug)]
pub struct StaticCredentials(Credentials);

impl StaticCredentials {
    /// Always provides `credentials`.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self(credentials)
    }

    /// Always provides a key id and its secret, without a session token.
    #[must_use]
    pub fn from_key(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
    ) -> Self {
        Self(Credentials {
            access_key_id: access_key_id.into(),
            secret_access_key: Secret::new(secret_access_key),
            session_token: None,
            expires: None,
        })
    }
}

impl ProvideCredentials for StaticCredentials {
    fn provide_credentials(&self) -> Providing<'_> {
        Box::pin(std::future::ready(self.0.clone().checked(&UNNAMED)))
    }
}

/// Credentials from the process's environment.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>
///
/// ```no_run
/// use portcullis_aws::{EnvCredentials, ProvideCredentials};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = EnvCredentials::default().provide_credentials().await?;
/// println!("{}", credentials.access_key_id);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct EnvCredentials {
    prefix: String,
}

impl EnvCredentials {
    /// Reads the variables `{prefix}AWS_ACCESS_KEY_ID`, `{prefix}AWS_SECRET_ACCESS_KEY` and
    /// `{prefix}AWS_SESSION_TOKEN`.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> Self {
        Self { prefix: prefix.to_string() }
    }

    fn read(&self) -> Result<Credentials, CredentialsError> {
        let name = |variable: &str| format!("{}{variable}", self.prefix);
        let (id, secret, token) =
            (name("AWS_ACCESS_KEY_ID"), name("AWS_SECRET_ACCESS_KEY"), name("AWS_SESSION_TOKEN"));
        // An empty variable counts as one that is not set.
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let required = |name: &str| {
            variable(name).ok_or_else(|| {
                CredentialsError::new(format!("the environment variable {name} is not set"))
            })
        };
        let credentials = Credentials {
            access_key_id: required(&id)?,
            secret_access_key: Secret::new(required(&secret)?),
            session_token: variable(&token).map(Secret::new),
            expires: None,
        };
        let [id, secret, token] =
            [id, secret, token].map(|name| format!("the environment variable {name}"));
        credentials.checked(&Places { id: &id, secret: &secret, token: &token, file: None })
    }
}

impl ProvideCredentials for EnvCredentials {
    fn provide_credentials(&self) -> Providing<'_> {
        Box::pin(std::future::ready(self.read()))
    }
}

/// Credentials from a TOML file with `access_key_id`, `secret_access_key` and, for temporary
/// credentials, `session_token`. Others must not be able to read it (`portcullis_files::read_secret`).
#[derive(Debug)]
pub struct CredentialsFile {
    path: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileContent {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl CredentialsFile {
    /// The file at `path`. It is read when credentials are needed.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// Reads the file. It blocks.
    fn read(path: &Path) -> Result<Credentials, CredentialsError> {
        let bytes = read_secret(path).map_err(|error| {
            CredentialsError::new("the credentials file cannot be read")
                .with_detail(format!("the credentials file {error}"))
                .with_source(error)
        })?;
        // The parser's own message would quote the line, and with it the secret.
        let content = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| toml::from_str::<FileContent>(text).ok())
            .ok_or_else(|| {
                let wrong = "is not TOML with access_key_id, secret_access_key and, for temporary \
                             credentials, session_token";
                CredentialsError::new(format!("the credentials file {wrong}"))
                    .with_detail(format!("the credentials file {} {wrong}", path.display()))
            })?;
        let credentials = Credentials {
            access_key_id: content.access_key_id,
            secret_access_key: Secret::new(content.secret_access_key),
            session_token: content.session_token.map(Secret::new),
            expires: None,
        };
        credentials.checked(&Places {
            id: "access_key_id in the credentials file",
            secret: "secret_access_key in the credentials file",
            token: "session_token in the credentials file",
            file: Some(&path.display().to_string()),
        })
    }
}

impl ProvideCredentials for CredentialsFile {
    fn provide_credentials(&self) -> Providing<'_> {
        Box::pin(async {
            let path = self.path.clone();
            // On a thread of its own: the file may be on a disk that does not respond.
            let reading = tokio::task::spawn_blocking(move || Self::read(&path)).await;
            let failed = |_| Err(CredentialsError::new("reading the credentials file failed"));
            reading.unwrap_or_else(failed)
        })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(name: &str, content: &str, mode: u32) -> CredentialsFile {
        let path = std::env::temp_dir().join(format!("portcullis-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        CredentialsFile::new(&path)
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let content = "access_key_id = \"A\"\nsecret_access_key = \"B\"\n";
        let open = file("open", content, 0o644);
        let error = CredentialsFile::read(&open.path).unwrap_err();
        assert!(error.detail().contains("chmod 600"), "{}", error.detail());
        let closed = file("closed", content, 0o600);
        let credentials = CredentialsFile::read(&closed.path).unwrap();
        assert_eq!(credentials.secret_access_key, Secret::new("B"));
        for file in [open, closed] {
            std::fs::remove_file(file.path).unwrap();
        }
    }

    #[test]
    fn an_error_never_quotes_the_file_and_only_the_operator_sees_its_path() {
        let wrong = file("wrong", "secret_access_key = \"hunter2\"\nacces_key = 1\n", 0o600);
        let quoted = "access_key_id = \"hunter2 \"\nsecret_access_key = \"B\"\n";
        let blank = file("blank", quoted, 0o600);
        for file in [&wrong, &blank] {
            let error = CredentialsFile::read(&file.path).unwrap_err();
            let (message, path) = (error.to_string(), file.path.display().to_string());
            assert!(!error.detail().contains("hunter2"), "{}", error.detail());
            assert!(error.detail().contains(&path), "{}", error.detail());
            assert!(!message.contains(&path), "{message}");
            assert!(message.contains("access_key_id"), "{message}");
        }
        for file in [wrong, blank] {
            std::fs::remove_file(file.path).unwrap();
        }
    }
}
