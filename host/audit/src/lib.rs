//! The audit of a host: a record of each call, each refusal, each request that a server refused,
//! and each action of an operator. Records never contain a body or a secret. What is counted about
//! calls for metrics is here, too.
//!
//! The crate `portcullis` writes the records of calls. A program uses it through that crate.

mod audit;
mod counters;
mod error_kind;
mod histogram;
mod json_lines;
mod latencies;
mod outside_calls;
mod record;
mod sink;

pub use audit::{Audit, AuditError};
pub use counters::{CallCounters, Counters, Usage};
pub use error_kind::{ErrorKind, UnknownErrorKind};
pub use histogram::Histogram;
pub use json_lines::JsonLines;
pub use latencies::Latencies;
pub use outside_calls::{OperatorAction, RefusedRequest};
pub use record::{Decision, Event, Outcome, Record, next_call, subject};
pub use sink::AuditSink;
