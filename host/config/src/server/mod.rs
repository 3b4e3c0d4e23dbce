//! The configuration of the server: where it listens, and who may use which datasources.

mod check;
mod config;
mod digest;
mod error;
mod expiry;
mod names;
mod proxies;
mod store;
mod token;

pub use check::{MAX_BODY_BYTES, MAX_CONNECTIONS};
pub use config::{ServerConfig, ServerTls};
pub use digest::{Digest, DigestError, Digests};
pub use error::ServerConfigError;
pub use expiry::{Expiry, ExpiryError};
pub use names::NamePattern;
pub use store::{StoreConfig, StoreKeySource};
pub use token::{Tenants, Token};
