//! The policy file of the command line. Embedders may use the same types.

use crate::ServerConfig;
use portcullis_policy::{CredentialSource, Isolation, Policy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A policy file: datasources by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// Where calls and refusals are written down.
    pub audit: Option<AuditConfig>,
    /// Where the server of the command line listens, and whom it serves.
    pub server: Option<ServerConfig>,
    /// The datasources.
    #[serde(default)]
    pub datasources: BTreeMap<String, DatasourceConfig>,
}

/// Where calls and refusals are written down, a JSON object in each line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuditConfig {
    /// The file, which is appended to. Where there is none, one is made that its owner alone can read.
    pub file: PathBuf,
    /// What becomes of calls that cannot be written down.
    #[serde(default)]
    pub when_full: WhenFull,
}

/// What becomes of calls that cannot be written down: the disk is full, for instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// They are refused.
    #[default]
    Refuse,
    /// They pass.
    Pass,
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
    /// Whom it trusts in TLS, and as whom it presents itself; Mozilla's list and nobody where it is not given.
    pub tls: Option<TlsConfig>,
    /// What the datasource may do.
    #[serde(flatten)]
    pub policy: Policy,
}

/// Files of TLS, in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsConfig {
    /// The authorities to trust, in place of Mozilla's list.
    pub ca: Option<PathBuf>,
    /// The certificate to present, with those between it and its authority. Goes with `client-key`.
    pub client_certificate: Option<PathBuf>,
    /// The certificate's private key; readable by its owner alone.
    pub client_key: Option<PathBuf>,
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
                        "{wrong:?} is no SHA-256, which has 64 hexadecimal digits"
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
    tls: Option<TlsConfig>,
    #[serde(default)]
    egress: Vec<portcullis_policy::EgressRule>,
    #[serde(default)]
    networks: BTreeMap<portcullis_policy::Origin, Vec<ipnet::IpNet>>,
    #[serde(default)]
    access: portcullis_policy::Access,
    actions: Option<Vec<portcullis_policy::ActionName>>,
    tables: Option<Vec<portcullis_policy::TablePattern>>,
    signing: Option<Vec<portcullis_policy::CredentialScope>>,
    #[serde(default)]
    observe: Vec<portcullis_policy::Observed>,
    isolation: Option<Isolation>,
    #[serde(default)]
    limits: portcullis_policy::Limits,
}

impl<'de> Deserialize<'de> for DatasourceConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawDatasource::deserialize(deserializer)?;
        let settings = match (raw.settings, raw.settings_file) {
            (Some(_), Some(_)) => {
                return Err(serde::de::Error::custom(
                    "settings and settings_file are both given; give one of them",
                ));
            }
            (None, Some(file)) => Settings::File(file),
            (settings, None) => Settings::Inline(settings.unwrap_or_default()),
        };
        raw.limits.check().map_err(serde::de::Error::custom)?;
        if let Some(stray) = raw
            .networks
            .keys()
            .find(|origin| !raw.egress.iter().any(|rule| rule.origin() == *origin))
        {
            return Err(serde::de::Error::custom(format!(
                "networks names {stray}, which egress does not allow; add it there, or take it out here"
            )));
        }
        if let Some(CredentialSource::WebIdentity { role, token_file, .. }) = &raw.credentials
            && role.is_some() != token_file.is_some()
        {
            return Err(serde::de::Error::custom(
                "role and token-file of a web identity go together; give both or none",
            ));
        }
        if raw
            .tls
            .as_ref()
            .is_some_and(|tls| tls.client_certificate.is_some() != tls.client_key.is_some())
        {
            return Err(serde::de::Error::custom(
                "tls.client-certificate and tls.client-key go together; give both or none",
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
                observe: raw.observe,
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
        toml::from_str(text).map_err(|error| ParseError { message: with_guess(&error, text) })
    }
}

/// The message of a TOML error, with a guess at what an unknown key was meant to be.
fn with_guess(error: &toml::de::Error, text: &str) -> String {
    // Whoever puts a secret into a policy must not find it in a log as well.
    let line = error.span().map(|span| line_of(text, span.start));
    if let Some((number, _)) = line.filter(|_| error.message().starts_with("sha256 of a token")) {
        return format!("line {number}: {}", error.message());
    }
    let suspicious = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["credentials", "secret", "password", "token", "@"].iter().any(|word| text.contains(word))
    };
    if let Some((number, line)) = line.filter(|(_, line)| suspicious(line))
        && !error.message().starts_with("unknown variant")
        && !error.message().starts_with("role and token-file")
    {
        let missing = error
            .message()
            .split('`')
            .nth(1)
            .filter(|_| error.message().starts_with("missing field"));
        let unknown = error
            .message()
            .split('`')
            .nth(1)
            .filter(|_| error.message().starts_with("unknown field"));
        let what = match (missing, unknown) {
            (Some(key), _) => format!("`{key}` is missing"),
            (_, Some(key)) => format!("`{key}` has no place here{}", guess(error)),
            _ if line.contains('@') => "an origin has no user name".to_string(),
            _ => "this is not what stands here".to_string(),
        };
        return format!(
            "line {number}: {what}; the line is not shown, as it may hold a secret. A secret never stands in a policy: credentials are a \
             reference, as in {{ from = \"env\" }} or {{ from = \"file\", path = \"key.toml\" }}"
        );
    }
    let message = error.to_string();
    format!("{}{}", message.trim_end(), guess(error))
}

