//! What a plugin's publisher states and the operator trusts: which operations each export may send, how a request
//! carries its operation, what each action does, and where it names tables and statements.
//!
//! The gate decides by the manifest, never by what the plugin says of itself.

use http::HeaderName;
use portcullis_policy::{Access, ActionName, CredentialScope};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The manifest of a plugin, read from TOML.
///
/// ```
/// let manifest = portcullis::Manifest::parse(r#"
///     name = "echo"
///     [binding]
///     method = "GET"
///     path = "/{operation}"
///     [actions]
///     Echo = { access = "read" }
/// "#)?;
/// assert_eq!(manifest.name(), "echo");
/// # Ok::<(), portcullis::LoadError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    name: String,
    pub(crate) binding: Binding,
    pub(crate) signing: Option<Signing>,
    #[serde(default)]
    exports: BTreeMap<String, Vec<ActionName>>,
    pub(crate) iam: Option<Iam>,
    actions: BTreeMap<ActionName, Action>,
}

/// How a request shows which operation it asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Binding {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: Template,
    /// A header that must be there once, with `value`.
    #[serde(default, deserialize_with = "header_name")]
    pub(crate) header: Option<HeaderName>,
    /// The header's value.
    #[serde(default)]
    pub(crate) value: Template,
}

/// A text in which `{operation}` stands for an operation, split there: it is compared with each request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Template(Vec<String>);

impl Template {
    /// Whether `text` is this, with `operation` filled in.
    pub(crate) fn is(&self, operation: &str, text: &[u8]) -> bool {
        let mut rest = Some(text);
        for (index, piece) in self.0.iter().enumerate() {
            if index > 0 {
                rest = rest.and_then(|rest| rest.strip_prefix(operation.as_bytes()));
            }
            rest = rest.and_then(|rest| rest.strip_prefix(piece.as_bytes()));
        }
        rest == Some(b"")
    }

    fn names_the_operation(&self) -> bool {
        self.0.len() > 1
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Self(text.split("{operation}").map(ToString::to_string).collect())
    }
}

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderName>, D::Error> {
    let name = String::deserialize(deserializer)?;
    HeaderName::try_from(name.as_str())
        .map(Some)
        .map_err(|_| D::Error::custom(format!("{name:?} is no name of a header")))
}

/// The credential scope of a plugin that signs for AWS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Signing {
    service: String,
    /// The member of the settings that names the region.
    region_setting: String,
    /// Regions that sign as another.
    #[serde(default)]
    region_aliases: BTreeMap<String, String>,
}

/// What IAM grants a plugin's actions on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Iam {
    /// What stands before the names of actions.
    pub(crate) prefix: String,
    /// ARNs by kind; `{partition}`, `{region}`, `{account}` and `{table}` are filled in.
    pub(crate) resources: BTreeMap<String, String>,
}

/// What is stated of an action.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    access: Access,
    /// Where its body names tables.
    #[serde(default)]
    pub(crate) tables: Vec<Place>,
    /// Where its body has PartiQL statements.
    #[serde(default)]
    pub(crate) statements: Vec<Place>,
    /// The names that IAM has for it, where it is not its own.
    pub(crate) iam: Option<Vec<ActionName>>,
    /// The kinds of resource that IAM grants it on; none for tables, nothing for everything.
    pub(crate) resources: Option<Vec<String>>,
}

