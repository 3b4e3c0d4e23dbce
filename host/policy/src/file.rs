//! The policy file of the command line. Embedders may use the same types.

use crate::{Isolation, Policy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A policy file: datasources by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// The datasources.
    #[serde(default)]
    pub datasources: BTreeMap<String, DatasourceConfig>,
}

/// One datasource: plugin, settings, credentials, and its policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatasourceConfig {
    /// The plugin.
    pub plugin: PluginSource,
    /// The settings that the plugin is connected with.
    #[serde(flatten)]
    pub settings: Settings,
    /// Where the host finds credentials; none for a service without.
    pub credentials: Option<CredentialSource>,
    /// What the datasource may do.
    #[serde(flatten)]
    pub policy: Policy,
}

/// Which plugin a datasource runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PluginSource {
    /// One that is built in, by its name.
    BuiltIn(String),
    /// A component in a file.
    File {
        /// The component.
        file: PathBuf,
        /// Its SHA-256 in hexadecimal. A component with another digest is not loaded.
        sha256: Option<String>,
        /// Its manifest.
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
                f.write_str("a plugin: \"dynamodb\", or { file = \"x.wasm\", sha256 = \"…\", manifest = \"x.toml\" }")
            }

            fn visit_str<E>(self, name: &str) -> Result<PluginSource, E> {
                Ok(PluginSource::BuiltIn(name.to_string()))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<PluginSource, A::Error> {
                let raw = RawPlugin::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let hexadecimal = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                if let Some(wrong) = raw.sha256.as_ref().filter(|text| !hexadecimal(text)) {
                    return Err(serde::de::Error::custom(format!("{wrong:?} is no SHA-256, which has 64 hexadecimal digits")));
                }
                Ok(PluginSource::File { file: raw.file, sha256: raw.sha256, manifest: raw.manifest })
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// Where settings stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Settings {
    /// In the policy file: written by the operator, and trusted as far as the policy itself is.
    #[serde(rename = "settings")]
    Inline(toml::Table),
    /// In a JSON file of the datasource's author, who is not trusted.
    #[serde(rename = "settings_file")]
    File(PathBuf),
}

/// Where the host finds credentials. A secret never stands in a policy itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase", deny_unknown_fields)]
pub enum CredentialSource {
    /// The variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of the environment, with a
    /// prefix to their names where one is given.
    Env {
        /// Put before each name: `ORDERS_` for `ORDERS_AWS_ACCESS_KEY_ID`.
        #[serde(default)]
        prefix: String,
    },
    /// A TOML file with `access_key_id`, `secret_access_key` and, where there is one, `session_token`. It must not be
    /// readable by others.
    File {
        /// The file.
        path: PathBuf,
    },
}

/// Why a text is no policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    message: String,
}

/// The keys of a datasource as they stand in the file, before they are sorted to what they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDatasource {
    plugin: PluginSource,
    settings: Option<toml::Table>,
    settings_file: Option<PathBuf>,
    credentials: Option<CredentialSource>,
    #[serde(default)]
    egress: Vec<crate::Origin>,
    #[serde(default)]
    networks: Vec<ipnet::IpNet>,
    #[serde(default)]
    access: crate::Access,
    actions: Option<Vec<crate::ActionName>>,
    tables: Option<Vec<crate::TablePattern>>,
    signing: Option<Vec<crate::CredentialScope>>,
    isolation: Option<Isolation>,
    #[serde(default)]
    limits: crate::Limits,
}

impl<'de> Deserialize<'de> for DatasourceConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawDatasource::deserialize(deserializer)?;
        let settings = match (raw.settings, raw.settings_file) {
            (Some(_), Some(_)) => return Err(serde::de::Error::custom("settings and settings_file are both given; give one of them")),
            (None, Some(file)) => Settings::File(file),
            (settings, None) => Settings::Inline(settings.unwrap_or_default()),
        };
        raw.limits.check().map_err(serde::de::Error::custom)?;
        Ok(Self {
            plugin: raw.plugin,
            settings,
            credentials: raw.credentials,
            policy: Policy {
                egress: raw.egress,
                networks: raw.networks,
                access: raw.access,
                actions: raw.actions,
                tables: raw.tables,
                signing: raw.signing,
                isolation: raw.isolation,
                limits: raw.limits,
            },
        })
    }
}

impl PolicyFile {
    /// Reads a policy file.
    ///
    /// # Errors
    /// What is wrong and in which line; for an unknown key, the nearest known one.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        toml::from_str(text).map_err(|error| ParseError { message: with_guess(&error) })
    }
}

/// The message of a TOML error, with a guess at what an unknown key was meant to be.
fn with_guess(error: &toml::de::Error) -> String {
    let message = error.to_string();
    let text = message.trim_end();
    let mut quoted = error.message().split('`').skip(1).step_by(2);
    let is_unknown = error.message().starts_with("unknown field") || error.message().starts_with("unknown variant");
    let guess = quoted.next().filter(|_| is_unknown).and_then(|unknown| {
        let near = quoted.map(|known| (strsim::damerau_levenshtein(unknown, known), known)).min()?;
        (near.0 <= unknown.len() / 2 + 1).then_some(near.1)
    });
    guess.map_or_else(|| text.to_string(), |guess| format!("{text}\ndid you mean `{guess}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Access;

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
    fn the_documented_example_is_read() {
        let file = PolicyFile::parse(EXAMPLE).unwrap();
        let orders = &file.datasources["orders"];
        assert_eq!(orders.plugin, PluginSource::BuiltIn("dynamodb".to_string()));
        assert_eq!(orders.credentials, Some(CredentialSource::Env { prefix: String::new() }));
        assert_eq!((orders.policy.access, orders.policy.limits.deadline.as_secs()), (Access::Read, 10));
        assert_eq!(orders.policy.limits.memory.as_u64(), 64 << 20);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        for (wrong, right) in [
            ("egres = []", "egress"),
            ("limits = { deadlin = \"1s\" }", "deadline"),
            ("acess = \"read\"", "access"),
            ("access = \"raed\"", "read"),
        ] {
            let text = format!("[datasources.a]\nplugin = \"dynamodb\"\n{wrong}\n");
            let message = PolicyFile::parse(&text).unwrap_err().to_string();
            assert!(message.contains(&format!("did you mean `{right}`?")), "{message}");
            assert!(message.contains("line 3"), "{message}");
        }
    }

    #[test]
    fn a_secret_has_no_place_in_a_policy() {
        let text = "[datasources.a]\nplugin = \"dynamodb\"\ncredentials = { from = \"env\", secret_access_key = \"x\" }\n";
        assert!(PolicyFile::parse(text).is_err());
    }

    #[test]
    fn a_plugin_in_a_file_is_named_with_its_parts() {
        let parse = |plugin: &str| PolicyFile::parse(&format!("[datasources.a]\nplugin = {plugin}\n"));
        let digest = "a".repeat(64);
        assert!(parse(&format!("{{ file = \"x.wasm\", manifest = \"x.toml\", sha256 = \"{digest}\" }}")).is_ok());
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
    fn two_places_for_settings_are_one_too_many() {
        let text = "[datasources.a]\nplugin = \"dynamodb\"\nsettings = {}\nsettings_file = \"x\"\n";
        assert!(PolicyFile::parse(text).unwrap_err().to_string().contains("both"));
    }
}
