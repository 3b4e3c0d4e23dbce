//! HTTP/1.1 connections: resolved, dialled, encrypted, pooled. What may be reached is decided elsewhere.

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod dial;
#[cfg(feature = "aws-config")]
pub(crate) mod operator;
pub(crate) mod pool;
pub(crate) mod resolver;
pub(crate) mod target;
pub(crate) mod tls;
