//! A refusal: which rule, what was asked for, and the line of policy that would allow it.

use std::fmt;

/// The rule that refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The origin is not on the list.
    Egress,
    /// The origin is listed, and not with this method.
    Methods,
    /// The origin is listed, and not with this path.
    Paths,
    /// The origin resolves to an address that its list of networks does not hold.
    Networks,
    /// The address is one of a metadata service; nothing allows it.
    Metadata,
    /// The action is above the access ceiling.
    Access,
    /// The action is not on the list.
    Actions,
    /// A table is not on the list, or cannot be told.
    Tables,
    /// The request is not the one that the running call may send.
    Binding,
    /// The credential scope is not allowed.
    Signing,
    /// More requests than the limit, or two at once.
    Requests,
    /// The answer holds the signing key or the session token; nothing allows it.
    SecretInAnswer,
}

impl Rule {
    /// The rule's name, as audit records and policies write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Methods => "methods",
            Self::Paths => "paths",
            Self::Networks => "networks",
            Self::Metadata => "metadata",
            Self::Access => "access",
            Self::Actions => "actions",
            Self::Tables => "tables",
            Self::Binding => "binding",
            Self::Signing => "signing",
            Self::Requests => "requests",
            Self::SecretInAnswer => "secret-in-answer",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A refusal by policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule that refused.
    pub rule: Rule,
    /// What was asked for: an origin, an action, a table, a scope.
    pub subject: String,
    /// Why, in a sentence.
    pub message: String,
    /// The line of policy that would allow it, or what else to do.
    pub remedy: String,
    /// Whether it stands even where the policy only observes its rule.
    firm: bool,
}

impl Denial {
    /// A refusal of `subject`.
    #[must_use]
    pub fn new(
        rule: Rule,
        subject: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            subject: subject.into(),
            message: message.into(),
            remedy: remedy.into(),
            firm: false,
        }
    }

    /// The same, for a policy that only observes its rule too: more depends on it than that rule.
    #[must_use]
    pub fn firm(mut self) -> Self {
        self.firm = true;
        self
    }

    pub(crate) fn is_firm(&self) -> bool {
        self.firm
    }

    /// Whether the remedy is a line of policy, rather than advice.
    #[must_use]
    pub fn is_remedied_by_policy(&self) -> bool {
        let key = self.remedy.split_once(" = ").map_or("", |(key, _)| key);
        !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'-'))
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "denied by rule {}: {}", self.rule, self.message)
    }
}

impl std::error::Error for Denial {}
