//! The configuration of the server: where it listens, and who may use which datasources.

use bytesize::ByteSize;
use portcullis_policy::ActionName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The configuration of the server: where it listens, and who may use it.
///
/// ```
/// use portcullis_config::{ServerConfig, ServerConfigError};
///
/// let mut server = ServerConfig::default();
/// assert!(server.listen.ip().is_loopback());
/// assert_eq!(server.check(|name| name == "orders"), Ok(()));
///
/// // Reachable from other machines, it needs consent, a token and TLS.
/// server.listen = "0.0.0.0:8700".parse()?;
/// let error = server.check(|name| name == "orders").unwrap_err();
/// assert!(matches!(error, ServerConfigError::Unprotected { missing, .. } if missing.len() == 3));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ServerConfig {
    /// The address and port of the API. Default: 127.0.0.1:8700, which only this machine can reach.
    pub listen: SocketAddr,
    /// Ports that serve `DynamoDB`'s own protocol at `/`, each with the name of its datasource.
    pub wire: BTreeMap<SocketAddr, String>,
    /// Whether other machines may reach the server. They also need `tls` and `tokens`.
    pub public: bool,
    /// The server's certificate. `None` serves plain HTTP.
    pub tls: Option<ServerTls>,
    /// The tokens that clients present, by name; logs show the names. Without tokens, every process
    /// that can reach the loopback interface may use everything.
    pub tokens: BTreeMap<String, Token>,
    /// Concurrent connections; further ones wait. 1024: the number of calls that the host runs
    /// concurrently.
    pub connections: u32,
    /// Time to receive a request's headers, and time that a connection may be idle. 30 s: slow
    /// clients manage, and abandoned connections are closed soon.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// Time to receive a request's body, and time in which a client must accept each part of a
    /// response. 30 s: 16 MiB at 5 Mbit/s.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// Size of a request body. 16 MiB: the default of a datasource's `limits.request-bytes`. The
    /// smaller of the two applies.
    pub body_bytes: ByteSize,
    /// Time for running calls to end when the server stops. 30 s: the default deadline of a call.
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

/// The server's certificate and private key, in PEM format. A reload of the policy reads both files
/// again. The struct is exhaustive: a certificate has one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTls {
    /// The path of the certificate, followed by its intermediate certificates.
    pub certificate: PathBuf,
    /// The path of the private key. Only its owner may have permission to read it.
    pub key: PathBuf,
}

/// A bearer token: the datasources and actions that a client with this token may use. The policy of
/// each datasource applies as well.
///
/// ```
/// use portcullis_config::{Digest, Token};
///
/// let mut token = Token::new(Digest([0xff; 32]), ["orders"]);
/// assert!(token.allows("orders") && !token.allows("users"));
///
/// token.actions = Some(vec!["GetItem".parse()?]);
/// assert!(token.allows_action("GetItem") && !token.allows_action("PutItem"));
/// # Ok::<(), portcullis_policy::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Token {
    /// The SHA-256 of the token. The token itself is stored nowhere; `portcullis token` makes one.
    pub sha256: Digest,
    /// The names of the datasources that the client may use; `*` means all.
    pub datasources: Vec<String>,
    /// The actions that the client may use; all if `None`.
    pub actions: Option<Vec<ActionName>>,
    /// Whether the client may reload the policy and read the metrics.
    #[serde(default)]
    pub operator: bool,
}

impl Token {
    /// Creates a token for some datasources and all actions, which is not an operator's token.
    #[must_use]
    pub fn new<N: Into<String>>(sha256: Digest, datasources: impl IntoIterator<Item = N>) -> Self {
        let datasources = datasources.into_iter().map(Into::into).collect();
        Self { sha256, datasources, actions: None, operator: false }
    }

    /// Returns whether the token allows the use of a datasource.
    #[must_use]
    pub fn allows(&self, datasource: &str) -> bool {
        self.datasources.iter().any(|name| name == "*" || name == datasource)
    }

