//! An egress gate for guests in wasmtime: it lets out only the HTTP requests that a policy allows.
//!
//! # Use this when
//!
//! You run WebAssembly components that import `wasi:http` in your own wasmtime program, and want a
//! policy to decide which requests leave it. [`Gate`] implements
//! [`WasiHttpHooks`](wasmtime_wasi_http::WasiHttpHooks), so it goes where wasmtime's own hooks go.
//! For datasource plugins, use the crate `portcullis`, which is built on this one.
//!
//! # Example
//!
//! ```
//! use portcullis_gate::{Egress, Gate};
//! use portcullis_policy::Policy;
//! use wasmtime::component::ResourceTable;
//! use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
//!
//! struct State {
//!     table: ResourceTable,
//!     http: WasiHttpCtx,
//!     gate: Gate,
//! }
//!
//! impl WasiHttpView for State {
//!     fn http(&mut self) -> WasiHttpCtxView<'_> {
//!         WasiHttpCtxView { hooks: &mut self.gate, table: &mut self.table, ctx: &mut self.http }
//!     }
//! }
//!
//! // Once for each tenant: the policy, its connections and its TLS sessions.
//! let policy = Policy { egress: vec!["https://api.example.com".parse()?], ..Policy::default() };
//! let egress = Egress::builder(policy).build()?;
//! // Once for each store: the gate of one guest.
//! let gate = Gate::new(&egress, |denial| eprintln!("{denial}; {}", denial.remedy));
//! let state = State { table: ResourceTable::new(), http: WasiHttpCtx::new(), gate };
//! # drop(state);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a request passes
//!
//! | step | module | what happens |
//! |---|---|---|
//! | 1 | `gate` | wasmtime hands over the request of a guest |
//! | 2 | `passage` | the authority is parsed once, into an [`Origin`](portcullis_policy::Origin) |
//! | 3 | `passage` | the policy checks origin, method and path; [`Rules`] add the embedder's checks |
//! | 4 | `net::resolver` | the name is resolved once |
//! | 5 | `passage` | the policy checks every address |
//! | 6 | `net::race`, `net::dial` | the gate dials what passed, or takes a pooled connection |
//! | 7 | `response` | the response goes back, limited in bytes and time |
//!
//! # Invariants
//!
//! - Everything after step 2 acts on the parsed origin, never on the guest's text.
//! - Every connection goes through one seam, [`Dial`], to an address that the policy has checked.
//! - A connection serves one [`Egress`] and one identity of it.
//! - A request is never sent again from here after a byte of it was written.

mod certificate;
mod dry_run;
mod egress;
mod forbidden;
mod gate;
mod interruption;
mod net;
mod operator;
mod passage;
mod progress;
mod response;
mod rules;
mod timers;
mod tls_problem;

pub use dry_run::{CheckedRequest, DryRun};
pub use egress::{Egress, EgressBuilder};
pub use gate::Gate;
pub use interruption::{Cause, Interruption, Reason, Stage, Suspicion};
pub use net::body::RequestBody;
pub use net::dial::{Dial, Dialing, Stream, TcpDial};
pub use net::head::RequestHead;
pub use net::resolver::{Resolve, SystemResolver};
pub use net::share::TenantShare;
pub use net::tls::{Tls, TlsError};
pub use net::verifier::noting_request;
pub use operator::{OperatorError, OperatorGate};
pub use progress::{Destination, Failure, Progress, RequestPermit};
pub use rules::{BodyCheck, Rules};
pub use timers::{Timer, Timers};
pub use tls_problem::{TlsAdvice, TlsProblem, refuses_certificate};
