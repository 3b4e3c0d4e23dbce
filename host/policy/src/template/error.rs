//! Why a template cannot be used, or cannot be filled in.

use std::fmt;

/// Why rules are not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A setting is called `tenant`.
    #[error(
        "settings.tenant is not possible: {{tenant}} is the tenant's name, which comes from the \
         caller's token"
    )]
    TenantSetting,
    /// A setting is both fixed and allowed.
    #[error("{0} is in settings and in fixed-settings; keep it in one of them")]
    FixedAndAllowed(String),
    /// The name of a setting is empty, or longer than 64 bytes.
    #[error("{0:?} cannot be the name of a setting; expected 1 to 64 bytes")]
    Name(String),
    /// There are credentials, but no scope to use them in.
    #[error(
        "signing is missing, so the credentials have no use: signing = [\"{{region}}/dynamodb\"]"
    )]
    NoScope,
    /// `networks` has an origin that `egress` has not.
    #[error(
        "networks lists {0}, but egress does not; add it to egress, or remove it from networks"
    )]
    StrayNetwork(String),
    /// A placeholder names no setting with texts.
    #[error(
        "{key} has {{{name}}}, but settings has no list of texts for it: settings = {{ {name} = \
         [\"…\"] }}"
    )]
    NoTexts {
        /// The key that has the placeholder.
        key: &'static str,
        /// The name in the placeholder.
        name: String,
    },
    /// A value that a list allows does not fit.
    #[error("the allowed value {0:?} cannot be used: {1}")]
    Choice(String, Box<FillError>),
    /// Not even an example can be filled in.
    #[error("the template cannot be filled in, for example: {0}")]
    Example(Box<FillError>),
}

/// Why a template cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// Settings are not allowed, missing, or do not fit.
    #[error("{}", Listed(.0))]
    Settings(Vec<Fault>),
    /// The template needs the name of a tenant, and there is none.
    #[error("this template needs a tenant, and the caller has none")]
    NoTenant,
    /// The tenant's name does not fit where it is filled in.
    #[error("the tenant's name cannot be used: {0}")]
    Tenant(String),
}

/// What is wrong with one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The setting as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Fault {
    pub(super) fn new(setting: &str, message: impl Into<String>) -> Self {
        let pointer = format!("/{}", setting.replace('~', "~0").replace('/', "~1"));
        Self { pointer, message: message.into() }
    }
}

impl FillError {
    /// What is wrong with each setting; empty if it is about the tenant.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Settings(faults) => faults,
            _ => &[],
        }
    }
}

/// Faults in one line.
struct Listed<'f>(&'f [Fault]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "; " } else { "" })?;
            write!(f, "{}: {}", fault.pointer, fault.message)?;
        }
        Ok(())
    }
}