/// A guess at what an unknown key was meant to be, on a line of its own.
fn guess(error: &toml::de::Error) -> String {
    let mut quoted = error.message().split('`').skip(1).step_by(2);
    let is_unknown = error.message().starts_with("unknown field")
        || error.message().starts_with("unknown variant");
    let guess = quoted.next().filter(|_| is_unknown).and_then(|unknown| {
        let near =
            quoted.map(|known| (strsim::damerau_levenshtein(unknown, known), known)).min()?;
        (near.0 <= unknown.len() / 2 + 1).then_some(near.1)
    });
    guess.map_or_else(String::new, |guess| format!("\ndid you mean `{guess}`?"))
}

/// The line of a text that a byte stands in, with its number.
fn line_of(text: &str, at: usize) -> (usize, &str) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    (before.matches('\n').count() + 1, line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_policy::Access;

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
        assert_eq!(
            (orders.policy.access, orders.policy.limits.deadline.as_secs()),
            (Access::Read, 10)
        );
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
        for line in [
            "credentials = { from = \"env\", secret_access_key = \"SUPERSECRET\" }",
            "credentials = { access_key_id = \"A\", secret_access_key = \"SUPERSECRET\" }",
            "credentials = \"AKIA:SUPERSECRET\"",
            "credentials = { secret_access_key = \"SUPERSECRET\" from = \"env\" }",
            "secret_access_key = \"SUPERSECRET\"",
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
    fn a_plugin_in_a_file_is_named_with_its_parts() {
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
    fn credentials_are_named_by_where_they_come_from() {
        let parse = |source: &str| {
            let file = PolicyFile::parse(&format!(
                "[datasources.a]\nplugin = \"dynamodb\"\ncredentials = {source}\n"
            ))?;
            Ok::<_, ParseError>(file.datasources["a"].credentials.clone().unwrap())
        };
        for good in [
            "{ from = \"profile\", name = \"dev\" }",
            "{ from = \"web-identity\" }",
            "{ from = \"web-identity\", role = \"arn:aws:iam::1:role/a\", token-file = \"t\" }",
            "{ from = \"container\" }",
            "{ from = \"instance\" }",
            "{ from = \"role\", arn = \"arn:aws:iam::1:role/a\", external-id = \"x\", source = { from = \"env\" } }",
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
    fn parts_that_belong_together_are_asked_for_together() {
        let parse = |more: &str| {
            PolicyFile::parse(&format!("[datasources.a]\nplugin = \"dynamodb\"\n{more}\n"))
        };
        for (wrong, part) in [
            ("networks = { \"http://a\" = [\"10.0.0.0/8\"] }", "egress does not allow"),
            ("tls = { client-key = \"k.pem\" }", "go together"),
            (
                "credentials = { from = \"web-identity\", role = \"arn:aws:iam::1:role/a\" }",
                "go together",
            ),
            ("limits = { tables = 9 }", "at most 8"),
        ] {
            let message = parse(wrong).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        assert!(parse("egress = [\"POST http://a/\"]\nnetworks = { \"http://a\" = [\"10.0.0.0/8\"] }\ntls = { ca = \"ca.pem\" }").is_ok());
        let audited =
            PolicyFile::parse("[audit]\nfile = \"audit.jsonl\"\nwhen-full = \"pass\"\n").unwrap();
        assert_eq!(audited.audit.unwrap().when_full, WhenFull::Pass);
    }

    #[test]
    fn two_places_for_settings_are_one_too_many() {
        let text = "[datasources.a]\nplugin = \"dynamodb\"\nsettings = {}\nsettings_file = \"x\"\n";
        assert!(PolicyFile::parse(text).unwrap_err().to_string().contains("both"));
    }
}
