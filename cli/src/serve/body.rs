//! Bodies of requests, bounded in bytes and in time.

use super::problem::{Case, Problem};
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portcullis_config::ServerConfig;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLarge,
    TooSlow,
    /// It ended before its stated length, or is not HTTP.
    Broken,
}

/// Reads a body to its end.
pub(crate) async fn read(body: Body, server: &ServerConfig) -> Result<Bytes, Unread> {
    let most = usize::try_from(server.body_bytes.as_u64()).unwrap_or(usize::MAX);
    match tokio::time::timeout(server.body_timeout, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}

impl Unread {
    pub(crate) fn message(self, server: &ServerConfig) -> String {
        match self {
            Self::TooLarge => {
                format!("the body is larger than server.body-bytes, {}", server.body_bytes)
            }
            Self::TooSlow => format!(
                "the body did not come within server.body-timeout, {:?}",
                server.body_timeout
            ),
            Self::Broken => "the body ended before its length".to_string(),
        }
    }

    pub(crate) fn problem(self, server: &ServerConfig) -> Problem {
        let case = match self {
            Self::TooLarge => Case::TooLarge,
            Self::TooSlow => Case::TooSlow,
            Self::Broken => Case::BadRequest,
        };
        Problem::new(case, self.message(server))
    }
}
