//! Credential scopes: the region and service that a signing key is valid for.

use alloc::string::{String, ToString};
use core::fmt;

/// A region and a service, written `eu-west-1/dynamodb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The region.
    pub region: String,
    /// The service.
    pub service: String,
}

impl Scope {
    /// Creates the scope of a region and a service. `None` if one of them is not 1 to 63 lower-case
    /// letters, digits and hyphens.
    #[must_use]
    pub fn new(region: &str, service: &str) -> Option<Self> {
        let is_label = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            (1..=63).contains(&text.len()) && text.bytes().all(|byte| plain(byte) || byte == b'-')
        };
        (is_label(region) && is_label(service))
            .then(|| Self { region: region.to_string(), service: service.to_string() })
    }

    /// Parses `region/service`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (region, service) = text.split_once('/')?;
        Self::new(region, service)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.region, self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_host_reads_the_same_scope(text in prop_oneof!["[a-zA-Z0-9/-]{0,12}", ".{0,12}"]) {
            let theirs = text.parse::<portcullis_policy::CredentialScope>();
            let ours = Scope::parse(&text);
            prop_assert_eq!(
                ours.map(|it| it.to_string()), theirs.ok().map(|it| it.to_string()), "{}", text,
            );
        }
    }
}
