//! Credential scopes: what a signing key is good for.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Region and service of a credential scope, written `eu-west-1/dynamodb`. The day is the host's to check.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CredentialScope {
    region: String,
    service: String,
}

impl CredentialScope {
    /// The scope of a region and a service.
    ///
    /// # Errors
    /// A part that is not of lower-case letters, digits and hyphens.
    pub fn new(region: &str, service: &str) -> Result<Self, String> {
        let label = |text: &str| {
            (1..=63).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if label(region) && label(service) {
            return Ok(Self { region: region.to_string(), service: service.to_string() });
        }
        let shown: String = format!("{region}/{service}").chars().take(130).collect();
        Err(format!(
            "{shown:?} is no credential scope; expected region/service, as in eu-west-1/dynamodb"
        ))
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }
}

impl FromStr for CredentialScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (region, service) = text.split_once('/').unwrap_or((text, ""));
        Self::new(region, service)
    }
}

impl fmt::Display for CredentialScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.region, self.service)
    }
}

crate::text::as_text!(CredentialScope);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_region_and_service() {
        let scope: CredentialScope = "eu-west-1/dynamodb".parse().unwrap();
        assert_eq!(
            (scope.region(), scope.service(), scope.to_string().as_str()),
            ("eu-west-1", "dynamodb", "eu-west-1/dynamodb")
        );
        for wrong in ["eu-west-1", "/dynamodb", "eu-west-1/", "EU/x", "a/b/c", "a b/c"] {
            assert!(wrong.parse::<CredentialScope>().is_err(), "{wrong}");
        }
    }
}
