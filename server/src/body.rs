//! Request bodies, limited in bytes and in time.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portcullis_config::ServerConfig;

/// A body that was not read completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    TooSlow,
    /// It ended before its stated length, or is not HTTP.
    Broken,
}

impl BodyError {
    pub(crate) fn message(self, server: &ServerConfig) -> String {
        match self {
            Self::TooLarge => {
                format!("the body is larger than server.body-bytes, {}", server.body_bytes)
            }
            Self::TooSlow => format!(
                "the body did not arrive within server.body-timeout, {:?}",
                server.body_timeout
            ),
            Self::Broken => "the body ended before its stated length".to_string(),
        }
    }
}

/// Reads a body completely.
pub(crate) async fn read(body: Body, server: &ServerConfig) -> Result<Bytes, BodyError> {
    let max = usize::try_from(server.body_bytes.as_u64()).unwrap_or(usize::MAX);
    let reading = Limited::new(body, max).collect();
    match tokio::time::timeout(server.body_timeout, reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TooSlow),
    }
}
