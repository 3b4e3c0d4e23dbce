//! One module per command.

pub(crate) mod actions;
pub(crate) mod check;
mod check_template;
mod check_warnings;
pub(crate) mod completions;
pub(crate) mod component;
pub(crate) mod demo;
pub(crate) mod demo_open;
mod demo_tables;
mod describe_template;
mod describe_token;
pub(crate) mod execute;
pub(crate) mod iam;
pub(crate) mod init;
pub(crate) mod inspect;
mod listed_actions;
pub(crate) mod man;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod structure;
pub(crate) mod test;
pub(crate) mod token;
