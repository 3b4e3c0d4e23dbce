//! The server of the command line: where it listens, and who may use what through it.

use crate::PolicyFile;
use bytesize::ByteSize;
use portcullis_policy::ActionName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where the server listens, and whom it serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerConfig {
    /// Address and port of the API. 127.0.0.1:8700: this machine only.
    pub listen: SocketAddr,
    /// Ports that speak DynamoDB's own protocol on `/`, each with its datasource.
    pub wire: BTreeMap<SocketAddr, String>,
    /// Whether it may listen beyond this machine, for which tokens and TLS are needed as well.
    pub public: bool,
    /// Its certificate; without, it speaks plain HTTP.
    pub tls: Option<ServerTls>,
    /// Who may use it, by names for logs. Without any, whoever can reach this machine's loopback may use everything.
    pub tokens: BTreeMap<String, Token>,
    /// Connections at the same time; further ones wait. 1024: as many as the host runs calls.
    pub connections: u32,
    /// Time for a request's headers, and for which a connection may be idle. 30 s.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// Time for a request's body to come, and for any piece of an answer to be taken. 30 s: 16 MiB at 5 Mbit/s.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// Bytes of a request's body. 16 MiB: the default of a datasource's `request-bytes`, which stands where it is smaller.
    pub body_bytes: ByteSize,
    /// Time for calls to end, once the server is told to stop. 30 s: the default deadline of a call.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8700)),
            wire: BTreeMap::new(),
            public: false,
            tls: None,
            tokens: BTreeMap::new(),
            connections: 1024,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            body_bytes: ByteSize::mib(16),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// The server's certificate, in PEM. Both files are read again when the policy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTls {
    /// The certificate, with those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key; readable by its owner alone.
    pub key: PathBuf,
}

/// What the bearer of a token may do. The datasources' own policies stand above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The SHA-256 of the token. The token itself is kept nowhere; `portcullis token` makes one.
    pub sha256: Digest,
    /// The datasources it may use, by name; `*` stands for all.
    pub datasources: Vec<String>,
    /// The actions it may use; all where the key is absent.
    pub actions: Option<Vec<ActionName>>,
    /// Whether it may have the policy read again, and see the metrics.
    #[serde(default)]
    pub operator: bool,
}

impl Token {
    /// Whether its bearer may use a datasource.
    #[must_use]
    pub fn allows(&self, datasource: &str) -> bool {
        self.datasources.iter().any(|name| name == "*" || name == datasource)
    }

