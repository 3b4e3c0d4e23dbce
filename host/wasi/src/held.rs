//! What the host holds for an instance, by resource.

use portcullis_memory::Charge;
use std::collections::HashMap;
use wasmtime::component::Resource;
use wasmtime_wasi_http::FieldMap;
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;

/// The charges for the resources of an instance. A charge is released with its resource, or when a
/// request is sent.
#[derive(Debug, Default)]
pub struct Held {
    fields: HashMap<u32, Charge>,
    requests: HashMap<u32, Charge>,
}

/// Requests that a guest may create before it sends or drops one: a plugin needs one at a time.
pub(crate) const MAX_UNSENT: usize = 4;

impl Held {
    /// Whether the guest must send a request before it creates another.
    pub(crate) fn is_full(&self) -> bool {
        self.requests.len() >= MAX_UNSENT
    }

    pub(crate) fn keep_fields(&mut self, fields: &Resource<FieldMap>, charge: Charge) {
        self.fields.insert(fields.rep(), charge);
    }

    pub(crate) fn keep_request(&mut self, request: &Resource<HostOutgoingRequest>, charge: Charge) {
        self.requests.insert(request.rep(), charge);
    }

    pub(crate) fn release_fields(&mut self, rep: u32) {
        self.fields.remove(&rep);
    }

    pub(crate) fn take_request(&mut self, rep: u32) -> Option<Charge> {
        self.requests.remove(&rep)
    }
}
