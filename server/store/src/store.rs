//! What a store does, and how it fails.

use crate::name::DatasourceName;
use crate::saved::{Draft, Saved};
use crate::seal::{KeyId, SealError, Sealed, Sealing};
use portcullis_policy::TenantName;
use std::collections::BTreeSet;
use std::fmt;

/// Keeps datasources. All functions block the thread: they read or write a file.
///
/// What has been put or deleted successfully is there after the process is killed, or the machine
/// loses power.
pub trait Store: fmt::Debug + Send + Sync {
    /// Returns the datasource of a name.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read.
    fn get(&self, name: &DatasourceName) -> Result<Option<Saved>, StoreError>;

    /// Saves a datasource if `condition` holds, and returns it. `seal` gets what to seal the secret
    /// for, and the datasource that is replaced; it returns the sealed secret.
    ///
    /// # Errors
    /// Returns an error if the condition does not hold, if the tenant has as many datasources as the
    /// draft allows, if the secret cannot be sealed, or if the store cannot be written. Then nothing
    /// has changed.
    fn put(&self, draft: &Draft, condition: Condition, seal: Seal<'_>)
    -> Result<Saved, StoreError>;

    /// Deletes a datasource if `condition` holds. Returns whether there was one.
    ///
    /// # Errors
    /// Returns an error if the condition does not hold, or if the store cannot be written. Then
    /// nothing has changed.
    fn delete(&self, name: &DatasourceName, condition: Condition) -> Result<bool, StoreError>;

    /// Returns at most `limit` datasources in the order of their names, from the first one after
    /// `after`.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read.
    fn list(
        &self,
        whose: Whose<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Saved>, StoreError>;

    /// Returns the ids of the keys that secrets are sealed with.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read.
    fn key_ids(&self) -> Result<BTreeSet<KeyId>, StoreError>;
}

/// Whose datasources are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Whose<'t> {
    /// Those of all tenants, and of none.
    All,
    /// Those of one tenant, or those that have none.
    Tenant(Option<&'t TenantName>),
}

/// Seals the secret of a datasource: it gets what to seal it for, and what is replaced.
pub type Seal<'s> =
    &'s dyn Fn(&Sealing<'_>, Option<&Saved>) -> Result<Option<(Sealed, Given)>, SealError>;

/// When a secret was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Given {
    /// It is new.
    Now,
    /// It is that of the datasource which is replaced, sealed again.
    Before,
}

/// What must hold before a datasource is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Nothing.
    Always,
    /// There is none of this name.
    Absent,
    /// It has this version.
    Version(u64),
}

/// Why a store does not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another version is saved than the caller knows.
    #[error("{}", match found {
        Some(found) => format!("the datasource has been changed meanwhile: it has version {found}"),
        None => "there is no such datasource any more".to_string(),
    })]
    Conflict {
        /// The version that is saved. `None` if there is none.
        found: Option<u64>,
    },
    /// The tenant has as many datasources as it may.
    #[error("there are {0} datasources already, as many as one tenant may have")]
    TooMany(u32),
    /// The secret cannot be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no store.
    #[error("there is no store at this path; `portcullis store create FILE` creates one")]
    Missing,
    /// The file is another one than that which was opened.
    #[error("another file was put in the place of the store; it is opened again on the next use")]
    Replaced,
    /// Others than its owner can read or write the file.
    #[error("others can read or write the store; only its owner may: chmod 600")]
    Exposed,
    /// There is a file already where a store should be created.
    #[error("there is a file at this path already; nothing was changed")]
    Exists,
    /// The file is not a store, or it was damaged.
    #[error("the file is not a store, or it is damaged ({0}); restore it from a backup")]
    Corrupt(String),
    /// The store is of another version of this program.
    #[error(
        "the store has the format {found}, and this program reads the format {expected}; use the \
         version of Portcullis that wrote it"
    )]
    Format {
        /// The format of the file.
        found: i64,
        /// The format that this program reads.
        expected: i64,
    },
    /// There is no space left.
    #[error("the disk of the store is full, or the file may not grow")]
    Full,
    /// Somebody else holds the file.
    #[error("another process holds the store, and did not release it in time")]
    Locked,
    /// The file cannot be read or written.
    #[error("the store cannot be used: {0}")]
    Io(String),
}
