//! Rules for the host's own requests for credentials. They are fixed: neither a policy nor a plugin
//! can change them.
//!
//! | scheme | allowed addresses |
//! |---|---|
//! | `https` | public, private and loopback addresses: AWS's endpoints, and endpoints in a VPC |
//! | `http` | loopback addresses, and metadata services: of the instance, ECS task or EKS pod |
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use crate::address::{Class, classify};
use crate::denial::{Denial, Rule};
use crate::origin::{Origin, Scheme};
use std::net::IpAddr;

/// Checks that the host may fetch credentials from `origin`, which resolved to `addresses`.
///
/// # Errors
/// Returns a denial if one of the addresses is not allowed.
pub fn check_operator(origin: &Origin, addresses: &[IpAddr]) -> Result<(), Denial> {
    for &address in addresses {
        let allowed = match origin.scheme() {
            Scheme::Https => {
                matches!(classify(address), Class::Public)
                    || is_private(address)
                    || address.is_loopback()
            }
            Scheme::Http => matches!(classify(address), Class::Metadata) || address.is_loopback(),
        };
        if !allowed {
            let message =
                format!("the host does not fetch credentials from {origin}, which is at {address}");
            let remedy =
                "use https for the endpoint of a credentials service, or http on this machine";
            return Err(Denial::new(Rule::Egress, origin.to_string(), message, remedy));
        }
    }
    Ok(())
}

/// Returns whether an address is in a private network, as the endpoints of a VPC are.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() && classify(address.into()) != Class::Metadata,
        IpAddr::V6(address) => {
            address.is_unique_local() && classify(address.into()) != Class::Metadata
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_fetched_over_tls_or_from_this_machine() {
        let allowed = |origin: &str, address: &str| {
            check_operator(&origin.parse().unwrap(), &[address.parse().unwrap()]).is_ok()
        };
        for (origin, address) in [
            ("https://sts.eu-west-1.amazonaws.com", "52.94.1.1"),
            ("https://sts.eu-west-1.amazonaws.com", "10.0.0.5"),
            ("https://sts.eu-west-1.amazonaws.com", "fd12::5"),
            ("http://169.254.169.254", "169.254.169.254"),
            ("http://169.254.170.2", "169.254.170.2"),
            ("http://[fd00:ec2::23]", "fd00:ec2::23"),
            ("http://localhost:1234", "127.0.0.1"),
        ] {
            assert!(allowed(origin, address), "{origin} at {address}");
        }
        for (origin, address) in [
            ("http://sts.eu-west-1.amazonaws.com", "52.94.1.1"),
            ("http://intranet.example", "10.0.0.5"),
            ("https://metadata.example", "169.254.169.254"),
            ("https://metadata.example", "fd00:ec2::254"),
            ("https://x.example", "224.0.0.1"),
            ("https://x.example", "0.0.0.0"),
        ] {
            assert!(!allowed(origin, address), "{origin} at {address}");
        }
    }
}
