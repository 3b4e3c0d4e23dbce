//! What a plugin imports, implemented.

pub(crate) mod http_messages;
pub(crate) mod outgoing_handler;
