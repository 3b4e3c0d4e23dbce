//! Configurations with which the server cannot be started.

use ipnet::IpNet;
use std::net::SocketAddr;

/// The error of [`ServerConfig::check`](super::ServerConfig::check) and
/// [`ServerConfig::check_actions`](super::ServerConfig::check_actions).
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
    /// A token may fill in a template that does not exist.
    #[error("server.tokens.{token} names the template {template:?}, which is not in this file")]
    UnknownTemplate {
        /// The name of the token.
        token: String,
        /// The name of the template.
        template: String,
    },
    /// A token may fill in a template that needs a tenant, and has none.
    #[error(
        "server.tokens.{token} names the template {template:?}, which needs a tenant: tenant = \
         \"NAME\" for the token of one tenant, or tenants = \"any\" for a platform, which names \
         its tenant in the header x-portcullis-tenant"
    )]
    NoTenant {
        /// The name of the token.
        token: String,
        /// The name of the template.
        template: String,
    },
    /// A token is that of a tenant and that of a platform.
    #[error("server.tokens.{token} has tenant and tenants; give only one of them")]
    TwoTenants {
        /// The name of the token.
        token: String,
    },
    /// A token manages datasources by a name that none can have.
    #[error(
        "server.tokens.{token}.manage lists {names:?}, which is the name of no datasource; expected \
         up to 64 lower-case letters, digits and . _ -, and * at the end for all that begin so, as \
         in \"tenant-a-*\""
    )]
    ManagesNothing {
        /// The name of the token.
        token: String,
        /// What it lists.
        names: String,
    },
    /// A token manages datasources, and there is no store.
    #[error(
        "server.tokens.{token} has manage, and there is no store to save datasources in; add \
         [server.store] with file and key, which `portcullis store create` and `portcullis store \
         key` make"
    )]
    NoStore {
        /// The name of the token.
        token: String,
    },
    /// A token may use an action that no plugin has.
    #[error(
        "server.tokens.{token}.actions lists {action:?}, which is not an action of any plugin in \
         this file{}",
        nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default()
    )]
    UnknownTokenAction {
        /// The name of the token.
        token: String,
        /// The name of the action.
        action: String,
        /// The closest name of an action, if there is a similar one.
        nearest: Option<String>,
    },
    /// A token has the digest of the empty text.
    #[error(
        "server.tokens.{token}.sha256 is the digest of the empty text, which is no token; \
         `portcullis token {token}` makes a token and prints its digest"
    )]
    EmptyToken {
        /// The name of the token.
        token: String,
    },
    /// Two tokens have the same digest, so it is not certain who presents it.
    #[error(
        "server.tokens.{first} and server.tokens.{second} have the same sha256, so nobody knows \
         which of them a client presents; make a token for each with `portcullis token NAME`"
    )]
    SameToken {
        /// The name of the first token.
        first: String,
        /// The name of the second token.
        second: String,
    },
    /// A token lists the same digest twice.
    #[error(
        "server.tokens.{token}.sha256 lists a digest twice; during a rotation, list those of the \
         old and of the new token"
    )]
    DigestTwice {
        /// The name of the token.
        token: String,
    },
    /// A limit is zero.
    #[error("server.{key} is zero, which allows nothing; remove it to use the default")]
    Zero {
        /// The limit's key in the `server` table.
        key: &'static str,
    },
    /// A time is longer than [`MAX_DEADLINE`](portcullis_policy::MAX_DEADLINE).
    #[error("server.{key} is longer than 24h, the maximum")]
    TooLong {
        /// The key in the `server` table.
        key: &'static str,
    },
    /// A limit is larger than the server supports.
    #[error("server.{key} is larger than {max}, the maximum")]
    TooLarge {
        /// The limit's key in the `server` table.
        key: &'static str,
        /// The largest value, with its unit.
        max: String,
    },
    /// `trusted-proxies` contains everyone.
    #[error(
        "server.trusted-proxies contains {network}, which is every address: any client could then \
         claim to have any other client's address; list only the addresses of your load balancers"
    )]
    TrustsEveryone {
        /// The network.
        network: IpNet,
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
