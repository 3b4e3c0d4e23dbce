//! Where the credentials of a template's datasources come from.

use super::pattern::{Misfit, Pattern, PatternError};
use super::place::{ExternalId, Place, SessionName};
use crate::credentials::CredentialSource;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::Path;

/// Where the credentials of a template's datasources come from.
///
/// The enum is exhaustive on purpose: code that gets credentials must handle each source.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplateCredentials {
    /// The caller sends them with the settings: `{ from = "caller" }`.
    Caller,
    /// A source of the operator, which is the same for all tenants.
    Source(CredentialSource),
    /// A role that the operator assumes for each tenant, with an external ID or a session name that
    /// has placeholders.
    Role(RoleTemplate),
}

/// A role that is assumed for each tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleTemplate {
    /// The role, without what the placeholders are in.
    role: CredentialSource,
    pub(super) external_id: Option<Pattern<ExternalId>>,
    pub(super) session_name: Option<Pattern<SessionName>>,
}

/// Credentials of which a template cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateCredentialsError {
    /// A pattern cannot be parsed.
    #[error("credentials.{key}: {error}")]
    Pattern {
        /// The key of the credentials.
        key: &'static str,
        /// What is wrong.
        error: PatternError,
    },
    /// A placeholder is where none can be.
    #[error(
        "credentials.{0} has a brace, but placeholders are possible only in the external-id and the \
         session-name of a role"
    )]
    Misplaced(&'static str),
}

impl TemplateCredentials {
    /// The credentials of a source that the operator has, whose external ID and session name may
    /// have placeholders.
    ///
    /// # Errors
    /// Returns an error if another part has a placeholder, or if one is not allowed where it is.
    pub fn from_source(source: CredentialSource) -> Result<Self, TemplateCredentialsError> {
        let CredentialSource::Role { external_id, session_name, arn, region, source } = source
        else {
            check_without_braces(&source)?;
            return Ok(Self::Source(source));
        };
        let id: Option<Pattern<ExternalId>> = parse("external-id", external_id.as_deref())?;
        let name: Option<Pattern<SessionName>> = parse("session-name", session_name.as_deref())?;
        let has_placeholders = id.iter().any(|id| id.placeholders().next().is_some())
            || name.iter().any(|name| name.placeholders().next().is_some());
        if !has_placeholders {
            let role = CredentialSource::Role { external_id, session_name, arn, region, source };
            check_without_braces(&role)?;
            return Ok(Self::Source(role));
        }
        let role =
            CredentialSource::Role { external_id: None, session_name: None, arn, region, source };
        check_without_braces(&role)?;
        Ok(Self::Role(RoleTemplate { role, external_id: id, session_name: name }))
    }

    /// The operator's source; of a role without what the placeholders are in.
    #[must_use]
    pub fn source(&self) -> Option<&CredentialSource> {
        match self {
            Self::Caller => None,
            Self::Source(source) => Some(source),
            Self::Role(template) => Some(&template.role),
        }
    }
}

impl fmt::Display for RoleTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.role)?;
        if let Some(id) = &self.external_id {
            write!(f, ", with the external ID {id}")?;
        }
        match &self.session_name {
            Some(name) => write!(f, ", as {name}"),
            None => Ok(()),
        }
    }
}

impl RoleTemplate {
    /// Fills in the placeholders. Without a value for each, there is no result.
    pub(super) fn fill<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<Option<CredentialSource>, Misfit> {
        let mut role = self.role.clone();
        let CredentialSource::Role { external_id, session_name, .. } = &mut role else {
            return Ok(Some(role));
        };
        if let Some(pattern) = &self.external_id {
            let Some(filled) = pattern.fill(&value)? else { return Ok(None) };
            *external_id = Some(filled.to_string());
        }
        if let Some(pattern) = &self.session_name {
            let Some(filled) = pattern.fill(&value)? else { return Ok(None) };
            *session_name = Some(filled.to_string());
        }
        Ok(Some(role))
    }
}

fn parse<T: Place>(
    key: &'static str,
    text: Option<&str>,
) -> Result<Option<Pattern<T>>, TemplateCredentialsError> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error| TemplateCredentialsError::Pattern { key, error })
}

/// Checks that nobody expects a placeholder to be filled in where none is.
fn check_without_braces(source: &CredentialSource) -> Result<(), TemplateCredentialsError> {
    let mut texts: Vec<(&'static str, Option<&str>)> = Vec::new();
    match source {
        CredentialSource::Env { prefix } => texts.push(("prefix", Some(prefix))),
        CredentialSource::File { path } => texts.push(("path", path.to_str())),
        CredentialSource::Profile { name, file } => {
            texts.push(("name", Some(name)));
            texts.push(("file", file.as_deref().and_then(Path::to_str)));
        }
        CredentialSource::WebIdentity { role, token_file, region } => {
            texts.push(("role", role.as_deref()));
            texts.push(("token-file", token_file.as_deref().and_then(Path::to_str)));
            texts.push(("region", region.as_deref()));
        }
        CredentialSource::Container | CredentialSource::Instance => {}
        CredentialSource::Role { arn, external_id, session_name, region, source } => {
            texts.push(("arn", Some(arn)));
            texts.push(("external-id", external_id.as_deref()));
            texts.push(("session-name", session_name.as_deref()));
            texts.push(("region", region.as_deref()));
            check_without_braces(source)?;
        }
    }
    let has_brace = |text: Option<&str>| text.is_some_and(|text| text.contains(['{', '}']));
    match texts.into_iter().find(|(_, text)| has_brace(*text)) {
        Some((key, _)) => Err(TemplateCredentialsError::Misplaced(key)),
        None => Ok(()),
    }
}

impl Serialize for TemplateCredentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Caller => FromCaller { from: CALLER }.serialize(serializer),
            Self::Source(source) => source.serialize(serializer),
            Self::Role(template) => {
                let mut role = template.role.clone();
                if let CredentialSource::Role { external_id, session_name, .. } = &mut role {
                    *external_id = template.external_id.as_ref().map(ToString::to_string);
                    *session_name = template.session_name.as_ref().map(ToString::to_string);
                }
                role.serialize(serializer)
            }
        }
    }
}

#[derive(Serialize)]
struct FromCaller {
    from: &'static str,
}

const CALLER: &str = "caller";

impl<'de> Deserialize<'de> for TemplateCredentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = toml::Table::deserialize(deserializer)?;
        let from = table.get("from").and_then(toml::Value::as_str);
        if from == Some(CALLER) {
            if let Some(key) = table.keys().find(|key| *key != "from") {
                return Err(serde::de::Error::custom(format!(
                    "unknown field `{key}`: credentials of the caller have only from = \"caller\""
                )));
            }
            return Ok(Self::Caller);
        }
        // What is unknown in a role is its own source, which cannot be the caller.
        let is_role = from == Some("role");
        let source = CredentialSource::deserialize(table).map_err(|error| -> D::Error {
            let message = error.message();
            if is_role || !message.starts_with("unknown variant") {
                return serde::de::Error::custom(message);
            }
            let (known, all) = ("expected one of ", format!("expected one of `{CALLER}`, "));
            serde::de::Error::custom(message.replacen(known, &all, 1))
        })?;
        Self::from_source(source).map_err(serde::de::Error::custom)
    }
}
