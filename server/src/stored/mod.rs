//! Datasources that callers have saved.
//!
//! | module | role |
//! |---|---|
//! | `connected` | the datasources that are in use, found by their name |
//! | `open_store` | opens the store, and opens it again when it could not be used |
//! | `switches` | which names an operator has disabled |

mod connected;
mod open_store;
mod switches;

pub(crate) use connected::{Connected, Owned, StoredDatasources, StoredError};
pub use open_store::check_store;
pub(crate) use open_store::{OpenStore, Opened, StoreFailure};
