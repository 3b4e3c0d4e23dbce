//! Datasources that tenants save.
//!
//! | module | role |
//! |---|---|
//! | `name` | names of saved datasources |
//! | `saved` | what is kept of a datasource |
//! | `seal` | seals secrets, and opens them again |
//! | `store` | the trait of stores, and its errors |
//! | `sqlite` | a store in a file |
//!
//! Secrets are sealed before a store gets them, with the name of their datasource, its template, its
//! tenant and its version: a sealed secret that somebody moves to another row cannot be opened there.
//!
//! ```
//! use portcullis_store::{Draft, Given, SqliteStore, Store, StoreKeys};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("store.db");
//! let keys = StoreKeys::parse(&StoreKeys::generate().text())?;
//! SqliteStore::create(&file)?;
//! let store = SqliteStore::open(&file)?;
//!
//! let draft = Draft {
//!     name: "acme_orders".parse()?,
//!     template: "tenant-dynamodb".to_string(),
//!     tenant: Some("acme".parse()?),
//!     settings: r#"{"region": "eu-west-1"}"#.to_string(),
//!     per_tenant: 1000,
//! };
//! let saved = store.put(&draft, &|sealing, _| {
//!     Ok(Some((keys.seal(sealing, b"the secret")?, Given::Now)))
//! })?;
//! let sealed = saved.sealed.as_ref().unwrap();
//! assert_eq!(&**keys.open(&saved.sealing(), sealed)?, b"the secret");
//! # Ok(())
//! # }
//! ```

mod lock;
mod name;
mod saved;
mod seal;
mod sqlite;
mod store;

pub use lock::StoreLock;
pub use name::{DatasourceName, DatasourceNameError};
pub use saved::{Draft, Entry, Listed, Saved};
pub use seal::{KeyId, SealError, Sealed, Sealing, StoreKeys, StoreKeysError};
pub use sqlite::SqliteStore;
pub use store::{Decide, Given, Store, StoreError, Whose};
