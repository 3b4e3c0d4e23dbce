//! Denials: the rule that denied a request, the reason, and the line of policy that would allow it.

use std::fmt;

/// The rule that denied a request.
///
/// ```
/// use portcullis_policy::{Policy, Rule};
///
/// let denial = Policy::default().check_origin(&"https://example.com".parse()?).unwrap_err();
/// assert_eq!(denial.rule, Rule::Egress);
/// assert_eq!(denial.rule.name(), "egress");
/// # Ok::<(), portcullis_policy::OriginError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// `egress` does not list the origin.
    Egress,
    /// `egress` lists the origin, but not with this method.
    Methods,
    /// `egress` lists the origin, but not with this path.
    Paths,
    /// The origin resolves to a special address that `networks` does not list for it.
    Networks,
    /// The origin resolves to the address of a metadata service. No policy allows this.
    Metadata,
    /// The action needs a higher access class than `access`.
    Access,
    /// `actions` does not list the action, or the manifest does not state its access class.
    Actions,
    /// `tables` does not list the table, or the request does not show which table it uses.
    Tables,
    /// The request is not one that the running call may send.
    Binding,
    /// `signing` does not list the credential scope.
    Signing,
    /// The call sends more requests than its limit, or two at the same time.
    Requests,
    /// The response contains the signing key or the session token. No policy allows this.
    SecretInAnswer,
}

impl Rule {
    /// Returns the rule's name in audit records.
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

/// A denial by policy.
///
/// `message`, `fix` and `remedy` are for people. The remedy is a line of policy if one would allow
/// what was denied, and advice otherwise. It lists what else the policy allows, so that only its
/// operator should see it.
///
/// ```
/// use portcullis_policy::Policy;
///
/// let denial = Policy::default().check_origin(&"https://example.com".parse()?).unwrap_err();
/// assert_eq!(denial.subject, "https://example.com");
/// assert_eq!(denial.remedy, r#"egress = ["https://example.com"]"#);
/// assert!(denial.is_remedied_by_policy());
/// # Ok::<(), portcullis_policy::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule that denied the request.
    pub rule: Rule,
    /// What was denied: an origin, an action, a table or a credential scope.
    pub subject: String,
    /// The reason, in one sentence.
    pub message: String,
    /// What to change first if the policy is right: a setting that does not match it. Like the
    /// remedy, it quotes the policy.
    pub fix: Option<String>,
    /// The line of policy that would allow the request, or other advice.
    pub remedy: String,
    /// Whether the denial is enforced even if its rule is in report-only mode.
    always_enforced: bool,
}

impl Denial {
    /// Creates a denial of `subject`. It is not enforced if its rule is in report-only mode.
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
            fix: None,
            remedy: remedy.into(),
            always_enforced: false,
        }
    }

    /// Adds what to change first if the policy is right.
    #[must_use]
    pub fn fix(mut self, fix: Option<String>) -> Self {
        self.fix = fix;
        self
    }

    /// Marks the denial as enforced even if its rule is in report-only mode, because more than that
    /// rule depends on it.
    #[must_use]
    pub fn always_enforced(mut self) -> Self {
        self.always_enforced = true;
        self
    }

    pub(crate) fn is_always_enforced(&self) -> bool {
        self.always_enforced
    }

    /// Returns whether the remedy is a line of policy rather than advice.
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
