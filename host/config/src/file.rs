//! The policy file: its types, and how it is read.

use crate::deprecated::{self, DeprecatedKey};
use crate::error::PolicyFileError;
use crate::server::ServerConfig;
use bytesize::ByteSize;
use ipnet::IpNet;
use portcullis_policy::{
    Access, ActionName, CredentialScope, CredentialSource, EgressRule, Isolation, Limits, Origin,
    Policy, ReportOnly, TablePattern, WhenFull,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A policy file: datasources by name, the audit and the server.
///
/// ```
/// use portcullis_config::PolicyFile;
///
/// let text = "[datasources.orders]\nplugin = 'dynamodb'\nacess = 'write'\n";
/// let error = PolicyFile::parse(text).unwrap_err();
/// assert_eq!(error.line(), Some(3));
/// assert!(error.to_string().ends_with("did you mean `access`?"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyFile {
    /// Limits of the host, over all datasources.
    #[serde(default)]
    pub host: HostConfig,
    /// The file to which calls and denials are recorded. `None` records nothing.
    pub audit: Option<AuditConfig>,
    /// The server of the command line: where it listens, and who may use it.
    pub server: Option<ServerConfig>,
    /// The datasources, by name.
    #[serde(default)]
    pub datasources: BTreeMap<String, DatasourceEntry>,
}

/// Limits of the host, over all datasources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct HostConfig {
    /// The memory of all instances, of what the host holds for them, and of the bodies of all calls
    /// together. At least [`MIN_MEMORY`]. `None` allows half of what the process may use.
    #[serde(deserialize_with = "memory", skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
}

/// The smallest memory limit of a host: a few calls of the `DynamoDB` plugin, with small bodies.
pub const MIN_MEMORY: ByteSize = ByteSize::mib(16);

fn memory<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<ByteSize>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let memory: ByteSize = text.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "host.memory is {text:?}, which is not a size, as in \"512 MiB\" or \"2 GiB\""
        ))
    })?;
    if memory < MIN_MEMORY {
        return Err(serde::de::Error::custom(format!(
            "host.memory is {memory}, but calls need at least {MIN_MEMORY}"
        )));
    }
    Ok(Some(memory))
}

/// The file to which calls and denials are recorded, as one JSON object per line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct AuditConfig {
    /// The path of the file. Records are appended. If the file does not exist, it is created so
    /// that only its owner can read it.
    pub file: PathBuf,
    /// What happens to calls that cannot be recorded.
    #[serde(default)]
    pub when_full: WhenFull,
}

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

/// The TLS files of a datasource, in PEM format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct TlsConfig {
    /// The certificate authorities to trust instead of Mozilla's list.
    pub ca: Option<PathBuf>,
    /// The client certificate for mutual TLS, followed by its intermediate certificates. Requires
    /// `client-key`.
    pub client_certificate: Option<PathBuf>,
    /// The private key of the client certificate. Only its owner may have permission to read it.
    pub client_key: Option<PathBuf>,
}

/// The plugin that a datasource runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum PluginSource {
    /// A built-in plugin, by its name.
    BuiltIn(String),
    /// A component in a file.
    File {
        /// The path of the component.
        file: PathBuf,
        /// The component's SHA-256, as 64 hexadecimal digits. A component with another digest is
        /// not loaded. `None` accepts any component in the file.
        sha256: Option<String>,
        /// The path of the plugin's manifest.
        manifest: PathBuf,
    },
}

/// The keys of a plugin in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlugin {
    file: PathBuf,
    sha256: Option<String>,
    manifest: PathBuf,
}

impl<'de> Deserialize<'de> for PluginSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = PluginSource;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "a plugin: \"dynamodb\", or { file = \"x.wasm\", sha256 = \"…\", \
                     manifest = \"x.toml\" }",
                )
            }

            fn visit_str<E>(self, name: &str) -> Result<PluginSource, E> {
                Ok(PluginSource::BuiltIn(name.to_string()))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<PluginSource, A::Error> {
                let raw =
                    RawPlugin::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let hexadecimal = |text: &String| {
                    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
                };
                if let Some(wrong) = raw.sha256.as_ref().filter(|text| !hexadecimal(text)) {
                    return Err(serde::de::Error::custom(format!(
                        "{wrong:?} is not a SHA-256; expected 64 hexadecimal digits"
                    )));
                }
                Ok(PluginSource::File {
                    file: raw.file,
                    sha256: raw.sha256,
                    manifest: raw.manifest,
                })
            }
        }
        deserializer.deserialize_any(Form)
    }
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
        if let Some(CredentialSource::WebIdentity { role, token_file, .. }) = &raw.credentials
            && role.is_some() != token_file.is_some()
        {
            return Err(serde::de::Error::custom(
                "role and token-file of a web identity belong together; give both or neither",
            ));
        }
        if raw
            .tls
            .as_ref()
            .is_some_and(|tls| tls.client_certificate.is_some() != tls.client_key.is_some())
        {
            return Err(serde::de::Error::custom(
                "tls.client-certificate and tls.client-key belong together; give both or neither",
            ));
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

impl PolicyFile {
    /// Parses the text of a policy file.
    ///
    /// # Errors
    /// Returns an error if the text is not TOML, has an unknown key, or has a value that is not
    /// valid for its key. The error names the line and the reason. For an unknown key it suggests
    /// the closest valid one.
    pub fn parse(text: &str) -> Result<Self, PolicyFileError> {
        toml::from_str(text).map_err(|error| PolicyFileError::new(&error, text))
    }

    /// Returns the keys that the text of a policy file writes in a deprecated spelling, in the
    /// order of the file. [`Self::parse`] still accepts them. Text that is not TOML has none.
    ///
    /// ```
    /// use portcullis_config::PolicyFile;
    ///
    /// let keys = PolicyFile::deprecated_keys("[datasources.orders.limits]\ntables = 4\n");
    /// assert_eq!(keys[0].path, "datasources.orders.limits.tables");
    /// assert_eq!((keys[0].line, keys[0].replacement), (2, "wasm-tables"));
    /// ```
    #[must_use]
    pub fn deprecated_keys(text: &str) -> Vec<DeprecatedKey> {
        deprecated::find(text)
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
