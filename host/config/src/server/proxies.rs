//! The load balancers whose word about a client's address counts.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer};
use std::net::{IpAddr, Ipv4Addr};

/// Parses networks as CIDR blocks, or as single addresses.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: String| {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().or_else(|_| address()).map(canonical).map_err(|_| {
            serde::de::Error::custom(format!(
                "server.trusted-proxies has {text:?}, which is neither an address nor a network; \
                 expected one as in \"10.0.0.5\" or \"10.0.0.0/24\""
            ))
        })
    };
    texts.into_iter().map(parse).collect()
}

/// The shortest prefixes of networks that one operator has: `10.0.0.0/8` and `fc00::/7`. A few
/// shorter ones would contain everybody.
const MIN_PREFIXES: (u8, u8) = (8, 7);

/// Whether a network is too large to consist of load balancers.
pub(super) fn is_everyone(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < MIN_PREFIXES.0,
        IpNet::V6(network) => {
            // The IPv6 spelling of all IPv4 addresses: ::ffff:0:0/96.
            let all_ipv4 = Ipv6Net::new(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96);
            network.prefix_len() < MIN_PREFIXES.1
                || all_ipv4.is_ok_and(|all| network.contains(&all))
        }
    }
}

/// The IPv4 network that an IPv6 network spells: connections are compared by their IPv4 address.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let prefix = mapped.prefix_len().checked_sub(96);
    let ipv4 = mapped.addr().to_ipv4_mapped().zip(prefix);
    let ipv4 = ipv4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    ipv4.map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Line {
        #[serde(deserialize_with = "deserialize")]
        proxies: Vec<IpNet>,
    }

    #[test]
    fn proxies_are_networks_or_single_addresses() {
        let line: Line = toml::from_str(
            "proxies = [\"10.0.0.0/24\", \"10.1.2.3\", \"fd00::1\", \"::ffff:10.0.0.7\"]",
        )
        .unwrap();
        let expected = ["10.0.0.0/24", "10.1.2.3/32", "fd00::1/128", "10.0.0.7/32"];
        assert_eq!(line.proxies, expected.map(|text| text.parse().unwrap()));
        let error = toml::from_str::<Line>("proxies = [\"lb.example\"]").unwrap_err();
        assert!(error.message().contains("\"lb.example\", which is neither"), "{error}");
    }

    #[test]
    fn a_network_of_all_addresses_is_everyone() {
        for (network, expected) in [
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("::ffff:0:0/96", true),
            ("0.0.0.0/1", true),
            ("10.0.0.0/8", false),
            ("::/1", true),
            ("fc00::/7", false),
            ("fd00::/8", false),
        ] {
            assert_eq!(is_everyone(&network.parse().unwrap()), expected, "{network}");
        }
    }
}
