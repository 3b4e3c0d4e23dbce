//! One call of a datasource: input, signed requests, response.
//!
//! This covers retries, checksums, the correction of clock skew, paging and the resubmission of
//! batches. Everything that the sandbox provides is behind the trait [`Platform`], so all of this
//! is tested natively, with a controlled clock and a scripted service.

mod connection;
mod date;
mod error;
mod fields;
mod inspect;
mod merge;
mod pages;
mod platform;
#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use error::{Error, NO_REQUESTS_LEFT, TransportError};
pub use platform::{Moment, Platform, Request, SendError, SigningError, SigningMaterial};
