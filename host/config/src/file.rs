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
    let memory = ByteSize::deserialize(deserializer)?;
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
mod tests {
    use super::*;
    const EXAMPLE: &str = r#"
        [datasources.orders]
        plugin = "dynamodb"
        settings = { region = "eu-west-1" }
        credentials = { from = "env" }
        egress = ["https://dynamodb.eu-west-1.amazonaws.com"]
        access = "read"
        actions = ["GetItem", "Query"]
        tables = ["orders", "orders-*"]
        isolation = "reuse"
        [datasources.orders.limits]
        deadline = "10s"
        memory = "64 MiB"
    "#;

    #[test]
    fn documented_example_is_parsed() {
        let file = PolicyFile::parse(EXAMPLE).unwrap();
        let orders = &file.datasources["orders"];
        assert_eq!(orders.plugin, PluginSource::BuiltIn("dynamodb".to_string()));
        assert_eq!(orders.credentials, Some(CredentialSource::Env { prefix: String::new() }));
        assert_eq!(
            (orders.policy.access, orders.policy.limits.deadline.as_secs()),
            (Access::Read, 10)
        );
        assert_eq!(orders.policy.limits.memory.as_u64(), 64 << 20);
    }

    #[test]
    fn unknown_key_is_refused_with_the_closest_valid_key() {
        for (wrong, right) in [
            ("egres = []", "egress"),
            ("limits = { deadlin = \"1s\" }", "deadline"),
            ("acess = \"read\"", "access"),
            ("access = \"raed\"", "read"),
            ("limits = { wasm-table = 4 }", "wasm-tables"),
            ("setting_file = \"x\"", "settings-file"),
            // The closest key is the deprecated spelling, so the current one is suggested.
            ("limits = { tabless = 4 }", "wasm-tables"),
            ("tabless = []", "tables"),
        ] {
            let text = format!("[datasources.a]\nplugin = \"dynamodb\"\n{wrong}\n");
            let message = PolicyFile::parse(&text).unwrap_err().to_string();
            assert!(message.contains(&format!("did you mean `{right}`?")), "{message}");
            assert!(message.contains("line 3"), "{message}");
        }
    }

    #[test]
    fn error_does_not_quote_a_line_that_may_contain_a_secret() {
        for line in [
            "credentials = { from = \"env\", secret_access_key = \"SUPERSECRET\" }",
            "credentials = { access_key_id = \"A\", secret_access_key = \"SUPERSECRET\" }",
            "credentials = \"AKIA:SUPERSECRET\"",
            "credentials = { secret_access_key = \"SUPERSECRET\" from = \"env\" }",
            "secret_access_key = \"SUPERSECRET\"",
            "SUPERSECRET",
            "  pcl_SUPERSECRET",
            "key = pcl_SUPERSECRET",
            "egress = [\"https://user:SUPERSECRET@a.example\"]",
        ] {
            let message =
                PolicyFile::parse(&format!("[datasources.a]\nplugin = \"dynamodb\"\n{line}\n"))
                    .unwrap_err()
                    .to_string();
            assert!(
                !message.contains("SUPERSECRET")
                    && message.contains("line 3")
                    && message.contains("from ="),
                "{message}"
            );
        }
    }

    #[test]
    fn token_in_place_of_its_digest_is_not_quoted() {
        let text = "[server.tokens.a]\nsha256 = \"pcl_my-own-words\"\ndatasources = []";
        let message = PolicyFile::parse(text).unwrap_err().to_string();
        assert!(!message.contains("pcl_my-own-words"), "{message}");
        assert!(message.starts_with("line 2: sha256 of a token must be 64"), "{message}");
    }

