//! One memory limit for a process.
//!
//! Whoever holds memory for somebody else reserves it here first, and is refused before it is
//! allocated. [`MemoryLimit`] is the limit of the process. An [`Account`] is a smaller limit within
//! it, for one holder. [`available`] says how much memory this process may use.
//!
//! ```
//! use portcullis_memory::{Account, Exceeded, MemoryLimit};
//!
//! let process = MemoryLimit::new(100);
//! let account = Account::new(60, process.clone());
//!
//! let charge = account.charge(50)?;
//! assert_eq!(account.charge(20).unwrap_err(), Exceeded::Account { limit: 60 });
//! let rest = process.reserve(50)?;
//! assert_eq!(account.charge(10).unwrap_err(), Exceeded::Process { limit: 100 });
//!
//! drop((charge, rest));
//! assert_eq!(process.used(), 0);
//! # Ok::<(), Exceeded>(())
//! ```

mod account;
mod available;
mod limit;

pub use account::{Account, Charge};
pub use available::available;
pub use limit::{Exceeded, MemoryLimit, Reservation};
