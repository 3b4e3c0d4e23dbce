//! Templates: what a platform's tenants may fill in.
//!
//! | module | role |
//! |---|---|
//! | `pattern` | texts with placeholders |
//! | `place` | what a pattern becomes, and which values fit there |
//! | `allowed` | the values that a tenant may give a setting |
//! | `settings` | the settings that a tenant gives |
//! | `credentials` | where the credentials come from |
//! | `tenant` | names of tenants |

mod allowed;
mod credentials;
mod error;
mod pattern;
mod place;
mod settings;
mod tenant;

pub use allowed::{AllowedValues, AllowedValuesError, Choice, NumberRange};
pub use credentials::{RoleTemplate, TemplateCredentials, TemplateCredentialsError};
pub use error::{Fault, FillError, TemplateError};
pub use pattern::{Pattern, PatternError};
pub use place::{ExternalId, Place, SessionName};
pub use settings::{MAX_TEXT_BYTES, SettingValue, TenantSettings};
pub use tenant::{TenantName, TenantNameError};

use crate::credentials::CredentialSource;
use crate::egress::EgressRule;
use crate::limits::Limits;
use crate::names::{Access, ActionName, TablePattern};
use crate::origin::Origin;
use crate::policy::{Isolation, Policy};
use crate::scope::CredentialScope;
use ipnet::IpNet;
use pattern::Misfit;
use serde::{Deserialize, Serialize};
use settings::MAX_NAME_BYTES;
use std::collections::BTreeMap;

/// The rules of a template, as the operator writes them. [`Template::new`] checks that they fit
/// together.
///
/// The struct is exhaustive, so that `TemplateRules { access: Access::Write, ..Default::default() }`
/// works. A later version may add fields: do not list them all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TemplateRules {
    /// The settings that a tenant may give, with the values that are allowed. Others are refused.
    /// Settings that no placeholder names may be left out.
    pub settings: BTreeMap<String, AllowedValues>,
    /// Settings that are the same for all tenants, who cannot give them.
    pub fixed_settings: toml::Table,
    /// Where the credentials come from. `None` for a service without credentials.
    pub credentials: Option<TemplateCredentials>,
    /// Origins that requests may go to.
    pub egress: Vec<Pattern<EgressRule>>,
    /// For each origin, the special networks that it may resolve to in addition to public
    /// addresses.
    pub networks: BTreeMap<Pattern<Origin>, Vec<IpNet>>,
    /// The highest access class of actions allowed.
    pub access: Access,
    /// The actions allowed. `None` allows all that `access` allows.
    pub actions: Option<Vec<ActionName>>,
    /// The tables that requests may name. `None` allows all.
    pub tables: Option<Vec<Pattern<TablePattern>>>,
    /// Credential scopes for which signing keys may be derived. An empty list allows none: tenants
    /// write the settings, so that nothing follows from those.
    pub signing: Vec<Pattern<CredentialScope>>,
    /// Whether an instance serves several calls, as in [`Policy::isolation`].
    pub isolation: Option<Isolation>,
    /// Limits on each call.
    pub limits: Limits,
}

/// A template of datasources: what is the same for all tenants, and what each may fill in. Filled in
/// it gives an ordinary [`Policy`], which the same code checks as one that the operator wrote.
///
/// No settings lead to an origin, a table or a credential scope that the template does not describe.
/// Values are limited by the operator's lists, and by the place where they are filled in: in an
/// origin, a value is one label of the host.
///
/// ```
/// use portcullis_policy::{SettingValue, Template, TenantSettings};
///
/// let template: Template = toml::from_str(r#"
///     settings = { region = ["eu-west-1", "us-*"] }
///     credentials = { from = "caller" }
///     egress = ["https://dynamodb.{region}.amazonaws.com"]
///     signing = ["{region}/dynamodb"]
///     tables = ["{tenant}_*"]
/// "#)?;
/// let region = |region: &str| {
///     TenantSettings::from_iter([("region", SettingValue::Text(region.to_string()))])
/// };
/// let acme = "acme".parse()?;
/// let filled = template.fill(Some(&acme), &region("us-east-1"))?;
/// assert_eq!(filled.policy.egress[0].to_string(), "https://dynamodb.us-east-1.amazonaws.com");
/// assert_eq!(filled.policy.tables.unwrap()[0].to_string(), "acme_*");
///
/// let error = template.fill(Some(&acme), &region("us-1.evil.example")).unwrap_err();
/// assert_eq!(error.faults()[0].pointer, "/region");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "TemplateRules", into = "TemplateRules")]
pub struct Template(TemplateRules);

/// A template with the settings of a tenant.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FilledTemplate {
    /// What the datasource may do.
    pub policy: Policy,
    /// The settings of the plugin: those of the tenant, and those that are fixed.
    pub settings: toml::Table,
    /// Where the credentials come from.
    pub credentials: FilledCredentials,
}

