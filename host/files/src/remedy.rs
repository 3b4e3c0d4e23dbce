//! What can be done about a mode.

use std::fmt;
use std::path::Path;

/// A `chmod`, or whom to ask for it.
pub(crate) struct ModeRemedy<'e> {
    pub(crate) change: &'e str,
    pub(crate) at: &'e Path,
    pub(crate) possible: bool,
}

impl fmt::Display for ModeRemedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = if self.possible { "run" } else { "let root run" };
        write!(f, "{run}: chmod {} {}", self.change, self.at.display())
    }
}
