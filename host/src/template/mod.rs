//! Templates that tenants fill in, and the datasources that result.
//!
//! | module | role |
//! |---|---|
//! | `loaded` | a template with its plugin, and a tenant's datasource |
//! | `cache` | datasources that are kept for the next call of the same tenant |
//! | `entries` | which entries of a cache are dropped first |

mod cache;
mod entries;
mod loaded;

pub use cache::{CacheFigures, CacheSize, DatasourceCache};
pub use loaded::{LoadedTemplate, Tenant, TenantError};
