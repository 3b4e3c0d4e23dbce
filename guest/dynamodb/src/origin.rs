//! The endpoint in the settings: a scheme, a host and a port, and nothing else.

use crate::transcode::Diagnostic;
use alloc::format;
use alloc::string::{String, ToString};
use core::net::Ipv6Addr;

/// An endpoint to use instead of the region's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomEndpoint {
    /// Whether to use TLS.
    pub https: bool,
    /// The host, and the port if it is not the default of the scheme.
    pub authority: String,
}

impl CustomEndpoint {
    /// Parses an endpoint. Its authority is normalised as the host normalises the `host` header,
    /// because the signed value must be the value that is sent.
    ///
    /// ```
    /// use dynamodb_plugin::origin::CustomEndpoint;
    ///
    /// let endpoint = CustomEndpoint::parse("http://LOCALHOST:8000/").unwrap();
    /// assert_eq!((endpoint.https, endpoint.authority.as_str()), (false, "localhost:8000"));
    ///
    /// let error = CustomEndpoint::parse("localhost:8000").unwrap_err();
    /// assert!(error.message.ends_with("write http://localhost:8000"));
    /// ```
    ///
    /// # Errors
    /// Returns a diagnostic for `/endpoint` that says which part is wrong and what to write. It
    /// does not repeat what may be a secret: a user name, a password, a path or a query.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        read(text).map_err(|message| Diagnostic::new("/endpoint", message))
    }
}

fn read(text: &str) -> Result<CustomEndpoint, String> {
    let lower = text.to_ascii_lowercase();
    let (https, rest) = scheme(&lower)?;
    let prefix = if https { "https://" } else { "http://" };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let (user, authority) = match authority.rsplit_once('@') {
        Some((_, authority)) => (true, authority),
        None => (false, authority),
    };
    let extra = if user {
        Some(
            "a user name or a password before @, but requests are signed with the credentials of \
              the policy",
        )
    } else {
        match after.as_bytes() {
            [] | b"/" => None,
            [b'?', ..] | [b'/', b'?', ..] => Some("a query after ?, but requests have none"),
            [b'#', ..] | [b'/', b'#', ..] => Some("a fragment after #, but requests have none"),
            [b'\\', ..] => Some("a backslash"),
            _ => Some("a path after the host, but all requests go to /"),
        }
    };
    let parsed = host_and_port(authority, prefix);
    match (extra, parsed) {
        (None, parsed) => parsed.map(|(host, port)| with_port(https, &host, port)),
        (Some(extra), Ok((host, port))) => {
            let CustomEndpoint { authority, .. } = with_port(https, &host, port);
            Err(format!("the endpoint has {extra}; write {prefix}{authority}"))
        }
        (Some(extra), Err(_)) => Err(format!(
            "the endpoint has {extra}; write just the scheme, the host and the port{EXAMPLE}"
        )),
    }
}

const EXAMPLE: &str = ", such as https://dynamodb.eu-west-1.amazonaws.com or http://localhost:8000";

/// Splits an endpoint into whether its scheme is `https`, and the rest.
fn scheme(lower: &str) -> Result<(bool, &str), String> {
    for (prefix, https) in [("https://", true), ("http://", false)] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            return Ok((https, rest));
        }
    }
    let wanted = "expected https:// or http:// and a host";
    if let Some((other, _)) = lower.split_once("://") {
        let known = other.bytes().all(|byte| byte.is_ascii_alphanumeric()) && other.len() <= 12;
        let found = if known { other } else { "another one" };
        return Err(format!("the scheme of the endpoint is {found}; {wanted}{EXAMPLE}"));
    }
    // `https:host`, `https:/host`, `http:\\host`, `//host`
    let slashes: &[char] = &['/', '\\', ':'];
    let (https, rest) = if let Some(rest) =
        lower.strip_prefix("https").filter(|rest| rest.starts_with(slashes))
    {
        (Some(true), rest)
    } else if let Some(rest) = lower.strip_prefix("http").filter(|rest| rest.starts_with(slashes)) {
        (Some(false), rest)
    } else {
        (None, lower)
    };
    let rest = rest.trim_start_matches(slashes);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    let is_local = host == "localhost"
        || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        || !host.contains('.');
    let https = https.unwrap_or(!is_local);
    let prefix = if https { "https://" } else { "http://" };
    let problem = "the endpoint does not start with https:// or http://";
    match host_and_port(authority, prefix) {
        Ok((host, port)) => {
            let CustomEndpoint { authority, .. } = with_port(https, &host, port);
            Err(format!("{problem}; write {prefix}{authority}"))
        }
        Err(_) => Err(format!("{problem}; {wanted}{EXAMPLE}")),
    }
}

