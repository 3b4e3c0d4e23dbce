//! Templates that tenants fill in, and the datasources that result.
//!
//! | module | role |
//! |---|---|
//! | `loaded` | a template with its plugin, and a tenant's datasource |
//! | `cache` | datasources that are kept for the next call of the same tenant |

mod cache;
mod loaded;

pub use cache::{CacheFigures, CacheSize, DatasourceCache};
pub use loaded::{LoadedTemplate, Tenant, TenantError};
