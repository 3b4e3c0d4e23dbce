//! Datasources that callers have saved.
//!
//! | module | role |
//! |---|---|
//! | `connected` | the datasources that are in use, found by their name |
//! | `open_store` | opens the store, and opens it again when it could not be used |

mod connected;
mod open_store;

pub(crate) use connected::{Connected, Owned, StoredDatasources, StoredError};
pub use open_store::check_store;
pub(crate) use open_store::{OpenStore, Opened, StoreFailure};
