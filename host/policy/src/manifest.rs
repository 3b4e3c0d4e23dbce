//! The manifest of a plugin. The plugin's publisher writes it, and the operator trusts it.
//!
//! It states which operations each export may send, how a request carries its operation, the access
//! class of each action, and where an action's input names tables and contains statements. The gate
//! relies on the manifest and never on what the plugin says about itself.

use crate::names::{Access, ActionName};
use crate::scope::CredentialScope;
use http::{HeaderMap, HeaderName, Method};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::str::FromStr;

/// The manifest of a plugin, read from TOML.
///
/// ```
/// let manifest = portcullis_policy::Manifest::parse(r#"
///     name = "echo"
///     [binding]
///     method = "GET"
///     path = "/{operation}"
///     [actions]
///     Echo = { access = "read" }
/// "#)?;
/// assert_eq!(manifest.name(), "echo");
/// # Ok::<(), portcullis_policy::ManifestError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    name: String,
    binding: Binding,
    signing: Option<Signing>,
    #[serde(default)]
    exports: BTreeMap<String, Vec<ActionName>>,
    iam: Option<Iam>,
    actions: BTreeMap<ActionName, Action>,
}

/// The error of parsing a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The text is not TOML, or does not have the keys of a manifest. The message names the line.
    #[error(transparent)]
    Syntax(#[from] toml::de::Error),
    /// No part of a request names its operation, so no request could be bound to a call.
    #[error("binding.path or binding.value must contain {{operation}}")]
    Unbound,
}

impl Manifest {
    /// Parses a manifest.
    ///
    /// # Errors
    /// Returns an error if the text is not a manifest, with the line and the reason, or if neither
    /// the path nor the header of a request names the operation.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text)?;
        let binding = &manifest.binding;
        if !binding.path.names_operation() && !binding.value.names_operation() {
            return Err(ManifestError::Unbound);
        }
        Ok(manifest)
    }

    /// Returns the plugin's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how a request carries its operation.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Returns how the plugin signs, or `None` if it does not sign requests for AWS.
    #[must_use]
    pub fn signing(&self) -> Option<&Signing> {
        self.signing.as_ref()
    }

    /// Returns the plugin's IAM names, or `None` if IAM does not govern the service.
    #[must_use]
    pub fn iam(&self) -> Option<&Iam> {
        self.iam.as_ref()
    }

    /// Returns the actions, in alphabetical order.
    pub fn actions(&self) -> impl Iterator<Item = (&ActionName, &Action)> {
        self.actions.iter()
    }

    /// Returns an action, or `None` if the manifest does not list it.
    #[must_use]
    pub fn action(&self, name: &ActionName) -> Option<&Action> {
        self.actions.get(name)
    }

    /// Returns the operations that an export other than `execute` and `relay` may send.
    #[must_use]
    pub fn export(&self, name: &str) -> &[ActionName] {
        self.exports.get(name).map_or(&[], Vec::as_slice)
    }
}

/// How a request carries its operation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    method: String,
    /// The path, including the query.
    path: Pattern,
    /// A header that the request must contain exactly once, with the value `value`.
    #[serde(default, deserialize_with = "header_name")]
    header: Option<HeaderName>,
    #[serde(default)]
    value: Pattern,
}

impl Binding {
    /// Returns whether a request carries `operation`. `path` includes the query.
    #[must_use]
    pub fn matches(
        &self,
        operation: &ActionName,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> bool {
        let operation = operation.as_str();
        let header = self.header.as_ref().is_none_or(|name| {
            let mut values = headers.get_all(name).iter();
            values.next().is_some_and(|value| self.value.matches(operation, value.as_bytes()))
                && values.next().is_none()
        });
        method.as_str() == self.method && self.path.matches(operation, path.as_bytes()) && header
    }

    /// Returns the header that carries the operation, or `None` if only the path does.
    #[must_use]
    pub fn header(&self) -> Option<&HeaderName> {
        self.header.as_ref()
    }
}

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderName>, D::Error> {
    let name = String::deserialize(deserializer)?;
    HeaderName::try_from(name.as_str())
        .map(Some)
        .map_err(|_| D::Error::custom(format!("{name:?} is not a header name")))
}

/// A text with the placeholder `{operation}`. It is split at the placeholders once, because every
/// request is compared with it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "String")]
struct Pattern(Vec<String>);

impl Pattern {
    /// Returns whether `text` equals the pattern with `operation` filled in.
    fn matches(&self, operation: &str, text: &[u8]) -> bool {
        let mut rest = Some(text);
        for (index, piece) in self.0.iter().enumerate() {
            if index > 0 {
                rest = rest.and_then(|rest| rest.strip_prefix(operation.as_bytes()));
            }
            rest = rest.and_then(|rest| rest.strip_prefix(piece.as_bytes()));
        }
        rest == Some(b"")
    }

    fn names_operation(&self) -> bool {
        self.0.len() > 1
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self(text.split("{operation}").map(ToString::to_string).collect())
    }
}

/// How a plugin signs its requests for AWS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Signing {
    service: String,
    region_setting: String,
    /// Regions that sign as another region.
    #[serde(default)]
    region_aliases: BTreeMap<String, String>,
}

impl Signing {
    /// Returns the settings field that names the region.
    #[must_use]
    pub fn region_setting(&self) -> &str {
        &self.region_setting
    }

    /// Returns the credential scope of a region in the settings, or `None` if the text is not a
    /// region.
    #[must_use]
    pub fn scope(&self, region: &str) -> Option<CredentialScope> {
        let region = region.trim();
        let region = self.region_aliases.get(region).map_or(region, String::as_str);
        CredentialScope::new(region, &self.service).ok()
    }
}

