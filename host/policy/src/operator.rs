//! What the host itself may reach to fetch credentials. These rules are fixed: neither a policy nor a plugin changes them.
//!
//! | scheme | may go to |
//! |---|---|
//! | `https` | public and private addresses: AWS's endpoints, and the endpoints of a VPC |
//! | `http` | this machine, and the metadata services that hand out credentials: instance, ECS task, EKS pod identity |
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use crate::{Class, Denial, Origin, Rule, Scheme, classify};
use std::net::IpAddr;

/// Whether the host may reach `origin`, which resolved to `addresses`, for credentials.
///
/// # Errors
/// The first address that may not be reached.
pub fn judge_operator(origin: &Origin, addresses: &[IpAddr]) -> Result<(), Denial> {
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
                format!("{origin} is at {address}, where the host fetches no credentials from");
            let remedy =
                "use https for the endpoint of a credentials service, or http on this machine";
            return Err(Denial::new(Rule::Egress, origin.to_string(), message, remedy));
        }
    }
    Ok(())
}

/// Networks of an organisation's own, where the endpoints of a VPC are.
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
    fn credentials_come_over_tls_or_from_this_machine() {
        let judge = |origin: &str, address: &str| {
            judge_operator(&origin.parse().unwrap(), &[address.parse().unwrap()]).is_ok()
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
            assert!(judge(origin, address), "{origin} at {address}");
        }
        for (origin, address) in [
            ("http://sts.eu-west-1.amazonaws.com", "52.94.1.1"),
            ("http://intranet.example", "10.0.0.5"),
            ("https://metadata.example", "169.254.169.254"),
            ("https://metadata.example", "fd00:ec2::254"),
            ("https://x.example", "224.0.0.1"),
            ("https://x.example", "0.0.0.0"),
        ] {
            assert!(!judge(origin, address), "{origin} at {address}");
        }
    }
}
