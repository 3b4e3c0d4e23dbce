//! Classifies IP addresses by the IANA special-purpose address registries.
//!
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of network that an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// An address on the public Internet.
    Public,
    /// An address of this machine, a private network, a link or a reserved block; the text names
    /// the block. A policy must list it in `networks`.
    Special(&'static str),
    /// The metadata service of a cloud or container platform, which hands out credentials. No
    /// policy lets a guest reach it.
    Metadata,
}

/// Returns the class of an address.
///
/// An IPv6 address that embeds an IPv4 address is never [`Class::Public`]: a gateway may translate
/// it to the embedded address. It is [`Class::Metadata`] if the embedded address is.
///
/// ```
/// use portcullis_policy::{Class, classify};
///
/// assert_eq!(classify("8.8.8.8".parse()?), Class::Public);
/// assert_eq!(classify("127.0.0.1".parse()?), Class::Special("loopback"));
/// assert_eq!(classify("169.254.169.254".parse()?), Class::Metadata);
/// // The same metadata service behind NAT64.
/// assert_eq!(classify("64:ff9b::169.254.169.254".parse()?), Class::Metadata);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some((inner, _)) if classify_v4(inner) == Class::Metadata => Class::Metadata,
            Some((_, kind)) => Class::Special(kind),
            None => classify_v6(address),
        },
    }
}

fn classify_v4(address: Ipv4Addr) -> Class {
    const METADATA: [[u8; 4]; 7] = [
        [169, 254, 169, 254], // AWS, Google, Azure and most others
        [169, 254, 170, 2],   // Amazon ECS task credentials
        [169, 254, 170, 23],  // Amazon EKS pod identity
        [100, 100, 100, 200], // Alibaba Cloud
        [168, 63, 129, 16],   // Azure's platform address
        [192, 0, 0, 192],     // Oracle Cloud
        [169, 254, 42, 42],   // Scaleway
    ];
    let octets = address.octets();
    if METADATA.contains(&octets) {
        return Class::Metadata;
    }
    match octets {
        [0, ..] => Class::Special("this network (RFC 791)"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Special("private (RFC 1918)"),
        [100, 64..=127, ..] => Class::Special("shared address space (RFC 6598)"),
        [127, ..] => Class::Special("loopback"),
        [169, 254, ..] => Class::Special("link-local (RFC 3927)"),
        [192, 0, 0, _] => Class::Special("IETF protocol assignments (RFC 6890)"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Class::Special("documentation (RFC 5737)")
        }
        [192, 88, 99, _] => Class::Special("6to4 relay (RFC 7526)"),
        [198, 18..=19, ..] => Class::Special("benchmarking (RFC 2544)"),
        [224..=239, ..] => Class::Special("multicast"),
        [240..=255, ..] => Class::Special("reserved or broadcast"),
        _ => Class::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> Class {
    match address.segments() {
        // AWS: instance metadata and EKS pod identity.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254 | 0x0023] => return Class::Metadata,
        // Google Cloud, OpenStack, Scaleway.
        [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254]
        | [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe]
        | [0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042] => {
            return Class::Metadata;
        }
        _ => {}
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Special("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Special("loopback"),
        [0xfc00..=0xfdff, ..] => Class::Special("unique local (RFC 4193)"),
        [0xfe80..=0xfebf, ..] => Class::Special("link-local"),
        [0xfec0..=0xfeff, ..] => Class::Special("site-local (RFC 3879)"),
        [0xff00..=0xffff, ..] => Class::Special("multicast"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Special("documentation"),
        [0x2001, 0..=0x01ff, ..] => Class::Special("IETF protocol assignments (RFC 2928)"),
        [0x0100, 0, 0, 0, ..] => Class::Special("discard (RFC 6666)"),
        [0x5f00, ..] => Class::Special("segment routing (RFC 9602)"),
        // Global unicast is 2000::/3; IANA has assigned nothing else.
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Special("not assigned"),
    }
}

/// Returns the IPv4 address that an IPv6 address embeds, and the name of the embedding.
fn embedded_v4(address: Ipv6Addr) -> Option<(Ipv4Addr, &'static str)> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some((v4(high, low), "IPv4-mapped")),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some((v4(high, low), "IPv4-translated (RFC 2765)")),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => {
            Some((v4(high, low), "IPv4-compatible"))
        }
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Some((v4(high, low), "NAT64 (RFC 6052)")),
        [0x0064, 0xff9b, 1, ..] => Some((local_nat64(address), "local NAT64 (RFC 8215)")),
        [0x2002, high, low, ..] => Some((v4(high, low), "6to4 (RFC 3056)")),
        // Teredo carries the client's address with its bits inverted.
        [0x2001, 0, .., high, low] => Some((v4(!high, !low), "Teredo (RFC 4380)")),
        _ => None,
    }
}

/// The IPv4 address that an address of local NAT64 embeds. How long its prefix is, only the network knows:
/// if a metadata service is at one of the possible places, it is that one.
/// <https://www.rfc-editor.org/rfc/rfc6052#section-2.2>
fn local_nat64(address: Ipv6Addr) -> Ipv4Addr {
    let bytes = address.octets();
    // The bits 64 to 71 are zero and belong to no address.
    let places = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]];
    let [all @ .., last] = places.map(|place| Ipv4Addr::from(place.map(|at| bytes[at])));
    all.into_iter().find(|found| classify_v4(*found) == Class::Metadata).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_addresses_are_recognised_in_every_embedding() {
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fe80::a9fe:a9fe",
            "192.0.0.192",
            "169.254.42.42",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::a9fe:a9fe",
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:a9:fe:a9fe::",
            "64:ff9b:1:0:a9:fea9:fe00::",
            "2002:a9fe:a9fe::1",
            "2001:0:4136:e378:8000:63bf:5601:5601",
        ] {
            assert_eq!(classify(text.parse().unwrap()), Class::Metadata, "{text}");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "100::1",
            "::ffff:10.0.0.1",
            "64:ff9b::8.8.8.8",
            "2002:0808:0808::1",
            "4000::1",
        ] {
            assert!(matches!(classify(text.parse().unwrap()), Class::Special(_)), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "8.8.8.8",
            "52.94.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "198.17.0.1",
            "223.255.255.255",
            "2600:1f18::1",
            "2a05:d018::1",
        ] {
            assert_eq!(classify(text.parse().unwrap()), Class::Public, "{text}");
        }
    }
}
