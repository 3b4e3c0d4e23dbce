//! The environment variables of the command line.

use std::ffi::OsString;

/// The value of a variable. An empty one counts as not set, as in `PORTCULLIS_POLICY= portcullis`
/// or in a container's configuration that leaves it empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The value of a variable as text. Bytes that are not UTF-8 are replaced, so that what reads it
/// complains.
pub(crate) fn text_variable(name: &str) -> Option<String> {
    variable(name).map(|value| value.to_string_lossy().into_owned())
}
