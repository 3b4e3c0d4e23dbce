//! From a policy file to a host, plugins and connected datasources. The command line and the server
//! share it.

mod actions;
mod embedded;
mod error;
mod files;
mod location;
mod open;
mod readers;

pub use actions::check_token_actions;
pub use embedded::Embedded;
pub use error::SetupError;
pub(crate) use files::MAX_TEXT_BYTES;
pub use files::{beside, read_policy, read_policy_text};
pub use location::PolicyLocation;
pub(crate) use open::PluginFiles;
pub use open::{
    PLACEHOLDER_ID, built_in, connect, connect_dry, load, load_template, open_audit,
    open_audited_host, open_host, small_host, with_compiler, with_memory,
};
pub(crate) use readers::read_others;
