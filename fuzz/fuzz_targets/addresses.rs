//! The classification of IP addresses must agree with a second formulation: the tables of special
//! blocks in the registries of IANA.
#![no_main]

use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use portcullis_policy::{Class, classify};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// Blocks that are not globally reachable.
static SPECIAL: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 \
     192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 \
     224.0.0.0/4 240.0.0.0/4 \
     ::/8 64:ff9b::/96 64:ff9b:1::/48 100::/8 2001::/23 2001:db8::/32 2002::/16 3fff::/20 \
     5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8"
        .split(' ')
        .map(|block| block.parse().unwrap())
        .collect()
});

/// The addresses of metadata services of cloud providers.
static METADATA: LazyLock<Vec<IpAddr>> = LazyLock::new(|| {
    "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192 \
     169.254.42.42 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fe80::a9fe:a9fe fd00:42::42"
        .split(' ')
        .map(|address| address.parse().unwrap())
        .collect()
});

/// Returns whether the address is in space that IANA has assigned: of IPv6, only 2000::/3.
fn is_assigned(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address.segments()[0] & 0xe000 == 0x2000,
    }
}

/// Returns the IPv4 address that an IPv6 address contains, at the position that its scheme defines.
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bytes = address.octets();
    let at =
        |byte: usize| Ipv4Addr::new(bytes[byte], bytes[byte + 1], bytes[byte + 2], bytes[byte + 3]);
    let is_in = |block: &str| block.parse::<IpNet>().unwrap().contains(&IpAddr::V6(address));
    if is_in("2002::/16") {
        Some(at(2))
    } else if is_in("2001::/32") {
        Some(Ipv4Addr::from(!u32::from(at(12))))
    } else if is_in("::ffff:0:0/96")
        || is_in("::ffff:0:0:0/96")
        || is_in("::/96")
        || is_in("64:ff9b::/96")
    {
        Some(at(12))
    } else {
        None
    }
}

/// Returns the IPv4 addresses that an address of local NAT64 may contain: after a prefix of 48, 56 or 64
/// bits, without the byte that RFC 6052 leaves out, or at its end.
fn within_local(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let block: IpNet = "64:ff9b:1::/48".parse().unwrap();
    if !block.contains(&IpAddr::V6(address)) {
        return Vec::new();
    }
    let all = address.octets();
    let rest = [&all[..8], &all[9..]].concat();
    let places = [&rest[6..10], &rest[7..11], &rest[8..12], &all[12..]];
    places.map(|bytes| <[u8; 4]>::try_from(bytes).unwrap().into()).to_vec()
}

fuzz_target!(|bytes: [u8; 17]| {
    let mut inner = <[u8; 16]>::try_from(&bytes[1..]).unwrap();
    // Most random addresses are in no special block, so some are moved into one.
    let blocks: Vec<&IpNet> = SPECIAL.iter().filter(|block| block.addr().is_ipv6()).collect();
    if let Some(IpNet::V6(block)) = blocks.get(bytes[0] as usize % (blocks.len() * 2)) {
        let prefix = block.network().octets();
        let whole = block.prefix_len() as usize / 8;
        inner[..whole].copy_from_slice(&prefix[..whole]);
    }
    let v6 = Ipv6Addr::from(inner);
    let v4 = Ipv4Addr::new(inner[12], inner[13], inner[14], inner[15]);
    for address in [IpAddr::V6(v6), IpAddr::V4(v4)] {
        let carried = match address {
            IpAddr::V6(address) => [within_local(address), within(address).into_iter().collect()],
            IpAddr::V4(_) => [Vec::new(), Vec::new()],
        };
        let is_metadata = METADATA.contains(&address)
            || carried.iter().flatten().any(|inner| METADATA.contains(&IpAddr::V4(*inner)));
        let is_special =
            SPECIAL.iter().any(|block| block.contains(&address)) || !is_assigned(address);
        match classify(address) {
            Class::Metadata => assert!(is_metadata, "{address}"),
            Class::Special(_) => assert!(!is_metadata && is_special, "{address}"),
            Class::Public => assert!(!is_metadata && !is_special, "{address}"),
            class => panic!("{address} is in the unknown class {class:?}"),
        }
    }
});
