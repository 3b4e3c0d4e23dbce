//! Headers that several modules use.

use http::{HeaderMap, HeaderName};

/// The id of a request, for audit records and logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The tenant for whom a platform acts.
pub(crate) const TENANT: HeaderName = HeaderName::from_static("x-portcullis-tenant");

/// The value of a header that occurs exactly once. Two would be two different claims.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    only.to_str().ok()
}
