//! What a store does, and how it fails.

use crate::name::DatasourceName;
use crate::saved::{Draft, Entry, Saved};
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

    /// Saves a datasource, and returns it. `decide` gets what to seal the secret for, and the
    /// datasource that would be replaced. It refuses, or returns the sealed secret.
    ///
    /// # Errors
    /// Returns the error of `decide`, or an error if the tenant has as many datasources as the draft
    /// allows, or if the store cannot be written. Then nothing has changed.
    fn put(&self, draft: &Draft, decide: Decide<'_>) -> Result<Saved, StoreError>;

    /// Deletes a datasource, and returns it, if there is one and `decide` does not refuse.
    ///
    /// # Errors
    /// Returns the error of `decide`, or an error if the store cannot be written. Then nothing has
    /// changed.
    fn delete(
        &self,
        name: &DatasourceName,
        decide: &dyn Fn(&Saved) -> Result<(), StoreError>,
    ) -> Result<Option<Saved>, StoreError>;

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
    ) -> Result<Vec<Entry>, StoreError>;

    /// Returns the ids of the keys that secrets are sealed with.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read.
    fn key_ids(&self) -> Result<BTreeSet<KeyId>, StoreError>;

    /// Seals secrets again, of at most `limit` datasources after `after`. `seal` returns a secret
    /// that replaces the one of the datasource, which keeps its version. Returns the last name that
    /// was looked at; `None` at the end.
    ///
    /// # Errors
    /// Returns an error if the store cannot be written.
    fn reseal(
        &self,
        after: Option<&str>,
        limit: usize,
        seal: &dyn Fn(&Saved) -> Option<Sealed>,
    ) -> Result<Option<String>, StoreError>;

    /// Checks that the file is still the one that was opened.
    ///
    /// # Errors
    /// Returns an error if it is another one, or if there is none.
    fn check(&self) -> Result<(), StoreError>;

    /// What distinguishes the file that was opened from others at the same place.
    fn identity(&self) -> u64;
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

/// Decides whether a datasource is saved, and seals its secret: it gets what to seal it for, and what
/// is replaced.
pub type Decide<'s> =
    &'s dyn Fn(&Sealing<'_>, Option<&Saved>) -> Result<Option<(Sealed, Given)>, StoreError>;

/// When a secret was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Given {
    /// It is new.
    Now,
    /// It is that of the datasource which is replaced, sealed again.
    Before,
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
    /// The name is that of another tenant's datasource.
    #[error("this name is taken")]
    Taken,
    /// The datasource has another template, and its secret was to be kept.
    #[error("the datasource has another template, so its credentials are not kept")]
    OtherTemplate,
    /// A datasource cannot be read. Others can.
    #[error("a datasource is damaged: it has no {0}")]
    Damaged(&'static str),
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
    /// Everybody can create files in the folder of the store.
    #[error(
        "everybody can write to the folder of the store; use one that only its owner can write to"
    )]
    SharedFolder,
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
    /// Another process has opened the store.
    #[error("another process uses the store; only one server at a time may use it")]
    InUse,
    /// The path is that of a folder.
    #[error("there is a folder at this path, and not a file")]
    Folder,
    /// Somebody else holds the file.
    #[error("another process holds the store, and did not release it in time")]
    Locked,
    /// The file cannot be read or written.
    #[error("the store cannot be used: {0}")]
    Io(String),
}
