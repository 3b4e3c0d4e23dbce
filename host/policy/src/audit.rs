//! What happens to calls that cannot be recorded.

use serde::{Deserialize, Serialize};

/// What happens to a call whose audit record cannot be written, for instance because the disk is
/// full.
///
/// ```
/// use portcullis_policy::WhenFull;
///
/// assert_eq!(WhenFull::default(), WhenFull::Refuse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WhenFull {
    /// The call is refused.
    #[default]
    Refuse,
    /// The call runs without a record.
    Pass,
}
