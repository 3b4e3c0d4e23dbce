//! The load balancers whose word about a client's address counts.

use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Deserializer};
use std::net::{IpAddr, Ipv4Addr};

/// Parses networks as CIDR blocks, or as single addresses.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: String| {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
            serde::de::Error::custom(format!(
                "server.trusted-proxies has {text:?}, which is neither an address nor a network; \
                 expected one as in \"10.0.0.5\" or \"10.0.0.0/24\""
            ))
        })
    };
    texts.into_iter().map(parse).collect()
}

/// Whether a network contains every IPv4 address or every IPv6 address.
pub(super) fn is_everyone(network: &IpNet) -> bool {
    let IpNet::V6(network) = network else { return network.prefix_len() == 0 };
    // The IPv6 spelling of all IPv4 addresses: ::ffff:0:0/96.
    let all_ipv4 = Ipv6Net::new(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96);
    all_ipv4.is_ok_and(|all| network.contains(&all))
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
        let line: Line =
            toml::from_str("proxies = [\"10.0.0.0/24\", \"10.1.2.3\", \"fd00::1\"]").unwrap();
        let expected = ["10.0.0.0/24", "10.1.2.3/32", "fd00::1/128"];
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
            ("::ffff:0:0/97", false),
            ("0.0.0.0/1", false),
            ("fd00::/8", false),
        ] {
            assert_eq!(is_everyone(&network.parse().unwrap()), expected, "{network}");
        }
    }
}
