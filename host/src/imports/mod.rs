//! The interfaces that a plugin imports from Portcullis, each in a file of its own. WASI's are in
//! `host/wasi`. Nothing else is linked.

mod aws_signing;
mod call;
mod types;

use crate::bindings::portcullis::datasource as contract;
use crate::store_state::StoreState;
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

/// Links what a plugin may import, interface by interface.
pub(crate) fn link(linker: &mut Linker<StoreState>) -> Result<()> {
    type Own = HasSelf<StoreState>;
    portcullis_wasi::add_to_linker(linker)?;
    contract::types::add_to_linker::<StoreState, Own>(linker, |state| state)?;
    aws_signing::add_to_linker(linker)?;
    contract::call::add_to_linker::<StoreState, Own>(linker, |state| state)
}