    /// Returns whether the token allows the use of an action.
    #[must_use]
    pub fn allows_action(&self, action: &str) -> bool {
        self.actions
            .as_ref()
            .is_none_or(|actions| actions.iter().any(|name| name.as_str() == action))
    }
}

/// A SHA-256 digest, written as 64 hexadecimal digits.
///
/// ```
/// use portcullis_config::Digest;
///
/// let text = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// let digest: Digest = text.parse()?;
/// assert_eq!(digest.0[..2], [0x9f, 0x86]);
/// assert_eq!(digest.to_string(), text);
/// # Ok::<(), portcullis_config::DigestError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

/// The error of parsing a [`Digest`]. It does not quote the text, which may be the token itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error(
    "sha256 of a token must be 64 hexadecimal digits; `portcullis token NAME` makes a token and \
     prints this line"
)]
#[non_exhaustive]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        // The error of `hex` would quote a character of the text.
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DigestError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// The error of [`ServerConfig::check`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerConfigError {
    /// A port in `wire` serves a datasource that does not exist.
    #[error(
        "server.wire: {address} names the datasource {datasource:?}, which is not in this file"
    )]
    UnknownWireDatasource {
        /// The address of the port.
        address: SocketAddr,
        /// The name of the datasource.
        datasource: String,
    },
    /// A token may use a datasource that does not exist.
    #[error("server.tokens.{token} names the datasource {datasource:?}, which is not in this file")]
    UnknownTokenDatasource {
        /// The name of the token.
        token: String,
        /// The name of the datasource.
        datasource: String,
    },
    /// A limit is zero.
    #[error("server.{key} is zero, so no request can succeed; remove it to use the default")]
    Zero {
        /// The limit's key in the `server` table.
        key: &'static str,
    },
    /// Other machines can reach the server, and it is not protected for that.
    #[error(
        "other machines can reach {address}, so [server] also needs: {}", missing.join("; ")
    )]
    Unprotected {
        /// The address that other machines can reach.
        address: SocketAddr,
        /// What is missing: lines of the `server` table, or advice.
        missing: Vec<&'static str>,
    },
}

