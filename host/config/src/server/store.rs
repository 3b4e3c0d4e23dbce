//! Where datasources are saved that a platform creates at run time.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// The store of datasources that a platform creates at run time.
///
/// ```
/// use portcullis_config::{StoreConfig, StoreKeySource};
///
/// let store: StoreConfig = toml::from_str(r#"
///     file = "store.db"
///     key = { from = "env", variable = "PORTCULLIS_STORE_KEY" }
/// "#)?;
/// assert!(matches!(store.key, StoreKeySource::Environment { .. }));
/// assert_eq!(store.per_tenant.get(), 1000);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawStore", rename_all = "kebab-case")]
#[non_exhaustive]
pub struct StoreConfig {
    /// The path of the file, relative to the policy file. `portcullis store create` creates it. One
    /// server at a time uses it.
    pub file: PathBuf,
    /// Where the key is that secrets are sealed with.
    pub key: StoreKeySource,
    /// The most datasources of one tenant. 1,000: more than a person keeps apart, and together with
    /// the longest settings some 100 MB of a disk.
    pub per_tenant: NonZeroU32,
}

/// Where the key of a store is. The enum is exhaustive on purpose: each way of keeping a key is a
/// decision of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StoreKeySource {
    /// In a file that only its owner can read. `portcullis store key` writes one.
    File {
        /// The path, relative to the policy file.
        path: PathBuf,
    },
    /// In a variable of the server's environment.
    #[serde(rename = "env")]
    Environment {
        /// The name of the variable.
        variable: String,
    },
}

/// The keys of a store as written in the file. What is missing gets a message that says how to make
/// it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawStore {
    file: Option<PathBuf>,
    key: Option<StoreKeySource>,
    #[serde(default = "per_tenant")]
    per_tenant: NonZeroU32,
}

impl TryFrom<RawStore> for StoreConfig {
    type Error = &'static str;

    fn try_from(raw: RawStore) -> Result<Self, &'static str> {
        let file = raw.file.ok_or(
            "server.store has no file; `portcullis store create store.db` makes one: file = \
             \"store.db\"",
        )?;
        let key = raw.key.ok_or(
            "server.store has no key; `portcullis store key -o store.key` makes one: key = { from \
             = \"file\", path = \"store.key\" }",
        )?;
        Ok(Self { file, key, per_tenant: raw.per_tenant })
    }
}

const fn per_tenant() -> NonZeroU32 {
    NonZeroU32::new(1000).unwrap()
}
