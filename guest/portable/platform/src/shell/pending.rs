//! A body on its way to the engine. Engines take about 1 MiB at once, so that the rest is kept here and
//! written while the response is awaited.

use super::wasi::http::types::OutgoingBody;
use super::wasi::io::poll::Pollable;
use super::wasi::io::streams::OutputStream;
use alloc::vec::Vec;

/// The body, and what has been written of it.
pub(super) struct Pending {
    // Fields are dropped in this order, and the stream is a child of the body.
    stream: OutputStream,
    body: OutgoingBody,
    bytes: Vec<u8>,
    written: usize,
}

impl Pending {
    pub(super) fn new(stream: OutputStream, body: OutgoingBody, bytes: Vec<u8>) -> Self {
        Self { stream, body, bytes, written: 0 }
    }

    /// Writes what the engine takes without waiting. Returns the rest, or `None` if there is none:
    /// all was written, or the engine takes no more since the request has failed.
    pub(super) fn push(mut self) -> Option<Self> {
        while self.written < self.bytes.len() {
            match self.stream.check_write() {
                Ok(0) => return Some(self),
                Ok(room) => {
                    let rest = self.bytes.len() - self.written;
                    let end = self.written + rest.min(usize::try_from(room).unwrap_or(rest));
                    if self.stream.write(&self.bytes[self.written..end]).is_err() {
                        return None;
                    }
                    self.written = end;
                }
                Err(_) => return None,
            }
        }
        let Self { stream, body, .. } = self;
        drop(stream);
        // An error is that of the request, which `response` returns.
        let _ = OutgoingBody::finish(body, None);
        None
    }

    /// Returns what becomes ready when the engine takes more.
    pub(super) fn subscribe(&self) -> Pollable {
        self.stream.subscribe()
    }
}
