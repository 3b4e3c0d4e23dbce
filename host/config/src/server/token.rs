//! Tokens: what their holders may do, and until when.

use super::digest::Digests;
use super::expiry::Expiry;
use super::names::NamePattern;
use crate::call_quota::CallQuota;
use portcullis_policy::{ActionName, TenantName};
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// A bearer token: the datasources and actions that a client with this token may use. The policy of
/// each datasource applies as well.
///
/// ```
/// use portcullis_config::{Digest, Token};
/// use std::time::SystemTime;
///
/// let mut token = Token::new(Digest([0xff; 32]), ["orders"]);
/// assert!(token.allows("orders") && !token.allows("users"));
///
/// token.actions = Some(vec!["GetItem".parse()?]);
/// assert!(token.allows_action("GetItem") && !token.allows_action("PutItem"));
///
/// let now = SystemTime::now();
/// assert!(!token.is_expired(now), "it never expires");
/// token.expires = Some("2001-01-01T00:00:00Z".parse()?);
/// assert!(token.is_expired(now));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Token {
    /// The SHA-256 of the token. The token itself is stored nowhere; `portcullis token` makes one.
    /// Two digests during a rotation: both tokens are accepted.
    pub sha256: Digests,
    /// The names of the datasources that the client may use, those of the policy file and those in
    /// the store; `tenant-a-*` means all that begin so, and `*` all.
    #[serde(default)]
    pub datasources: Vec<NamePattern>,
    /// The names of the datasources in the store that the client may save, read and delete, and use.
    /// It needs the template of each in `templates` to save it.
    #[serde(default)]
    pub manage: Vec<NamePattern>,
    /// The names of the templates that the client may fill in; `*` means all.
    #[serde(default)]
    pub templates: Vec<String>,
    /// The tenant whose token this is: `{tenant}` in templates.
    pub tenant: Option<TenantName>,
    /// Whether the client is a platform that names its tenant with each request, in the header
    /// `x-portcullis-tenant`.
    pub tenants: Option<Tenants>,
    /// The actions that the client may use, also to test a datasource and to list its tables; all if
    /// `None`.
    pub actions: Option<Vec<ActionName>>,
    /// How many calls the client may make. Unlimited by default.
    #[serde(default)]
    pub calls: CallQuota,
    /// The time from which on the token is refused; never if `None`.
    pub expires: Option<Expiry>,
    /// Whether the client may reload the policy and read the metrics.
    #[serde(default)]
    pub operator: bool,
}

/// The tenants for which a platform may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Tenants {
    /// Every tenant.
    Any,
}

impl Token {
    /// Creates a token for some datasources and all actions, which is no tenant's and no operator's
    /// token, and does not expire.
    #[must_use]
    pub fn new<N: Into<NamePattern>>(
        sha256: impl Into<Digests>,
        datasources: impl IntoIterator<Item = N>,
    ) -> Self {
        let datasources = datasources.into_iter().map(Into::into).collect();
        Self {
            sha256: sha256.into(),
            datasources,
            manage: Vec::new(),
            templates: Vec::new(),
            tenant: None,
            tenants: None,
            actions: None,
            calls: CallQuota::default(),
            expires: None,
            operator: false,
        }
    }

    /// Returns whether the token allows the use of a datasource. Whether it has expired is another
    /// question: [`Self::is_expired`].
    #[must_use]
    pub fn allows(&self, datasource: &str) -> bool {
        self.datasources.iter().any(|names| names.matches(datasource))
    }

    /// Returns whether the token allows saving, reading and deleting a datasource in the store.
    #[must_use]
    pub fn allows_managing(&self, datasource: &str) -> bool {
        self.manage.iter().any(|names| names.matches(datasource))
    }

    /// Returns whether the token allows the use of a template.
    #[must_use]
    pub fn allows_template(&self, template: &str) -> bool {
        self.templates.iter().any(|name| name == "*" || name == template)
    }

    /// Returns whether the token allows the use of an action.
    #[must_use]
    pub fn allows_action(&self, action: &str) -> bool {
        self.actions
            .as_ref()
            .is_none_or(|actions| actions.iter().any(|name| name.as_str() == action))
    }

    /// Returns whether the token has expired at the time `now`. It is refused then, for whatever it
    /// allows.
    #[must_use]
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires.time() <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::Digest;
    use super::*;
    use std::time::Duration;

    #[test]
    fn token_allows_only_what_it_lists() {
        let token = |names: &[&str]| Token {
            actions: Some(vec!["GetItem".parse().unwrap()]),
            ..Token::new(Digest([0xff; 32]), names.iter().copied())
        };
        assert!(token(&["orders"]).allows("orders"));
        assert!(token(&["*"]).allows("users"));
        assert!(!token(&["orders"]).allows("users"));
        assert!(!token(&[]).allows("orders"));
        assert!(token(&[]).allows_action("GetItem"));
        assert!(!token(&[]).allows_action("PutItem"));
    }

    #[test]
    fn token_expires_at_its_time_and_not_before() {
        let expires: Expiry = "2026-12-31T00:00:00Z".parse().unwrap();
        let token = Token { expires: Some(expires), ..Token::new(Digest([0; 32]), ["*"]) };
        assert!(!token.is_expired(expires.time() - Duration::from_secs(1)));
        assert!(token.is_expired(expires.time()));
        assert!(!Token::new(Digest([0; 32]), ["*"]).is_expired(expires.time()));
    }
}
