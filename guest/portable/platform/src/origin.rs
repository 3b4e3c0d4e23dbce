//! Origins: scheme, host and port. The grammar is that of `portcullis_policy::Origin`, and a test
//! compares the two: that crate needs `std`, and this one must not.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// An origin (RFC 6454, section 4). Two are equal if scheme, host and port are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    https: bool,
    /// A DNS name in lower case, or an address in its canonical form.
    host: String,
    port: u16,
}

impl Origin {
    /// Parses `https://host` or `http://host:port`.
    ///
    /// # Errors
    /// Returns what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, authority) = text.split_once("://").ok_or(NO_SCHEME)?;
        let https = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(NO_SCHEME),
        };
        if authority.contains('@') {
            return Err("an origin has no user name");
        }
        if authority.contains(['/', '?', '#']) {
            return Err("an origin has no path, query or fragment");
        }
        if authority.contains('*') {
            return Err("an origin has no wildcard; list each origin by its name");
        }
        Self::new(https, authority)
    }

    /// Creates an origin from its scheme and its authority: a host, and optionally a port.
    ///
    /// # Errors
    /// Returns what is wrong with the authority.
    pub fn new(https: bool, authority: &str) -> Result<Self, &'static str> {
        let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
            let (address, after) =
                rest.split_once(']').ok_or("the IPv6 address has no closing ]")?;
            let address: Ipv6Addr =
                address.parse().map_err(|_| "the text in brackets is not an IPv6 address")?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':').ok_or("something follows the IPv6 address")?),
            };
            (alloc::format!("[{address}]"), port)
        } else if let Some((host, port)) = authority.split_once(':') {
            (parse_host(host)?, Some(port))
        } else {
            (parse_host(authority)?, None)
        };
        let port = port.map_or(Ok(default_port(https)), parse_port)?;
        Ok(Self { https, host, port })
    }
}

/// The reason why another spelling of an IPv4 address is refused.
pub(crate) const ODD_IPV4: &str =
    "an IPv4 address must have four decimal parts without leading zeros";

const NO_SCHEME: &str = "it does not begin with https:// or http://";

fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

fn parse_port(digits: &str) -> Result<u16, &'static str> {
    let plain = (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| plain && *port != 0);
    port.ok_or("the port is not a number from 1 to 65535")
}

/// A DNS name (RFC 1123, section 2.1) or a dotted IPv4 address.
fn parse_host(host: &str) -> Result<String, &'static str> {
    if host.is_empty() {
        return Err("the host is missing");
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    {
        return Err("a host has only ASCII letters, digits, dots, hyphens and underscores");
    }
    if host.ends_with('.') {
        return Err("the host ends with a dot, which would name it in a second way");
    }
    let label_is_wrong = |label: &str| {
        label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-')
    };
    if host.len() > 253 || host.split('.').any(label_is_wrong) {
        return Err("a label of the host is empty, too long, or begins or ends with a hyphen");
    }
    // URL parsers read a host whose last label is a number as an IPv4 address, in many spellings.
    // Only the dotted decimal form is accepted, on which all parsers agree.
    let last = host.rsplit('.').next().unwrap_or(host);
    let has_prefix = last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    if (has_prefix || last.bytes().all(|byte| byte.is_ascii_digit()))
        && host.parse::<Ipv4Addr>().is_err()
    {
        return Err(ODD_IPV4);
    }
    let mut host = host.to_owned();
    host.make_ascii_lowercase();
    Ok(host)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default_port(self.https) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scheme_host_and_port_are_compared() {
        let origin = |text| Origin::parse(text).unwrap();
        assert_eq!(origin("https://Example.com:443"), origin("https://example.com"));
        for other in ["http://example.com", "https://example.com:8443", "https://a.example.com"] {
            assert_ne!(origin(other), origin("https://example.com"), "{other}");
        }
        assert_eq!(origin("http://[2001:DB8::1]:8000").to_string(), "http://[2001:db8::1]:8000");
    }

    #[test]
    fn what_others_could_read_as_another_host_is_refused() {
        for wrong in [
            "example.com",
            "ftp://a",
            "https://",
            "https://a.",
            "https://a@b",
            "https://a/b",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://a:0",
            "https://a:+1",
            "https://*.a",
            "https://a b",
            "https://[::1",
            "https://[::1]x",
        ] {
            assert!(Origin::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_host_reads_the_same_origin(text in prop_oneof![
            "https?://[a-zA-Z0-9.:_-]{0,16}",
            "https?://[0-9x.]{1,16}(:[0-9]{1,6})?",
            "https?://\\[[0-9a-f:.]{1,12}\\](:[0-9]{0,3})?",
            ".{0,20}",
        ]) {
            let theirs = text.parse::<portcullis_policy::Origin>().map(|it| it.to_string());
            let ours = Origin::parse(&text).map(|it| it.to_string());
            prop_assert_eq!(ours.ok(), theirs.ok(), "{}", text);
        }
    }
}
