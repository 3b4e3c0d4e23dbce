//! Who a connection comes from, also behind a load balancer.

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of the client's machine, as an extension of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// The peer of a request. Every request on a connection has one.
    pub(crate) fn of<B>(request: &http::Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or(Self(Ipv4Addr::UNSPECIFIED.into()))
    }
}

/// The load balancers whose word about their clients is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(pub(crate) Vec<IpNet>);

/// <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For>
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl TrustedProxies {
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The peer whose share a client counts for; none for a load balancer.
    pub(crate) fn share(&self, client: Peer) -> Option<PeerKey> {
        (!self.contain(client.0)).then(|| client.0.into())
    }

    /// The client of a request on a connection from `from`. Each load balancer appends the address
    /// that it was connected from to `X-Forwarded-For`, so the list is read from its end, as long
    /// as the addresses are those of trusted load balancers. What comes before was written by
    /// somebody else.
    pub(crate) fn client(&self, from: IpAddr, headers: &HeaderMap) -> Peer {
        let mut client = from.to_canonical();
        if !self.contain(client) {
            return Peer(client);
        }
        let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        // Lists may have empty elements (RFC 9110, section 5.6.1).
        let mut addresses = values
            .iter()
            .rev()
            .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|text| !text.is_empty());
        while self.contain(client) {
            match addresses.next().and_then(address) {
                Some(before) => client = before,
                None => break,
            }
        }
        Peer(client)
    }
}

/// An address, as load balancers write it: some add the port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// The machine or network that shares of connections and of records are counted for: one IPv6
/// customer usually has 64 bits of addresses (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PeerKey(IpAddr);

impl From<IpAddr> for PeerKey {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(from: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        proxies.client(from.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn only_trusted_load_balancers_say_who_their_client_is() {
        assert_eq!(client("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn addresses_that_the_client_wrote_itself_do_not_count() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, nonsense"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "\u{e9}, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["6.6.6.6, \u{e9}, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "\u{e9}"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, ,", ""]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let key = |text: &str| PeerKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