    /// Whether its bearer may use an action.
    #[must_use]
    pub fn allows_action(&self, action: &str) -> bool {
        self.actions
            .as_ref()
            .is_none_or(|actions| actions.iter().any(|name| name.as_str() == action))
    }
}

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes = [0; 32];
        let nibble = |digit: u8| char::from(digit).to_digit(16);
        // What was written may be the token itself, so it is not shown.
        let wrong = || {
            "sha256 of a token has 64 hexadecimal digits; `portcullis token NAME` makes a token and prints this line".to_string()
        };
        if text.len() != 64 {
            return Err(wrong());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let (high, low) =
                (nibble(digits[0]).ok_or_else(wrong)?, nibble(digits[1]).ok_or_else(wrong)?);
            *byte = (high * 16 + low) as u8;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl ServerConfig {
    /// Whether the server may be started so.
    ///
    /// # Errors
    /// It would be open to more than this machine without tokens, without TLS or without being told to; or a name
    /// in it is no datasource of `file`.
    pub fn check(&self, file: &PolicyFile) -> Result<(), String> {
        let known = |name: &String| file.datasources.contains_key(name);
        if let Some((address, name)) = self.wire.iter().find(|(_, name)| !known(name)) {
            return Err(format!(
                "server.wire: {address} names the datasource {name:?}, which is not in this file"
            ));
        }
        for (holder, token) in &self.tokens {
            if let Some(name) = token.datasources.iter().find(|name| *name != "*" && !known(name)) {
                return Err(format!(
                    "server.tokens.{holder} names the datasource {name:?}, which is not in this file"
                ));
            }
        }
        let mut zero =
            [("header-timeout", self.header_timeout), ("body-timeout", self.body_timeout)]
                .into_iter();
        if let Some((key, _)) = zero.find(|(_, time)| time.is_zero()) {
            return Err(format!(
                "server.{key} is zero, which lets no request succeed; leave it out for the default"
            ));
        }
        if self.connections == 0 || self.body_bytes.as_u64() == 0 {
            return Err("server.connections and server.body-bytes are at least 1; leave them out for the defaults".to_string());
        }
        let mut addresses = std::iter::once(&self.listen).chain(self.wire.keys());
        let Some(beyond) = addresses.find(|address| !address.ip().is_loopback()) else {
            return Ok(());
        };
        let missing = [
            (!self.public, "public = true (or --public)"),
            (self.tokens.is_empty(), "a token, which `portcullis token NAME` makes"),
            (
                self.tls.is_none(),
                "tls = { certificate = \"server.pem\", key = \"server-key.pem\" }",
            ),
        ];
        let missing: Vec<&str> =
            missing.iter().filter(|(is_missing, _)| *is_missing).map(|(_, what)| *what).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{beyond} is reached from other machines, for which [server] also needs {}",
            missing.join(", and ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(server: &str) -> Result<(), String> {
        let file = PolicyFile::parse(&format!(
            "[datasources.orders]\nplugin = \"dynamodb\"\n[server]\n{server}"
        ))
        .unwrap();
        file.server.as_ref().unwrap().check(&file)
    }

    const TOKEN: &str =
        "sha256 = \"00000000000000000000000000000000000000000000000000000000000000ff\"";

    #[test]
    fn beyond_this_machine_it_needs_consent_tokens_and_tls() {
        assert_eq!(checked(""), Ok(()));
        let message = checked("listen = \"0.0.0.0:8700\"").unwrap_err();
        assert!(
            message.contains("public = true")
                && message.contains("a token")
                && message.contains("tls ="),
            "{message}"
        );
        assert!(
            checked("wire = { \"10.0.0.1:8000\" = \"orders\" }").is_err(),
            "a port of its own is no way around"
        );
        let whole = format!(
            "listen = \"[::]:8700\"\npublic = true\ntls = {{ certificate = \"a\", key = \"b\" }}\n[server.tokens.a]\n{TOKEN}\ndatasources = [\"*\"]"
        );
        assert_eq!(checked(&whole), Ok(()));
    }

    #[test]
    fn datasources_that_are_not_there_are_noticed() {
        assert!(
            checked("wire = { \"127.0.0.1:8000\" = \"order\" }").unwrap_err().contains("\"order\"")
        );
        assert!(
            checked(&format!("[server.tokens.a]\n{TOKEN}\ndatasources = [\"order\"]"))
                .unwrap_err()
                .contains("server.tokens.a")
        );
    }

    #[test]
    fn a_token_allows_what_it_lists() {
        let digest = "00000000000000000000000000000000000000000000000000000000000000ff"
            .parse::<Digest>()
            .unwrap();
        let token = |names: &[&str]| Token {
            sha256: digest,
            datasources: names.iter().map(ToString::to_string).collect(),
            actions: Some(vec!["GetItem".parse().unwrap()]),
            operator: false,
        };
        assert!(
            token(&["orders"]).allows("orders")
                && token(&["*"]).allows("users")
                && !token(&["orders"]).allows("users")
        );
        assert!(
            token(&[]).allows_action("GetItem")
                && !token(&[]).allows_action("PutItem")
                && !token(&[]).allows("orders")
        );
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
    }

    #[test]
    fn a_token_written_in_place_of_its_digest_is_not_shown() {
        let error =
            PolicyFile::parse("[server.tokens.a]\nsha256 = \"pcl_my-own-words\"\ndatasources = []")
                .unwrap_err()
                .to_string();
        assert!(!error.contains("pcl_my-own-words"), "{error}");
    }
}
