//! Origins: scheme, host and port. An origin is parsed once, and the parsed value is checked,
//! dialled and used as the server name in TLS.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An origin: scheme, host and port (RFC 6454, section 4).
///
/// # Accepted forms
///
/// | text | accepted? |
/// |---|---|
/// | `https://dynamodb.eu-west-1.amazonaws.com` | yes, port 443 |
/// | `http://localhost:8000`, `http://127.0.0.1:8000`, `https://[2001:db8::1]:8443` | yes |
/// | `https://Example.com:443` | yes, equal to `https://example.com` |
/// | `https://xn--bcher-kva.example` | yes; other letters than ASCII need this form |
/// | `https://example.com/`, `https://example.com?a` | no: there is no path, query or fragment |
/// | `https://user@example.com` | no: an origin has no user name |
/// | `https://*.example.com` | no: an origin has no wildcard |
/// | `https://example.com.` | no: a trailing dot would name the same host in a second way |
/// | `https://2130706433`, `https://127.1` | no: an IPv4 address has four decimal parts |
///
/// # Matching
///
/// Two origins are equal if scheme, host and port are equal. Host names are compared in lower case,
/// and a missing port is the scheme's default port. Names are not resolved: `http://localhost` and
/// `http://127.0.0.1` are different origins.
///
/// ```
/// use portcullis_policy::{Origin, Scheme};
///
/// let origin: Origin = "https://Example.com:443".parse()?;
/// assert_eq!(origin, "https://example.com".parse()?);
/// assert_eq!((origin.scheme(), origin.port()), (Scheme::Https, 443));
/// assert_eq!(origin.to_string(), "https://example.com");
/// assert!("https://127.1".parse::<Origin>().is_err());
/// # Ok::<(), portcullis_policy::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    scheme: Scheme,
    host: HostName,
    port: u16,
}

/// A URL scheme that requests may use.
///
/// The enum is exhaustive on purpose: code that opens connections must handle each scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Without TLS, by default on port 80.
    Http,
    /// With TLS, by default on port 443.
    Https,
}

/// The host of an origin: a DNS name or an IP address.
///
/// The enum is exhaustive on purpose: a host in a URL is one or the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostName {
    /// A DNS name in lower case, without a trailing dot.
    Name(String),
    /// An IP address, which needs no resolving.
    Address(IpAddr),
}

/// The error of parsing an [`Origin`]. Its message quotes the first 300 bytes of the text and says
/// what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an origin: {reason}; expected scheme, host and optionally port, as in \
     https://dynamodb.eu-west-1.amazonaws.com"
)]
pub struct OriginError {
    text: String,
    reason: &'static str,
}

impl OriginError {
    fn new(text: &str, reason: &'static str) -> Self {
        Self { text: beginning(text).to_string(), reason }
    }
}

/// Returns the part of a text that messages show. A guest may have written the text, and it may be
/// as long as the guest's memory.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(300)]
}

impl Scheme {
    /// Returns the port of URLs that do not name a port.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// Returns `http` or `https`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Origin {
    /// Creates an origin from a scheme and the authority of a URL: a host and optionally a port.
    ///
    /// # Errors
    /// Returns an error if `authority` is not a host with an optional port.
    pub fn new(scheme: Scheme, authority: &str) -> Result<Self, OriginError> {
        parse_authority(scheme, authority).map_err(|reason| {
            OriginError::new(&format!("{}://{}", scheme.as_str(), beginning(authority)), reason)
        })
    }

    /// Returns the scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the host, and the port unless it is the scheme's default: the value of a `host`
    /// header.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn parse_authority(scheme: Scheme, authority: &str) -> Result<Origin, &'static str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) =
                rest.split_once(']').ok_or("the IPv6 address has no closing ]")?;
            let address = address
                .parse::<Ipv6Addr>()
                .map_err(|_| "the text in brackets is not an IPv6 address")?;
            let port = if after.is_empty() {
                None
            } else {
                Some(after.strip_prefix(':').ok_or("something follows the IPv6 address")?)
            };
            (HostName::Address(address.into()), port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (parse_host(host)?, Some(port)),
            None => (parse_host(authority)?, None),
        },
    };
    let port = match port {
        None => scheme.default_port(),
        Some(digits) => parse_port(digits)?,
    };
    Ok(Origin { scheme, host, port })
}

