//! The grammar of policies, and the decisions that follow from them.
//!
//! Use this crate to read, write and check policies. It opens no file and no socket and runs no
//! WebAssembly. Parsing returns values, and every decision is a function of values. A host acts on
//! the value that was checked and never parses it a second time.
//!
//! The operator writes the policy, and the host trusts it. What a policy does not list is denied:
//!
//! | key | form | if absent |
//! |---|---|---|
//! | `egress` | list of [rules](EgressRule): `POST https://host/v1/*` | no request leaves |
//! | `networks` | for each origin, a list of CIDR blocks | public addresses only |
//! | `access` | `read`, `write` or `admin`: the highest class allowed | `read` |
//! | `actions` | list of the service's action names | all that `access` allows |
//! | `tables` | list of names or ARNs; a trailing `*` matches any suffix | all tables |
//! | `signing` | list of credential scopes: `eu-west-1/dynamodb` | those of trusted settings |
//! | `observe` | list of rules in [report-only mode](ReportOnly) | every rule is enforced |
//! | `isolation` | `reuse` or `fresh` | depends on the [plugin](Policy::isolation) |
//! | `limits` | see [`Limits`] | its defaults |
//!
//! A denial prints the line of policy that would allow what was denied:
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
//! assert!(policy.check_origin(&allowed).is_ok());
//! let denial = policy.check_origin(&other).unwrap_err();
//! assert_eq!(
//!     denial.remedy,
//!     "egress = [\"https://dynamodb.eu-west-1.amazonaws.com\", \
//!      \"https://dynamodb.us-east-1.amazonaws.com\"]"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod audit;
mod credentials;
mod denial;
mod egress;
mod limit;
mod limits;
mod manifest;
mod names;
mod operator;
mod origin;
mod policy;
mod scope;
mod table;
mod template;
mod text;

pub use address::{Class, classify};
pub use audit::WhenFull;
pub use credentials::CredentialSource;
pub use denial::{Denial, Rule};
pub use egress::{EgressRule, EgressRuleError};
pub use limit::{Limit, LimitKind};
pub use limits::{
    Limits, LimitsError, MAX_DEADLINE, MAX_INSTANCES, MAX_TABLE_ELEMENTS, MAX_TABLES,
};
pub use manifest::{
    Action, Binding, Iam, JsonPath, JsonPathError, JsonStep, Manifest, ManifestError, Signing,
};
pub use names::{Access, ActionName, NameError, TablePattern};
pub use operator::check_operator;
pub use origin::{HostName, Origin, OriginError, Scheme};
pub use policy::{Isolation, Policy, ReportOnly};
pub use scope::{CredentialScope, ScopeError};
pub use table::{TableName, TableNameError};
pub use template::{
    AllowedValues, AllowedValuesError, Choice, ExternalId, Fault, FillError, FilledCredentials,
    FilledTemplate, MAX_TEXT_BYTES, NumberRange, Pattern, PatternError, Place, RoleTemplate,
    SessionName, SettingValue, Template, TemplateCredentials, TemplateCredentialsError,
    TemplateError, TemplateRules, TenantName, TenantNameError, TenantSettings,
};
