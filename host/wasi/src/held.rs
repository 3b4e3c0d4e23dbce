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
    /// The last response in one piece: wasmtime copies it to the guest after it was returned.
    response: Option<Charge>,
}

/// Requests that a guest may create before it sends or drops one: a plugin needs one at a time.
pub(crate) const MAX_UNSENT: usize = 4;

impl Held {
    /// Releases what is held for the running call, now that it ends.
    pub fn end_call(&mut self) {
        self.response = None;
    }

    /// Whether nothing is held for a resource.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.requests.is_empty()
    }

    pub(crate) fn keep_response(&mut self, charge: Charge) {
        self.response = Some(charge);
    }

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
