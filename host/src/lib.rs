//! Runs untrusted datasource plugins, with untrusted settings, as WebAssembly components.
//!
//! A plugin is a component of the WIT world `portcullis:datasource/plugin`. It imports clocks,
//! random numbers, outgoing HTTP and signing keys, and nothing else. The host decides which
//! requests may leave, whose identity signs them, and how long a call may run. The long-lived
//! secret never enters the sandbox.
//!
//! # Use this when
//!
//! You embed plugins in a Rust program. For other languages there is the server, `portcullis
//! serve`. For a wasmtime program of your own that only needs the gate, there is the crate
//! `portcullis-gate`.
//!
//! # Example
//!
//! ```no_run
//! use portcullis::{DatasourceConfig, EnvCredentials, Host, Policy, Settings};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::new()?;
//! let plugin = host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None)?;
//! let policy = Policy {
//!     egress: vec!["https://dynamodb.eu-west-1.amazonaws.com".parse()?],
//!     ..Policy::default()
//! };
//! let config = DatasourceConfig::new("orders")
//!     .policy(policy)
//!     .settings(Settings::Trusted(r#"{"region": "eu-west-1"}"#))
//!     .credentials(EnvCredentials::default());
//! let orders = host.connect(&plugin, config).await?;
//! let input = r#"{"TableName": "orders", "Key": {"id": "42"}}"#;
//! let item = orders.execute("GetItem", input).await?;
//! # drop(item);
//! # Ok(())
//! # }
//! ```
//!
//! More programs are in the folder `examples` of this crate.
//!
//! # Invariants
//!
//! - All requests of guests, and all requests for the host's own credentials, go through the crate
//!   `portcullis-gate`. It acts on the values that the policy has checked.
//! - A datasource never shares an instance, a connection or a key with another datasource.
//! - If the gate denies the action that the caller named, the call ends in [`Error::Denied`], even
//!   if the plugin returns a result. What `test` and `structure` send may be denied in part.
//! - Nothing of a call continues after it has ended, failed or been dropped.
//! - A result is returned unchanged or not at all: one that contains the signing key or the session
//!   token is refused.

mod bindings;
mod builder;
mod call;
mod config;
mod datasource;
mod datasource_state;
mod error;
mod host;
mod imports;
mod limiter;
mod load_error;
mod plugin;
mod runtime;
mod store_state;
mod template;

pub use builder::HostBuilder;
pub use config::{DatasourceConfig, Settings};
pub use datasource::{Datasource, RawResponse};
pub use error::{Busy, ConfigError, Error, PluginError, ServiceError, TransportError};
pub use host::Host;
pub use load_error::{BuildError, LoadError};
pub use plugin::{MAX_COMPONENT_BYTES, Plugin, Source};
pub use portcullis_audit::{
    AuditError, AuditSink, Counters, Decision, ErrorKind, Event, Histogram, JsonLines,
    OperatorAction, Outcome, Record, RefusedRequest, UnknownErrorKind,
};
pub use portcullis_aws::{
    self as aws, Credentials, CredentialsError, CredentialsFile, EnvCredentials, IamScope,
    Processes, ProvideCredentials, Secret, StaticCredentials, iam_document,
};
pub use portcullis_compiler::{
    CacheFolderError, CompileError, CompilerProcess, WasmError, compile_for_parent,
};
pub use portcullis_component::ComponentError;
pub use portcullis_files::FileError;
pub use portcullis_gate::{
    self as gate, CheckedRequest, Dial, Dialing, DryRun, Resolve, Stream, SystemResolver, TcpDial,
    Tls, TlsError,
};
pub use portcullis_json::{BindError, Diagnostic, MAX_BOUND_VALUES, bind};
pub use portcullis_memory::MemoryLimit;
pub use portcullis_policy::{
    self as policy, Access, ActionName, CredentialScope, Denial, Isolation, Limit, LimitKind,
    Limits, Manifest, ManifestError, Origin, Policy, Rule, SettingValue, Template, TenantName,
    TenantSettings,
};
/// The version of rustls whose [`RootCertStore`](rustls::RootCertStore) the builder takes.
pub use rustls;
pub use template::{CacheFigures, CacheSize, DatasourceCache, LoadedTemplate, Tenant, TenantError};
/// The version of wasmtime whose [`MemoryCreator`](wasmtime::MemoryCreator) the builder takes.
pub use wasmtime;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
