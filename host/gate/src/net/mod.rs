//! HTTP/1.1 connections: resolved, dialled, encrypted and pooled. Other layers decide what may be
//! reached.

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod dial;
pub(crate) mod dialer;
pub(crate) mod head;
pub(crate) mod observed;
pub(crate) mod pool;
pub(crate) mod race;
pub(crate) mod resolver;
pub(crate) mod share;
pub(crate) mod target;
pub(crate) mod tls;
pub(crate) mod verifier;
