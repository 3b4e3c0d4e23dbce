//! Credentials that several datasources share.

use super::fetch::Fetcher;
use super::identity::{Credentials, ProvideCredentials, Providing};
use std::fmt;
use std::sync::Arc;

/// Credentials that are fetched once for all datasources that have this provider, instead of once for
/// each. A source such as a role has to be asked for them, and limits how often.
///
/// ```
/// use portcullis_aws::{EnvCredentials, SharedCredentials};
/// use std::sync::Arc;
///
/// let shared = Arc::new(SharedCredentials::new(Arc::new(EnvCredentials::default())));
/// # drop(shared);
/// ```
pub struct SharedCredentials {
    source: Arc<dyn ProvideCredentials>,
    fetcher: Fetcher,
}

impl SharedCredentials {
    /// Shares the credentials of `source`.
    #[must_use]
    pub fn new(source: Arc<dyn ProvideCredentials>) -> Self {
        Self { source: source.clone(), fetcher: Fetcher::new(source) }
    }
}

impl ProvideCredentials for SharedCredentials {
    fn provide_credentials(&self) -> Providing<'_> {
        Box::pin(async move { Ok(Credentials::clone(&self.fetcher.current().await?.credentials)) })
    }
}

impl fmt::Debug for SharedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedCredentials").field(&self.source).finish()
    }
}
