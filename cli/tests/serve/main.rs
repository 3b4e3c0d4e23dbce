//! Tests of `portcullis serve`, run as a process.

mod attacks;
mod audit;
mod calls;
mod commands;
mod embedded;
mod errors;
mod lifetime;
mod policy;
#[path = "../support/mod.rs"]
mod support;
mod threat_page;