/// The names of a plugin's actions and resources in IAM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Iam {
    /// The prefix of the actions' names in IAM: `dynamodb` in `dynamodb:GetItem`.
    pub prefix: String,
    /// The ARN of each kind of resource, with the placeholders `{partition}`, `{region}`,
    /// `{account}` and `{table}`.
    pub resources: BTreeMap<String, String>,
}

/// A manifest's statement about one action.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    access: Access,
    #[serde(default)]
    tables: Vec<JsonPath>,
    #[serde(default)]
    statements: Vec<JsonPath>,
    iam: Option<Vec<ActionName>>,
    resources: Option<Vec<String>>,
}

impl Action {
    /// Returns the access class of the action. If its input contains statements, this is the class
    /// of a statement that writes.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Returns the lowest access class that the action can need. It is known before the input is
    /// read: [`Access::Read`] if the input contains statements, because they may only read.
    #[must_use]
    pub fn min_access(&self) -> Access {
        if self.statements.is_empty() { self.access } else { Access::Read }
    }

    /// Returns where the input names tables.
    #[must_use]
    pub fn tables(&self) -> &[JsonPath] {
        &self.tables
    }

    /// Returns where the input contains PartiQL statements.
    #[must_use]
    pub fn statements(&self) -> &[JsonPath] {
        &self.statements
    }

    /// Returns the action's names in IAM, or `None` if IAM uses the action's own name.
    #[must_use]
    pub fn iam_names(&self) -> Option<&[ActionName]> {
        self.iam.as_deref()
    }

    /// Returns the kinds of resource that IAM grants the action on. `None` means tables. An empty
    /// list means every resource.
    #[must_use]
    pub fn resources(&self) -> Option<&[String]> {
        self.resources.as_deref()
    }
}

/// A path in a JSON document that may match several values.
///
/// ```
/// use portcullis_policy::{JsonPath, JsonStep};
///
/// let path: JsonPath = "/RequestItems/{key}".parse()?;
/// assert_eq!(path.steps(), [JsonStep::Field("RequestItems".to_string()), JsonStep::Keys]);
/// assert!("/TransactItems/*/Put/TableName".parse::<JsonPath>().is_ok());
/// assert!("TableName".parse::<JsonPath>().is_err());
/// # Ok::<(), portcullis_policy::JsonPathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct JsonPath(Vec<JsonStep>);

/// One step of a [`JsonPath`].
///
/// The enum is exhaustive on purpose: code that follows paths must follow each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonStep {
    /// The value of the field with this name.
    Field(String),
    /// `*`: each element of an array, or each value of an object.
    Each,
    /// `{key}`: the names of an object's fields. It is always the last step.
    Keys,
}

impl JsonPath {
    /// Returns the steps of the path.
    #[must_use]
    pub fn steps(&self) -> &[JsonStep] {
        &self.0
    }
}

/// The error of parsing a [`JsonPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonPathError {
    /// The text does not start with a slash.
    #[error("{0:?} is not a JSON path: it does not start with /")]
    NoSlash(String),
    /// `{key}` is followed by another step.
    #[error("{0:?} is not a JSON path: {{key}} must be its last step")]
    KeyNotLast(String),
}

impl FromStr for JsonPath {
    type Err = JsonPathError;

    fn from_str(text: &str) -> Result<Self, JsonPathError> {
        let rest =
            text.strip_prefix('/').ok_or_else(|| JsonPathError::NoSlash(text.to_string()))?;
        let steps: Vec<JsonStep> = rest
            .split('/')
            .map(|step| match step {
                "*" => JsonStep::Each,
                "{key}" => JsonStep::Keys,
                name => JsonStep::Field(name.to_string()),
            })
            .collect();
        if steps.iter().rev().skip(1).any(|step| *step == JsonStep::Keys) {
            return Err(JsonPathError::KeyNotLast(text.to_string()));
        }
        Ok(Self(steps))
    }
}

impl TryFrom<String> for JsonPath {
    type Error = JsonPathError;

    fn try_from(text: String) -> Result<Self, JsonPathError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_matches_only_the_whole_text() {
        let pattern = Pattern::from("/v1/{operation}?a={operation}".to_string());
        assert!(pattern.matches("Get", b"/v1/Get?a=Get"));
        for other in ["/v1/Get?a=Put", "/v1/Get?a=Get&", "/v1/Get", "", "/v1/?a="] {
            assert!(!pattern.matches("Get", other.as_bytes()), "{other}");
        }
        assert!(Pattern::from("/".to_string()).matches("Get", b"/"));
        assert!(!Pattern::default().matches("Get", b"Get"));
    }

    #[test]
    fn manifest_without_operation_placeholder_is_refused() {
        let text = "name = \"x\"\n[binding]\nmethod = \"GET\"\npath = \"/\"\n[actions]\n";
        assert_eq!(Manifest::parse(text).unwrap_err(), ManifestError::Unbound);
        assert!(Manifest::parse("name = 1").is_err());
    }

    #[test]
    fn credential_scope_follows_the_region_setting() {
        let signing: Signing = toml::from_str(
            "service = 'dynamodb'\nregion-setting = 'region'\n\
             region-aliases = { local = 'us-east-1' }",
        )
        .unwrap();
        let scope = |region: &str| signing.scope(region).map(|scope| scope.to_string());
        assert_eq!(scope(" eu-west-1 ").as_deref(), Some("eu-west-1/dynamodb"));
        assert_eq!(scope("local").as_deref(), Some("us-east-1/dynamodb"));
        assert_eq!(scope("a/b"), None);
    }
}
