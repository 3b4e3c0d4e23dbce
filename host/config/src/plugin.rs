//! Plugins in the policy file.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
