//! One module for each command.

pub(crate) mod actions;
pub(crate) mod check;
pub(crate) mod component;
pub(crate) mod demo;
pub(crate) mod execute;
pub(crate) mod iam;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod items;
pub(crate) mod manual;
pub(crate) mod serve;
pub(crate) mod survey;
pub(crate) mod token;
