//! The file with an identity token for STS.

use super::error::CredentialsError;
use std::path::PathBuf;

/// The most bytes of a token: STS accepts 20,000.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// A file with an identity token.
#[derive(Clone, Debug)]
pub(super) struct TokenFile {
    pub(super) path: PathBuf,
    /// What names the file, for the operator: a variable, or a line of a profile.
    pub(super) place: Option<String>,
}

impl TokenFile {
    /// Checks that the file has a token, so that an empty one is not sent. AWS's crate then reads it
    /// itself.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or has no token.
    pub(super) async fn check(&self) -> Result<(), CredentialsError> {
        let path = self.path.clone();
        let read = move || portcullis_files::read_trusted(&path, MAX_TOKEN_BYTES);
        let by = self.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        let error = |message: &str, detail: String| {
            Err(CredentialsError::new(message)
                .with_detail(format!("the file of the web identity token{by}: {detail}")))
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(token)) if token.iter().all(u8::is_ascii_whitespace) => error(
                "the file of the web identity token is empty",
                format!("{} is empty, so nothing was sent", self.path.display()),
            ),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(wrong)) => {
                error("the file of the web identity token cannot be read", wrong.to_string())
            }
            Err(wrong) => {
                error("the file of the web identity token cannot be read", wrong.to_string())
            }
        }
    }
}
