//! How many calls somebody may make.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// How many calls a token, a template or a tenant may make: in each second, and at the same time.
///
/// ```
/// use portcullis_config::CallQuota;
///
/// let quota: CallQuota = toml::from_str("per-second = 50\nconcurrent = 20")?;
/// assert_eq!(quota.concurrent.map(u32::from), Some(20));
/// assert!(toml::from_str::<CallQuota>("per-second = 0").is_err());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct CallQuota {
    /// Calls in each second, on average and at once. `None` does not limit them.
    pub per_second: Option<NonZeroU32>,
    /// Calls that run at the same time. `None` does not limit them; the limits of each datasource
    /// still apply.
    pub concurrent: Option<NonZeroU32>,
}

impl CallQuota {
    /// Whether it limits nothing.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.per_second.is_none() && self.concurrent.is_none()
    }
}
