//! AWS for Portcullis: where credentials come from, the signing keys that are derived from them,
//! and the checks that need to know how AWS signs and how DynamoDB names tables.
//!
//! # Use this when
//!
//! You write a credentials source for the crate `portcullis`, or need the IAM document of a policy.
//! The host itself uses one trait of this crate, [`Service`].
//!
//! # Example
//!
//! ```
//! use portcullis_aws::{IamScope, iam_document};
//! use portcullis_policy::{Manifest, Policy};
//!
//! let manifest = Manifest::parse(dynamodb_component::MANIFEST)?;
//! let policy: Policy = toml::from_str(r#"
//!     actions = ["GetItem"]
//!     tables = ["orders"]
//! "#)?;
//! let scope = IamScope::new("123456789012", ["eu-west-1"]);
//! let document = iam_document(&manifest, &policy, &scope).expect("DynamoDB is governed by IAM");
//! assert_eq!(document["Statement"][0]["Action"][0], "dynamodb:GetItem");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants
//!
//! - A long-lived secret is only used to derive keys for one day, region and service. It never
//!   enters the sandbox.
//! - Secrets are overwritten when they are dropped, and `Debug` never shows them.
//! - A request leaves only if it is signed with a key that was issued for it.

mod body;
pub mod credentials;
mod iam;
mod issued_keys;
mod key_ring;
mod named;
mod partitions;
mod places;
mod secret;
mod secret_scanner;
mod service;
mod signature;
mod statement;
mod trie;
mod undumped;

pub use body::EnforceBody;
pub use credentials::{
    Credentials, CredentialsError, CredentialsFile, DigestKey, EnvCredentials, HttpSend, Processes,
    ProvideCredentials, SharedCredentials, StaticCredentials,
};
pub use iam::{IamScope, iam_document};
pub use secret::Secret;
pub use service::{AwsService, Service, SigningError, SigningKey};
