//! The grammar of policy, and the decisions it gives.
//!
//! Use this crate to read, write and check policies. It opens no file and no socket, and knows nothing of wasm: what
//! it parses is a value, and every decision is a function of values. The host acts on the very values that were
//! decided on.
//!
//! A policy is what the operator writes, and is trusted. What is not listed is denied:
//!
//! | key | form | absent means |
//! |---|---|---|
//! | `egress` | list of origins: `https://host`, `http://host:port`, `https://[2001:db8::1]` | no request leaves |
//! | `networks` | list of CIDR blocks: `127.0.0.0/8`, `10.0.0.0/8`, `fd00::/8` | public addresses only |
//! | `access` | `read`, `write` or `admin`: the ceiling | `read` |
//! | `actions` | list of the service's action names | all that `access` allows |
//! | `tables` | list of names or ARNs; `*` at the end stands for any rest | all tables |
//! | `signing` | list of credential scopes: `eu-west-1/dynamodb` | the region of settings that stand in the policy itself |
//! | `isolation` | `reuse` or `fresh` | `reuse` for plugins pinned by digest, `fresh` for others |
//! | `limits` | see [`Limits`] | its defaults |
//!
//! ```
//! use portcullis_policy::{Origin, Policy};
//!
//! let policy: Policy = toml::from_str(r#"
//!     egress = ["https://dynamodb.eu-west-1.amazonaws.com"]
//!     access = "read"
//! "#)?;
//! let allowed: Origin = "https://dynamodb.eu-west-1.amazonaws.com".parse()?;
//! let other: Origin = "https://dynamodb.us-east-1.amazonaws.com".parse()?;
//! assert!(policy.judge_origin(&allowed).is_ok());
//! let denial = policy.judge_origin(&other).unwrap_err();
//! assert_eq!(
//!     denial.remedy,
//!     r#"egress = ["https://dynamodb.eu-west-1.amazonaws.com", "https://dynamodb.us-east-1.amazonaws.com"]"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod denial;
mod file;
mod limits;
mod names;
mod origin;
mod policy;
mod scope;

pub use address::{Class, classify};
pub use denial::{Denial, Rule};
pub use file::{CredentialSource, DatasourceConfig, ParseError, PluginSource, PolicyFile, Settings};
pub use limits::{Limits, MAX_DEADLINE};
pub use names::{Access, ActionName, TablePattern};
pub use origin::{Host, Origin, OriginError, Scheme};
pub use policy::{Isolation, Policy};
pub use scope::CredentialScope;