/// Where the credentials of a filled template come from.
///
/// The enum is exhaustive on purpose: code that gets credentials must handle each source.
#[derive(Clone, Debug, PartialEq)]
pub enum FilledCredentials {
    /// The service needs none.
    None,
    /// The caller sends them.
    Caller,
    /// A source of the operator.
    Source(CredentialSource),
}

/// The placeholder for the tenant's name.
const TENANT: &str = "tenant";

impl Template {
    /// Checks that the rules of a template fit together.
    ///
    /// # Errors
    /// Returns an error if a placeholder names no setting, or one that has no list of texts; if a
    /// value that the list allows does not fit where it is filled in; if `networks` has an origin
    /// that `egress` has not; or if credentials cannot be used because `signing` is empty.
    pub fn new(rules: TemplateRules) -> Result<Self, TemplateError> {
        let template = Self(rules);
        template.check()?;
        Ok(template)
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &TemplateRules {
        &self.0
    }

    /// Whether it needs the name of a tenant.
    #[must_use]
    pub fn needs_tenant(&self) -> bool {
        let mut needs = false;
        self.each_placeholder(|_, name| needs |= name == TENANT);
        needs
    }

    /// Whether a tenant must give a setting: a placeholder names it.
    #[must_use]
    pub fn is_required(&self, setting: &str) -> bool {
        let mut required = false;
        self.each_placeholder(|_, name| required |= name == setting);
        required
    }

    /// Settings that a tenant could give, for an example.
    #[must_use]
    pub fn example(&self) -> TenantSettings {
        self.0.settings.iter().map(|(name, values)| (name.clone(), values.example())).collect()
    }

    /// The tenant of an example, for [`Self::example`].
    #[must_use]
    pub fn example_tenant() -> TenantName {
        TenantName::example()
    }

    /// Fills in the settings of a tenant.
    ///
    /// # Errors
    /// Returns an error that names every setting that the template does not allow, that is missing,
    /// or that does not fit where it is filled in.
    pub fn fill(
        &self,
        tenant: Option<&TenantName>,
        settings: &TenantSettings,
    ) -> Result<FilledTemplate, FillError> {
        let faults = self.faults(settings);
        if !faults.is_empty() {
            return Err(FillError::Settings(faults));
        }
        if tenant.is_none() && self.needs_tenant() {
            return Err(FillError::NoTenant);
        }
        let value = |name: &str| match (name, settings.get(name)) {
            (TENANT, _) => tenant.map(TenantName::as_str),
            (_, Some(SettingValue::Text(text))) => Some(text.as_str()),
            _ => None,
        };
        self.fill_checked(value, settings).map_err(|misfit| {
            if misfit.placeholder == TENANT {
                return FillError::Tenant(misfit.reason);
            }
            FillError::Settings(vec![Fault::new(&misfit.placeholder, misfit.reason)])
        })
    }

    fn fill_checked<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
        settings: &TenantSettings,
    ) -> Result<FilledTemplate, Misfit> {
        let rules = &self.0;
        let mut networks: BTreeMap<Origin, Vec<IpNet>> = BTreeMap::new();
        for (origin, blocks) in &rules.networks {
            // Two patterns may become the same origin.
            networks.entry(filled(origin, &value)?).or_default().extend(blocks);
        }
        let tables = rules.tables.as_ref().map(|tables| all_filled(tables, &value)).transpose()?;
        let credentials = match &rules.credentials {
            None => FilledCredentials::None,
            Some(TemplateCredentials::Caller) => FilledCredentials::Caller,
            Some(TemplateCredentials::Source(source)) => FilledCredentials::Source(source.clone()),
            Some(TemplateCredentials::Role(role)) => {
                let role = role.fill(&value)?.ok_or_else(missing)?;
                FilledCredentials::Source(role)
            }
        };
        let mut all = rules.fixed_settings.clone();
        for (name, value) in settings.iter() {
            let value = match value {
                SettingValue::Text(text) => toml::Value::String(text.clone()),
                SettingValue::Whole(number) => toml::Value::Integer(*number),
                SettingValue::Decimal(number) => toml::Value::Float(*number),
                SettingValue::Boolean(value) => toml::Value::Boolean(*value),
                // No template allows it.
                SettingValue::Other(_) => continue,
            };
            all.insert(name.to_string(), value);
        }
        let policy = Policy {
            egress: all_filled(&rules.egress, &value)?,
            networks,
            access: rules.access,
            actions: rules.actions.clone(),
            tables,
            signing: Some(all_filled(&rules.signing, &value)?),
            report_only: Vec::new(),
            isolation: rules.isolation,
            limits: rules.limits.clone(),
        };
        Ok(FilledTemplate { policy, settings: all, credentials })
    }