/// A place in a body: `/TransactItems/*/Put/TableName`, `/RequestItems/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Place(pub(crate) Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A member.
    Name(String),
    /// Every element of an array, or value of an object.
    Each,
    /// The names of an object's members.
    Keys,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`crate::LoadError::Manifest`] with the line and what is wrong.
    pub fn parse(text: &str) -> Result<Self, crate::LoadError> {
        let manifest: Self =
            toml::from_str(text).map_err(|error| crate::LoadError::Manifest(error.to_string()))?;
        let bound = manifest.binding.path.names_the_operation()
            || manifest.binding.value.names_the_operation();
        if !bound {
            return Err(crate::LoadError::Manifest(
                "binding.path or binding.value must contain {operation}".to_string(),
            ));
        }
        Ok(manifest)
    }

    /// The plugin's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The actions that are stated, with their access classes.
    pub fn actions(&self) -> impl Iterator<Item = (&ActionName, Access)> {
        self.actions.iter().map(|(name, action)| (name, action.access))
    }

    /// The actions with what is stated of them.
    pub(crate) fn stated(&self) -> impl Iterator<Item = (&ActionName, &Action)> {
        self.actions.iter()
    }

    /// What is stated of an action.
    pub(crate) fn action(&self, name: &ActionName) -> Option<&Action> {
        self.actions.get(name)
    }

    /// The operations that an export other than `execute` and `relay` may send.
    pub(crate) fn export(&self, name: &str) -> &[ActionName] {
        self.exports.get(name).map_or(&[], Vec::as_slice)
    }

    /// The scope that settings of the operator's own ask for.
    #[must_use]
    pub fn scope(&self, settings: &serde_json::Value) -> Option<CredentialScope> {
        let signing = self.signing.as_ref()?;
        let region = settings.get(&signing.region_setting)?.as_str()?.trim();
        let region = signing.region_aliases.get(region).map_or(region, String::as_str);
        CredentialScope::new(region, &signing.service).ok()
    }
}

impl Action {
    /// The class that is known before the body is: an action of statements may turn out to read only.
    pub(crate) fn least_access(&self) -> Access {
        if self.statements.is_empty() { self.access } else { Access::Read }
    }

    /// The class where the statements are such, or there are none.
    pub(crate) fn access(&self) -> Access {
        self.access
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let rest = text
            .strip_prefix('/')
            .ok_or_else(|| format!("{text:?} is no place: it does not begin with /"))?;
        let steps: Vec<Step> = rest
            .split('/')
            .map(|step| match step {
                "*" => Step::Each,
                "{key}" => Step::Keys,
                name => Step::Name(name.to_string()),
            })
            .collect();
        if steps.iter().rev().skip(1).any(|step| *step == Step::Keys) {
            return Err(format!("{text:?} is no place: {{key}} can only stand at the end"));
        }
        Ok(Self(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dynamodb_manifest_is_read() {
        let manifest = Manifest::parse(dynamodb_component::MANIFEST).unwrap();
        assert_eq!(manifest.actions().count(), 62);
        let transact = manifest.action(&"TransactWriteItems".parse().unwrap()).unwrap();
        assert_eq!((transact.access(), transact.tables.len()), (Access::Write, 4));
        assert_eq!(manifest.export("test").len(), 2);
        assert!(manifest.export("connect").is_empty());
    }

    #[test]
    fn the_scope_follows_the_region_setting() {
        let manifest = Manifest::parse(dynamodb_component::MANIFEST).unwrap();
        let scope = |settings: &str| {
            manifest.scope(&serde_json::from_str(settings).unwrap()).map(|scope| scope.to_string())
        };
        assert_eq!(scope(r#"{"region":" eu-west-1 "}"#).as_deref(), Some("eu-west-1/dynamodb"));
        assert_eq!(scope(r#"{"region":"local"}"#).as_deref(), Some("us-east-1/dynamodb"));
        assert_eq!(scope(r#"{"region":"a/b"}"#), None);
        assert_eq!(scope("{}"), None);
    }

    #[test]
    fn a_template_is_compared_as_a_whole() {
        let template = Template::from("/v1/{operation}?a={operation}".to_string());
        assert!(template.is("Get", b"/v1/Get?a=Get"));
        for other in ["/v1/Get?a=Put", "/v1/Get?a=Get&", "/v1/Get", "", "/v1/?a="] {
            assert!(!template.is("Get", other.as_bytes()), "{other}");
        }
        assert!(
            Template::from("/".to_string()).is("Get", b"/")
                && !Template::default().is("Get", b"Get")
        );
    }

    #[test]
    fn a_manifest_that_binds_nothing_is_refused() {
        let text = "name = \"x\"\n[binding]\nmethod = \"GET\"\npath = \"/\"\n[actions]\n";
        assert!(Manifest::parse(text).is_err());
        assert!(Manifest::parse("name = 1").is_err());
    }
}
