//! Values for many owners: a cache that is fair to them, and values that they share. It opens nothing.
//!
//! Use this crate to keep values for many owners, of whom one may have very many.
//!
//! ```
//! use portcullis_cache::FairCache;
//!
//! let mut cache = FairCache::new(3, 1 << 20);
//! cache.insert([1; 32], "few".into(), 100_000, "of few");
//! for number in 2..10 {
//!     cache.insert([number; 32], "many".into(), 100_000, "of many");
//! }
//! assert_eq!(cache.get(&[1; 32]), Some("of few"));
//! ```

mod fair;
mod shared;

pub use fair::{Digest, FairCache};
pub use shared::Shared;