fn parse_port(digits: &str) -> Result<u16, &'static str> {
    // Parsing a `u16` would also accept a plus sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.len() > 5 {
        return Err("the port is not a number from 1 to 65535");
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err("the port is not a number from 1 to 65535"),
        Ok(port) => Ok(port),
    }
}

/// A DNS name (RFC 1123, section 2.1) or a dotted IPv4 address.
fn parse_host(host: &str) -> Result<HostName, &'static str> {
    if host.is_empty() {
        return Err("the host is missing");
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    {
        return Err("a host has only ASCII letters, digits, dots, hyphens and underscores");
    }
    if host.ends_with('.') {
        return Err("the host ends with a dot");
    }
    if host.len() > 253
        || host.split('.').any(|label| {
            label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-')
        })
    {
        return Err("a label of the host is empty, too long, or begins or ends with a hyphen");
    }
    // URL parsers read a host whose last label is a number as an IPv4 address, in many spellings
    // (WHATWG URL, "ends in a number"). Only the dotted decimal form is accepted, on which all
    // parsers agree.
    let last = host.rsplit('.').next().unwrap_or(host);
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.to_ascii_lowercase().starts_with("0x");
    if numeric {
        return host
            .parse::<Ipv4Addr>()
            .map(|address| HostName::Address(address.into()))
            .map_err(|_| "an IPv4 address must have four decimal parts without leading zeros");
    }
    Ok(HostName::Name(host.to_ascii_lowercase()))
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let fail = |reason| OriginError::new(text, reason);
        let (scheme, authority) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(fail("it does not start with https:// or http://"));
        };
        if authority.contains(['/', '?', '#']) {
            return Err(fail("an origin has no path, query or fragment"));
        }
        if authority.contains('@') {
            return Err(fail("an origin has no user name"));
        }
        if authority.contains('*') {
            return Err(fail("an origin has no wildcard; list each origin by its name"));
        }
        parse_authority(scheme, authority).map_err(fail)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

crate::text::as_text!(Origin);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn default_port_and_case_do_not_matter() {
        let origin: Origin = "https://Example.COM:443".parse().unwrap();
        assert_eq!(origin.to_string(), "https://example.com");
        assert_eq!(origin, "https://example.com".parse().unwrap());
        assert_ne!(origin, "http://example.com:443".parse().unwrap());
    }

    #[test]
    fn addresses_are_accepted_in_one_spelling_only() {
        assert!(matches!(
            "http://127.0.0.1:8000".parse::<Origin>().unwrap().host(),
            HostName::Address(_)
        ));
        assert_eq!(
            "https://[2001:DB8::1]:8443".parse::<Origin>().unwrap().to_string(),
            "https://[2001:db8::1]:8443"
        );
        for odd in [
            "http://2130706433",
            "http://0x7f000001",
            "http://0x7f.1",
            "http://127.1",
            "http://0177.0.0.1",
            "http://127.0.0.01",
            "http://1.2.3.4.5",
            "http://[fe80::1%25eth0]",
            "http://[::1",
            "http://::1",
        ] {
            assert!(odd.parse::<Origin>().is_err(), "{odd}");
        }
    }

    #[test]
    fn text_other_than_scheme_host_and_port_is_refused() {
        for wrong in [
            "",
            "https://",
            "example.com",
            "ftp://example.com",
            "https://a@b",
            "https://a/",
            "https://a?b",
            "https://a#b",
            "https://a.",
            "https://.a",
            "https://a..b",
            "https://*.a",
            "https://a:0",
            "https://a:65536",
            "https://a:+1",
            "https://a:",
            "https://a:b",
            "https://a%2eb",
            "https://é.com",
            "https://a b",
            "https://a\n",
            "HTTPS://a",
            "https://-a",
            "https://a:1:2",
        ] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn displayed_origin_parses_to_an_equal_origin(
            text in "https?://[A-Za-z0-9.\\-\\[\\]:]{1,30}",
        ) {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(origin.to_string().parse::<Origin>().unwrap(), origin);
            }
        }

        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = text.parse::<Origin>();
            let _ = Origin::new(Scheme::Http, &text);
        }
    }
}
