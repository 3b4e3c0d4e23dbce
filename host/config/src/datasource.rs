//! Datasources in the policy file.

use crate::plugin::PluginSource;
use crate::requirements::{check_credentials, check_tls};
use crate::tls::TlsConfig;
use ipnet::IpNet;
use portcullis_policy::{
    Access, ActionName, CredentialScope, CredentialSource, EgressRule, Isolation, Limits, Origin,
    Policy, ReportOnly, TablePattern,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One datasource: its plugin, settings, credentials and policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DatasourceEntry {
    /// The plugin that the datasource runs.
    pub plugin: PluginSource,
    /// The settings with which the plugin is connected.
    #[serde(flatten)]
    pub settings: SettingsSource,
    /// Where the host finds credentials. `None` if the service needs none.
    pub credentials: Option<CredentialSource>,
    /// TLS files. `None` trusts Mozilla's list of authorities and presents no client certificate.
    pub tls: Option<TlsConfig>,
    /// What the datasource may do.
    #[serde(flatten)]
    pub policy: Policy,
}

/// The settings of a datasource, or the file that contains them.
///
/// The enum is exhaustive on purpose: code that uses settings must decide whether it trusts them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum SettingsSource {
    /// Settings in the policy file. The operator wrote them, so they are trusted like the policy.
    #[serde(rename = "settings")]
    Inline(toml::Table),
    /// The path of a JSON file with settings that somebody else wrote. They are not trusted.
    #[serde(rename = "settings-file")]
    File(PathBuf),
}

/// The keys of a datasource as written in the file. [`DatasourceEntry`] cannot derive
/// `Deserialize` because Serde does not support unknown keys as errors together with flattened
/// fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawDatasource {
    plugin: PluginSource,
    settings: Option<toml::Table>,
    #[serde(alias = "settings_file")]
    settings_file: Option<PathBuf>,
    credentials: Option<CredentialSource>,
    tls: Option<TlsConfig>,
    #[serde(default)]
    egress: Vec<EgressRule>,
    #[serde(default)]
    networks: BTreeMap<Origin, Vec<IpNet>>,
    #[serde(default)]
    access: Access,
    actions: Option<Vec<ActionName>>,
    tables: Option<Vec<TablePattern>>,
    signing: Option<Vec<CredentialScope>>,
    #[serde(default, rename = "observe")]
    report_only: Vec<ReportOnly>,
    isolation: Option<Isolation>,
    #[serde(default)]
    limits: Limits,
}

impl<'de> Deserialize<'de> for DatasourceEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawDatasource::deserialize(deserializer)?;
        let settings = match (raw.settings, raw.settings_file) {
            (Some(_), Some(_)) => {
                return Err(serde::de::Error::custom(
                    "settings and settings-file are both given; give only one of them",
                ));
            }
            (None, Some(file)) => SettingsSource::File(file),
            (settings, None) => SettingsSource::Inline(settings.unwrap_or_default()),
        };
        raw.limits.check().map_err(serde::de::Error::custom)?;
        if let Some(stray) = raw
            .networks
            .keys()
            .find(|origin| !raw.egress.iter().any(|rule| rule.origin() == *origin))
        {
            return Err(serde::de::Error::custom(format!(
                "networks lists {stray}, but egress does not; add it to egress, or remove it from \
                 networks"
            )));
        }
        if let Some(source) = &raw.credentials {
            check_credentials(source).map_err(serde::de::Error::custom)?;
        }
        if let Some(tls) = &raw.tls {
            check_tls(tls).map_err(serde::de::Error::custom)?;
        }
        Ok(Self {
            plugin: raw.plugin,
            settings,
            credentials: raw.credentials,
            tls: raw.tls,
            policy: Policy {
                egress: raw.egress,
                networks: raw.networks,
                access: raw.access,
                actions: raw.actions,
                tables: raw.tables,
                signing: raw.signing,
                report_only: raw.report_only,
                isolation: raw.isolation,
                limits: raw.limits,
            },
        })
    }
}
