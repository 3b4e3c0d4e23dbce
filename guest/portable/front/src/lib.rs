//! A plugin as an HTTP service: DynamoDB's own protocol at `/`, and a small JSON API.
//!
//! The component below it is the plugin with its platform and its guard. This one decides nothing
//! about requests to the service: it reads requests of clients, calls the plugin, and writes responses
//! in the forms of `portcullis serve` (`docs/server.md`).
//!
//! Everything but the module `shell` is pure, and is tested natively.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod caller;
mod failure;
mod reply;
mod route;
mod text;
mod token;
mod variables;

pub use caller::{Caller, CallerError};
pub use failure::{Failure, Fault, Kind, Service};
pub use reply::{Reply, is_passed_on};
pub use route::{Refusal, Route, RouteError};
pub use token::{Token, TokenError};
pub use variables::{Variables, exceeds, too_large};

#[cfg(target_arch = "wasm32")]
mod shell;