/// Parses and normalises the host and the port.
fn host_and_port(authority: &str, prefix: &str) -> Result<(String, Option<u16>), String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) =
            rest.split_once(']').ok_or("the IPv6 address of the endpoint has no closing ]")?;
        if address.contains('%') {
            return Err(
                "the IPv6 address of the endpoint has a zone after %; remove the zone, or \
                        use an address that needs none"
                    .to_string(),
            );
        }
        let address: Ipv6Addr = address.parse().map_err(|_| {
            format!(
                "the endpoint has brackets, but no IPv6 address in them, as in {prefix}[::1]:8000"
            )
        })?;
        return match after.strip_prefix(':') {
            Some(digits) => Ok((format!("[{address}]"), Some(port(digits)?))),
            None if after.is_empty() => Ok((format!("[{address}]"), None)),
            None => {
                Err("unexpected text after the IPv6 address of the endpoint; a port follows a \
                         colon"
                    .to_string())
            }
        };
    }
    if let Ok(address) = authority.parse::<Ipv6Addr>() {
        return Err(format!(
            "an IPv6 address in the endpoint needs brackets; write {prefix}[{address}]"
        ));
    }
    let (host, digits) = match authority.split_once(':') {
        Some((host, digits)) => (host, Some(digits)),
        None => (authority, None),
    };
    check_host(host, digits, prefix)?;
    Ok((host.to_string(), digits.map(port).transpose()?))
}

/// Checks that a host is an IPv4 address or a name in ASCII (RFC 1123, section 2.1). Underscores
/// are allowed, because names of containers have them.
fn check_host(host: &str, digits: Option<&str>, prefix: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err(format!("the endpoint has no host{EXAMPLE}"));
    }
    let wrong = |c: &char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_');
    match host.chars().find(wrong) {
        Some(' ' | '\t' | '\n' | '\u{a0}') => {
            return Err("the host of the endpoint contains white space; remove it".to_string());
        }
        Some('%') => {
            return Err(
                "the host of the endpoint contains %; write the characters themselves".to_string()
            );
        }
        Some(c) if !c.is_ascii() => {
            return Err(format!(
                "the host of the endpoint contains {c} (U+{:04X}), but names of hosts are in \
                 ASCII; write the form that starts with xn--",
                u32::from(c)
            ));
        }
        Some(c) => {
            return Err(format!(
                "the host of the endpoint contains {c:?}; expected letters, digits, hyphens and \
                 dots"
            ));
        }
        None => {}
    }
    let name = host.trim_end_matches('.');
    if name != host && !name.is_empty() {
        let port = digits.map_or_else(String::new, |_| ":PORT".to_string());
        let port = match digits.map(self::port) {
            Some(Ok(port)) => format!(":{port}"),
            _ => port,
        };
        return Err(format!(
            "the host of the endpoint ends with a dot, which certificates do not have; write \
             {prefix}{name}{port}"
        ));
    }
    for label in host.split('.') {
        let problem = if label.is_empty() {
            "has an empty part between two dots"
        } else if label.len() > 63 {
            "has a part of more than 63 characters between dots"
        } else if label.starts_with('-') || label.ends_with('-') {
            "has a part that starts or ends with a hyphen"
        } else {
            continue;
        };
        return Err(format!("the host of the endpoint {problem}; check it for typing errors"));
    }
    Ok(())
}

fn port(digits: &str) -> Result<u16, String> {
    if digits.is_empty() {
        return Err(
            "the port of the endpoint is missing after the colon; write it, or remove the \
                    colon"
                .to_string(),
        );
    }
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port > 0).ok_or_else(|| {
        let shown = if digits.len() <= 12 && is_number { digits } else { "text" };
        format!("the port of the endpoint is {shown}; expected a number from 1 to 65535")
    })
}

