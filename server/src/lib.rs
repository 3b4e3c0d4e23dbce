//! Serves the datasources of a policy file, for clients in any language.
//!
//! | module | role |
//! |---|---|
//! | `setup` | from a policy file to a host, plugins and connected datasources |
//! | `deployment` | what is served at a time; a reload replaces it |
//! | `server` | the running server, as its handlers see it |
//! | `edge` | listeners, connections and requests before anybody knows who sent them |
//! | `connections` | how many there may be, and who they come from |
//! | `auth`, `tokens` | who may use what |
//! | `source` | the datasource that a request names |
//! | `stored` | the datasources that callers have saved |
//! | `credentials` | credentials that callers send |
//! | `body`, `memory` | bodies, and the memory that they take |
//! | `calls` | one call for a caller, as both APIs make it |
//! | `quotas` | how many calls each token, template and tenant may make |
//! | `refusals` | which refusals are recorded |
//! | `access_log` | request ids, spans, the access log, request metrics |
//! | `api` | the JSON API, its problem documents and its `OpenAPI` description |
//! | `recent` | the latest refusals |
//! | `wire` | DynamoDB's own protocol |
//! | `metrics` | figures for Prometheus |
//!
//! A request passes `edge` ▸ `access_log` ▸ `auth` ▸ `api` or `wire` ▸ the library's
//! [`Datasource`](portcullis::Datasource). Its response returns through the same modules.
//!
//! # Example
//!
//! ```no_run
//! use portcullis_server::setup::PolicyLocation;
//! use portcullis_server::{Options, Served};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = PolicyLocation::named("portcullis.toml");
//! let server = portcullis_server::open(Options::new(Served::Policy(policy))).await?;
//! for endpoint in server.endpoints() {
//!     println!("{}", endpoint.url);
//! }
//! server.serve(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

mod access_log;
mod api;
mod auth;
mod body;
mod calls;
mod certificate;
mod connections;
mod credentials;
mod deployment;
mod edge;
mod headers;
mod json_check;
mod memory;
mod metrics;
mod overrides;
mod quotas;
mod random;
mod recent;
mod refusals;
mod routes;
mod running;
mod server;
pub mod setup;
mod source;
mod stored;
mod tokens;
pub mod trace;
mod wire;

pub use api::problem::{ProblemKind, UnknownProblemKind};
pub use api::values::OrderedFields;
pub use certificate::check as check_certificate;
pub use deployment::{Changes, NameChanges};
pub use edge::ServeError;
pub use overrides::Overrides;
pub use random::random_hex;
pub use running::{Endpoint, EndpointRole, Options, Reloader, RunningServer, Served, open};
pub use stored::check_store;