impl ServerConfig {
    /// Checks that the server can be started with this configuration. `is_datasource` tells whether
    /// a datasource exists.
    ///
    /// # Errors
    /// Returns an error if `wire` or a token names a datasource that does not exist, if a limit is
    /// zero, or if other machines can reach the server and it lacks `public = true`, a token or
    /// TLS.
    pub fn check(&self, is_datasource: impl Fn(&str) -> bool) -> Result<(), ServerConfigError> {
        if let Some((address, name)) = self.wire.iter().find(|(_, name)| !is_datasource(name)) {
            return Err(ServerConfigError::UnknownWireDatasource {
                address: *address,
                datasource: name.clone(),
            });
        }
        for (token, Token { datasources, .. }) in &self.tokens {
            let unknown = |name: &&String| *name != "*" && !is_datasource(name);
            if let Some(name) = datasources.iter().find(unknown) {
                return Err(ServerConfigError::UnknownTokenDatasource {
                    token: token.clone(),
                    datasource: name.clone(),
                });
            }
        }
        let limits = [
            ("header-timeout", self.header_timeout.is_zero()),
            ("body-timeout", self.body_timeout.is_zero()),
            ("connections", self.connections == 0),
            ("body-bytes", self.body_bytes.as_u64() == 0),
        ];
        if let Some((key, _)) = limits.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(ServerConfigError::Zero { key });
        }
        let mut addresses = std::iter::once(&self.listen).chain(self.wire.keys());
        let Some(&address) = addresses.find(|address| !address.ip().is_loopback()) else {
            return Ok(());
        };
        let needed = [
            (self.public, "public = true (or --public)"),
            (!self.tokens.is_empty(), "a token, which `portcullis token NAME` makes"),
            (
                self.tls.is_some(),
                "tls = { certificate = \"server.pem\", key = \"server-key.pem\" }",
            ),
        ];
        let missing: Vec<&str> =
            needed.iter().filter(|(is_given, _)| !is_given).map(|(_, what)| *what).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(ServerConfigError::Unprotected { address, missing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str =
        "sha256 = \"00000000000000000000000000000000000000000000000000000000000000ff\"";

    fn check(server: &str) -> Result<(), ServerConfigError> {
        let server: ServerConfig = toml::from_str(server).unwrap();
        server.check(|name| name == "orders")
    }

    #[test]
    fn reachable_server_needs_consent_tokens_and_tls() {
        assert_eq!(check(""), Ok(()));
        let error = check("listen = \"0.0.0.0:8700\"").unwrap_err();
        assert_eq!(
            error.to_string(),
            "other machines can reach 0.0.0.0:8700, so [server] also needs: public = true (or \
             --public); a token, which `portcullis token NAME` makes; tls = { certificate = \
             \"server.pem\", key = \"server-key.pem\" }"
        );
        assert!(matches!(
            check("public = true\nlisten = \"0.0.0.0:8700\"").unwrap_err(),
            ServerConfigError::Unprotected { missing, .. } if missing.len() == 2
        ));
        assert!(
            matches!(
                check("wire = { \"10.0.0.1:8000\" = \"orders\" }").unwrap_err(),
                ServerConfigError::Unprotected { address, .. }
                    if address.to_string() == "10.0.0.1:8000"
            ),
            "ports in wire are checked too"
        );
        let protected = format!(
            "listen = \"[::]:8700\"\npublic = true\n\
             tls = {{ certificate = \"a\", key = \"b\" }}\n\
             [tokens.a]\n{TOKEN}\ndatasources = [\"*\"]"
        );
        assert_eq!(check(&protected), Ok(()));
    }

    #[test]
    fn unknown_datasources_are_refused() {
        assert_eq!(
            check("wire = { \"127.0.0.1:8000\" = \"order\" }"),
            Err(ServerConfigError::UnknownWireDatasource {
                address: "127.0.0.1:8000".parse().unwrap(),
                datasource: "order".to_string(),
            })
        );
        let error = check(&format!("[tokens.a]\n{TOKEN}\ndatasources = [\"order\"]")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "server.tokens.a names the datasource \"order\", which is not in this file"
        );
    }

    #[test]
    fn zero_limits_are_refused() {
        for (line, key) in [
            ("header-timeout = \"0s\"", "header-timeout"),
            ("body-timeout = \"0s\"", "body-timeout"),
            ("connections = 0", "connections"),
            ("body-bytes = \"0\"", "body-bytes"),
        ] {
            assert_eq!(check(line), Err(ServerConfigError::Zero { key }), "{line}");
        }
        assert_eq!(check("drain-timeout = \"0s\""), Ok(()));
    }

    #[test]
    fn token_allows_only_what_it_lists() {
        let digest = Digest([0xff; 32]);
        let token = |names: &[&str]| Token {
            actions: Some(vec!["GetItem".parse().unwrap()]),
            ..Token::new(digest, names.iter().copied())
        };
        assert!(token(&["orders"]).allows("orders"));
        assert!(token(&["*"]).allows("users"));
        assert!(!token(&["orders"]).allows("users"));
        assert!(!token(&[]).allows("orders"));
        assert!(token(&[]).allows_action("GetItem"));
        assert!(!token(&[]).allows_action("PutItem"));
    }

    #[test]
    fn digest_is_64_hexadecimal_digits() {
        let text = "0123456789abcdef".repeat(4);
        let digest: Digest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Digest>(), Ok(digest));
        for wrong in ["", &text[1..], &format!("{text}0"), &text.replace('f', "g"), "é"] {
            assert_eq!(wrong.parse::<Digest>(), Err(DigestError), "{wrong}");
        }
    }
}