    /// What is wrong with settings, whatever they are filled into.
    fn faults(&self, settings: &TenantSettings) -> Vec<Fault> {
        let rules = &self.0;
        let mut faults = Vec::new();
        for (name, value) in settings.iter() {
            match rules.settings.get(name) {
                Some(allowed) if allowed.allow(value) => {}
                Some(allowed) => {
                    faults.push(Fault::new(name, format!("expected {allowed}, found {value}")));
                }
                None if rules.fixed_settings.contains_key(name) => {
                    faults.push(Fault::new(name, "the operator has set it; leave it out"));
                }
                None => faults.push(Fault::new(name, self.unknown())),
            }
        }
        for (name, allowed) in &rules.settings {
            if settings.get(name).is_none() && self.is_required(name) {
                faults.push(Fault::new(name, format!("it is missing; expected {allowed}")));
            }
        }
        faults
    }

    fn unknown(&self) -> String {
        let known: Vec<&str> = self.0.settings.keys().map(String::as_str).collect();
        if known.is_empty() {
            return "this template has no settings; leave it out".to_string();
        }
        format!("unknown setting; this template has {}", known.join(", "))
    }

    fn check(&self) -> Result<(), TemplateError> {
        let rules = &self.0;
        for name in rules.settings.keys() {
            if name == TENANT {
                return Err(TemplateError::TenantSetting);
            }
            if rules.fixed_settings.contains_key(name) {
                return Err(TemplateError::FixedAndAllowed(name.clone()));
            }
            if name.is_empty() || name.len() > MAX_NAME_BYTES {
                return Err(TemplateError::Name(name.chars().take(70).collect()));
            }
        }
        if rules.credentials.is_some() && rules.signing.is_empty() {
            return Err(TemplateError::NoScope);
        }
        let listed = |origin: &Pattern<Origin>| {
            rules.egress.iter().any(|rule| {
                let same =
                    rule.sample().is_ok_and(|rule| origin.sample().as_ref() == Ok(rule.origin()));
                same && origin.placeholders().eq(rule.placeholders())
            })
        };
        if let Some(stray) = rules.networks.keys().find(|origin| !listed(origin)) {
            return Err(TemplateError::StrayNetwork(stray.to_string()));
        }
        let mut unknown = None;
        self.each_placeholder(|key, name| {
            let is_text = matches!(rules.settings.get(name), Some(AllowedValues::Texts(_)));
            if name != TENANT && !is_text && unknown.is_none() {
                unknown = Some(TemplateError::NoTexts { key, name: name.to_string() });
            }
        });
        if let Some(unknown) = unknown {
            return Err(unknown);
        }
        // Each value that a list allows must fit, not only the first one.
        let example = self.example();
        for (name, allowed) in &rules.settings {
            let AllowedValues::Texts(choices) = allowed else { continue };
            for choice in choices {
                let text = match choice {
                    Choice::Text(text) => text.clone(),
                    Choice::Prefix(prefix) => format!("{prefix}example"),
                };
                let settings = example
                    .iter()
                    .filter(|(other, _)| other != name)
                    .map(|(other, value)| (other.to_string(), value.clone()))
                    .chain([(name.clone(), SettingValue::Text(text))])
                    .collect();
                self.fill(Some(&Self::example_tenant()), &settings)
                    .map_err(|error| TemplateError::Choice(choice.to_string(), Box::new(error)))?;
            }
        }
        self.fill(Some(&Self::example_tenant()), &example)
            .map(drop)
            .map_err(|error| TemplateError::Example(Box::new(error)))
    }

    /// Calls `found` with the key and the name of each placeholder.
    fn each_placeholder(&self, mut found: impl FnMut(&'static str, &str)) {
        let rules = &self.0;
        rules.egress.iter().flat_map(Pattern::placeholders).for_each(|name| found("egress", name));
        let origins = rules.networks.keys().flat_map(Pattern::placeholders);
        origins.for_each(|name| found("networks", name));
        let scopes = rules.signing.iter().flat_map(Pattern::placeholders);
        scopes.for_each(|name| found("signing", name));
        let tables = rules.tables.iter().flatten().flat_map(Pattern::placeholders);
        tables.for_each(|name| found("tables", name));
        if let Some(TemplateCredentials::Role(role)) = &rules.credentials {
            let ids = role.external_id.iter().flat_map(Pattern::placeholders);
            ids.for_each(|name| found("credentials.external-id", name));
            let names = role.session_name.iter().flat_map(Pattern::placeholders);
            names.for_each(|name| found("credentials.session-name", name));
        }
    }
}

fn all_filled<'v, T: Place>(
    patterns: &[Pattern<T>],
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<Vec<T>, Misfit> {
    patterns.iter().map(|pattern| filled(pattern, &value)).collect()
}

fn filled<'v, T: Place>(
    pattern: &Pattern<T>,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<T, Misfit> {
    pattern.fill(value)?.ok_or_else(missing)
}

/// A placeholder without a value, which was checked before.
fn missing() -> Misfit {
    Misfit { placeholder: String::new(), reason: "a placeholder has no value".to_string() }
}

impl TryFrom<TemplateRules> for Template {
    type Error = TemplateError;

    fn try_from(rules: TemplateRules) -> Result<Self, TemplateError> {
        Self::new(rules)
    }
}

impl From<Template> for TemplateRules {
    fn from(template: Template) -> Self {
        template.0
    }
}

#[cfg(test)]
mod tests;
