//! Requests that are checked and not sent.

use bytes::Bytes;
use http::{HeaderMap, Method};
use portcullis_policy::Origin;
use std::fmt;
use std::sync::Arc;

/// Gets the requests of a guest instead of the network.
///
/// Every check has passed that needs no network. A name is not resolved, so what the policy says
/// about the addresses of names is not checked.
///
/// ```
/// use portcullis_gate::{CheckedRequest, DryRun, Egress};
/// use portcullis_policy::Policy;
/// use std::sync::Arc;
///
/// struct Print;
///
/// impl DryRun for Print {
///     fn checked(&self, request: CheckedRequest) {
///         println!("{} {}{}", request.method, request.origin, request.path);
///     }
/// }
///
/// let egress = Egress::builder(Policy::default()).dry_run(Arc::new(Print)).build()?;
/// # drop(egress);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait DryRun: Send + Sync {
    /// A request passed. The guest is told that it was refused.
    fn checked(&self, request: CheckedRequest);
}

/// A request that passed the checks and would have left.
#[non_exhaustive]
pub struct CheckedRequest {
    /// The method.
    pub method: Method,
    /// Scheme, host and port.
    pub origin: Arc<Origin>,
    /// Path and query.
    pub path: String,
    /// The headers, with the one that names the host.
    pub headers: HeaderMap,
    /// The whole body. It has at most `limits.request-bytes`.
    pub body: Bytes,
}

impl fmt::Debug for CheckedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and body may contain what a user considers secret.
        f.debug_struct("CheckedRequest")
            .field("method", &self.method)
            .field("origin", &self.origin)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
