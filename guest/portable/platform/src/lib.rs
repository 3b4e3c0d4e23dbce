//! What the host supplies to a plugin, as a component: for engines that have only WASI 0.2.
//!
//! It checks **origin, operation and scope**: where a request goes, that it is for the action of the
//! running call, and for which region, service, day and identity it is signed. It counts requests,
//! and limits the time of a call and the bytes of a body. What it cannot do is in
//! `docs/engines.md`: the engine must check resolved addresses, and limit memory and CPU time.
//!
//! Everything but the module `shell` is pure: it uses no network, no clock and no WebAssembly, so it
//! runs and is tested natively. It is `no_std`, as every compiler for the target has `alloc`, but
//! not every one has `std`.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod call;
mod catalogue;
mod date;
mod denial;
mod gate;
mod headers;
mod key;
mod origin;
mod scope;
mod settings;
mod signature;

pub use call::{Call, Purpose};
pub use denial::{Denial, Rule};
pub use gate::{Head, check};
pub use key::{Credentials, derive_key};
pub use origin::Origin;
pub use scope::Scope;
pub use settings::{Limits, SettingError, Settings};

#[cfg(target_arch = "wasm32")]
mod shell;
