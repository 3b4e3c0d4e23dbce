//! Templates of datasources in the policy file.

use crate::call_quota::CallQuota;
use crate::plugin::PluginSource;
use crate::requirements::{check_credentials, check_tls};
use crate::tls::TlsConfig;
use ipnet::IpNet;
use portcullis_policy::{
    Access, ActionName, AllowedValues, CredentialScope, EgressRule, Isolation, Limits, Origin,
    Pattern, TablePattern, Template, TemplateCredentials, TemplateRules,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A template: the plugin of its datasources, and what tenants may fill in.
///
/// ```
/// use portcullis_config::PolicyFile;
///
/// let file = PolicyFile::parse(r#"
///     [templates.tenant-dynamodb]
///     plugin = "dynamodb"
///     settings = { region = ["eu-west-1", "us-*"] }
///     credentials = { from = "caller" }
///     egress = ["https://dynamodb.{region}.amazonaws.com"]
///     signing = ["{region}/dynamodb"]
/// "#)?;
/// assert!(file.templates["tenant-dynamodb"].template.is_required("region"));
/// # Ok::<(), portcullis_config::PolicyFileError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TemplateEntry {
    /// The plugin that the datasources run.
    pub plugin: PluginSource,
    /// TLS files. `None` trusts Mozilla's list of authorities and presents no client certificate.
    pub tls: Option<TlsConfig>,
    /// How many calls all tenants together may make. Unlimited by default.
    pub calls: CallQuota,
    /// How many calls each tenant may make. Unlimited by default.
    pub tenant_calls: CallQuota,
    /// What tenants may fill in.
    #[serde(flatten)]
    pub template: Template,
}

/// The keys of a template as written in the file. [`TemplateEntry`] cannot derive `Deserialize`
/// because Serde does not support unknown keys as errors together with flattened fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTemplate {
    plugin: PluginSource,
    tls: Option<TlsConfig>,
    #[serde(default)]
    calls: CallQuota,
    #[serde(default)]
    tenant_calls: CallQuota,
    #[serde(default)]
    settings: BTreeMap<String, AllowedValues>,
    #[serde(default)]
    fixed_settings: toml::Table,
    credentials: Option<TemplateCredentials>,
    #[serde(default)]
    egress: Vec<Pattern<EgressRule>>,
    #[serde(default)]
    networks: BTreeMap<Pattern<Origin>, Vec<IpNet>>,
    #[serde(default)]
    access: Access,
    actions: Option<Vec<ActionName>>,
    tables: Option<Vec<Pattern<TablePattern>>>,
    #[serde(default)]
    signing: Vec<Pattern<CredentialScope>>,
    isolation: Option<Isolation>,
    #[serde(default)]
    limits: Limits,
}

impl<'de> Deserialize<'de> for TemplateEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawTemplate::deserialize(deserializer)?;
        raw.limits.check().map_err(serde::de::Error::custom)?;
        if let Some(source) = raw.credentials.as_ref().and_then(TemplateCredentials::source) {
            check_credentials(source).map_err(serde::de::Error::custom)?;
        }
        if let Some(tls) = &raw.tls {
            check_tls(tls).map_err(serde::de::Error::custom)?;
        }
        let template = Template::new(TemplateRules {
            settings: raw.settings,
            fixed_settings: raw.fixed_settings,
            credentials: raw.credentials,
            egress: raw.egress,
            networks: raw.networks,
            access: raw.access,
            actions: raw.actions,
            tables: raw.tables,
            signing: raw.signing,
            isolation: raw.isolation,
            limits: raw.limits,
        });
        let template = template.map_err(serde::de::Error::custom)?;
        let RawTemplate { plugin, tls, calls, tenant_calls, .. } = raw;
        Ok(Self { plugin, tls, calls, tenant_calls, template })
    }
}
