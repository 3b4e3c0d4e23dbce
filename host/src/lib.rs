//! Runs datasource plugins that are not trusted, on settings that are not trusted.
//!
//! A plugin is a WebAssembly component of the world `portcullis:datasource/plugin`. It imports clocks, random numbers,
//! outgoing HTTP and signing keys, and nothing else. The host decides which requests leave, with which identity, and
//! for how long; the long-lived secret never enters the sandbox.
//!
//! ```no_run
//! use portcullis::{Connect, Environment, Host, Policy};
//! use std::sync::Arc;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::new()?;
//! let plugin = host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None)?;
//! let policy = Policy { egress: vec!["https://dynamodb.eu-west-1.amazonaws.com".parse()?], ..Policy::default() };
//! let orders = host
//!     .connect(
//!         &plugin,
//!         Connect {
//!             name: "orders",
//!             settings: r#"{"region": "eu-west-1"}"#,
//!             settings_are_trusted: true,
//!             policy,
//!             credentials: Some(Arc::new(Environment::default())),
//!             ..Connect::default()
//!         },
//!     )
//!     .await?;
//! let answer = orders.execute("GetItem", r#"{"TableName": "orders", "Key": {"id": "42"}}"#).await?;
//! # drop(answer);
//! # Ok(())
//! # }
//! ```
//!
//! # Use this when
//! you embed plugins in a Rust program. For other languages there is the command line `portcullis`.
//!
//! # Invariants
//! - One place sends bytes: `gate`, for guests and for the host's own credentials. It acts on the values that the policy
//!   judged.
//! - A datasource never shares an instance, a connection or a key with another.
//! - What the gate refused of the action that the caller named is reported as [`Error::Denied`], whatever the plugin then
//!   says. What `test` and `structure` ask for by themselves may be refused in part.
//! - Nothing of a call goes on after it ended, failed or was dropped.
//! - An answer is handed on as it is or not at all: one that contains the signing key or the session token is refused.

mod audit;
mod aws;
mod bindings;
mod cache;
mod call;
mod datasource;
mod depth;
mod error;
mod gate;
mod host;
mod imports;
mod manifest;
mod net;
mod plugin;
mod runtime;
mod state;
mod template;

pub use audit::{AuditSink, Counters, Decision, Event, JsonLines, Record};
pub use aws::iam::{IamAccount, iam_document};
pub use aws::{
    Credentials, CredentialsError, Environment, Fixed, ProvideCredentials, Secret, SecretFile,
    read_private,
};
pub use datasource::{Datasource, Relayed};
pub use error::{
    Busy, Error, Fault, Interruption, Limit, LimitKind, LoadError, PluginError, ServiceError,
};
pub use host::{Connect, Host, HostBuilder};
pub use manifest::Manifest;
pub use net::resolver::{Resolve, SystemResolver};
pub use net::tls::Tls;
pub use plugin::{MAX_COMPONENT_BYTES, Plugin, Source};
pub use portcullis_policy::{
    self as policy, Access, ActionName, CredentialScope, Denial, Isolation, Limits, Origin, Policy,
    Rule,
};
pub use template::bind;

/// The README's example, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
