//! The policy file of the command line and the server. Embedders may use the same types.

mod file;
mod server;

pub use file::{
    AuditConfig, DatasourceConfig, ParseError, PluginSource, PolicyFile, Settings, TlsConfig,
    WhenFull,
};
pub use server::{Digest, ServerConfig, ServerTls, Token};
