//! Who may call without a token: programs on the same machine, and no page in a browser.

use crate::failure::{problem, wire};
use crate::reply::Reply;
use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a request says about its target and its origin. Connections are not seen here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'r> {
    /// The authority of the request.
    pub authority: Option<&'r str>,
    /// The values of the header `host`.
    pub hosts: &'r [String],
    /// The values of the header `origin`.
    pub origins: &'r [String],
    /// The values of the header `sec-fetch-site`.
    pub sites: &'r [String],
}

/// Why a request without a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerError {
    /// It names another host than this machine.
    Host,
    /// A page of another site sent it.
    Page,
}

impl Caller<'_> {
    /// Checks a request to a service without a token, as `portcullis serve` does: it must name this
    /// machine, and no page of another site may have sent it.
    ///
    /// # Errors
    /// Returns which of the two it is.
    pub fn check(&self) -> Result<(), CallerError> {
        let named = || self.authority.into_iter().chain(self.hosts.iter().map(String::as_str));
        // Another name may resolve to this machine now and to another one later (DNS rebinding).
        if named().next().is_none() || !named().all(is_local) {
            return Err(CallerError::Host);
        }
        // Browsers add `Origin` to what pages send, but not to what they load, such as images;
        // `Sec-Fetch-Site` they add to both. https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
        let is_own = |origin: &String| {
            let authority = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
            authority.is_some_and(|it| named().all(|named| it.eq_ignore_ascii_case(named)))
        };
        let is_own_site = |site: &String| matches!(site.as_str(), "same-origin" | "none");
        let is_own_page = self.origins.iter().all(is_own) && self.sites.iter().all(is_own_site);
        if is_own_page { Ok(()) } else { Err(CallerError::Page) }
    }
}

/// Returns whether an authority is `localhost` or a loopback address, with any port.
fn is_local(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, after)) => {
            let is_loopback =
                address.parse().is_ok_and(|it: Ipv6Addr| IpAddr::V6(it).is_loopback());
            return is_loopback
                && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port));
        }
        None => {
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
        }
    };
    let is_loopback = || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback());
    port.is_none_or(is_port) && (host.eq_ignore_ascii_case("localhost") || is_loopback())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

impl CallerError {
    /// Returns the response, in the form of the client's protocol.
    #[must_use]
    pub fn reply(self, is_wire: bool) -> Reply {
        let (message, remedy) = match self {
            Self::Host => (
                "without PORTCULLIS_TOKEN, only requests to localhost, 127.0.0.1 or [::1] are accepted",
                "set PORTCULLIS_TOKEN, or call the service by one of these names",
            ),
            Self::Page => (
                "without PORTCULLIS_TOKEN, requests of pages of other sites are refused",
                "set PORTCULLIS_TOKEN, or do not call the service from a page",
            ),
        };
        if is_wire {
            return wire(400, "AccessDeniedException", &alloc::format!("{message}; {remedy}"));
        }
        problem(403, "forbidden", message, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: [&str; 6] =
        ["localhost", "LocalHost:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "[::1]"];

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_string()).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_accepted() {
        for local in LOCAL {
            let caller = Caller { authority: Some(local), ..Caller::default() };
            assert_eq!(caller.check(), Ok(()), "{local}");
        }
        for other in [
            "",
            "rebound.example:8080",
            "localhost.example",
            "localhost@a.example",
            "127.0.0.1@a.example",
            "127.0.0.1:80:80",
            "127.0.0.1:+80",
            "127.1",
            "10.0.0.1",
            "[2001:db8::1]:8080",
            "[::1]x",
            "[::1",
        ] {
            let caller = Caller { authority: Some(other), ..Caller::default() };
            assert_eq!(caller.check(), Err(CallerError::Host), "{other}");
            // Engines differ in whether they show both.
            let hosts = list(&[other]);
            let caller =
                Caller { authority: Some("localhost"), hosts: &hosts, ..Caller::default() };
            assert_eq!(caller.check(), Err(CallerError::Host), "{other}");
        }
        assert_eq!(Caller::default().check(), Err(CallerError::Host));
    }

    #[test]
    fn no_page_of_another_site_may_call() {
        let check = |origins: &[&str], sites: &[&str]| {
            let (origins, sites) = (list(origins), list(sites));
            let authority = Some("localhost:8080");
            Caller { authority, origins: &origins, sites: &sites, hosts: &[] }.check()
        };
        assert_eq!(check(&["http://localhost:8080"], &["same-origin"]), Ok(()));
        assert_eq!(check(&[], &["none"]), Ok(()));
        for origin in ["null", "", "http://a.example", "http://localhost:8081", "localhost:8080"] {
            assert_eq!(check(&[origin], &[]), Err(CallerError::Page), "{origin}");
            assert_eq!(check(&["http://localhost:8080", origin], &[]), Err(CallerError::Page));
        }
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(check(&[], &[site]), Err(CallerError::Page), "{site}");
        }
    }

    #[test]
    fn a_refusal_says_what_would_be_accepted() {
        for is_wire in [false, true] {
            let reply = CallerError::Host.reply(is_wire);
            assert_eq!(reply.status, if is_wire { 400 } else { 403 });
            let text = String::from_utf8(reply.body).unwrap();
            assert!(text.contains("set PORTCULLIS_TOKEN"), "{text}");
        }
    }
}
