//! The policy file of the command line and the server.
//!
//! Use this crate to read the same file in a program that embeds the host. It parses text and opens
//! no file. Paths in the file are returned as written; the command line reads them relative to the
//! policy file.
//!
//! ```
//! use portcullis_config::{PluginSource, PolicyFile};
//!
//! let file = PolicyFile::parse(r#"
//!     [datasources.orders]
//!     plugin = "dynamodb"
//!     settings = { region = "eu-west-1" }
//!     credentials = { from = "env" }
//!     egress = ["https://dynamodb.eu-west-1.amazonaws.com"]
//! "#)?;
//! let orders = &file.datasources["orders"];
//! assert_eq!(orders.plugin, PluginSource::BuiltIn("dynamodb".to_string()));
//! # Ok::<(), portcullis_config::PolicyFileError>(())
//! ```

mod call_quota;
mod datasource;
mod deprecated;
mod error;
mod file;
mod nearest;
mod plain;
mod plugin;
mod requirements;
mod server;
mod template;
mod text;
mod tls;

pub use call_quota::CallQuota;
pub use datasource::{DatasourceEntry, SettingsSource};
pub use deprecated::DeprecatedKey;
pub use error::PolicyFileError;
pub use file::{AuditConfig, HostConfig, MIN_MEMORY, PolicyFile};
pub use plugin::PluginSource;
pub use portcullis_policy::WhenFull;
pub use server::{
    Digest, DigestError, Digests, Expiry, ExpiryError, MAX_BODY_BYTES, MAX_CONNECTIONS,
    NamePattern, ServerConfig, ServerConfigError, ServerTls, StoreConfig, StoreKeySource, Tenants,
    Token,
};
pub use template::TemplateEntry;
pub use tls::TlsConfig;
