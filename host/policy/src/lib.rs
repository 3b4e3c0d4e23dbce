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
//! | `egress` | list of [rules](EgressRule): `https://host`, `POST http://host:port`, `GET https://[2001:db8::1]/v1/*` | no request leaves |
//! | `networks` | per origin a list of CIDR blocks: `{ "http://localhost:8000" = ["127.0.0.0/8"] }` | public addresses only |
//! | `access` | `read`, `write` or `admin`: the ceiling | `read` |
//! | `actions` | list of the service's action names | all that `access` allows |
//! | `tables` | list of names or ARNs; `*` at the end stands for any rest | all tables |
//! | `signing` | list of credential scopes: `eu-west-1/dynamodb` | the region of settings that stand in the policy itself |
//! | `observe` | list of `actions`, `methods`, `paths`, `tables`: written down, and let pass | all rules are enforced |
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
mod credentials;
mod denial;
mod egress;
mod limits;
mod names;
mod operator;
mod origin;
mod policy;
mod scope;
mod text;

pub use address::{Class, classify};
pub use credentials::CredentialSource;
pub use denial::{Denial, Rule};
pub use egress::{EgressRule, EgressRuleError};
pub use limits::{Limits, MAX_DEADLINE, MAX_INSTANCES, MAX_TABLE_ELEMENTS, MAX_TABLES};
pub use names::{Access, ActionName, TablePattern};
pub use operator::judge_operator;
pub use origin::{Host, Origin, OriginError, Scheme};
pub use policy::{Isolation, Observed, Policy};
pub use scope::CredentialScope;