/// The host omits the scheme's default port from the `host` header, so it is omitted here too.
fn with_port(https: bool, host: &str, port: Option<u16>) -> CustomEndpoint {
    let default_port = if https { 443 } else { 80 };
    let authority = match port.filter(|port| *port != default_port) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_string(),
    };
    CustomEndpoint { https, authority }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_that_an_endpoint_must_not_have_has_its_own_text() {
        for (endpoint, parts) in [
            ("https://db.example/v1", &["a path", "write https://db.example"][..]),
            ("https://db.example:8443/v1/?a=b", &["a path", "write https://db.example:8443"]),
            ("https://db.example?token=x", &["a query", "write https://db.example"]),
            ("https://db.example/?token=x", &["a query", "write https://db.example"]),
            ("https://db.example/#x", &["a fragment", "write https://db.example"]),
            ("http://me:token@db.example:8000", &["a user name", "write http://db.example:8000"]),
            ("https://me@db.example/x", &["a user name", "write https://db.example"]),
            ("https://db.example.", &["ends with a dot", "write https://db.example"]),
            ("http://db.example.:8000/", &["ends with a dot", "write http://db.example:8000"]),
            ("https://bücher.example", &["ü (U+00FC)", "ASCII", "xn--"]),
            ("https://例え.jp:8000", &["例 (U+4F8B)", "xn--"]),
            ("localhost:8000", &["does not start with", "write http://localhost:8000"]),
            ("localhost", &["does not start with", "write http://localhost"]),
            ("127.0.0.1:8000", &["does not start with", "write http://127.0.0.1:8000"]),
            (
                "dynamodb.eu-west-1.amazonaws.com",
                &["write https://dynamodb.eu-west-1.amazonaws.com"],
            ),
            ("//db.example/x", &["does not start with", "write https://db.example"]),
            ("https:/db.example", &["does not start with", "write https://db.example"]),
            ("http:\\\\localhost:8000", &["does not start with", "write http://localhost:8000"]),
            ("me:token@db.example", &["does not start with", "write https://db.example"]),
            ("ftp://db.example", &["the scheme of the endpoint is ftp", "https://"]),
            ("dynamodb://db.example", &["the scheme of the endpoint is dynamodb"]),
            ("https://", &["no host"]),
            ("https:///x", &["a path"]),
            ("https://db example", &["white space"]),
            ("https://%61", &["contains %"]),
            ("https://*.example", &["contains '*'"]),
            ("https://a..b", &["an empty part"]),
            ("https://-a.b", &["hyphen"]),
            ("http://::1", &["brackets", "write http://[::1]"]),
            ("http://[::1", &["no closing ]"]),
            ("http://[fe80::1%25eth0]:8000", &["zone"]),
            ("http://[localhost]", &["no IPv6 address", "http://[::1]:8000"]),
            ("http://[::1]8000", &["after the IPv6 address"]),
            ("http://localhost:", &["port", "missing"]),
            ("http://localhost:99999", &["port of the endpoint is 99999", "1 to 65535"]),
            ("http://localhost:0", &["port of the endpoint is 0"]),
            ("http://localhost:abc", &["port of the endpoint is text"]),
        ] {
            let error = CustomEndpoint::parse(endpoint).unwrap_err();
            assert_eq!(error.pointer, "/endpoint");
            for part in parts {
                assert!(error.message.contains(part), "{endpoint}: {} ({part})", error.message);
            }
            assert!(!error.message.contains("token"), "{endpoint}: {}", error.message);
        }
    }

    #[test]
    fn what_a_message_proposes_is_an_endpoint() {
        for endpoint in ["localhost:8000", "https://a:b@h.example:443/x", "http://h.example./"] {
            let message = CustomEndpoint::parse(endpoint).unwrap_err().message;
            let proposed = message.rsplit("write ").next().unwrap();
            assert!(CustomEndpoint::parse(proposed).is_ok(), "{endpoint}: {message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_endpoint_is_parsed_or_gets_a_short_message(
            text in "(https?:)?/{0,2}[a-zü@:/?#%.\\[\\] 0-9-]{0,30}",
            any in ".*",
        ) {
            for text in [text, any] {
                match CustomEndpoint::parse(&text) {
                    Ok(endpoint) => {
                        let ascii = endpoint.authority.is_ascii();
                        proptest::prop_assert!(ascii && !endpoint.authority.is_empty());
                    }
                    Err(error) => proptest::prop_assert!(error.message.len() < 400),
                }
            }
        }
    }
}