    #[test]
    fn plugin_in_a_file_needs_a_file_and_a_manifest() {
        let parse =
            |plugin: &str| PolicyFile::parse(&format!("[datasources.a]\nplugin = {plugin}\n"));
        let digest = "a".repeat(64);
        assert!(
            parse(&format!(
                "{{ file = \"x.wasm\", manifest = \"x.toml\", sha256 = \"{digest}\" }}"
            ))
            .is_ok()
        );
        for (wrong, part) in [
            ("{ file = \"x.wasm\", manfest = \"x\" }", "did you mean `manifest`?"),
            ("{ file = \"x.wasm\" }", "missing field `manifest`"),
            ("{ file = \"x.wasm\", manifest = \"x\", sha256 = \"abc\" }", "64 hexadecimal digits"),
            ("1", "expected a plugin: \"dynamodb\""),
        ] {
            let message = parse(wrong).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn credential_sources_are_parsed() {
        let parse = |source: &str| {
            let file = PolicyFile::parse(&format!(
                "[datasources.a]\nplugin = \"dynamodb\"\ncredentials = {source}\n"
            ))?;
            Ok::<_, PolicyFileError>(file.datasources["a"].credentials.clone().unwrap())
        };
        for good in [
            "{ from = \"profile\", name = \"dev\" }",
            "{ from = \"web-identity\" }",
            "{ from = \"web-identity\", role = \"arn:aws:iam::1:role/a\", token-file = \"t\" }",
            "{ from = \"container\" }",
            "{ from = \"instance\" }",
            "{ from = \"role\", arn = \"arn:aws:iam::1:role/a\", external-id = \"x\", \
             source = { from = \"env\" } }",
        ] {
            assert!(parse(good).is_ok(), "{good}: {:?}", parse(good));
        }
        for (wrong, part) in [
            ("{ from = \"profil\" }", "did you mean `profile`?"),
            ("{ from = \"role\", arn = \"x\" }", "`source` is missing"),
            (
                "{ from = \"role\", arn = \"x\", externalid = \"y\", source = { from = \"env\" } }",
                "did you mean `external-id`?",
            ),
        ] {
            let message = parse(wrong).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn keys_that_depend_on_each_other_are_checked() {
        let parse = |more: &str| {
            PolicyFile::parse(&format!("[datasources.a]\nplugin = \"dynamodb\"\n{more}\n"))
        };
        for (wrong, part) in [
            ("networks = { \"http://a\" = [\"10.0.0.0/8\"] }", "but egress does not"),
            ("tls = { client-key = \"k.pem\" }", "belong together"),
            (
                "credentials = { from = \"web-identity\", role = \"arn:aws:iam::1:role/a\" }",
                "belong together",
            ),
            ("limits = { wasm-tables = 9 }", "limits.wasm-tables is larger than 8"),
        ] {
            let message = parse(wrong).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let consistent = "egress = ['POST http://a/']\nnetworks = { 'http://a' = ['10.0.0.0/8'] }\n\
                          tls = { ca = 'ca.pem' }";
        assert!(parse(consistent).is_ok());
    }

    #[test]
    fn memory_of_the_host_is_parsed_and_has_a_minimum() {
        let memory = |text: &str| PolicyFile::parse(&format!("[host]\nmemory = {text}\n"));
        assert_eq!(memory("'2 GiB'").unwrap().host.memory, Some(ByteSize::gib(2)));
        assert_eq!(PolicyFile::parse("").unwrap().host.memory, None);
        for (wrong, part) in [("'1 MiB'", "at least 16.0 MiB"), ("'0'", "at least"), ("'x'", "")] {
            let message = memory(wrong).unwrap_err().to_string();
            assert!(message.starts_with("line 2: ") && message.contains(part), "{message}");
        }
    }

    #[test]
    fn audit_is_parsed() {
        let audited =
            PolicyFile::parse("[audit]\nfile = \"audit.jsonl\"\nwhen-full = \"pass\"\n").unwrap();
        assert_eq!(audited.audit.unwrap().when_full, WhenFull::Pass);
    }

    #[test]
    fn settings_in_the_policy_and_in_a_file_are_refused() {
        for key in ["settings-file", "settings_file"] {
            let text =
                format!("[datasources.a]\nplugin = \"dynamodb\"\nsettings = {{}}\n{key} = \"x\"\n");
            let message = PolicyFile::parse(&text).unwrap_err().to_string();
            assert!(message.contains("settings and settings-file are both given"), "{message}");
        }
    }

    #[test]
    fn old_spellings_are_parsed_and_written_in_the_new_spelling() {
        let old = "[datasources.a]\nplugin = 'dynamodb'\nsettings_file = 'x.json'\n\
                   limits = { tables = 4 }\n";
        let new = "[datasources.a]\nplugin = 'dynamodb'\nsettings-file = 'x.json'\n\
                   limits = { wasm-tables = 4 }\n";
        let file = PolicyFile::parse(old).unwrap();
        assert_eq!(file, PolicyFile::parse(new).unwrap());
        assert_eq!(file.datasources["a"].settings, SettingsSource::File("x.json".into()));
        let written = toml::Value::try_from(&file).unwrap();
        let datasource = &written["datasources"]["a"];
        assert_eq!(datasource["settings-file"].as_str(), Some("x.json"));
        assert_eq!(datasource["limits"]["wasm-tables"].as_integer(), Some(4));
        let keys: Vec<&str> = datasource.as_table().unwrap().keys().map(String::as_str).collect();
        assert!(!keys.contains(&"settings_file"), "{keys:?}");
        assert_eq!(datasource["limits"].get("tables"), None);
    }

    #[test]
    fn errors_name_their_line() {
        let line = |text: &str| PolicyFile::parse(text).unwrap_err().line();
        assert_eq!(line("[datasources.a]\nplugin = 1\n"), Some(2));
        assert_eq!(line("\n\n[datasources.a\n"), Some(3));
    }
}
