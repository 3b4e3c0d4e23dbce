//! `types`: values of the contract. It has no functions.

use crate::bindings::portcullis::datasource::types::Host;
use crate::store_state::StoreState;

impl Host for StoreState {}
