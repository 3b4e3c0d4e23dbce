//! The rows of a response: what tables, CSV and lines show of it.

mod found;
mod keys;
mod table;

pub(crate) use found::{Counted, Found, counted, missing};
pub(crate) use keys::{keys_of_cursor, keys_of_description, keys_of_input};
pub(crate) use table::{Columns, Table};
