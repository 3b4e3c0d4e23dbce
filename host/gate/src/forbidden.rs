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
///
/// Servers that pass headers on as variables (CGI, RFC 3875, section 4.1.18) cannot tell `_` from
/// `-`, so `transfer_encoding` counts as `transfer-encoding`, and `content_length` is not a length
/// that anybody has checked.
pub(crate) fn is_forbidden(name: &HeaderName) -> bool {
    if !name.as_str().contains('_') {
        return is_listed(name);
    }
    let dashed = name.as_str().replace('_', "-");
    dashed == "content-length"
        || HeaderName::from_bytes(dashed.as_bytes()).is_ok_and(|name| is_listed(&name))
}

fn is_listed(name: &HeaderName) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_with_underscores_is_forbidden_like_its_twin() {
        let forbidden = |name: &'static str| is_forbidden(&HeaderName::from_static(name));
        for name in ["transfer_encoding", "content_length", "proxy_authorization", "http2_settings"]
        {
            assert!(forbidden(name), "{name}");
        }
        for name in ["content-length", "x_amz_target", "x-amz-target"] {
            assert!(!forbidden(name), "{name}");
        }
    }
}
