//! Headers that no plugin may write: they belong to the connection, or would make the service respond
//! in a form that nobody here decodes. `host/gate/src/forbidden.rs` has the host's list.

/// Returns whether a plugin may not write the header. Servers that pass headers on as variables
/// (CGI, RFC 3875, section 4.1.18) cannot tell `_` from `-`, so `transfer_encoding` counts as
/// `transfer-encoding`, and `content_length` is not a length that anybody has checked.
pub(crate) fn is_forbidden(name: &str) -> bool {
    let mut dashed = name.replace('_', "-");
    dashed.make_ascii_lowercase();
    LISTED.contains(&dashed.as_str())
        || dashed.starts_with("proxy-")
        || dashed.starts_with("x-forwarded-")
        || (dashed == "content-length" && name.contains('_'))
}

const LISTED: [&str; 13] = [
    "accept-encoding",
    "connection",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "sec-websocket-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

#[cfg(test)]
mod tests {
    use super::is_forbidden;

    #[test]
    fn header_with_underscores_is_forbidden_like_its_twin() {
        for name in [
            "Host",
            "transfer_encoding",
            "content_length",
            "Proxy-Authorization",
            "x_forwarded_for",
        ] {
            assert!(is_forbidden(name), "{name}");
        }
        for name in ["content-length", "x_amz_target", "x-amz-target", "authorization"] {
            assert!(!is_forbidden(name), "{name}");
        }
    }
}
