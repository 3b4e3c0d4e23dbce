//! Headers that a guest may neither write nor read.

use http::HeaderName;
use std::sync::{Arc, LazyLock};
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, ForbiddenHeaderFilter};

/// The filter for wasmtime: headers that belong to the connection, or that would make the service
/// respond in a form that nobody here decodes.
pub(crate) fn filter() -> ForbiddenHeaderFilter {
    FILTER.clone()
}

/// Whether a guest may neither write nor read `name`.
pub(crate) fn is_forbidden(name: &HeaderName) -> bool {
    /// `static`, because a `const` array is created again at each use.
    static DEFAULT: [HeaderName; 9] = DEFAULT_FORBIDDEN_HEADERS;
    DEFAULT.contains(name)
        || matches!(
            name.as_str(),
            "accept-encoding"
                | "expect"
                | "te"
                | "trailer"
                | "via"
                | "forwarded"
                | "sec-websocket-key"
                | "http2-settings"
        )
        || name.as_str().starts_with("proxy-")
        || name.as_str().starts_with("x-forwarded-")
}

static FILTER: LazyLock<ForbiddenHeaderFilter> = LazyLock::new(|| Arc::new(is_forbidden));
