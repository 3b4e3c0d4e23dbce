//! Credential scopes: the region and service that a signing key is valid for.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The region and service of a credential scope, written `eu-west-1/dynamodb`. The host checks the
/// day itself.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
///
/// ```
/// use portcullis_policy::CredentialScope;
///
/// let scope: CredentialScope = "eu-west-1/dynamodb".parse()?;
/// assert_eq!((scope.region(), scope.service()), ("eu-west-1", "dynamodb"));
/// assert!("eu-west-1".parse::<CredentialScope>().is_err());
/// # Ok::<(), portcullis_policy::ScopeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CredentialScope {
    region: String,
    service: String,
}

/// The error of parsing a [`CredentialScope`]. It holds the first 130 characters of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a credential scope; expected region/service, as in eu-west-1/dynamodb")]
pub struct ScopeError(String);

impl CredentialScope {
    /// Creates the scope of a region and a service.
    ///
    /// # Errors
    /// Returns an error if one of them is not 1 to 63 lower-case letters, digits and hyphens.
    pub fn new(region: &str, service: &str) -> Result<Self, ScopeError> {
        let label = |text: &str| {
            (1..=63).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if label(region) && label(service) {
            return Ok(Self { region: region.to_string(), service: service.to_string() });
        }
        Err(ScopeError(format!("{region}/{service}").chars().take(130).collect()))
    }

    /// Returns the region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }
}

impl FromStr for CredentialScope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
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
    fn scope_is_a_region_and_a_service() {
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
