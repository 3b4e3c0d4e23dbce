//! The policy file: its types, and how it is read.

use crate::datasource::DatasourceEntry;
use crate::deprecated::{self, DeprecatedKey};
use crate::error::PolicyFileError;
use crate::server::ServerConfig;
use crate::template::TemplateEntry;
use bytesize::ByteSize;
use portcullis_policy::WhenFull;
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
    /// Templates of datasources that tenants fill in, by name.
    #[serde(default)]
    pub templates: BTreeMap<String, TemplateEntry>,
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
