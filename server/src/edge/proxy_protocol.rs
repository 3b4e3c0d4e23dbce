//! The PROXY protocol, version 2: how a load balancer says for whom it connects.
//! <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>, section 2.2

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a header of version 2 starts with. No HTTP request and no TLS handshake starts like this.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, the version, the family, and the length of the rest.
pub(super) const FIXED_BYTES: usize = 16;
/// The most bytes after the fixed part: two IPv6 addresses have 36, and certificates of clients,
/// which a load balancer may add, some kilobytes.
pub(super) const MAX_REST_BYTES: usize = 4096;

/// A header that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("it is not version 2 of the PROXY protocol")]
    Version,
    #[error("it is larger than {MAX_REST_BYTES} bytes")]
    TooLarge,
    #[error("it is shorter than the addresses in it")]
    TooShort,
}

/// The length of the rest of a header, from its fixed part.
pub(super) fn rest_length(fixed: &[u8; FIXED_BYTES]) -> Result<usize, HeaderError> {
    if fixed[..12] != SIGNATURE || fixed[12] >> 4 != 2 || fixed[12] & 0xf > 1 {
        return Err(HeaderError::Version);
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > MAX_REST_BYTES { Err(HeaderError::TooLarge) } else { Ok(length) }
}

/// The address of the client, from both parts of a header. `None` if the load balancer connects for
/// itself, as in a health check, or for a client without an IP address.
pub(super) fn client(
    fixed: &[u8; FIXED_BYTES],
    rest: &[u8],
) -> Result<Option<IpAddr>, HeaderError> {
    const LOCAL: u8 = 0;
    if fixed[12] & 0xf == LOCAL {
        return Ok(None);
    }
    // The source, the destination, and the two ports.
    match fixed[13] >> 4 {
        1 => {
            let addresses = rest.first_chunk::<12>().ok_or(HeaderError::TooShort)?;
            let [a, b, c, d, ..] = *addresses;
            Ok(Some(Ipv4Addr::new(a, b, c, d).into()))
        }
        2 => {
            let addresses = rest.first_chunk::<36>().ok_or(HeaderError::TooShort)?;
            let mut source = [0; 16];
            source.copy_from_slice(&addresses[..16]);
            Ok(Some(Ipv6Addr::from(source).to_canonical()))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Result<Option<IpAddr>, HeaderError> {
        let mut fixed = [0; FIXED_BYTES];
        fixed[..12].copy_from_slice(&SIGNATURE);
        fixed[12..14].copy_from_slice(&[command, family]);
        fixed[14..].copy_from_slice(&(rest.len() as u16).to_be_bytes());
        assert_eq!(rest_length(&fixed)?, rest.len());
        client(&fixed, rest)
    }

    #[test]
    fn client_is_the_source_address() {
        let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80];
        assert_eq!(header(0x21, 0x11, &v4), Ok(Some("192.0.2.7".parse().unwrap())));
        let source: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let mut v6 = source.octets().to_vec();
        v6.resize(36, 0);
        assert_eq!(header(0x21, 0x21, &v6), Ok(Some(source.into())));
        let mut mapped = Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().octets().to_vec();
        mapped.resize(40, 0);
        assert_eq!(header(0x21, 0x21, &mapped), Ok(Some("192.0.2.7".parse().unwrap())));
    }

    #[test]
    fn load_balancer_may_connect_for_itself() {
        assert_eq!(header(0x20, 0x11, &[0; 12]), Ok(None));
        assert_eq!(header(0x20, 0, &[]), Ok(None));
        assert_eq!(header(0x21, 0x31, &[0; 216]), Ok(None), "a client on a Unix socket");
    }

    #[test]
    fn header_that_is_not_version_2_or_is_cut_off_is_refused() {
        assert_eq!(header(0x11, 0x11, &[0; 12]), Err(HeaderError::Version));
        assert_eq!(header(0x22, 0x11, &[0; 12]), Err(HeaderError::Version));
        assert_eq!(header(0x21, 0x11, &[0; 11]), Err(HeaderError::TooShort));
        assert_eq!(header(0x21, 0x21, &[0; 12]), Err(HeaderError::TooShort));
        assert_eq!(header(0x21, 0x11, &[0; 4097]), Err(HeaderError::TooLarge));
        assert_eq!(rest_length(b"GET / HTTP/1.1\r\n"), Err(HeaderError::Version));
    }

    proptest::proptest! {
        #[test]
        fn no_header_causes_a_panic(fixed: [u8; 16], rest: Vec<u8>) {
            // Whether the header is valid does not matter here.
            let _ = (rest_length(&fixed), client(&fixed, &rest));
        }
    }
}
