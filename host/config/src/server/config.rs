//! The keys of the server's section, and their defaults.

use super::store::StoreConfig;
use super::token::Token;
use bytesize::ByteSize;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The configuration of the server: where it listens, and who may use it.
///
/// ```
/// use portcullis_config::{ServerConfig, ServerConfigError};
///
/// let mut server = ServerConfig::default();
/// assert!(server.listen.ip().is_loopback());
/// assert_eq!(server.check(|name| name == "orders", |_| None), Ok(()));
///
/// // Reachable from other machines, it needs consent, a token and TLS.
/// server.listen = "0.0.0.0:8700".parse()?;
/// let error = server.check(|name| name == "orders", |_| None).unwrap_err();
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
    /// The address and port of a separate listener that has only `/healthz` and `/readyz`, for a
    /// load balancer or an orchestrator. It speaks plain HTTP and needs no token, since it shows
    /// nothing else; an address that other machines can reach needs `public`. `None`: both paths
    /// are only on `listen`.
    pub health: Option<SocketAddr>,
    /// The addresses of load balancers in front of the server. Only what they say about a client's
    /// address is believed: in a header of the PROXY protocol, version 2, or in `X-Forwarded-For`.
    /// Empty: the client is whoever opened the connection.
    #[serde(deserialize_with = "super::proxies::deserialize")]
    pub trusted_proxies: Vec<IpNet>,
    /// Whether other machines may reach the server. They also need `tls` and `tokens`.
    pub public: bool,
    /// The server's certificate. `None` serves plain HTTP.
    pub tls: Option<ServerTls>,
    /// The tokens that clients present, by name; logs show the names. Without tokens, every process
    /// that can reach the loopback interface may use everything.
    pub tokens: BTreeMap<String, Token>,
    /// Where datasources are saved that a platform creates at run time. `None`: nowhere, and none can
    /// be created.
    pub store: Option<StoreConfig>,
    /// Concurrent connections. At the limit, one without a request makes room for the next; if all
    /// are busy, it waits. One peer may have three quarters of them. 1024: the number of calls that
    /// the host runs concurrently. At most [`MAX_CONNECTIONS`](crate::MAX_CONNECTIONS).
    pub connections: u32,
    /// Time to receive a request's headers, and time that a connection may be idle. 30 s: slow
    /// clients manage, and abandoned connections are closed soon. No time is longer than
    /// [`MAX_DEADLINE`](portcullis_policy::MAX_DEADLINE), one day.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// Time to receive a request's body, and time in which a client must accept each part of a
    /// response. 30 s: 16 MiB at 5 Mbit/s.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// Size of a request body. 16 MiB: the default of a datasource's `limits.request-bytes`. The
    /// smaller of the two applies. At most [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES).
    pub body_bytes: ByteSize,
    /// Time for running calls to end when the server stops. 30 s: the default deadline of a call.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
    /// Time for a reload of the policy; after it nothing has changed. 30 s: plugins are compiled in
    /// seconds, and a file system that does not respond must not block the next reload.
    #[serde(with = "humantime_serde")]
    pub reload_timeout: Duration,
    /// Time after which a datasource that nobody uses is disconnected, until its next use. 10 min:
    /// longer than the pauses of a client in use, and short enough that a file with many
    /// datasources takes only the memory of those that are used.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8700)),
            wire: BTreeMap::new(),
            health: None,
            trusted_proxies: Vec::new(),
            public: false,
            tls: None,
            tokens: BTreeMap::new(),
            store: None,
            connections: 1024,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            body_bytes: ByteSize::mib(16),
            drain_timeout: Duration::from_secs(30),
            reload_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_mins(10),
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
